/** The list of people as pictures, and the strip of photos. */

import { byId, el, icon, several } from "./dom.js";
import { goes, people, result } from "./model.js";

const SIDE = 104; // pixels of a thumbnail: twice what it takes on the screen

/** picture: the photo as loaded <img>, or null. toggle(person), point(person | null) when it is pointed at. */
export function drawPeople(photo, picture, toggle, point) {
  const all = people(photo);
  const known = photo.people.has(photo.history[photo.at].edit.segmenter);
  const box = byId("people");
  box.hidden = !known;
  const [shown, folded] = [all.filter((one) => !one.folded), all.filter((one) => one.folded)];
  const focused = document.activeElement?.dataset?.of;
  fill(box.querySelector(".list"), shown);
  const more = box.querySelector(".folded");
  more.hidden = !folded.length;
  more.querySelector("summary").textContent = several(folded.length, "tiny or uncertain find", "tiny or uncertain finds");
  fill(more.querySelector(".list"), folded);
  box.querySelector("h2").textContent = all.length ? several(all.length, "person", "people") : "Nobody was found";
  for (const id of ["everyone", "nobody"]) byId(id).hidden = all.length < 2;
  if (focused) box.querySelector(`[data-of="${focused}"]`)?.focus();

  function fill(list, some) {
    list.replaceChildren(...some.map((person) => {
      const gone = goes(photo, person);
      const input = el("input", { type: "checkbox", checked: gone, attr: { "data-of": person.id, "aria-label": `Person ${person.number} goes: ${person.name}` } });
      input.addEventListener("change", () => toggle(person));
      for (const [name, value] of [["focus", person], ["blur", null]]) input.addEventListener(name, () => point(value));
      const label = el("label", { className: `person ${gone ? "goes" : "stays"}`, title: `${person.name}: ${gone ? "goes" : "stays"}` },
        input, thumbnail(person, picture), el("span", { className: "number", textContent: person.number }),
        el("span", { className: "fate", textContent: gone ? "goes" : "stays" }));
      label.addEventListener("pointerenter", () => point(person));
      label.addEventListener("pointerleave", () => point(null));
      return label;
    }));
  }
}

function thumbnail(person, picture) {
  const canvas = el("canvas", { width: SIDE, height: SIDE, attr: { "aria-hidden": "true" } });
  if (!picture?.naturalWidth) return canvas;
  const [x, y, width, height] = person.box;
  // The upper part of somebody tall says who it is.
  const side = Math.max(20, Math.min(height, Math.max(width, height * 0.5)) * 1.12);
  const [left, top] = [x + width / 2 - side / 2, y - side * 0.06];
  const context = canvas.getContext("2d");
  const draw = () => context.drawImage(picture, left, top, side, side, 0, 0, SIDE, SIDE);
  context.globalAlpha = 0.3; // what is around them is faint
  draw();
  context.globalAlpha = 1;
  const scale = SIDE / side;
  const outline = new Path2D();
  outline.addPath(new Path2D(person.outline), new DOMMatrix([scale, 0, 0, scale, -left * scale, -top * scale]));
  context.clip(outline);
  draw();
  return canvas;
}

/** photos: all. chosen: the one on the stage. */
export function drawStrip(photos, chosen, choose, drop) {
  const strip = byId("strip");
  strip.hidden = photos.length < 2;
  const focused = document.activeElement?.dataset?.photo;
  strip.replaceChildren(...photos.map((photo) => {
    const mark = photo.problem ? "problem" : photo.job ? "busy" : result(photo) ? "done" : "";
    const says = { problem: photo.problem, busy: "at work", done: "done", "": "" }[mark];
    const open = el("button", { type: "button", className: "open", title: photo.name, attr: { "data-photo": photo.here, "aria-current": photo === chosen ? "true" : null, "aria-label": `${photo.name}${says ? `, ${says}` : ""}` } },
      el("img", { src: photo.thumbnail || photo.picture, alt: "", draggable: false }));
    open.addEventListener("click", () => choose(photo));
    const close = el("button", { type: "button", className: "icon round close", title: "Take this photo off the page", attr: { "aria-label": `Close ${photo.name}` } }, icon("close"));
    close.addEventListener("click", () => drop(photo));
    return el("div", { className: `photo ${mark}` }, open, close);
  }));
  if (focused) strip.querySelector(`[data-photo="${focused}"]`)?.focus();
}
