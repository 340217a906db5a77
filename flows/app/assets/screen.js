/** What stands on the screen for the photo that is chosen. */

import { able, byId, choose, chosen, clamp, several } from "./dom.js";
import { makeFrame } from "./frame.js";
import { drawPeople, drawStrip } from "./lists.js";
import { drawBadges, drawMarks, drawStrokes } from "./marks.js";
import { goes, marked, people, result, state } from "./model.js";
import { path } from "./server.js";

const STEPS = {
  reading: "Reading the photo", finding: "Finding people", "looking closer": "Looking closer for people",
  filling: "Filling", checking: "Checking whether anyone is left", writing: "Writing the file",
};

const LONG = 4; // seconds of a step after which they are counted before the eyes

export function makeScreen(page) {
  let stroke = null; // the one that is being drawn
  let held = false; // the original is shown while a key is held
  const view = () => (held ? "held" : chosen("view"));
  const tool = () => (chosen("view") === "compare" ? "compare" : chosen("tool"));
  const frame = makeFrame({
    tool, moved,
    tap: (at) => page.now && page.actions.tap(at),
    press: () => offer(null),
    begin: (at) => { stroke = page.actions.begin(at); redraw(); },
    move: (at) => { if (stroke && page.actions.extend(stroke, at)) redraw(); },
    end: () => { const done = stroke; stroke = null; if (done) page.actions.stroke(done); },
    cancel: () => { stroke = null; redraw(); },
    hover: tip,
    peek: (on) => hold(on && chosen("view") === "result" && Boolean(result(page.now))),
    slide: (share) => { byId("border").value = 100 * share; cut(); },
  });
  /** The original, as long as a key or the photo is pressed. */
  function hold(on) { if (held !== on) { held = on; render(); } }
  const redraw = () => page.now && drawStrokes(page.now, view(), stroke);
  const viewOf = (key) => page.now.full.get(key) ?? (key ? path(page.now.id, "view", key) : page.now.picture);

  /** Show a photo, or the empty page. keep: the zoom stays. */
  function open(photo, keep = false) {
    const empty = !photo;
    document.body.classList.toggle("empty", empty);
    for (const id of ["stage", "panel", "actions"]) byId(id).hidden = empty;
    byId("welcome").hidden = !empty;
    document.title = empty ? "Person removal" : `${photo.name}: Person removal`;
    if (empty) { byId("name").textContent = ""; return render(); }
    if (!keep) { held = false; choose("tool", "pick"); }
    choose("view", state(photo).view);
    const before = byId("before");
    const sized = () => {
      if (photo !== page.now || !before.naturalWidth) return;
      if (!photo.width) [photo.width, photo.height] = [before.naturalWidth, before.naturalHeight];
      byId("frame").hidden = false;
      frame.show(photo.width, photo.height, false);
      render();
    };
    before.onload = sized;
    before.onerror = () => render(); // a kind that the browser does not show: the server's picture comes
    before.src = viewOf(null);
    byId("frame").hidden = !photo.width; // until its size is known
    if (photo.width) frame.show(photo.width, photo.height, !keep);
    return render();
  }

  /** Something of a photo has changed. */
  function changed(photo) {
    if (photo === page.now) render();
    else if (page.now) strip();
  }
  const strip = () => drawStrip(page.photos, page.now, page.choose, page.close);

  function render() {
    const photo = page.now;
    if (!photo || tool() !== "pick" || view() !== "mark") offer(null);
    const focused = document.activeElement;
    strip();
    able(byId("undo"), photo && photo.at > 0);
    able(byId("redo"), photo && photo.at < photo.history.length - 1);
    if (!photo) return;
    const now = state(photo);
    const done = result(photo);
    byId("name").textContent = photo.name;
    for (const input of document.querySelectorAll("input[name=view]")) input.disabled = input.value !== "mark" && !done;
    if (!done && chosen("view") !== "mark") choose("view", "mark");
    photo.shownResult = done;
    pictures(photo, done);
    drawMarks(photo, view(), stroke, frame);
    list(photo);
    controls(photo, now, done);
    jobs(photo);
    tip(photo.pointed);
    keepFocus(focused);
    byId("stage").classList.toggle("finding", Boolean(photo.job) && !photo.people.size);
  }

  /** What had the focus may be gone: the keys then go on from the photo. */
  function keepFocus(before) {
    const now = document.activeElement;
    if (before !== document.body && (now === document.body || now.disabled || !now.checkVisibility())) byId("stage").focus({ preventScroll: true });
  }

  function pictures(photo, done) {
    const [before, after] = [byId("before"), byId("after")];
    const shown = view();
    const against = photo.against ?? "";
    const left = shown === "compare" ? viewOf(against || null) : viewOf(null);
    if (left && before.getAttribute("src") !== left) before.src = left;
    if (done && after.getAttribute("src") !== viewOf(done.key)) after.src = viewOf(done.key);
    after.hidden = !done || !["result", "compare"].includes(shown);
    before.hidden = shown === "result";
    after.alt = done ? `${photo.name} without people` : "";
    before.alt = `${photo.name}: ${several(people(photo).length, "person", "people")}`;
    after.onerror = () => { for (const [edit, one] of photo.results) if (one === done) photo.results.delete(edit); render(); };
    byId("cut").hidden = byId("slide").hidden = shown !== "compare";
    const labels = { compare: [name(photo, against), name(photo, done?.key)], result: ["", ""], held: ["Original", ""], mark: ["", ""] }[shown];
    for (const [at, side] of ["left", "right"].entries()) {
      const tag = document.querySelector(`.tag.${side}`);
      tag.textContent = labels[at];
      tag.hidden = !labels[at];
    }
    cut();
  }
  const name = (photo, key) => {
    const one = key && [...photo.results.values()].find((result) => result.key === key);
    return one ? (photo.results.size > 1 ? `Result ${one.number} (${one.fill})` : "Result") : "Original";
  };

  function cut() {
    const comparing = view() === "compare";
    const [at, share] = frame.border;
    byId("before").style.clipPath = comparing ? `inset(0 ${100 * (1 - share)}% 0 0)` : "";
    const [left, top, right, bottom] = frame.seen;
    Object.assign(byId("cut").style, { left: `${at}px`, top: `${top}px`, height: `${bottom - top}px` });
    const [first, second] = ["left", "right"].map((side) => document.querySelector(`.tag.${side}`));
    Object.assign(first.style, { left: `${left + 10}px`, top: `${bottom - 40}px` });
    Object.assign(second.style, { right: `${byId("stage").clientWidth - right + 10}px`, top: `${bottom - 40}px` });
    byId("border").setAttribute("aria-valuetext", `${Math.round(byId("border").value)} % before`);
  }

  let thumbs = { of: null, image: null };
  function list(photo) {
    const source = photo.thumbnail;
    if (source && thumbs.of !== source) {
      const image = new Image();
      thumbs = { of: source, image };
      image.onload = () => photo === page.now && list(photo);
      image.src = source;
    }
    const point = (person) => {
      for (const shape of document.querySelectorAll("#marks .people path")) shape.classList.toggle("pointed", shape.dataset.person === String(person?.id));
    };
    drawPeople(photo, thumbs.of === source ? thumbs.image : null, (person) => page.actions.toggle([person]), point);
  }

  function controls(photo, now, done) {
    const busy = Boolean(photo.job);
    const going = people(photo).filter((person) => goes(photo, person)).length;
    const go = byId("go");
    const spot = done && now.pending.length > 0;
    able(go, !busy && (done ? spot : marked(photo)) && photo.people.size);
    go.textContent = spot ? "Fill the painted spot" : done ? "Removed" : !going && marked(photo) ? "Remove what is painted" : going === 1 ? "Remove 1 person" : going ? `Remove ${going} people` : "Remove";
    able(byId("download"), done && !busy);
    document.body.classList.toggle("done", Boolean(done) && !spot);
    const finished = page.photos.filter((one) => result(one));
    byId("zip").hidden = finished.length < 2;
    byId("zip").textContent = `All ${finished.length} as a zip`;
    byId("all").hidden = page.photos.length < 2;
    byId("room").value = Math.round(100 * now.edit.room);
    byId("room-value").textContent = `${Math.round(100 * now.edit.room)} %`;
    byId("fill").value = now.edit.fill;
    byId("segmenter").value = now.edit.segmenter;
    for (const input of document.querySelectorAll("input[name=tool]")) input.disabled = chosen("view") === "compare";
    document.querySelector(".size").hidden = !["brush", "erase"].includes(tool());
    byId("stage").dataset.tool = tool();
    const others = [...photo.results.values()].filter((one) => one !== done);
    byId("against-row").hidden = chosen("view") !== "compare" || !others.length;
    if (photo.against && !others.some((one) => one.key === photo.against)) photo.against = null;
    byId("against").replaceChildren(...[{ key: "" }, ...others].map((one) => new Option(name(photo, one.key), one.key, false, one.key === (photo.against ?? ""))));
    verdict(photo, done);
    byId("message").textContent = message(photo, now, done, spot);
  }

  function verdict(photo, done) {
    const said = done?.verdict;
    const box = byId("verdict");
    box.hidden = !said;
    if (!said) return;
    box.className = said.sure ? "good" : "warn";
    if (box.querySelector("p").textContent !== said.sentence) byId("panel").scrollTop = 0; // on a phone it is short
    box.querySelector("p").textContent = said.sentence;
    byId("too").hidden = !said.too.length;
  }

  function message(photo, now, done, spot) {
    const notes = done ? [...photo.notes, ...done.notes] : [];
    if (notes.length && !spot) return notes.join(" ");
    if (spot) return "Painted on the result: fill just that, or undo it.";
    if (done) return "Hold the photo to see the original. Not perfect somewhere? Brush over the spot and fill just that.";
    if (!photo.people.size) return "";
    if (!people(photo).length) return "Paint over whom you see with the brush, then press Remove.";
    return "Click whom you want to keep. Brush over what else shall go: shadows, bags.";
  }

  /** Progress: of what somebody waits for, in the place of the buttons; of what is done behind, where its word comes. */
  function jobs(photo) {
    for (const [id, job] of [["job", photo.job], ["quiet", photo.job ? null : photo.quiet]]) {
      byId(id).hidden = !job;
      if (!job) continue;
      const text = job.state === "waiting"
        ? `${job.others ? "Another tab is at work" : "Waiting"}: ${several(job.ahead ?? 0, "job", "jobs")} ahead`
        : `${STEPS[job.step] ?? "Working"}${job.of ? `: ${job.filled} of ${job.of} places done` : ""} …`;
      if (byId(id).querySelector(".text").textContent !== text) byId(id).querySelector(".text").textContent = text;
    }
    tick();
  }
  /** The bar follows what the step took before, and never says that it is done before it is. */
  function tick() {
    const job = page.now?.job ?? page.now?.quiet;
    if (!job) return;
    const box = byId(page.now.job ? "job" : "quiet");
    const bar = box.querySelector("progress");
    const seconds = Math.floor((performance.now() - job.since) / 1000);
    box.querySelector(".since").textContent = seconds >= LONG ? ` ${seconds} s` : "";
    if (job.state === "waiting" || !job.about) bar.removeAttribute("value");
    else {
      const known = job.of ? job.filled / job.of : 0;
      const share = (performance.now() - job.since) / 1000 / (job.of ? Math.max(0.1, job.left) : job.about);
      bar.value = known + (1 - known) * (share < 0.8 ? share : 1 - 0.2 * Math.exp(-(share - 0.8) * 1.5));
    }
  }
  setInterval(tick, 120);

  function moved() {
    if (!page.now) return;
    offer(null);
    const zoom = `${Math.round(100 * frame.zoom)} %`;
    Object.assign(byId("zoom-fit"), { textContent: zoom, ariaLabel: `${zoom}: show the whole photo` });
    drawBadges(page.now, view(), frame);
    cut();
    clearTimeout(moved.timer);
    moved.timer = setTimeout(sharpen, 350);
  }

  /** The photo and its result in their own size, once more is shown than the page's pictures have; both or none. */
  async function sharpen() {
    const photo = page.now;
    if (!photo?.id || photo.job || frame.shown * devicePixelRatio < photo.width * 1.3) return;
    const done = result(photo);
    const wanted = [null, ...(done ? [done.key] : [])].filter((key) => !photo.full.has(key));
    if (!wanted.length) return;
    for (const key of wanted) photo.full.set(key, null); // asked once
    try {
      const loaded = await Promise.all(wanted.map(async (key) => {
        const image = Object.assign(new Image(), { src: path(photo.id, "full", key) });
        await image.decode();
        return [key, image];
      }));
      for (const [key, image] of loaded) if (image.naturalWidth > photo.width) photo.full.set(key, image.src);
      if (photo === page.now) render();
    } catch { /* the page's pictures stay */ }
  }

  /** The ring of the brush, at a point of the photo (shares); none for null. */
  function tip(at) {
    if (page.now) page.now.pointed = at;
    const circle = byId("tip");
    const painting = page.now && at && ["brush", "erase"].includes(tool());
    circle.hidden = !painting;
    if (!painting) return;
    const [x, y] = frame.place(at);
    const across = Number(byId("size").value);
    Object.assign(circle.style, { left: `${x}px`, top: `${y}px`, width: `${across}px`, height: `${across}px` });
  }

  /** The brush, at a point of the photo (shares) where nobody was found; goes with the next press. */
  function offer(at) {
    const button = byId("here");
    button.hidden = !at;
    if (!at) return;
    const [x, y] = frame.place(at);
    const half = button.offsetWidth / 2 + 8;
    Object.assign(button.style, { left: `${clamp(half, x, byId("stage").clientWidth - half)}px`, top: `${Math.max(y, 60)}px` });
  }

  return {
    open, render, changed, frame, tip, tool, cut, offer,
    get view() { return chosen("view"); },
    hold,
  };
}
