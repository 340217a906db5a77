{
  const all = []; // those that were read, in the order worst first
  const states = data("states");
  const page = data("page");
  const bar = byId("bar");
  const names = new Intl.Collator(undefined, { numeric: true });

  const surest = (photo) => Math.max(0, ...photo.found.filter((f) => !f.like).map((f) => f.score));
  // A photo of which nothing is known comes last, whatever the order.
  const measure = (name) => (a, b) => (b.quality?.[name] ?? -1) - (a.quality?.[name] ?? -1);
  const orders = {
    worst: null,
    found: (a, b) => surest(b) - surest(a) || b.left - a.left,
    seam: measure("seam"),
    rim: measure("ring_delta_e"),
    invented: measure("invented"),
    name: (a, b) => names.compare(a.name, b.name),
    share: (a, b) => b.share - a.share,
    people: (a, b) => b.people - a.people,
  };
  const measured = { seam: "seam", rim: "ring_delta_e", invented: "invented" };
  for (const [order, name] of Object.entries(measured)) {
    if (!page.measured.includes(name)) bar.querySelector(`option[value=${order}]`).remove();
  }
  let matching = []; // of those that were read, in the order that is asked for
  let from = 0; // of those, where the list on the page begins
  let shown = []; // `page.part` of them at the most

  const decisions = makeDecisions(page.id, all, () => changed());
  const parts = makeParts(page.parts, take);
  function take(photos) {
    for (const photo of photos) {
      photo.needle = photo.name.toLowerCase();
      all.push(photo);
    }
    decisions.add(photos, all.length === page.total);
  }
  take(data("photos"));
  const undo = () => {
    const photos = decisions.undo();
    if (!photos) return say("There is nothing to undo.");
    photos.forEach(redrawn);
    viewer.refresh();
    return say(photos.length === 1 ? `${photos[0].name}: undone.` : `${photos.length} decisions undone.`);
  };
  const print = makePrint({ photos: () => shown, states, decisions });
  const toggle = (name) => () => { bar.elements[name].click(); };
  const keys = { h: toggle("holes"), p: toggle("people"), f: toggle("found"), z: undo, "?": () => help.showModal() };
  const help = byId("help");
  const viewer = makeViewer({
    photos: () => shown, states, page, decisions, keys, closed: (at) => { grid.show(shown); grid.reveal(at); },
  });
  const grid = makeGrid(byId("grid"), { card, lines: (photo) => (remark(photo) ? 3 : 2) });

  /** What a card says besides its figures: the reason, or who is left. */
  function remark(photo) {
    if (!photo.thumbnails.before && !photo.thumbnails.after) return null; // the reason stands in the picture's place
    return photo.reason ?? (photo.found.length || photo.left ? verdict(photo) : null);
  }

  function card(photo, index) {
    const open = () => viewer.open(index);
    const facts = photo.people
      ? `${several(photo.people, "person", "people")}, ${percent(photo.share)} of the photo`
      : null;
    const reason = remark(photo);
    const cut = photo.name.lastIndexOf("/") + 1;
    const said = decisions.get(photo);
    const word = decided(said);
    const node = el("article", { className: `card ${photo.state}` },
      stage(photo, { onPress: open }),
      el("div", { className: "caption" },
        el("button", { type: "button", className: "name", title: photo.name, onclick: open },
          cut ? el("span", { className: "folder", textContent: photo.name.slice(0, cut) }) : null,
          el("span", { className: "file", textContent: photo.name.slice(cut) })),
        word ? el("span", { className: `said ${said.decision}`, textContent: word }) : null,
        el("p", { className: "facts" },
          el("span", { className: `badge ${photo.state}`, textContent: states[photo.state][0] }),
          facts ? ` ${facts}` : null),
        reason ? el("p", { className: "reason", textContent: reason, title: reason }) : null));
    if (decisions.isLooked(photo)) node.classList.add("looked");
    node.dataset.id = photo.id;
    node.dataset.index = index;
    return node;
  }

  function redrawn(photo) {
    const index = shown.indexOf(photo);
    if (index >= 0) grid.refresh(index);
  }

  /** Something was decided or looked at. */
  function changed() {
    const photo = viewer?.isOpen() ? null : shown[Number(document.activeElement?.closest(".card")?.dataset.index)];
    if (photo) redrawn(photo);
    figures();
  }

  function figures() {
    const looked = shown.filter(decisions.isLooked).length;
    byId("looked").textContent = shown.length
      ? `${looked.toLocaleString("en")} of ${shown.length.toLocaleString("en")} looked at` : "";
    byId("bar-looked").value = shown.length ? looked / shown.length : 0;
    const counts = { approve: 0, reject: 0, redo: 0 };
    for (const one of all) {
      const said = decisions.get(one);
      if (said) counts[said.decision] += 1;
    }
    const part = all.length < page.total ? ` (of the ${all.length.toLocaleString("en")} photos read so far)` : "";
    const told = Object.entries({ approve: "approved", reject: "rejected", redo: "to be redone" })
      .filter(([word]) => counts[word]).map(([word, text]) => `${counts[word].toLocaleString("en")} ${text}`).join(", ");
    byId("decided").textContent = told && told + part;
    byId("export").disabled = decisions.file().count === 0;
    byId("undo").disabled = !decisions.canUndo();
    byId("memory").hidden = decisions.isKept();
    byId("dropped").hidden = decisions.dropped() === 0;
    byId("dropped").textContent = `${several(decisions.dropped(), "decision was", "decisions were")} about results that are`
      + " no more: look at those photos again.";
  }

  const wanted = {
    "": () => true,
    none: (photo) => !decisions.get(photo),
    unseen: (photo) => !decisions.isLooked(photo),
    approve: (photo) => decisions.get(photo)?.decision === "approve",
    reject: (photo) => decisions.get(photo)?.decision === "reject",
    redo: (photo) => decisions.get(photo)?.decision === "redo",
  };

  /** Choose what is shown, of the photos that were read. */
  function choose() {
    const state = bar.elements.state.value;
    const fits = wanted[bar.elements.decision.value];
    const words = bar.elements.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    matching = all.filter((photo) =>
      (!state || photo.state === state) && fits(photo) && words.every((word) => photo.needle.includes(word)));
    const order = orders[bar.elements.sort.value];
    if (order) matching.sort(order);
    shown = matching.slice(from, from + page.part);
  }

  /** How many photos match, also of those that were not read; null where only reading tells. */
  function expected() {
    const { state, decision, search } = bar.elements;
    if (all.length === page.total || parts.isDone()) return matching.length;
    if (decision.value || search.value.trim()) return null;
    return state.value ? page.counts[state.value] : page.total;
  }

  /** Whether what was read is enough for what is to be shown. */
  function isEnough() {
    if (all.length === page.total || parts.isDone()) return true;
    const many = orders[bar.elements.sort.value] ? null : expected();
    return many !== null && matching.length >= Math.min(many, from + page.part);
  }

  function draw() {
    grid.show(shown);
    byId("none").hidden = shown.length > 0 || all.length === 0 || !isEnough();
    tell();
    figures();
  }

  /** Which photos of how many are in the list. */
  function tell() {
    const number = (value) => value.toLocaleString("en");
    const total = several(page.total, "photo", "photos");
    const whole = isEnough();
    const many = whole ? expected() : 0;
    const paged = many > page.part;
    const match = many === page.total ? total : `${number(many)} that match, of ${total}`;
    byId("count").textContent = !whole ? `Reading: ${number(all.length)} of ${total} …`
      : paged ? `Photos ${number(from + 1)} to ${number(from + shown.length)} of ${match}`
        : many === page.total ? "" : `Showing ${number(many)} of ${total}`;
    byId("pages").hidden = !paged;
    byId("earlier").disabled = from === 0;
    byId("later").disabled = from + shown.length >= many;
    byId("missing").hidden = !parts.isBroken();
  }

  let asked = 0;
  /** Show what the bar asks for, from the first photo or another one; true once it stands, false where another wish
   * came meanwhile. */
  async function update(first = 0) {
    const mine = asked += 1;
    from = first;
    choose();
    if (isEnough()) {
      draw();
      return true;
    }
    grid.show([]);
    while (!isEnough()) {
      tell();
      await parts.next();
      if (mine !== asked) return false;
      choose();
    }
    draw();
    return true;
  }

  async function turn(step) {
    if (await update(from + step * page.part)) {
      byId("bar").scrollIntoView();
      grid.reveal(0);
    }
  }

  /** Read every part, for what is about all photos. */
  async function readAll() {
    while (all.length < page.total && !parts.isDone()) {
      say(`Reading: ${all.length.toLocaleString("en")} of ${several(page.total, "photo", "photos")} …`);
      await parts.next();
    }
  }

  function overlays() {
    for (const [name, mark] of [["holes", "holes"], ["people", "who"], ["found", "boxes"]]) {
      const { checked } = bar.elements[name];
      document.body.classList.toggle(mark, checked);
      document.querySelector(`[data-toggle=${name}]`).setAttribute("aria-pressed", checked);
    }
  }

  async function save() {
    await readAll();
    figures();
    const { text, count, empty } = decisions.file();
    const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    el("a", { href: url, download: "decisions.json" }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
    say(`${several(count, "decision", "decisions")} in decisions.json: give it to person-removal run IN OUT --decisions.`
      + (empty ? ` ${several(empty, "redo says", "redos say")} nothing of what to change and is left out.` : ""));
  }

  for (const button of document.querySelectorAll("[data-toggle]")) {
    button.addEventListener("click", toggle(button.dataset.toggle));
  }
  bar.addEventListener("submit", (event) => event.preventDefault());
  bar.addEventListener("input", (event) => {
    if (event.target.type === "checkbox") overlays();
    else update();
  });
  byId("clear").addEventListener("click", () => {
    bar.elements.state.value = "";
    bar.elements.decision.value = "";
    bar.elements.search.value = "";
    update();
    bar.elements.search.focus();
  });
  byId("earlier").addEventListener("click", () => turn(-1));
  byId("later").addEventListener("click", () => turn(1));
  byId("print").addEventListener("click", print);
  byId("undo").addEventListener("click", undo);
  byId("export").addEventListener("click", save);
  byId("import").addEventListener("click", () => byId("file").click());
  byId("file").addEventListener("change", async ({ target }) => {
    const [file] = target.files;
    if (!file) return;
    await readAll();
    say(decisions.take(await file.text()));
    target.value = "";
    update();
  });
  byId("show-help").addEventListener("click", () => help.showModal());
  byId("help-too").addEventListener("click", () => help.showModal());
  addEventListener("beforeunload", (event) => {
    if (!decisions.isKept() && decisions.unsaved()) event.preventDefault();
  });
  document.addEventListener("keydown", (event) => {
    if (!isCommand(event) || document.querySelector("dialog[open]")) return;
    const key = keyOf(event);
    const index = event.target.closest(".card")?.dataset.index;
    if (key === "/") {
      event.preventDefault();
      bar.elements.search.focus();
    } else if (["a", "r", "d"].includes(key) && index !== undefined) {
      quick(shown[index], { a: "approve", r: "reject", d: "redo" }[key]);
    } else if (keys[key]) {
      event.preventDefault();
      keys[key]();
    }
  });

  /** Decide from the list; a redo wants to be told of, so it opens the photo. */
  function quick(photo, word) {
    if (!photo.result || word === "redo") viewer.open(shown.indexOf(photo));
    else toggleWord(decisions, photo, word);
  }

  overlays();
  update();
}
