/** Small helpers. Text is never parsed as HTML. */

export const byId = (id) => document.getElementById(id);
export const clamp = (low, value, high) => Math.max(low, Math.min(high, value));
export const several = (count, one, more) => `${count} ${count === 1 ? one : more}`;

/** A new element. Properties are set, attributes go through `attr`. */
export function el(tag, properties = {}, ...children) {
  const { attr = {}, ...rest } = properties;
  const node = Object.assign(document.createElement(tag), rest);
  for (const [name, value] of Object.entries(attr)) if (value !== null) node.setAttribute(name, value);
  node.append(...children.filter((child) => child !== null));
  return node;
}

export function svg(tag, attributes, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

export const icon = (name) => svg("svg", { "aria-hidden": "true" }, svg("use", { href: `#i-${name}` }));

/** The chosen one of a group of radio buttons. */
export const chosen = (name) => document.querySelector(`input[name=${name}]:checked`)?.value;
export function choose(name, value) {
  for (const input of document.querySelectorAll(`input[name=${name}]`)) input.checked = input.value === value;
}

/** Buttons that cannot be pressed now keep the focus, and with it the place of whoever uses the keyboard. */
export const able = (button, on) => (on ? button.removeAttribute("aria-disabled") : button.setAttribute("aria-disabled", "true"));
export const isAble = (button) => button.ariaDisabled !== "true";
document.addEventListener("click", (event) => { if (event.target.closest("[aria-disabled=true]")) event.stopImmediatePropagation(); }, true);

/** The sentence that is shown, if any. */
export const complaint = () => byId("said").querySelector("span").textContent;

/** A sentence that stays until it is closed. more: what was said before stays, too; of several photos every one counts. */
export function complain(text, more = false) {
  const box = byId("said");
  const before = more && !box.hidden ? complaint().split("\n").filter((line) => line !== text).slice(-3) : [];
  box.querySelector("span").textContent = [...before, text ?? ""].join("\n");
  box.hidden = !text;
}
