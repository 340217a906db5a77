/** What kind of find it is: the class of its outline, and its words. */
function kindOf({ where, like }) {
  if (like) return ["like", `may only look like a person (${like})`];
  if (where === "hole") return ["inside", "in what was filled in"];
  return where === "elsewhere" ? ["elsewhere", "elsewhere in the photo"] : ["inside", "in the result"];
}

/** Outlines over a photo. boxes: [left, top, width, height] in shares of its sides, with the class of each. */
function outlines(name, boxes, ratio) {
  const rect = (className, [left, top, width, height]) => svg("rect", {
    class: className, x: left * ratio, y: top, width: width * ratio, height, rx: 0.008,
  });
  return svg("svg", { class: `overlay ${name}`, viewBox: `0 0 ${ratio} 1`, "aria-hidden": "true" },
    ...boxes.flatMap(([box, kind]) => [rect("under", box), rect(`over ${kind}`, box)]));
}

const foundOutlines = (photo, ratio) =>
  outlines("found", photo.found.map((found) => [found.box, kindOf(found)[0]]), ratio);
const personOutlines = (photo, ratio) =>
  outlines("persons", photo.persons.map((person) => [person.box, person.stays ? "stays" : "left"]), ratio);

/** The people of a photo as buttons over it, each of which marks somebody who is to be kept. */
function personButtons(photo, kept, toggle) {
  const area = ({ box }) => box[2] * box[3];
  const order = photo.persons.map((_, index) => index).sort((a, b) => area(photo.persons[b]) - area(photo.persons[a]));
  const buttons = order.map((index) => { // the smaller ones lie over the larger ones
    const [left, top, width, height] = photo.persons[index].box.map((share) => `${share * 100}%`);
    const stays = kept.has(index);
    const button = el("button", {
      type: "button", className: "person", onclick: () => toggle(index),
      attr: { "aria-pressed": stays, "aria-label": `Keep person ${index + 1} of ${photo.persons.length}` },
    }, el("span", { textContent: stays ? "Keep" : String(index + 1) }));
    button.dataset.person = index;
    Object.assign(button.style, { left, top, width, height });
    return button;
  });
  return el("div", { className: "overlay people" }, ...buttons);
}
