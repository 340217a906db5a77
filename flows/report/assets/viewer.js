/** The large view: a modal dialog over the list that is shown. `photos()` is that list, in its order. */
function makeViewer({ photos, states, toggleHoles }) {
  const dialog = document.getElementById("viewer");
  const area = document.getElementById("area");
  const facts = document.getElementById("facts");
  const buttons = Object.fromEntries(
    ["previous", "next", "close"].map((id) => [id, document.getElementById(id)]),
  );
  let index = 0;

  const range = () => area.querySelector("input[type=range]");
  const slide = (value) => {
    const input = range();
    if (!input) return;
    input.value = value;
    input.dispatchEvent(new Event("input"));
  };

  function show(at) {
    const list = photos();
    index = Math.max(0, Math.min(list.length - 1, at));
    const photo = list[index];
    area.replaceChildren(stage(photo, { large: true }));
    facts.replaceChildren(...describe(photo, states));
    document.getElementById("position").textContent =
      `${(index + 1).toLocaleString("en")} of ${list.length.toLocaleString("en")}`;
    buttons.previous.disabled = index === 0;
    buttons.next.disabled = index === list.length - 1;
    (range() ?? buttons.close).focus({ preventScroll: true });
    for (const neighbour of [list[index + 1], list[index - 1]]) {
      for (const src of Object.values(neighbour?.thumbnails ?? {})) new Image().src = src;
    }
  }

  const keys = {
    ArrowUp: () => show(index - 1),
    PageUp: () => show(index - 1),
    ArrowDown: () => show(index + 1),
    PageDown: () => show(index + 1),
    ArrowLeft: () => slide(Number(range()?.value) - 2),
    ArrowRight: () => slide(Number(range()?.value) + 2),
    " ": () => slide(Number(range()?.value) > 50 ? 0 : 100),
    h: toggleHoles,
  };
  dialog.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const onButton = event.target.closest("button, a");
    const action = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action || (event.key === " " && onButton)) return;
    event.preventDefault();
    action();
  });
  buttons.previous.addEventListener("click", () => show(index - 1));
  buttons.next.addEventListener("click", () => show(index + 1));
  buttons.close.addEventListener("click", () => dialog.close());
  area.addEventListener("click", (event) => event.target === area && dialog.close());

  return {
    /** Open at a photo of the list; closing gives the focus back to where it was. */
    open(at) {
      dialog.showModal();
      show(at);
    },
  };
}

const percent = (share) => (share > 0 && share < 0.01 ? "under 1\u00a0%" : `${Math.round(share * 100)}\u00a0%`);
const several = (count, one, more) => `${count.toLocaleString("en")} ${count === 1 ? one : more}`;

/** What the second look said, as one sentence; null where there was none to make. */
function verdict(photo) {
  if (!photo.looked) return null;
  const looked = photo.looked === "none" ? [] : [
    photo.scores.length
      ? `${photo.looked} sees ${several(photo.scores.length, "person", "people")} (${photo.scores.map(percent).join(", ")})`
      : `${photo.looked} sees nobody`,
  ];
  if (photo.left) looked.push(`${several(photo.left, "known person is", "known people are")} outside the hole`);
  return looked.join("; ") || "no segmenter looked again";
}

/** The text beside the large picture. */
function describe(photo, states) {
  const [label, meaning] = states[photo.state];
  const pairs = [
    ["People", photo.people ? photo.people.toLocaleString("en") : null],
    ["Hole", photo.share ? `${percent(photo.share)} of the photo` : null],
    ["Second look", verdict(photo)],
    ["Photo", [photo.size?.join(" × "), photo.format].filter(Boolean).join(" · ") || null],
    ["Time", photo.cached ? "from cache" : photo.seconds ? `${photo.seconds.toFixed(1)} s` : null],
  ];
  const links = [["Open result", photo.output], ["Open mask", photo.mask]];
  return [
    el("p", { className: `badge ${photo.state}`, textContent: label }),
    el("h2", { id: "viewer-name", textContent: photo.name }),
    el("p", { className: "reason", textContent: photo.reason ?? `${meaning[0].toUpperCase()}${meaning.slice(1)}.` }),
    el("dl", {}, ...pairs.filter(([, value]) => value).flatMap(([name, value]) => [
      el("dt", { textContent: name }), el("dd", { textContent: value }),
    ])),
    ...(photo.notes.length ? [el("ul", { className: "notes" }, ...photo.notes.map((note) => el("li", { textContent: note })))] : []),
    el("p", { className: "links" }, ...links.filter(([, href]) => href).map(([text, href]) =>
      el("a", { href, textContent: text, target: "_blank", rel: "noopener" }))),
  ];
}
