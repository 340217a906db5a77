{
  const all = []; // those that are known of, in the order worst first
  const states = data("states");
  const page = data("page");
  const bar = byId("bar");
  const names = new Intl.Collator(undefined, { numeric: true });

  // A photo of which nothing is known comes last, whatever the order.
  const measure = (name) => (a, b) => (b.quality?.[name] ?? -1) - (a.quality?.[name] ?? -1);
  const orders = {
    worst: null,
    found: (a, b) => b.surest - a.surest || b.left - a.left,
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
  let matching = []; // of those that are known of, in the order that is asked for
  let from = 0; // of those, where the list on the page begins
  let shown = []; // `page.part` of them at the most

  const decisions = makeDecisions(page.id, all, () => changed());
  const parts = makeParts(page, states);
  function take(photos) {
    for (const photo of photos) {
      photo.needle = photo.name.toLowerCase();
      all.push(photo);
    }
    if (photos.length) decisions.add(photos, all.length === page.total);
  }
  take(data("photos"));
  const undo = () => {
    const photos = decisions.undo();
    if (!photos) return say("There is nothing to undo.");
    photos.forEach(redrawn);
    viewer.refresh();
    return say(photos.length === 1 ? `${photos[0].name}: undone.` : `${photos.length} decisions undone.`);
  };
  const print = makePrint({ photos: () => shown, whole, states, decisions });
  const toggle = (name) => () => { bar.elements[name].click(); };
  const keys = { h: toggle("holes"), p: toggle("people"), f: toggle("found"), z: undo, "?": () => help.showModal() };
  const help = byId("help");
  const viewer = makeViewer({
    photos: () => shown, whole, states, page, decisions, keys, closed: (at) => { grid.show(shown); grid.reveal(at); },
  });
  const grid = makeGrid(byId("grid"), { card, lines: (photo) => (photo.remarked ? 3 : 2) });

  /** What a card says besides its figures: the reason, or who is left. */
  const remark = (photo) => (photo.remarked ? photo.reason ?? verdict(photo) : null);

  let refreshing = 0;
  /** A card of which only the index is known: its place, its name, and its part is on the way. */
  function coming(photo) {
    whole([photo]).then(() => {
      refreshing ||= requestAnimationFrame(() => { refreshing = 0; grid.refreshAll(); });
    });
    return el("article", { className: `card ${photo.state}` }, el("div", { className: "stage" }),
      el("div", { className: "caption" }, el("span", { className: "name", title: photo.name, textContent: photo.name })));
  }

  function card(photo, index) {
    if (!isWhole(photo)) return coming(photo);
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
    const part = all.length < page.total ? ` (of the first ${all.length.toLocaleString("en")} photos)` : "";
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

  /** Choose what is shown, of the photos that are known of. */
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

  /** Whether the index is needed to know what is to be shown. */
  function isEnough() {
    if (all.length === page.total) return true;
    const { state, decision, search, sort } = bar.elements;
    if (orders[sort.value] || decision.value || search.value.trim()) return false;
    return matching.length >= Math.min(state.value ? page.counts[state.value] : page.total, from + page.part);
  }

  function draw() {
    grid.show(shown);
    byId("none").hidden = shown.length > 0 || all.length === 0;
    tell();
    figures();
  }

  /** Which photos of how many are in the list. */
  function tell() {
    const number = (value) => value.toLocaleString("en");
    const total = several(page.total, "photo", "photos");
    const { state, decision, search } = bar.elements;
    const known = all.length === page.total || parts.isBroken() || decision.value || search.value.trim();
    const many = known ? matching.length : state.value ? page.counts[state.value] : page.total;
    const paged = many > page.part;
    const match = many === page.total ? total : `${number(many)} that match, of ${total}`;
    byId("count").textContent = paged ? `Photos ${number(from + 1)} to ${number(from + shown.length)} of ${match}`
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
    if (!isEnough()) {
      grid.show([]);
      byId("count").textContent = `Reading the names of ${several(page.total, "photo", "photos")} …`;
      take(await parts.index());
      if (mine !== asked) return false;
      choose();
    }
    draw();
    return true;
  }

  async function turn(step) {
    if (!await update(from + step * page.part)) return;
    await whole(shown.slice(0, 1));
    grid.refreshAll();
    byId("bar").scrollIntoView();
    grid.reveal(0);
  }

  /** Read the parts of photos of which only the index is known. */
  async function whole(photos) {
    for (const photo of photos) {
      if (!isWhole(photo)) await parts.fill(photo);
    }
    byId("missing").hidden = !parts.isBroken();
  }

  function overlays() {
    for (const [name, mark] of [["holes", "holes"], ["people", "who"], ["found", "boxes"]]) {
      const { checked } = bar.elements[name];
      document.body.classList.toggle(mark, checked);
      document.querySelector(`[data-toggle=${name}]`).setAttribute("aria-pressed", checked);
    }
  }

  async function save() {
    take(await parts.index());
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
    take(await parts.index());
    say("Reading …");
    await whole(all);
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
    if (!isWhole(photo)) return;
    if (!photo.result || word === "redo") viewer.open(shown.indexOf(photo));
    else toggleWord(decisions, photo, word);
  }

  overlays();
  update();
}
