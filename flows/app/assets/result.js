// Before and after: the left picture is cut at the slider. The range input is the keyboard's way.
const find = (selector) => element.querySelector(selector);

function cut() {
  const share = Number(find("input").value);
  find(".before").style.clipPath = `inset(0 ${100 - share}% 0 0)`;
  find(".line").style.left = `${share}%`;
  find("input").setAttribute("aria-valuetext", `${share} % ${props.value ? props.value.left : ""}`);
}

function show() {
  const value = props.value;
  find(".work").hidden = !value;
  if (!value) return;
  find(".after").src = props.after;
  find(".before").src = props.before;
  find(".before").alt = value.left;
  for (const image of element.querySelectorAll("img")) { image.width = value.width; image.height = value.height; }
  find(".tag.left").textContent = value.left;
  find(".tag.right").textContent = value.right;
  const svg = find("svg");
  svg.setAttribute("viewBox", `0 0 ${value.width} ${value.height}`);
  svg.replaceChildren(...value.found.map(([x, y, width, height]) => {
    const box = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    for (const [key, number] of Object.entries({ x, y, width, height })) box.setAttribute(key, number);
    return box;
  }));
  cut();
}

const frame = find(".frame");
const slide = (event) => {
  const box = frame.getBoundingClientRect();
  find("input").value = Math.round(Math.min(100, Math.max(0, 100 * (event.clientX - box.left) / box.width)));
  cut();
};
frame.addEventListener("pointerdown", (event) => { frame.setPointerCapture(event.pointerId); slide(event); });
frame.addEventListener("pointermove", (event) => { if (event.buttons || event.pointerType === "touch") slide(event); });
frame.addEventListener("dragstart", (event) => event.preventDefault());
find("input").addEventListener("input", cut);
watch(["value", "before", "after"], show);
show();
