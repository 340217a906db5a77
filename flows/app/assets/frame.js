/** The frame of the photo: zoom and pan by wheel, pinch, drag and keys, and the tools' presses in the photo's shares. */

import { byId, clamp } from "./dom.js";

const MOST = 24; // largest zoom
const HOLD = 300; // milliseconds after which a press that does not move is held

/** on: {tool(), press(), tap(at), begin(at), move(at), end(), cancel(), hover(at | null), slide(share), peek(on), moved()}; `at` is (x, y) in
 * shares of the photo. tool: "pick", "brush", "erase" or "compare". */
export function makeFrame(on) {
  const stage = byId("stage");
  const frame = byId("frame");
  let [width, height] = [1, 1]; // of the photo
  let [zoom, x, y] = [1, 0, 0]; // x, y: the photo's corner on the stage, in CSS pixels
  let fits = true;
  const fingers = new Map();
  let action = null; // of the first finger: "tool", "pan", "slide", "pinch"
  let from = null;
  let far = false;
  let spaceHeld = false;
  let holding = 0; // the timer of a press

  const style = getComputedStyle(stage);
  const base = () => {
    const room = { top: style.paddingTop, bottom: style.paddingBottom, left: style.paddingLeft, right: style.paddingRight };
    for (const side in room) room[side] = parseFloat(room[side]); // where the tools lie, around the whole photo
    const fit = Math.min((stage.clientWidth - room.left - room.right) / width, (stage.clientHeight - room.top - room.bottom) / height);
    return { scale: Math.max(0.01, Math.min(fit, 3)), room };
  };
  const size = () => { const { scale } = base(); return [width * scale * zoom, height * scale * zoom]; };

  function apply() {
    const { room } = base();
    const [w, h] = size();
    const [sw, sh] = [stage.clientWidth, stage.clientHeight];
    const place = (at, long, free, before, after) =>
      long <= free - before - after ? before + (free - before - after - long) / 2 : clamp(free - after - long, at, before);
    x = place(x, w, sw, room.left, room.right);
    y = place(y, h, sh, room.top, room.bottom);
    Object.assign(frame.style, { left: `${x}px`, top: `${y}px`, width: `${w}px`, height: `${h}px` });
    fits = zoom <= 1.001;
    stage.classList.toggle("zoomed", !fits);
    on.moved();
  }

  /** Zoom to `wanted`, the point of the stage (CSS pixels) staying where it is. */
  function to(wanted, px = stage.clientWidth / 2, py = stage.clientHeight / 2) {
    const next = clamp(1, wanted, MOST);
    [x, y] = [px - ((px - x) * next) / zoom, py - ((py - y) * next) / zoom];
    zoom = next;
    apply();
  }
  const local = ({ clientX, clientY }) => {
    const box = stage.getBoundingClientRect();
    return [clientX - box.left, clientY - box.top];
  };
  const shares = ([px, py]) => { const [w, h] = size(); return [(px - x) / w, (py - y) / h]; };
  /** What of the photo is seen, from left to right on the stage. */
  const seen = () => { const [w] = size(); return [Math.max(0, x), Math.min(stage.clientWidth, x + w)]; };
  const border = () => { const [left, right] = seen(); return left + (byId("border").value / 100) * (right - left); };
  const slide = (px) => { const [left, right] = seen(); on.slide(clamp(0, (px - left) / Math.max(1, right - left), 1)); };

  stage.addEventListener("wheel", (event) => {
    if (event.target.closest("#dock")) return;
    event.preventDefault();
    to(zoom * Math.exp(-clamp(-60, event.deltaY, 60) / 180), ...local(event));
  }, { passive: false });

  stage.addEventListener("pointerdown", (event) => {
    if (event.target.closest("#dock, #here")) return;
    if (event.button > 1) return;
    event.preventDefault();
    on.press();
    stage.classList.add("pressed");
    stage.focus({ preventScroll: true });
    stage.setPointerCapture(event.pointerId);
    const at = local(event);
    fingers.set(event.pointerId, at);
    if (fingers.size === 2) { // two fingers pinch: what the first began is taken back
      if (action === "tool") on.cancel();
      action = "pinch";
      return;
    }
    if (fingers.size > 2) return;
    [from, far] = [at, false];
    const tool = on.tool();
    if (event.button === 1 || spaceHeld) action = "pan";
    else if (tool === "compare") action = fits || Math.abs(at[0] - border()) < 28 ? "slide" : "pan";
    else if (tool === "pick") action = "pan";
    else { action = "tool"; on.begin(shares(at)); }
    if (action === "slide") slide(at[0]);
    if (tool === "pick") holding = setTimeout(() => { if (!far && fingers.size === 1) on.peek(true); }, HOLD);
  });
  stage.addEventListener("contextmenu", (event) => { if (event.pointerType === "touch") event.preventDefault(); });
  stage.addEventListener("pointermove", (event) => {
    const at = local(event);
    const last = fingers.get(event.pointerId);
    if (event.pointerType !== "touch" || last) on.hover(shares(at));
    if (!last) return;
    if (action === "pinch" && fingers.size >= 2) {
      const [other] = [...fingers].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
      const apart = (point) => Math.hypot(point[0] - other[0], point[1] - other[1]);
      const middle = [(at[0] + other[0]) / 2, (at[1] + other[1]) / 2];
      [x, y] = [x + (at[0] - last[0]) / 2, y + (at[1] - last[1]) / 2];
      to((zoom * apart(at)) / Math.max(1, apart(last)), ...middle);
    } else if (action === "tool") on.move(shares(at));
    else if (action === "slide") slide(at[0]);
    else if (action === "pan") {
      far ||= Math.hypot(at[0] - from[0], at[1] - from[1]) > (event.pointerType === "touch" ? 9 : 5);
      if (far) { letGo(); [x, y] = [x + at[0] - last[0], y + at[1] - last[1]]; apply(); }
    }
    fingers.set(event.pointerId, at);
  });
  const letGo = () => { clearTimeout(holding); on.peek(false); };
  const release = (event) => {
    if (!fingers.delete(event.pointerId)) return;
    letGo();
    if (event.pointerType === "touch") on.hover(null);
    if (fingers.size) return;
    if (action === "tool") event.type === "pointerup" ? on.end() : on.cancel();
    else if (action === "pan" && !far && event.type === "pointerup" && event.button === 0) on.tap(shares(local(event)));
    action = null;
  };
  stage.addEventListener("pointerup", release);
  stage.addEventListener("pointercancel", release);
  stage.addEventListener("pointerleave", () => on.hover(null));
  stage.addEventListener("dblclick", (event) => {
    if (on.tool() === "pick" && !event.target.closest("#dock, #here")) to(zoom > 1.01 ? 1 : 3, ...local(event));
  });
  document.addEventListener("keydown", () => stage.classList.remove("pressed"));
  document.addEventListener("keydown", (event) => { if (event.code === "Space") spaceHeld = event.target === document.body; });
  document.addEventListener("keyup", (event) => { if (event.code === "Space") spaceHeld = false; });
  new ResizeObserver(apply).observe(stage);

  return {
    show(w, h, fresh) {
      [width, height] = [w, h];
      if (fresh) [zoom, x, y] = [1, 0, 0];
      apply();
    },
    by: (factor) => to(zoom * factor),
    fit: () => to(1),
    pan(dx, dy) { [x, y] = [x - dx * 80, y - dy * 80]; apply(); },
    get zoom() { return zoom; },
    /** CSS pixels that the photo is wide. */
    get shown() { return size()[0]; },
    /** What of the photo is seen on the stage: left, top, right, bottom, clear of the controls at the bottom. */
    get seen() {
      const [left, right] = seen();
      const { room } = base();
      return [left, Math.max(0, y), right, Math.min(stage.clientHeight - (fits ? 0 : room.bottom), y + size()[1])];
    },
    /** A point of the photo (shares) on the stage. */
    place: (at) => { const [w, h] = size(); return [x + at[0] * w, y + at[1] * h]; },
    /** Where the border of before and after is: on the stage in pixels, and in shares of the photo. */
    get border() { const at = border(); return [at, clamp(0, (at - x) / size()[0], 1)]; },
    /** The middle of what is seen, in shares. */
    get middle() { return shares([stage.clientWidth / 2, stage.clientHeight / 2]); },
  };
}
