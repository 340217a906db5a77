/** What the controls do to the photo on the stage. Every change is a new state, so everything can be undone. */

import { able, byId, choose, chosen, clamp, complain, el, isAble } from "./dom.js";
import { personAt } from "./marks.js";
import { change, comeAfter, goes, hasResult, marked, people, result, state, step } from "./model.js";
import { fileAddress, say, zip } from "./server.js";

const round = (value) => Math.round(value * 1e5) / 1e5;

export function setUpActions(page) {
  const { screen } = page;
  let tags = 0;

  /** A change of what goes: the result, if there is one, is of another hole. */
  function edit(photo, next, merge = null) {
    const made = { ...state(photo).edit, ...next };
    const known = state(photo).removed && hasResult(photo, made);
    change(photo, { edit: next, pending: [], removed: Boolean(known), view: known ? state(photo).view : "mark" }, merge);
    if (photo === page.now) choose("view", state(photo).view);
    photo.notes = [];
    outline(photo);
    screen.changed(photo);
  }

  function toggle(persons, stays = null) {
    const photo = page.now;
    const keep = new Set(state(photo).edit.keep);
    for (const { id } of persons) (stays ?? !keep.has(id)) ? keep.add(id) : keep.delete(id);
    edit(photo, { keep: [...keep] });
  }

  /** Ask for the hole of the present state; of several questions the last one is asked. */
  async function outline(photo) {
    const now = state(photo).edit;
    const wanted = JSON.stringify([now.segmenter, now.room, now.keep, now.too, now.strokes]);
    if (!photo.people.has(now.segmenter) || photo.holeOf === wanted || photo.asking) return;
    photo.asking = true;
    try {
      const { hole } = await say(photo.id, "hole", { edit: now });
      Object.assign(photo, { hole, holeOf: wanted, strokesInHole: now.strokes.length });
    } catch (error) {
      complain(error.message);
      photo.holeOf = wanted;
    }
    photo.asking = false;
    screen.changed(photo);
    outline(photo);
  }

  /* ---------------------------------------------------------------- on the photo */

  function tap(at) {
    if (screen.view !== "mark") return;
    const person = personAt(page.now, at);
    if (person) toggle([person]);
    else if (page.now.people.size) screen.offer(at);
  }
  function begin(at) {
    const radius = Number(byId("size").value) / 2 / screen.frame.shown;
    return { removes: chosen("tool") === "brush", radius: round(radius), points: at.map(round) };
  }
  function extend(stroke, at) {
    const [x, y] = at.map((share) => round(clamp(-0.2, share, 1.2)));
    const [lastX, lastY] = stroke.points.slice(-2);
    if (Math.hypot(x - lastX, y - lastY) < stroke.radius / 4) return false;
    stroke.points.push(x, y);
    return true;
  }
  function stroke(done) {
    const photo = page.now;
    const now = state(photo);
    if (screen.view !== "result") return edit(photo, { strokes: [...now.edit.strokes, done] });
    change(photo, { pending: [...now.pending, done], view: "result" });
    return screen.render();
  }
  /** The keyboard's brush: it stands on the photo and is moved by arrows; `paints` as it moves, or where it is. */
  function brush(dx, dy, paints) {
    const photo = page.now;
    const from = photo.cursor ?? screen.frame.middle;
    const by = Number(byId("size").value) / 2 / screen.frame.shown;
    const to = [clamp(0, from[0] + dx * by, 1), clamp(0, from[1] + (dy * by * photo.width) / photo.height, 1)];
    photo.cursor = to;
    if (paints) {
      const line = begin(from);
      if (dx || dy) extend(line, to);
      stroke(line);
    }
    screen.tip(to);
  }

  /* ---------------------------------------------------------------- remove, undo, download */

  async function remove(photo = page.now) {
    const now = state(photo);
    if (!photo.id || photo.wanted || !(marked(photo) || !photo.people.size)) return;
    if (result(photo) && !now.pending.length) return;
    const spot = now.pending.length ? { fill: now.edit.fill, strokes: now.pending } : null;
    const wanted = spot ? { ...now.edit, rounds: [...now.edit.rounds, spot] } : now.edit;
    photo.wanted = { edit: wanted, of: now.edit, tag: ++tags };
    photo.job ??= { state: "working", step: "filling", since: performance.now(), about: 4 };
    screen.changed(photo);
    try {
      await say(photo.id, "remove", { edit: wanted, tag: photo.wanted.tag });
    } catch (error) {
      photo.job = photo.wanted = null;
      complain(error.message);
      screen.changed(photo);
    }
  }
  /** The result is there; unless something was changed meanwhile it is shown. */
  function removed(photo, wanted) {
    const { of } = photo.wanted;
    const current = JSON.stringify(state(photo).edit) === JSON.stringify(of);
    const next = { edit: wanted, pending: [], removed: true, view: "result" };
    photo.wanted = null;
    photo.saved = false;
    if (!current) return comeAfter(photo, of, next);
    photo.notes = [];
    change(photo, next);
    if (photo === page.now) choose("view", "result");
  }

  function go(by) {
    const photo = page.now;
    if (!photo || !step(photo, by)) return;
    choose("view", state(photo).view);
    photo.notes = [];
    if (!photo.people.has(state(photo).edit.segmenter)) look(photo);
    outline(photo);
    screen.render();
  }
  /** Ask again for what the server may have said to nobody; it has what it computed. */
  function again() {
    for (const photo of page.photos.filter((one) => one.id)) {
      photo.jobs.clear();
      photo.job = photo.quiet = null;
      if (!photo.people.size) look(photo);
      if (photo.wanted) say(photo.id, "remove", { edit: photo.wanted.edit, tag: photo.wanted.tag }).catch((error) => complain(error.message));
      screen.changed(photo);
    }
  }
  const look = (photo) => say(photo.id, "people", { segmenter: state(photo).edit.segmenter }).catch((error) => complain(error.message));

  const save = ({ file, name }) => {
    const link = el("a", { href: fileAddress(file), download: name });
    document.body.append(link);
    link.click();
    link.remove();
  };
  async function download() {
    const photo = page.now;
    if (!photo || !result(photo) || !isAble(byId("download"))) return;
    try {
      const made = await say(photo.id, "file", { edit: state(photo).edit, scrub: byId("scrub").checked });
      photo.saved = true;
      photo.notes = made.notes;
      save(made);
    } catch (error) { complain(error.message); }
    screen.render();
  }
  async function downloadAll() {
    const items = page.photos.filter((photo) => result(photo)).map((photo) => ({ photo: photo.id, edit: state(photo).edit }));
    able(byId("zip"), false);
    try {
      save(await zip(items, byId("scrub").checked));
      for (const photo of page.photos) photo.saved = true;
    } catch (error) { complain(error.message); }
    able(byId("zip"), true);
    screen.render();
  }

  /* ---------------------------------------------------------------- wiring */

  const on = (id, name, handler) => byId(id).addEventListener(name, handler);
  const current = (handler) => (...args) => page.now && handler(page.now, ...args);
  on("undo", "click", () => go(-1));
  on("redo", "click", () => go(1));
  on("zoom-in", "click", () => screen.frame.by(1.5));
  on("zoom-out", "click", () => screen.frame.by(1 / 1.5));
  on("zoom-fit", "click", () => screen.frame.fit());
  on("everyone", "click", current((photo) => toggle(people(photo), false)));
  on("nobody", "click", current((photo) => toggle(people(photo), true)));
  on("go", "click", () => remove());
  on("download", "click", download);
  on("zip", "click", downloadAll);
  on("room", "input", current((photo) => edit(photo, { room: Number(byId("room").value) / 100 }, "room")));
  on("room", "change", current((photo) => { state(photo).merge = null; }));
  on("fill", "change", current((photo) => edit(photo, { fill: byId("fill").value })));
  on("segmenter", "change", current((photo) => {
    edit(photo, { segmenter: byId("segmenter").value });
    if (!photo.people.has(state(photo).edit.segmenter)) look(photo);
  }));
  on("against", "change", current((photo) => { photo.against = byId("against").value; screen.render(); }));
  on("too", "click", current((photo) => {
    const { too } = result(photo).verdict;
    edit(photo, { too: [...state(photo).edit.too, ...too] });
    remove(photo);
  }));
  on("same", "click", () => {
    const { room, fill, segmenter } = state(page.now).edit;
    const first = page.now;
    for (const photo of page.photos) photo.arrived.then(() => {
      if (!page.photos.includes(photo)) return;
      if (photo !== first) {
        edit(photo, { room, fill, segmenter, keep: [] });
        if (photo.people.size && !people(photo).length) return; // nobody is in it
      }
      remove(photo);
    });
  });
  on("cancel", "click", current((photo) => (photo.id ? say(photo.id, "cancel").catch((error) => complain(error.message)) : page.close(photo))));
  for (const part of document.querySelectorAll("details"))
    part.addEventListener("toggle", () => { if (part.open) part.scrollIntoView({ block: "nearest" }); });
  on("here", "click", () => {
    screen.offer(null);
    choose("tool", "brush");
    screen.render();
  });
  on("border", "input", () => screen.cut());
  for (const input of document.querySelectorAll("input[name=view]"))
    input.addEventListener("change", current((photo) => { state(photo).view = input.value; screen.render(); }));
  for (const input of document.querySelectorAll("input[name=tool]"))
    input.addEventListener("change", () => { if (page.now) page.now.cursor = null; screen.tip(null); screen.render(); });

  return { tap, begin, extend, stroke, brush, toggle, outline, remove, removed, again, go, download, goes };
}
