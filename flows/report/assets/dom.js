"use strict";

/** A new element. Properties are set, attributes go through `attr`; text is never parsed as HTML. */
function el(tag, properties = {}, ...children) {
  const { attr = {}, ...rest } = properties;
  const node = Object.assign(document.createElement(tag), rest);
  for (const [name, value] of Object.entries(attr)) if (value !== null) node.setAttribute(name, value);
  node.append(...children.filter((child) => child !== null));
  return node;
}

const SVG = "http://www.w3.org/2000/svg";

function svg(tag, attributes, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

const byId = (id) => document.getElementById(id);
const data = (id) => JSON.parse(byId(id).textContent);
const percent = (share) => (share > 0 && share < 0.01 ? "under 1\u00a0%" : `${Math.round(share * 100)}\u00a0%`);
const several = (count, one, more) => `${count.toLocaleString("en")} ${count === 1 ? one : more}`;
const clamp = (low, value, high) => Math.max(low, Math.min(high, value));

/** Whether there is a mouse, and so a keyboard; else texts speak of fingers. report.css asks the same. */
const hasKeys = matchMedia("(hover: hover)").matches;

/** Say what has just happened, also to a screen reader. */
function say(text) {
  const line = byId("said");
  line.textContent = "";
  line.textContent = text;
  line.classList.add("fresh");
  clearTimeout(say.timer);
  say.timer = setTimeout(() => line.classList.remove("fresh"), 6000);
}

/** Whether a key press is a command, not text that is typed or a browser's own shortcut. */
function isCommand(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return false;
  return !event.target.closest("input:not([type=range], [type=checkbox], [type=radio]), select, textarea");
}

const keyOf = (event) => (event.key.length === 1 ? event.key.toLowerCase() : event.key);
