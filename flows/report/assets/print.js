/**
 * The list on paper, four photos a page: before and after side by side, state, reason, decision and note. It exists while
 * something is printed only. `photos()` are those of the list, `whole(photos)` reads what is not known of them yet. Pictures are lazy, because Chromium loads these, and
 * waits for them, before it prints; where a browser does not, the button waits for them itself.
 */
function makePrint({ photos, whole, states, decisions }) {
  const sheet = byId("sheet");

  function picture(photo, kind, label) {
    const src = photo.thumbnails[kind];
    if (!src) return null;
    const box = el("div", { className: "frame" },
      el("img", { alt: "", loading: "lazy", attr: { src } }),
      kind === "after" && photo.found.length ? foundOutlines(photo, ratioOf(photo)) : null);
    box.style.setProperty("--ratio", ratioOf(photo));
    return el("figure", {}, box, el("figcaption", { textContent: label }));
  }

  function one(photo) {
    const said = decisions.get(photo);
    const [label] = states[photo.state];
    const pictures = [picture(photo, "before", "Before"), picture(photo, "after", "After")].filter(Boolean);
    const facts = [
      photo.people ? `${several(photo.people, "person", "people")}, ${percent(photo.share)} of the photo` : null,
      photo.reason ?? (photo.found.length || photo.left ? verdict(photo) : null),
    ].filter(Boolean);
    return el("article", {},
      el("div", { className: "pictures" }, ...pictures.length ? pictures : [el("p", { textContent: "No picture." })]),
      el("p", {}, el("b", { textContent: photo.name }), " ",
        el("span", { className: `badge ${photo.state}`, textContent: label }), ` ${facts.join(". ")}`),
      el("p", {}, el("b", { textContent: decided(said) ?? "Undecided" }), said?.note ? `: ${said.note}` : ""));
  }

  let closed = []; // what is opened for the paper alone
  const build = () => {
    if (sheet.childElementCount) return;
    const known = photos().filter(isWhole); // the browser's own command does not wait for the others
    closed = [...document.querySelectorAll("details:not([open])")];
    byId("printed").textContent = byId("count").textContent || several(photos().length, "photo", "photos");
    if (known.length < photos().length) byId("printed").textContent += `: ${known.length} of them here, press Print on the page for all`;
    sheet.replaceChildren(...known.map(one));
    for (const part of closed) part.open = true;
  };
  addEventListener("beforeprint", build);
  addEventListener("afterprint", () => {
    sheet.replaceChildren();
    for (const part of closed) part.open = false;
  });

  return async () => {
    await whole(photos());
    build();
    for (const image of sheet.querySelectorAll("img")) image.loading = "eager";
    await Promise.allSettled([...sheet.querySelectorAll("img")].map((image) => image.decode()));
    print();
  };
}
