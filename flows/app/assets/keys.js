/** The keyboard: every journey without a pointer. */

import { byId, choose, chosen, isAble } from "./dom.js";
import { people, result } from "./model.js";

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const TOOLS = { v: "pick", b: "brush", e: "erase" };

export function setUpKeys(page) {
  const { screen, actions } = page;
  const press = (id) => { if (isAble(byId(id))) byId(id).click(); };

  function pick(name, value) {
    const input = document.querySelector(`input[name=${name}][value=${value}]`);
    if (!input || input.disabled) return;
    choose(name, value);
    input.dispatchEvent(new Event("change"));
  }

  /** Whether the key is for the control that has the focus. */
  const typed = (event) => {
    const target = event.target;
    if (target.closest("dialog[open]")) return true;
    if (target.closest("select, textarea, input[type=text]")) return true;
    if (target.matches("input[type=range]") && (event.key in ARROWS || ["Home", "End", "PageUp", "PageDown"].includes(event.key))) return true;
    if (target.matches("input[type=radio]") && event.key in ARROWS) return true;
    if (target.matches("input")) return event.key === " "; // Enter does nothing to it: it removes
    return target.closest("button, a, summary") && [" ", "Enter"].includes(event.key);
  };

  addEventListener("keydown", (event) => {
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (!page.now) return;
    if ((event.ctrlKey || event.metaKey) && !event.altKey) {
      if (document.querySelector("dialog[open]")) return;
      if (key === "z" || key === "y") { event.preventDefault(); actions.go(key === "y" || event.shiftKey ? 1 : -1); }
      if (key === "s") { event.preventDefault(); actions.download(); }
      return;
    }
    if (event.altKey || event.isComposing || typed(event)) return;
    if (command(key, event)) event.preventDefault();
  });
  addEventListener("keyup", (event) => { if (event.key.toLowerCase() === "o") screen.hold(false); });
  addEventListener("blur", () => screen.hold(false));

  function command(key, event) {
    const painting = ["brush", "erase"].includes(screen.tool());
    if (key in ARROWS || key === " ") {
      const [dx, dy] = ARROWS[key] ?? [0, 0];
      if (painting) actions.brush(dx, dy, key === " " || event.shiftKey);
      else if (key !== " ") screen.frame.pan(dx, dy);
      return true;
    }
    if (key in TOOLS) pick("tool", TOOLS[key]);
    else if (/^[1-9]$/.test(key)) {
      const person = people(page.now).find((one) => one.number === Number(key));
      if (person) actions.toggle([person]);
    } else if (key === "[" || key === "]") {
      const size = byId("size");
      size.value = Number(size.value) * (key === "]" ? 1.25 : 0.8);
      if (page.now.cursor) screen.tip(page.now.cursor);
    } else if (key === "Enter") press("go");
    else if (key === "c") pick("view", chosen("view") === "compare" ? "result" : "compare");
    else if (key === "o") screen.hold(Boolean(result(page.now)));
    else if (key === "+" || key === "=") screen.frame.by(1.25);
    else if (key === "-") screen.frame.by(0.8);
    else if (key === "0") screen.frame.fit();
    else if (key === "s") actions.download();
    else if (key === "?") byId("about").showModal();
    else return false;
    return true;
  }
}
