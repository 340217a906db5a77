/** A photo on the page: what is known of it, and the states that its controls went through. */

let counter = 0;

/** A state: what the result follows from (`edit`), strokes on the result that are not filled yet (`pending`), whether
 * the result was asked for (`removed`), and what was shown. */
export function newPhoto(name, file, defaults) {
  return {
    here: ++counter, // names the photo before the server does
    name, file, width: 0, height: 0, problem: null, notes: [],
    ...unknown(file),
    history: [{ edit: { ...defaults, keep: [], too: [], strokes: [], rounds: [] }, pending: [], removed: false, view: "mark" }],
    at: 0, saved: true,
  };
}

/** What follows from the photo alone, and from what the server knows of it. */
const unknown = (file) => ({
  id: null, picture: URL.createObjectURL(file), full: new Map(), wanted: null, asking: false,
  people: new Map(), // segmenter -> {thorough, people}
  hole: "", holeOf: "", strokesInHole: 0, jobs: new Map(), job: null, quiet: null,
  results: new Map(), // edit as text -> {key, number, fill, notes, verdict}
});

/** The server has lost the photo. What was said of it stays. */
export const forget = (photo) => Object.assign(photo, unknown(photo.file));

export const state = (photo) => photo.history[photo.at];
const text = (edit) => JSON.stringify(edit);

/** Go on from the present state; what was undone is gone. Steps of one drag of a slider are one (`merge`). */
export function change(photo, next, merge = null) {
  const now = state(photo);
  const made = { ...now, ...next, edit: { ...now.edit, ...next.edit }, merge };
  if (merge && now.merge === merge && photo.at === photo.history.length - 1) photo.history[photo.at] = made;
  else {
    photo.history = [...photo.history.slice(0, photo.at + 1), made].slice(-200);
    photo.at = photo.history.length - 1;
  }
}

/** The result of an edit that was left meanwhile by undo: it comes after that state, for redo. */
export function comeAfter(photo, edit, next) {
  const at = photo.history.findLastIndex((one) => text(one.edit) === text(edit));
  if (at >= 0) photo.history = [...photo.history.slice(0, at + 1), { ...photo.history[at], ...next }];
}

export function step(photo, by) {
  const to = photo.at + by;
  if (to < 0 || to >= photo.history.length) return false;
  photo.at = to;
  return true;
}

/** The people whom the present state speaks of: found by its segmenter, and the late ones that go too. */
export function people(photo) {
  const { edit } = state(photo);
  const found = photo.people.get(edit.segmenter)?.people ?? [];
  return found.filter((person) => !person.late || edit.too.includes(person.id));
}

export const goes = (photo, person) => !state(photo).edit.keep.includes(person.id);

/** The result of the present state, if it was asked for and is there. */
export function result(photo) {
  const now = state(photo);
  return (now.removed && photo.results.get(text(now.edit))) || null;
}

export const hasResult = (photo, edit) => photo.results.get(text(edit));
export function keepResult(photo, edit, key) {
  const fill = edit.rounds.at(-1)?.fill ?? edit.fill;
  const known = photo.results.get(text(edit));
  photo.results.set(text(edit), known ?? { key, number: photo.results.size + 1, fill, notes: [], verdict: null });
  return photo.results.get(text(edit));
}
export const byKey = (photo, key) => [...photo.results.values()].find((one) => one.key === key);

/** Whether anything is marked that can be removed. */
export const marked = (photo) => {
  const { edit, pending } = state(photo);
  return pending.length > 0 || edit.strokes.some((stroke) => stroke.removes) || people(photo).some((person) => goes(photo, person));
};
