const WORDS = { approve: "Approved", reject: "Rejected", redo: "To be redone" };

/** What was decided, in a few words; null where nothing was. */
function decided(said) {
  if (!said) return null;
  if (said.decision === "reject" && said.reject_as === "leave-out") return "Rejected, left out";
  return WORDS[said.decision];
}

/** What the verifier said, as one sentence; null where there was none to make. */
function verdict(photo) {
  if (!photo.looked) return null;
  const looked = photo.looked === "none" ? [] : [
    photo.found.length
      ? `${photo.looked} sees ${several(photo.found.length, "person", "people")} (${photo.found.map((f) => percent(f.score)).join(", ")})`
      : `${photo.looked} sees nobody`,
  ];
  if (photo.left) looked.push(`${several(photo.left, "known person is", "known people are")} outside the hole`);
  return looked.join("; ") || "no verifier";
}

/** The text beside the large picture. */
function describe(photo, states) {
  const [label, meaning] = states[photo.state];
  const quality = photo.quality ?? {};
  const pairs = [
    ["People", photo.people ? photo.people.toLocaleString("en") : null],
    ["Hole", photo.share ? `${percent(photo.share)} of the photo` : null],
    ["Verification", verdict(photo)],
    ["Seam", quality.seam === undefined ? null : `${quality.seam.toFixed(1)} grey levels`],
    ["Colour at the rim", quality.ring_delta_e === undefined ? null : `ΔE ${quality.ring_delta_e.toFixed(1)}`],
    ["Looks made up", quality.invented ? `${percent(quality.invented)} of the fill` : null],
    ["Photo", [photo.size?.join(" × "), photo.format].filter(Boolean).join(" · ") || null],
  ];
  const finds = photo.found.map((found) => {
    const [kind, words] = kindOf(found);
    return el("li", {}, el("i", { className: `swatch ${kind}`, attr: { "aria-hidden": "true" } }),
      `${percent(found.score)}, ${words}`);
  });
  const links = [["Open result", photo.output], ["Open mask", photo.mask]];
  return [
    el("p", { className: `badge ${photo.state}`, textContent: label }),
    el("h2", { id: "viewer-name", textContent: photo.name }),
    el("p", { className: "reason", textContent: photo.reason ?? `${meaning[0].toUpperCase()}${meaning.slice(1)}.` }),
    el("dl", {}, ...pairs.filter(([, value]) => value).flatMap(([name, value]) => [
      el("dt", { textContent: name }), el("dd", { textContent: value }),
    ])),
    finds.length ? el("ul", { className: "finds" }, ...finds) : null,
    photo.notes.length ? el("ul", { className: "notes" }, ...photo.notes.map((note) => el("li", { textContent: note }))) : null,
    el("p", { className: "links" }, ...links.filter(([, href]) => href).map(([text, href]) =>
      el("a", { href, textContent: text, target: "_blank", rel: "noopener" }))),
  ].filter(Boolean);
}
