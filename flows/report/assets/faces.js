{
  const photos = data("data");
  const bar = byId("bar");
  const dialog = byId("who");
  const form = dialog.querySelector("form");
  const everyone = photos.flatMap((photo) => photo.persons);
  const words = { stays: (one) => one.name, unsure: (one) => (one.name ? `${one.name}?` : "?"), leaves: () => "leaves" };
  let asked = null; // the person that the dialog is about, and how to draw the photo anew
  let unsaved = false;

  const isDoubtful = (photo) => photo.persons.some((person) => person.word === "unsure");
  const names = () => [...new Set(everyone.filter((one) => one.marked && one.word === "stays").map((one) => one.name))].sort();

  /** A photo with its people; the smaller ones lie over the larger ones. */
  function card(photo) {
    const stage = el("div", { className: "stage" }, el("img", { alt: `Photo ${photo.name}`, src: photo.picture }));
    stage.style.setProperty("--ratio", photo.ratio);
    const layer = el("div", { className: "overlay people" });
    stage.append(layer);
    const area = ({ box }) => box[2] * box[3];
    const draw = () => layer.replaceChildren(...photo.persons.map((_, index) => index)
      .sort((a, b) => area(photo.persons[b]) - area(photo.persons[a])).map((index) => button(photo, index, draw)));
    draw();
    return el("article", {}, stage, el("h3", { textContent: photo.name }));
  }

  function button(photo, index, draw) {
    const person = photo.persons[index];
    const text = person.word ? words[person.word](person) : String(index + 1);
    const said = person.word ? { stays: `${text} stays`, unsure: "doubtful", leaves: "leaves" }[person.word] : "not marked";
    const node = el("button", {
      type: "button", className: `person ${person.word ?? ""}`, textContent: "",
      attr: { "aria-label": `Person ${index + 1} of ${photo.name}: ${said}`, "aria-pressed": person.word === "stays" },
      onclick: () => ask(person, () => {
        draw();
        layerOf(photo)?.querySelector(`[data-person="${index}"]`)?.focus({ preventScroll: true });
      }),
    }, el("span", { className: "number", textContent: text }));
    node.dataset.person = index;
    const [left, top, width, height] = person.box.map((share) => `${share * 100}%`);
    Object.assign(node.style, { left, top, width, height });
    return node;
  }
  const layerOf = (photo) => byId("photos").querySelectorAll(".people")[shown.indexOf(photo)];

  function ask(person, draw) {
    asked = { person, draw };
    byId("names").replaceChildren(...names().map((name) =>
      el("button", { type: "button", className: "plain", textContent: name, onclick: () => settle("stays", name) })));
    form.elements.name.value = person.word === "leaves" ? "" : person.name ?? "";
    dialog.showModal();
    (byId("names").firstChild ?? form.elements.name).focus();
  }

  /** What was said of the person that was asked about. */
  function settle(word, name) {
    const { person, draw } = asked;
    Object.assign(person, word === "open" ? { word: null, name: null, marked: false } : { word, name, marked: true });
    unsaved = true;
    dialog.close();
    draw();
    figures();
  }

  let shown = [];
  function show() {
    shown = bar.elements.which.value ? photos.filter(isDoubtful) : photos;
    byId("photos").replaceChildren(...shown.map(card));
    byId("none").hidden = shown.length > 0;
  }

  function figures() {
    const count = (word) => everyone.filter((one) => one.word === word).length;
    byId("all").textContent = photos.length.toLocaleString("en");
    byId("doubtful").textContent = photos.filter(isDoubtful).length.toLocaleString("en");
    byId("told").textContent = `${several(everyone.length, "person", "people")}: ${count("stays")} stay, ${count("leaves")} leave, `
      + `${count("unsure")} doubtful`;
    const unseen = names().filter((name) => !everyone.some((one) => one.marked && one.name === name && one.face));
    byId("faceless").hidden = unseen.length === 0;
    byId("faceless").textContent = `${unseen.join(", ")}: mark one more place, where the face is seen, or they cannot be found.`;
    byId("export").disabled = names().length === 0;
  }

  function save() {
    const place = (photo, person) => ({ photo: photo.name, box: person.bbox });
    const marks = photos.flatMap((photo) => photo.persons.filter((one) => one.marked).map((person) => [person, place(photo, person)]));
    const people = Object.fromEntries(names().map((name) =>
      [name, marks.filter(([one]) => one.word === "stays" && one.name === name).map(([, at]) => at)]));
    const leave = marks.filter(([one]) => one.word === "leaves").map(([, at]) => at);
    const tree = { person_removal_marks: 1, people, ...(leave.length ? { leave } : {}) };
    const url = URL.createObjectURL(new Blob([`${JSON.stringify(tree, null, 1)}\n`], { type: "application/json" }));
    el("a", { href: url, download: "marks.json" }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
    unsaved = false;
    say("marks.json is written: give it to person-removal family IN OUT --marks marks.json --keep keep.json.");
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const word = event.submitter?.value ?? "stays";
    const name = form.elements.name.value.trim();
    if (word === "stays" && !name) form.elements.name.focus();
    else settle(word, word === "stays" ? name : null);
  });
  byId("cancel").addEventListener("click", () => dialog.close());
  bar.addEventListener("submit", (event) => event.preventDefault());
  bar.addEventListener("input", show);
  byId("export").addEventListener("click", save);
  addEventListener("beforeunload", (event) => { if (unsaved) event.preventDefault(); });
  show();
  figures();
}
