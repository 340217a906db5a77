// The photo with its people: a click (or Enter) on somebody switches between going and staying, a brush draws on the
// hole. The page's server computes the hole; until it answers, strokes are shown as they were drawn.
const find = (selector) => element.querySelector(selector);
const SVG = "http://www.w3.org/2000/svg";
const HINTS = {
  pick: "Click somebody to keep or remove them.",
  add: "Paint over what shall go as well: shadows, bags, somebody who was missed.",
  erase: "Paint over what shall stay.",
};
let view = null;      // what the server said last
let keep = new Set(); // numbers of people who stay
let strokes = [];     // {removes, radius, points: [x1, y1, ...]} in shares of the photo's width and height
let edit = 0;         // number of the last change made here; answers to earlier ones are not shown
let mode = "pick";
let stroke = null;    // being drawn

const shape = (name, attributes, parent) => {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  parent.append(node);
  return node;
};
const svg = () => find("svg");
const scale = () => (view ? view.width / Math.max(1, svg().clientWidth) : 1); // view pixels for one on the screen
const radius = () => Number(find(".size input").value) / 2 / Math.max(1, svg().clientWidth); // share of the width

function send() {
  edit += 1;
  trigger("edited", { of: view.of, edit, keep: [...keep], strokes });
  draw();
}

function toggle(number) {
  if (!keep.delete(number)) keep.add(number);
  send();
}

function draw() {
  if (!view) return;
  const people = find(".people");
  const focused = element.contains(document.activeElement) ? document.activeElement.dataset.number : undefined;
  people.replaceChildren();
  const unit = scale();
  for (const person of view.people) {
    const stays = keep.has(person.number);
    const group = shape("g", {
      class: `person ${stays ? "stays" : "goes"}`, role: "checkbox", tabindex: "0",
      "aria-checked": String(!stays), "aria-label": `Remove person ${person.name}`, "data-number": person.number,
    }, people);
    shape("path", { class: "shape", d: person.outline, "fill-rule": "nonzero" }, group);
    const text = String(person.number + 1);
    const wide = (14 + 8 * text.length) * unit, high = 22 * unit;
    const inside = (place, half, whole) => Math.min(Math.max(place, half), whole - half);
    const cx = inside(person.place[0], wide / 2, view.width), cy = inside(person.place[1], high / 2, view.height);
    shape("rect", { x: cx - wide / 2, y: cy - high / 2, width: wide, height: high, rx: high / 2 }, group);
    shape("text", { x: cx, y: cy, "font-size": 14 * unit }, group).textContent = text;
    group.addEventListener("click", () => mode === "pick" && toggle(person.number));
    group.addEventListener("keydown", (event) => {
      if (event.key === " " || event.key === "Enter") { event.preventDefault(); toggle(person.number); }
    });
    if (focused === String(person.number)) group.focus();
  }
  find(".hole").setAttribute("d", view.hole);
  const drawn = find(".drawn");
  drawn.replaceChildren();
  const pending = strokes.length > view.strokes ? strokes.slice(view.strokes) : [];
  for (const one of stroke ? [...pending, stroke] : pending) {
    const points = [];
    for (let i = 0; i < one.points.length; i += 2)
      points.push(`${one.points[i] * view.width} ${one.points[i + 1] * view.height}`);
    if (points.length === 1) points.push(points[0]);
    shape("path", {
      class: one.removes ? "add" : "erase", d: `M${points.join("L")}`, "stroke-width": 2 * one.radius * view.width,
    }, drawn);
  }
  find(".undo").disabled = find(".clear").disabled = !strokes.length;
}

function show() {
  const next = props.value;
  find(".work").hidden = !next;
  if (!next) { view = null; return; }
  if (!view || next.photo !== view.photo) { // another photo: nothing drawn here counts any more
    strokes = []; edit = next.edit; stroke = null;
    setMode("pick");
  }
  const others = !view || next.of !== view.of; // other people: clicks on those before were dropped
  if (!others && next.edit < edit) { view = { ...view, hole: next.hole }; return; } // the answer to an earlier change
  view = next;
  edit = next.edit;
  keep = new Set(next.people.filter((person) => person.stays).map((person) => person.number));
  const image = find(".frame img");
  if (image.getAttribute("src") !== props.picture) image.src = props.picture;
  image.alt = next.alt;
  image.width = next.width;
  image.height = next.height;
  svg().setAttribute("viewBox", `0 0 ${next.width} ${next.height}`);
  draw();
  if (others && strokes.length !== next.strokes) send(); // a stroke that was drawn meanwhile was dropped too
}

function setMode(next) {
  mode = next;
  for (const input of element.querySelectorAll(".modes input")) input.checked = input.value === mode;
  find(".frame").classList.toggle("painting", mode !== "pick");
  find(".brush").hidden = mode === "pick";
  find(".hint").textContent = HINTS[mode];
  find(".tip").setAttribute("r", 0);
}

function place(event) {
  const box = svg().getBoundingClientRect();
  return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height]
    .map((share) => Math.round(Math.min(1.2, Math.max(-0.2, share)) * 1e5) / 1e5);
}

function tip(event) {
  const [x, y] = place(event);
  const circle = find(".tip");
  circle.setAttribute("cx", x * view.width);
  circle.setAttribute("cy", y * view.height);
  circle.setAttribute("r", mode === "pick" ? 0 : radius() * view.width);
}

svg().addEventListener("pointerdown", (event) => {
  if (mode === "pick" || !view || event.button !== 0) return;
  event.preventDefault();
  svg().setPointerCapture(event.pointerId);
  stroke = { removes: mode === "add", radius: Math.round(radius() * 1e5) / 1e5, points: place(event) };
  draw();
});
svg().addEventListener("pointermove", (event) => {
  if (mode === "pick" || !view) return;
  tip(event);
  if (!stroke) return;
  const [x, y] = place(event), last = stroke.points.slice(-2);
  if (Math.hypot(x - last[0], y - last[1]) < radius() / 4) return;
  stroke.points.push(x, y);
  draw();
});
const finish = () => {
  if (!stroke) return;
  strokes = [...strokes, stroke];
  stroke = null;
  send();
};
svg().addEventListener("pointerup", finish);
svg().addEventListener("pointercancel", finish);
svg().addEventListener("pointerleave", () => find(".tip").setAttribute("r", 0));
for (const input of element.querySelectorAll(".modes input"))
  input.addEventListener("change", () => setMode(input.value));
find(".undo").addEventListener("click", () => { strokes = strokes.slice(0, -1); send(); });
find(".clear").addEventListener("click", () => { strokes = []; send(); });
new ResizeObserver(() => draw()).observe(svg());
watch(["value", "picture"], show);
setMode("pick");
show();
