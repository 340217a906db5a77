/** The large view: a modal dialog over the list that is shown. `photos()` is that list, in its order; `whole(photos)` reads
 * what is not known of them yet. */
function makeViewer({ photos, whole, states, page, decisions, closed, keys }) {
  const dialog = byId("viewer");
  const area = byId("area");
  const facts = byId("facts");
  const buttons = Object.fromEntries(
    ["previous", "next", "close", "zoom-in", "zoom-out", "zoom-fit", "zoom-real"].map((id) => [id, byId(id)]),
  );
  let index = 0;
  let zoom = null;
  const decide = makeDecide(byId("decide"), decisions, page, () => people());

  const photo = () => photos()[index];
  const range = () => area.querySelector("input[type=range]");
  const slide = (value) => {
    const input = range();
    if (!input) return;
    input.value = value;
    input.dispatchEvent(new Event("input"));
  };

  /** The people as buttons, in place of those that were there. */
  function people() {
    const box = area.firstChild;
    const focused = document.activeElement?.dataset?.person;
    box.querySelector(".people")?.remove();
    if (!photo().persons.length) return;
    const layer = personButtons(photo(), decide.kept(), decide.toggleKeep);
    box.append(layer);
    if (focused !== undefined) layer.querySelector(`[data-person="${focused}"]`)?.focus({ preventScroll: true });
  }

  function zoomed(box, scale, real) {
    byId("scale").textContent = scale === 1 ? "Fit" : percent(real);
    const small = box.querySelector("img.before, img.after");
    if (small.naturalWidth && box.clientWidth * scale > small.naturalWidth * 1.1) sharpen(box, photo(), page);
  }

  let wanted = 0;
  async function show(at) {
    const list = photos();
    index = clamp(0, at, list.length - 1);
    const mine = wanted += 1;
    if (!isWhole(photo())) {
      area.replaceChildren();
      byId("decide").inert = true; // it is about the photo before
      await whole([photo()]);
      if (mine !== wanted) return;
      byId("decide").inert = false;
    }
    const box = stage(photo(), { large: true });
    area.replaceChildren(box);
    const pictured = !box.classList.contains("blank");
    zoom = pictured ? makeZoom(box, photo(), (scale, real) => zoomed(box, scale, real)) : null;
    for (const name of ["zoom-in", "zoom-out", "zoom-fit", "zoom-real"]) buttons[name].disabled = !zoom;
    byId("scale").textContent = "Fit";
    facts.replaceChildren(...describe(photo(), states));
    decide.show(photo());
    people();
    byId("position").textContent = `${(index + 1).toLocaleString("en")} of ${list.length.toLocaleString("en")}`;
    buttons.previous.disabled = index === 0;
    buttons.next.disabled = index === list.length - 1;
    (range() ?? buttons.close).focus({ preventScroll: true });
    decisions.look(photo());
    for (const neighbour of [list[index + 1], list[index - 1]]) {
      for (const src of Object.values(neighbour?.thumbnails ?? {})) new Image().src = src;
    }
  }

  /** The next photo that nobody looked at; from the end it goes on at the beginning. */
  function unseen() {
    const list = photos();
    const order = [...list.keys()].map((step) => (index + 1 + step) % list.length);
    const next = order.find((at) => !decisions.isLooked(list[at]));
    if (next === undefined) say("You have looked at every photo of this list.");
    else show(next);
  }

  const actions = {
    ArrowUp: () => show(index - 1),
    PageUp: () => show(index - 1),
    ArrowDown: () => show(index + 1),
    PageDown: () => show(index + 1),
    Home: () => show(0),
    End: () => show(photos().length - 1),
    ArrowLeft: () => slide(Number(range()?.value) - 2),
    ArrowRight: () => slide(Number(range()?.value) + 2),
    " ": () => slide(Number(range()?.value) > 50 ? 0 : 100),
    n: unseen,
    a: () => isWhole(photo()) && decide.decide("approve"),
    r: () => isWhole(photo()) && decide.decide("reject"),
    d: () => isWhole(photo()) && decide.decide("redo"),
    e: () => isWhole(photo()) && decide.note(),
    "+": () => zoom?.by(1.4),
    "=": () => zoom?.by(1.4),
    "-": () => zoom?.by(1 / 1.4),
    0: () => zoom?.fit(),
    1: () => zoom?.real(),
    ...keys,
  };
  const pans = { ArrowUp: [0, 1], ArrowDown: [0, -1], ArrowLeft: [1, 0], ArrowRight: [-1, 0] };
  dialog.addEventListener("keydown", (event) => {
    if (!isCommand(event)) {
      if (event.key === "Escape") { // leaves the field, not the photo
        event.preventDefault();
        event.target.blur();
        (range() ?? buttons.close).focus();
      }
      return;
    }
    const on = event.target;
    if (event.key === " " && on.closest("button, a, input[type=radio], input[type=checkbox]")) return;
    if (event.key.startsWith("Arrow") && on.matches("input[type=radio]")) return;
    const key = keyOf(event);
    const action = event.shiftKey && pans[key] ? () => zoom?.pan(...pans[key]) : actions[key];
    if (!action) return;
    event.preventDefault();
    action();
  });
  buttons.previous.addEventListener("click", () => show(index - 1));
  buttons.next.addEventListener("click", () => show(index + 1));
  buttons.close.addEventListener("click", () => dialog.close());
  buttons["zoom-in"].addEventListener("click", actions["+"]);
  buttons["zoom-out"].addEventListener("click", actions["-"]);
  buttons["zoom-fit"].addEventListener("click", actions[0]);
  buttons["zoom-real"].addEventListener("click", actions[1]);
  area.addEventListener("click", (event) => event.target === area && dialog.close());
  dialog.addEventListener("close", () => {
    document.body.append(byId("said"));
    closed(index);
  });

  return {
    /** Open at a photo of the list; when it is closed, `closed` is told where in the list that was. */
    open(at) {
      dialog.showModal();
      dialog.append(byId("said")); // what lies outside a modal dialog is neither seen nor heard
      show(at);
    },
    /** Something was decided elsewhere. */
    refresh() {
      if (!dialog.open || !isWhole(photo())) return;
      decide.show(photo());
      people();
    },
    isOpen: () => dialog.open,
  };
}
