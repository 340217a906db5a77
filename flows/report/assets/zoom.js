/**
 * Zoom and move the pictures of a stage: wheel, pinch, drag, double click, and `by`, `to` and `pan` for keys. Where it is
 * zoomed in, a drag on the border between before and after still moves that border. onZoom: told of every change.
 */
function makeZoom(box, photo, onZoom) {
  const MOST = 16;
  let scale = 1;
  let [x, y] = [0, 0]; // of the pictures' upper left corner, in shares of the stage
  const fingers = new Map();
  let moved = 0;

  const real = () => (photo.size ? photo.size[0] / box.clientWidth : 1);
  const apply = () => {
    const room = 1 - scale; // negative where the pictures are larger than the stage
    [x, y] = [x, y].map((at) => (room < 0 ? clamp(room, at, 0) : room / 2));
    box.style.setProperty("--z", scale);
    box.style.setProperty("--x", `${x * 100}%`);
    box.style.setProperty("--y", `${y * 100}%`);
    if (scale > 1) box.dataset.pans = "yes";
    else delete box.dataset.pans;
    onZoom(scale, scale / real());
  };
  /** Keep the point (shares of the stage) where it is. */
  const to = (wanted, px = 0.5, py = 0.5) => {
    const next = clamp(Math.min(1, real()), wanted, Math.max(MOST, real() * 4));
    [x, y] = [px - ((px - x) * next) / scale, py - ((py - y) * next) / scale];
    scale = next;
    apply();
  };
  const pan = (dx, dy) => { [x, y] = [x + dx, y + dy]; apply(); };
  const place = ({ clientX, clientY }) => {
    const { left, top, width, height } = box.getBoundingClientRect();
    return [(clientX - left) / width, (clientY - top) / height];
  };
  const onBorder = (at) => {
    const cut = box.querySelector("input[type=range]");
    return cut && Math.abs(at - cut.value / 100) * box.clientWidth < 24;
  };

  box.addEventListener("wheel", (event) => {
    event.preventDefault();
    to(scale * Math.exp(-clamp(-60, event.deltaY, 60) / 150), ...place(event));
  }, { passive: false });
  box.addEventListener("dblclick", (event) => {
    if (!event.target.closest("button")) to(scale === 1 ? Math.max(real(), 2) : 1, ...place(event));
  });
  let sliding = false; // a zoomed photo's border was taken, not the photo
  box.addEventListener("pointerdown", (event) => {
    const at = place(event);
    fingers.set(event.pointerId, at);
    if (fingers.size === 1) {
      moved = 0;
      delete box.dataset.panned;
      sliding = scale > 1 && onBorder(at[0]);
    }
    if (fingers.size > 1) box.dataset.pans = "yes"; // two fingers pinch, whatever the scale
  }, true);
  box.addEventListener("pointermove", (event) => {
    const from = fingers.get(event.pointerId);
    if (!from) return;
    const at = place(event);
    if (fingers.size === 2) {
      const [other] = [...fingers].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
      const apart = (a) => Math.hypot((a[0] - other[0]) * box.clientWidth, (a[1] - other[1]) * box.clientHeight);
      const middle = [0, 1].map((axis) => (at[axis] + other[axis]) / 2);
      to((scale * apart(at)) / Math.max(apart(from), 1), ...middle);
      moved = 10;
    } else if (sliding) {
      const range = box.querySelector("input[type=range]");
      range.value = at[0] * 100;
      range.dispatchEvent(new Event("input"));
      moved = 10;
    } else if (scale > 1) {
      moved += Math.hypot(event.movementX, event.movementY);
      if (moved > 4 && !box.hasPointerCapture(event.pointerId)) box.setPointerCapture(event.pointerId);
      pan(at[0] - from[0], at[1] - from[1]);
    }
    fingers.set(event.pointerId, at);
  });
  const release = (event) => {
    fingers.delete(event.pointerId);
    if (moved > 4) box.dataset.panned = "yes"; // until the next press: the click that ends a move is none
    if (!fingers.size && scale <= 1) delete box.dataset.pans;
  };
  box.addEventListener("pointerup", release);
  box.addEventListener("pointercancel", release);
  box.addEventListener("click", (event) => { if (box.dataset.panned) event.stopPropagation(); }, true);
  return {
    by: (factor) => to(scale * factor),
    fit: () => to(1),
    real: () => to(real()),
    pan: (dx, dy) => pan(dx / 8, dy / 8),
  };
}

/**
 * The files themselves in place of the thumbnails, once a photo is zoomed in further than those show. Both or none:
 * a sharp picture beside a soft one would be no comparison.
 */
async function sharpen(box, photo, page) {
  if (box.dataset.files || !page.originals || !photo.output || photo.decided?.decision === "reject") return;
  const { before, after } = photo.thumbnails;
  const name = photo.output.slice(photo.output.indexOf("/", 2) + 1); // without the folder images/ or review/
  const sources = { before: before && `${page.originals}/${name}`, after: after && photo.output };
  box.dataset.files = "loading";
  try {
    const loaded = await Promise.all(Object.entries(sources).filter(([, src]) => src).map(async ([kind, src]) => {
      const image = Object.assign(new Image(), { src });
      await image.decode();
      return [kind, image];
    }));
    for (const [kind, image] of loaded) box.querySelector(`img.${kind}`).src = image.src;
    box.dataset.files = "shown";
  } catch { // moved away, or of a kind that browsers do not show
    box.dataset.files = "none";
    if (photo.format === "JPEG" || photo.format === "PNG") page.originals = null; // not asked for again
  }
}
