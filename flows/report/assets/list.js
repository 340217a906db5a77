{
  const CHUNK = 96; // cards built at a time: the first screen stands at once, whatever the collection's size

  const all = JSON.parse(document.getElementById("photos").textContent); // in the order worst first
  const states = JSON.parse(document.getElementById("states").textContent);
  const bar = document.getElementById("bar");
  const grid = document.getElementById("grid");
  const more = document.getElementById("more");
  const names = new Intl.Collator(undefined, { numeric: true });
  all.forEach((photo) => { photo.needle = photo.name.toLowerCase(); });

  const orders = {
    worst: null,
    name: (a, b) => names.compare(a.name, b.name),
    share: (a, b) => b.share - a.share,
    people: (a, b) => b.people - a.people,
    seconds: (a, b) => (b.seconds ?? 0) - (a.seconds ?? 0),
  };
  let shown = [];
  let built = 0;

  const viewer = makeViewer({
    photos: () => shown,
    states,
    toggleHoles: () => { bar.elements.holes.click(); },
  });

  function card(photo, index) {
    const open = () => viewer.open(index);
    const facts = photo.people
      ? `${several(photo.people, "person", "people")}, ${percent(photo.share)} of the photo`
      : null;
    // Someone who is left is worth more room than what went well.
    const second = photo.scores.length || photo.left ? verdict(photo) : null;
    const pictured = photo.thumbnails.before ?? photo.thumbnails.after; // else the reason stands in its place
    const reason = pictured ? photo.reason ?? second : null;
    const cut = photo.name.lastIndexOf("/") + 1;
    const node = el("article", { className: `card ${photo.state}` },
      stage(photo, { onPress: open }),
      el("div", { className: "caption" },
        el("button", { type: "button", className: "name", title: photo.name, onclick: open },
          cut ? el("span", { className: "folder", textContent: photo.name.slice(0, cut) }) : null,
          el("span", { className: "file", textContent: photo.name.slice(cut) })),
        el("span", { className: `badge ${photo.state}`, textContent: states[photo.state][0] }),
        facts ? el("p", { className: "facts", textContent: facts }) : null,
        reason ? el("p", { className: "reason", textContent: reason, title: reason }) : null));
    node.dataset.id = photo.id;
    node.style.setProperty("--ratio", node.firstChild.style.getPropertyValue("--ratio"));
    return node;
  }

  function build() {
    if (built >= shown.length) return;
    const next = shown.slice(built, built + CHUNK);
    grid.append(...next.map((photo, at) => card(photo, built + at)));
    built += next.length;
  }

  function update() {
    const state = bar.elements.state.value;
    const words = bar.elements.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    shown = all.filter((photo) =>
      (!state || photo.state === state) && words.every((word) => photo.needle.includes(word)));
    const order = orders[bar.elements.sort.value];
    if (order) shown.sort(order);
    built = 0;
    grid.replaceChildren();
    build();
    document.getElementById("none").hidden = shown.length > 0 || all.length === 0;
    document.getElementById("count").textContent = shown.length === all.length
      ? "" : `Showing ${shown.length.toLocaleString("en")} of ${several(all.length, "photo", "photos")}`;
    watch();
  }

  function overlays() {
    document.body.classList.toggle("holes", bar.elements.holes.checked);
    document.body.classList.toggle("boxes", bar.elements.found.checked);
  }

  // An observer reports changes only: it is put back after every chunk, so that a tall screen fills up.
  const observer = new IntersectionObserver((entries) => {
    // Several entries come when the end of the list was left and reached again between two frames.
    if (!entries.at(-1).isIntersecting || built >= shown.length) return;
    build();
    watch();
  }, { rootMargin: "1200px" });
  function watch() {
    observer.unobserve(more);
    observer.observe(more);
  }

  bar.addEventListener("submit", (event) => event.preventDefault());
  bar.addEventListener("input", (event) => {
    if (event.target.type === "checkbox") overlays();
    else update();
  });
  document.getElementById("clear").addEventListener("click", () => {
    bar.elements.state.value = "";
    bar.elements.search.value = "";
    update();
    bar.elements.search.focus();
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.target.matches("input[type=search], select")) return;
    if (event.key === "/") { event.preventDefault(); bar.elements.search.focus(); }
    if (event.key.toLowerCase() === "h") bar.elements.holes.click();
  });
  overlays();
  update();
}
