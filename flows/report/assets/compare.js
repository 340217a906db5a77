const crossedPicture = () => svg("svg", { viewBox: "0 0 20 20", "aria-hidden": "true" },
  svg("path", { d: "M2 2l16 16M6 4h11v11M15 16H3V5M6 13l3-3 3 3" }));

const ratioOf = (photo) => (photo.size ? photo.size[0] / photo.size[1] : photo.thumbnails?.before ? 4 / 3 : 1.2);

/**
 * A photo's pictures, one over the other. With `before` and `after` they are compared: `before` is cut off
 * at `--cut` from the left, moved by dragging (mouse, pen, finger) or by the arrow keys of a real range input.
 * A press that does not move calls `onPress`.
 */
function stage(photo, { large = false, onPress = null } = {}) {
  const { before, after, hole } = photo.thumbnails;
  const box = el("div", { className: "stage" });
  setRatio(box, ratioOf(photo));
  if (!before && !after) {
    box.classList.add("blank");
    box.append(crossedPicture(), el("p", { textContent: photo.reason ?? "There is no picture of this photo." }));
    if (onPress) box.addEventListener("click", onPress);
    return box;
  }

  const layer = (kind, src, alt) => {
    const image = el("img", { className: kind, alt, decoding: "async", draggable: false });
    if (!large) image.loading = "lazy";
    image.addEventListener("error", () => box.classList.add("gone"));
    if (large && kind !== "hole") {
      const measure = () => setRatio(box, image.naturalWidth / image.naturalHeight, image);
      image.addEventListener("load", measure, { once: true }); // by the thumbnail, whatever is shown later
    }
    image.src = src;
    box.append(image);
  };
  const both = before && after;
  if (after) layer("after", after, both ? `After: ${photo.name}` : photo.name);
  if (before) layer("before", before, both ? `Before: ${photo.name}` : photo.name);
  if (hole) layer("hole", hole, "");
  if (photo.persons.length) box.append(personOutlines(photo, ratioOf(photo)));
  if (photo.found.length) box.append(foundOutlines(photo, ratioOf(photo)));
  box.append(el("span", { className: "lost", textContent: "The thumbnails were deleted" }));
  if (both) addSlider(box, photo, onPress);
  else if (onPress) box.addEventListener("click", onPress);
  return box;
}

/** Width over height. The size in the manifest reserves the room; in the large view the picture has the last word. */
function setRatio(box, ratio, image = null) {
  if (image) box.style.setProperty("--most", `${image.naturalWidth * 3}px`);
  box.style.setProperty("--ratio", ratio);
}

function addSlider(box, photo, onPress) {
  const range = el("input", {
    type: "range", min: 0, max: 100, value: photo.cut ?? 50,
    attr: { "aria-label": `Before and after of ${photo.name}` },
  });
  const cut = () => {
    photo.cut = range.value; // the card may be built anew before it is seen again
    box.style.setProperty("--cut", `${range.value}%`);
    range.setAttribute("aria-valuetext", `${range.value} % before`);
  };
  const follow = (event) => {
    const { left, width } = box.getBoundingClientRect();
    range.value = ((event.clientX - left) / width) * 100;
    cut();
  };
  range.addEventListener("input", cut);
  box.append(
    range,
    el("span", { className: "divider", attr: { "aria-hidden": "true" } }, el("i")),
    el("span", { className: "tag left", textContent: "Before", attr: { "aria-hidden": "true" } }),
    el("span", { className: "tag right", textContent: "After", attr: { "aria-hidden": "true" } }),
  );
  cut();

  let start = null; // where the press began; null = not pressed
  let dragged = false; // until the next press: the click that ends a drag is none
  const release = () => { start = null; };
  box.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    start = box.dataset.pans ? null : event.clientX; // a photo that is zoomed is moved by the same drag
    dragged = false;
  });
  box.addEventListener("pointermove", (event) => {
    if (start === null || box.dataset.pans) return;
    if (!dragged && Math.abs(event.clientX - start) > 4) {
      dragged = true;
      box.setPointerCapture(event.pointerId);
    }
    if (dragged) follow(event);
  });
  box.addEventListener("pointerup", release);
  box.addEventListener("pointercancel", release); // a finger's vertical move became scrolling
  // Not on pointerup: a finger's click comes later, and would land on the dialog that has just opened.
  box.addEventListener("click", (event) => {
    if (dragged) event.stopPropagation();
    else if (onPress) onPress();
    else if (!event.target.closest("button") && !box.dataset.pans && !box.dataset.panned) follow(event);
  }, true);
}
