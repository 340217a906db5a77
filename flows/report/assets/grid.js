/**
 * The photos in rows of one width and nearly one height, each photo whole and in its own shape. Only the rows near the
 * window exist: 5,000 photos weigh as much as fifty. `card(photo, index)` builds one; `lines(photo)` is how many lines
 * of text it needs.
 */
function makeGrid(grid, { card, lines }) {
  const GAP = 16;
  const BETWEEN = 22; // rows
  const BEYOND = 900; // pixels above and below the window in which rows stand ready
  let photos = [];
  let rows = []; // { from, to, top, height, picture }
  const built = new Map(); // number of the row -> its element

  function pack() {
    const width = grid.clientWidth;
    const style = getComputedStyle(grid);
    const line = parseFloat(style.lineHeight);
    const most = parseFloat(style.getPropertyValue("--row"));
    rows = [];
    let top = 0;
    for (let from = 0; from < photos.length;) {
      let to = from;
      let ratios = 0;
      const room = () => width - (to - from - 1) * GAP;
      while (to < photos.length && (to === from || ratios * most < room())) {
        ratios += clamp(0.62, ratioOf(photos[to]), 2.6);
        to += 1;
      }
      const picture = Math.min(most, room() / ratios);
      const text = Math.max(...photos.slice(from, to).map(lines)) * line + 8;
      rows.push({ from, to, top, picture, height: picture + text });
      top += picture + text + BETWEEN;
      from = to;
    }
    grid.style.height = `${Math.max(0, top - BETWEEN)}px`;
  }

  function row(number) {
    const { from, to, top, height, picture } = rows[number];
    const node = el("div", { className: "row", attr: { role: "presentation" } });
    node.dataset.row = number;
    Object.assign(node.style, { top: `${top}px`, height: `${height}px` });
    for (let index = from; index < to; index += 1) {
      const one = card(photos[index], index);
      one.setAttribute("role", "listitem");
      one.setAttribute("aria-posinset", index + 1);
      one.setAttribute("aria-setsize", photos.length);
      one.style.width = `${clamp(0.62, ratioOf(photos[index]), 2.6) * picture}px`;
      one.firstChild.style.height = `${picture}px`;
      node.append(one);
    }
    return node;
  }

  /** The first row that ends below `y`. */
  function rowAt(y) {
    let [low, high] = [0, rows.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (rows[middle].top + rows[middle].height < y) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  function draw() {
    const above = grid.getBoundingClientRect().top;
    const last = rowAt(innerHeight + BEYOND - above);
    const first = rowAt(-BEYOND - above);
    for (const [number, node] of built) {
      if ((number < first || number > last) && !node.contains(document.activeElement)) {
        node.remove();
        built.delete(number);
      }
    }
    for (let number = first; number <= last && number < rows.length; number += 1) {
      if (built.has(number)) continue;
      const node = row(number);
      const next = [...grid.children].find((other) => Number(other.dataset.row) > number) ?? null;
      grid.insertBefore(node, next); // in order, which is the order of the Tab key
      built.set(number, node);
    }
  }

  let waiting = false;
  function later() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; draw(); });
  }
  addEventListener("scroll", later, { passive: true });

  function clear() {
    grid.replaceChildren();
    built.clear();
  }
  let width = grid.clientWidth;
  new ResizeObserver(() => {
    if (grid.clientWidth === width) return;
    width = grid.clientWidth;
    clear();
    pack();
    draw();
  }).observe(grid);
  addEventListener("resize", later);

  const numberOf = (index) => rows.findIndex((one) => index < one.to);

  /** Build a photo's row anew, where it stands; the focus stays where it was. */
  function refresh(index) {
    const number = numberOf(index);
    const old = built.get(number);
    if (!old) return;
    const focused = [...old.querySelectorAll("button, input")].indexOf(document.activeElement);
    const node = row(number);
    built.set(number, node);
    old.replaceWith(node);
    if (focused >= 0) node.querySelectorAll("button, input")[focused]?.focus({ preventScroll: true });
  }
  return {
    refresh,
    /** Build every row anew that stands. */
    refreshAll() { for (const number of [...built.keys()]) refresh(rows[number].from); },
    show(list) {
      photos = list;
      clear();
      pack();
      draw();
    },
    /** Bring a photo into view and give its name the focus. */
    reveal(index) {
      const one = rows[numberOf(index)];
      if (!one) return;
      const top = grid.getBoundingClientRect().top + one.top;
      if (top < 120 || top + one.height > innerHeight) scrollBy({ top: top - innerHeight / 3, behavior: "instant" });
      draw();
      grid.querySelector(`[data-index="${index}"] .name`)?.focus({ preventScroll: true });
    },
  };
}
