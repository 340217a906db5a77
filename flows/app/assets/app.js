/** The page: photos in, the server's messages, and what follows from them on the screen. */

import { byId, complain, complaint, el, several } from "./dom.js";
import { setUpActions } from "./actions.js";
import { setUpKeys } from "./keys.js";
import { byKey, forget, keepResult, newPhoto, people, result, state } from "./model.js";
import { makeScreen } from "./screen.js";
import { connect, drop, path, upload } from "./server.js";

/** Everything that the modules share. */
const page = {
  about: null, // what the server says first
  photos: [],
  now: null, // the photo on the stage
  add, choose, close, render: () => screen.render(),
};
const screen = makeScreen(page);
page.screen = screen;
const actions = setUpActions(page);
page.actions = actions;
setUpKeys(page);

/* ---------------------------------------------------------------- photos in */

function add(files) {
  const all = [...files];
  if (!page.about || !all.length) return;
  const photos = all.filter((file) => file.type.startsWith("image/") || page.about.endings.some((end) => file.name.toLowerCase().endsWith(end)));
  if (!photos.length) return complain(`${all[0].name}: this is no photo.`);
  complain(photos.length < all.length ? `${all.length - photos.length} of ${all.length} files are no photos and were left out.` : "");
  const { segmenters, fills, room } = page.about;
  let first = null;
  let before = Promise.resolve();
  for (const file of photos) {
    const photo = newPhoto(file.name || "pasted.png", file, { segmenter: segmenters[0].name, fill: fills[0].name, room });
    photo.job = { state: "working", step: "reading", since: performance.now(), about: 0.4 };
    page.photos.push(photo);
    first ??= photo;
    before = photo.arrived = before.then(() => send(photo)); // in their order: the first is the one that is looked at
  }
  choose(first);
}

async function send(photo) {
  const { file } = photo;
  const most = page.about.megabytes;
  try {
    if (file.size > most * 1e6) throw new Error(`${photo.name}: the page takes files of at most ${most} MB; use the command line.`);
    const said = await upload(file, photo.name, state(photo).edit.segmenter);
    photo.id = said.photo;
    if (!page.photos.includes(photo)) return void drop(photo.id).catch(() => {}); // it was closed meanwhile
    for (const message of early.splice(0)) hear(message);
  } catch (error) {
    if (!error.gone) return void refuse(photo, error.message);
    complain((trouble = error.message)); // it is sent when the server is back
    photo.job = null;
    screen.changed(photo);
  }
}

let trouble = ""; // the last sentence about a connection that is broken

/** The connection broke, and is there again: perhaps twice, so what else is said meanwhile stays. The server may have ended meanwhile: then it has none of the photos. */
function goOn({ forgotten }) {
  const results = page.photos.some((photo) => photo.results.size);
  if (forgotten) page.photos.forEach(forget);
  actions.again();
  for (const photo of page.photos.filter((one) => !one.id && !one.job)) {
    photo.job = { state: "working", step: "reading", since: performance.now(), about: 0.4 };
    photo.arrived = send(photo);
  }
  if (page.now) screen.open(page.now, true);
  if (forgotten && results) complain("The server was started again, and the photos are there again: press Remove again for their results.");
  else if (complaint() === trouble) complain("");
}

/** What is computed at present is lost. */
function lose(sentence) {
  complain((trouble = sentence));
  for (const photo of page.photos) {
    photo.jobs.clear();
    photo.job = photo.quiet = null;
  }
  screen.render();
}

/** A photo that cannot be worked on leaves the page, and its sentence stays. */
function refuse(photo, sentence) {
  complain(sentence, true);
  if (page.photos.includes(photo)) close(photo);
}

/** Later, for it may still be on its way to the screen. */
const release = (picture) => { if (picture.startsWith("blob:")) setTimeout(() => URL.revokeObjectURL(picture), 5000); };

function choose(photo) {
  page.now = photo;
  screen.open(photo);
}

function close(photo) {
  const at = page.photos.indexOf(photo);
  page.photos.splice(at, 1);
  if (photo.id) drop(photo.id).catch(() => {});
  release(photo.picture);
  if (page.now === photo) choose(page.photos[Math.min(at, page.photos.length - 1)] ?? null);
  else screen.render();
}

/* ---------------------------------------------------------------- what the server says */

const early = []; // messages about photos whose upload is not answered yet

function hear(message) {
  if (message.type === "hello") return greet(message);
  const photo = page.photos.find((one) => one.id === message.photo);
  if (!photo) return page.photos.some((one) => !one.id) && early.push(message);
  listeners[message.type]?.(photo, message);
  return screen.changed(photo);
}

const listeners = {
  opened(photo, { width, height }) {
    Object.assign(photo, { width, height });
    const old = photo.picture;
    photo.picture = photo.thumbnail = path(photo.id, "view");
    release(old);
    if (photo === page.now) screen.open(photo, true);
  },
  people(photo, { segmenter, thorough, people: found }) {
    photo.people.set(segmenter, { thorough, people: found });
    photo.holeOf = "";
    actions.outline(photo);
  },
  result(photo, { key, tag, notes }) {
    const wanted = photo.wanted;
    if (wanted?.tag !== tag) return;
    keepResult(photo, wanted.edit, key).notes = notes;
    actions.removed(photo, wanted.edit);
  },
  verdict(photo, { key, sentence, sure, boxes, too }) {
    const about = byKey(photo, key);
    if (about) about.verdict = { sentence, sure, boxes, too };
  },
  job(photo, message) {
    if (message.job === "picture") return; // sharper pictures come by themselves
    const last = photo.jobs.get(message.job);
    photo.jobs.delete(message.job);
    if (["waiting", "working"].includes(message.state)) {
      const same = last?.step === message.step && last?.state === message.state;
      photo.jobs.set(message.job, { ...message, since: same && !message.of ? last.since : performance.now() });
    }
    const order = [...photo.jobs.values()].sort((a, b) => (b.state === "working") - (a.state === "working"));
    photo.job = order.find((job) => !job.patient) ?? null;
    photo.quiet = order.find((job) => job.patient) ?? null;
    if (message.state === "failed") {
      if (message.job === "detect" && !photo.people.size) return refuse(photo, message.message);
      complain(message.message.startsWith(photo.name) ? message.message : `${photo.name}: ${message.message}`);
    }
    if (message.state === "cancelled" && message.job === "detect" && !photo.people.size) close(photo);
    if (["failed", "cancelled"].includes(message.state) && message.job === "remove") photo.wanted = null;
  },
};

function greet(message) {
  const before = page.about;
  page.about = message;
  if (before) {
    const same = ["segmenters", "fills"].every((what) => JSON.stringify(before[what]) === JSON.stringify(message[what]));
    return same ? goOn(message) : complain("person-removal app was started with other choices: load this page again, and drop the photos again.");
  }
  for (const [id, choices] of [["segmenter", message.segmenters], ["fill", message.fills]]) {
    byId(id).replaceChildren(...choices.map(({ name, label }) => el("option", { value: name, textContent: label })));
    byId(id).closest(".row").hidden = choices.length < 2;
  }
  byId("room").value = Math.round(100 * message.room);
  byId("ways").hidden = !message.ways.length;
  byId("ways").querySelector("summary").textContent = `${several(message.ways.length, "other is", "others are")} not on this machine yet`;
  byId("ways").querySelector("ul").replaceChildren(...message.ways.map(command));
  byId("takes").textContent = `Takes JPEG, PNG, WebP, TIFF, AVIF, GIF, BMP, JPEG 2000 and, where pillow-heif is installed, HEIC: up to ${message.photos} photos of ${message.megapixels} megapixels and ${message.megabytes} MB each. They come back as what they were, with their metadata.`;
  byId("file").accept = ["image/*", ...message.endings].join(",");
  byId("samples").hidden = !message.samples.length;
  document.querySelector(".samples").replaceChildren(...message.samples.map((name) => {
    const button = el("button", { type: "button", attr: { "aria-label": `Try the sample photo ${name}` } }, el("img", { src: `/samples/${name}`, alt: "" }));
    button.addEventListener("click", async () => add([new File([await (await fetch(`/samples/${name}`)).blob()], name, { type: "image/jpeg" })]));
    return button;
  }));
  document.body.classList.add("ready");
}

/** What is not here, and the command that brings it; without one, the sentence that says why. */
function command({ label, problem }) {
  const [, fetch] = problem.split(/(?=person-removal )/);
  return el("li", {}, label, el(fetch ? "code" : "small", { textContent: fetch ?? problem }));
}

/* ---------------------------------------------------------------- drop, paste, choose */

let over = 0;
const carriesFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
for (const [name, by] of [["dragenter", 1], ["dragleave", -1]]) {
  addEventListener(name, (event) => { if (carriesFiles(event)) byId("drop").hidden = (over += by) <= 0; });
}
addEventListener("dragover", (event) => event.preventDefault()); // a dropped link would leave the page, and the work
addEventListener("drop", (event) => {
  over = 0;
  byId("drop").hidden = true;
  event.preventDefault();
  const folder = [...(event.dataTransfer?.items ?? [])].map((item) => item.webkitGetAsEntry?.()).find((entry) => entry?.isDirectory);
  if (folder) complain(`${folder.name}: this is a folder. Open it, and drop the photos in it; for all of it use person-removal run.`);
  else if (event.dataTransfer?.files.length) add(event.dataTransfer.files);
  else complain("That is no file: save the photo first, then drop it here.");
});
addEventListener("paste", (event) => {
  if (!event.clipboardData?.files.length) return;
  event.preventDefault();
  add(event.clipboardData.files);
});
for (const id of ["choose", "add"]) byId(id).addEventListener("click", () => byId("file").click());
byId("file").addEventListener("change", (event) => { add(event.target.files); event.target.value = ""; });
byId("said").querySelector("button").addEventListener("click", () => complain(""));
byId("help").addEventListener("click", () => byId("about").showModal());
addEventListener("beforeunload", (event) => {
  if (page.photos.some((photo) => !photo.saved && result(photo))) event.preventDefault();
});

connect(hear, lose);
Object.assign(window, { personRemoval: { page, people, state } }); // for tests, and the curious
