/** Settings of a photo: what can be told by a control, and the rest as `section.field=value`; a field of a method's own is
 * `section.method.field`. */
const SETTING = /^(segment|refine|inpaint)\.([a-z_]+(?:\.[a-z_]+)?)\s*=\s*(.+)$/;

function settingsOf({ dilate, fill, keep, others }) {
  const tree = {};
  const set = (section, name, value) => {
    const names = name.split("."), last = names.pop();
    names.reduce((fields, part) => (fields[part] ??= {}), tree[section] ??= {})[last] = value;
  };
  if (dilate !== null) set("refine", "dilate", dilate);
  if (fill) set("inpaint", "fill", fill);
  if (keep !== undefined) set("refine", "keep", keep);
  for (const line of others.split(/[\n;]+/).map((text) => text.trim()).filter(Boolean)) {
    const [, section, name, text] = line.match(SETTING) ?? [];
    if (!section) return null;
    let value = text;
    try { value = JSON.parse(text); } catch { /* a word */ }
    set(section, name, value);
  }
  return tree;
}

/** [`patchmatch.seed`, 2], ... of nested values. */
function leaves(fields, prefix = "") {
  return Object.entries(fields).flatMap(([name, value]) =>
    (value && typeof value === "object" && !Array.isArray(value) ? leaves(value, `${prefix}${name}.`) : [[prefix + name, value]]));
}

function partsOf(settings = {}) {
  const { refine: { dilate = null, keep, ...refine } = {}, inpaint: { fill = "", ...inpaint } = {}, segment = {} } = settings;
  const rest = Object.entries({ segment, refine, inpaint }).flatMap(([section, fields]) =>
    leaves(fields).map(([name, value]) => `${section}.${name}=${JSON.stringify(value)}`));
  return { dilate, fill, keep, others: rest.join("; ") };
}

/** Numbers of the people that are kept: as the photo was made, or as a decision has it. */
function keptPeople(photo, said) {
  const keep = said?.settings?.refine?.keep;
  if (!Array.isArray(keep)) return new Set(photo.persons.flatMap((person, index) => (person.stays ? [index] : [])));
  return new Set(keep.flatMap((item) => (typeof item === "number" ? (photo.persons[item] ? [item] : [])
    : photo.persons.flatMap(({ bbox }, index) => (bbox.every((v, at) => Math.abs(v - item[at]) < 2) ? [index] : [])))));
}

/** Decide of a photo and say so; the same word again takes it back. A note stays. start: settings of a first redo. */
function toggleWord(decisions, photo, word, start) {
  const now = decisions.get(photo);
  if (now?.decision === word) {
    decisions.set(photo, null);
    say(`${photo.name}: decision taken back.`);
    return;
  }
  const note = now?.note ? { note: now.note } : {};
  const settings = word === "redo" ? now?.settings ?? photo.settings ?? start : photo.settings;
  decisions.set(photo, { decision: word, ...note, ...(settings ? { settings } : {}) });
  say(`${photo.name}: ${WORDS[word].toLowerCase()}. ${hasKeys ? "Undo with Z." : "Tap it again to take it back."}`);
}

/** The controls with which a photo is decided on. `redraw` is called when the picture has to show something else. */
function makeDecide(panel, decisions, page, redraw) {
  let photo = null;
  const buttons = Object.fromEntries([...panel.querySelectorAll("[data-decide]")].map((b) => [b.dataset.decide, b]));
  const form = panel.querySelector("form");
  const fields = form.elements;
  const said = () => decisions.get(photo);
  const can = (word) => (word === "redo" ? Boolean(photo.result) || photo.state === "failed" : Boolean(photo.result));

  function decide(word) {
    if (!can(word)) {
      say("There is no result of this photo to decide on.");
      return;
    }
    toggleWord(decisions, photo, word, { refine: { dilate: Math.min(1, Math.round((page.dilate || 0.03) * 200) / 100) } });
    show(photo);
  }

  function redo(change, typing) {
    const parts = { ...partsOf(said()?.settings), ...change };
    const settings = settingsOf(parts);
    fields.others.setAttribute("aria-invalid", settings === null);
    byId("others-wrong").hidden = settings !== null;
    if (settings === null) return;
    decisions.set(photo, { ...said(), decision: "redo", settings }, { typing });
    byId("redo-empty").hidden = Object.keys(settings).length > 0;
  }

  /** Mark or unmark somebody to be kept: the photo is to be redone with them in it. */
  function toggleKeep(index) {
    const now = said()?.decision === "redo" ? said() : null;
    const kept = keptPeople(photo, now);
    if (!kept.delete(index)) kept.add(index);
    const keep = [...kept].sort((a, b) => a - b).map((one) => photo.persons[one].bbox);
    const before = now?.settings ?? photo.settings ?? {};
    const settings = { ...before, refine: { ...before.refine, keep } };
    decisions.set(photo, { ...(now ?? {}), decision: "redo", settings, ...(said()?.note ? { note: said().note } : {}) });
    say(kept.has(index) ? `Person ${index + 1} is to be kept.` : `Person ${index + 1} is to be removed.`);
    show(photo);
    redraw();
  }

  function show(next) {
    photo = next;
    const now = said();
    for (const [word, button] of Object.entries(buttons)) {
      button.setAttribute("aria-pressed", now?.decision === word);
      button.disabled = !can(word);
    }
    byId("reject-as").hidden = now?.decision !== "reject";
    byId("redo-with").hidden = now?.decision !== "redo";
    const parts = partsOf(now?.settings);
    fields.reject_as.value = now?.reject_as ?? "original";
    fields.dilate.value = parts.dilate ?? "";
    fields.fill.value = parts.fill;
    if (document.activeElement !== fields.others) fields.others.value = parts.others;
    if (document.activeElement !== fields.note) fields.note.value = now?.note ?? "";
    fields.note.disabled = !now;
    byId("others-wrong").hidden = true;
    byId("redo-empty").hidden = now?.decision !== "redo" || Object.keys(now.settings ?? {}).length > 0;
    const kept = keptPeople(photo, now?.decision === "redo" ? now : null);
    byId("kept").textContent = photo.persons.length
      ? `${kept.size} of ${several(photo.persons.length, "person", "people")} kept. ${hasKeys ? "Show the people (P) and press" : "Tap People, then"} those who are to stay.` : "";
    byId("outdated").hidden = !photo.outdated;
  }

  for (const [word, button] of Object.entries(buttons)) button.addEventListener("click", () => decide(word));
  form.addEventListener("submit", (event) => event.preventDefault());
  const typed = new Set(["dilate", "others", "note"]);
  let last = null; // the field that is being typed in: its letters are one change
  form.addEventListener("focusout", () => { last = null; });
  form.addEventListener("input", ({ target }) => {
    const typing = typed.has(target.name) && last === target.name;
    last = target.name;
    if (target.name === "reject_as") decisions.set(photo, { ...said(), reject_as: target.value });
    else if (target.name === "note") decisions.set(photo, { ...said(), note: target.value }, { typing });
    else if (target.name === "dilate") redo({ dilate: target.value === "" ? null : Number(target.value) }, typing);
    else if (target.name === "fill") redo({ fill: target.value }, typing);
    else if (target.name === "others") redo({ others: target.value }, typing);
  });
  return { show, decide, toggleKeep, note: () => { if (!fields.note.disabled) fields.note.focus(); },
    kept: () => keptPeople(photo, said()?.decision === "redo" ? said() : null) };
}
