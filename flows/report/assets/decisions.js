/**
 * What is decided of the photos, and which were looked at: kept in the browser under the run's id, on this machine
 * only. A decision is of one result; of a result that is gone it is dropped. `changed` is told of every change. photos:
 * those that are known of; more are told of by `add`. Of a photo's result the index knows the beginning.
 */
function makeDecisions(id, photos, changed) {
  const KEY = `person-removal:${id}`;
  const MARK = "person_removal_decisions";
  const byName = new Map();
  const mine = new Map(); // name -> decision; `withdraw` takes back what the run knows
  const looked = new Map(); // name -> the result that was looked at
  const past = []; // what to put back: lists of [name, decision or undefined]
  let kept = true; // whether the browser keeps it

  const same = (a, b) => JSON.stringify(plain(a)) === JSON.stringify(plain(b));
  function plain(said) {
    if (!said || said.decision === "withdraw") return null;
    const { decision, reject_as = "original", settings = {}, note = "" } = said;
    return [decision, decision === "reject" ? reject_as : "", settings, note];
  }

  /** Whether it is what the run has done already. */
  const follows = (said, photo) => !photo.outdated && same(said, photo.decided);

  const isOf = (result, photo) => (photo.result ? Boolean(result?.startsWith(photo.result)) : (result ?? null) === null);

  function load() {
    try {
      // Whether it may be written, under a name of its own: another tab may be writing the decisions just now.
      localStorage.setItem(`${KEY}:writable`, "");
      localStorage.removeItem(`${KEY}:writable`);
      return JSON.parse(localStorage.getItem(KEY) ?? "{}");
    } catch {
      kept = false;
      return {};
    }
  }
  function save() {
    try {
      const whole = (unread, own) => Object.fromEntries([...unread, ...own]);
      localStorage.setItem(KEY, JSON.stringify({ mine: whole(unread.mine, mine), looked: whole(unread.looked, looked) }));
    } catch { // full, or forbidden meanwhile
      kept = false;
    }
  }

  /** A decision as the page can show it, or null: who wrote a file by hand may have written anything. */
  function understood(said) {
    const isTree = (one) => typeof one === "object" && one !== null && !Array.isArray(one);
    const isText = (one) => one === undefined || typeof one === "string";
    if (!isTree(said) || !["approve", "reject", "redo", "withdraw"].includes(said.decision)) return null;
    const clean = Object.fromEntries(Object.entries(said).filter(([, value]) => value !== null)); // left open
    const { settings = {}, reject_as = "original", note, result, photo } = clean;
    if (!isTree(settings) || !Object.values(settings).every(isTree) || ![note, result, photo].every(isText)) return null;
    if (!["original", "leave-out"].includes(reject_as)) return null;
    const { keep = [] } = settings.refine ?? {};
    const isPerson = (one) => Number.isInteger(one) || (Array.isArray(one) && one.length === 4);
    return typeof keep === "string" || (Array.isArray(keep) && keep.every(isPerson)) ? clean : null;
  }

  let dropped = 0;
  const stored = load();
  // What the browser keeps of photos that have not been read yet.
  const unread = { mine: new Map(Object.entries(stored.mine ?? {})), looked: new Map(Object.entries(stored.looked ?? {})) };

  /** Take photos in. all: whether these were the last, so that what is left is of photos that are gone. */
  function add(more, all) {
    for (const photo of more) {
      const { name } = photo;
      byName.set(name, photo);
      const said = understood(unread.mine.get(name));
      if (said && !follows(said, photo)) {
        if (isOf(said.result, photo)) mine.set(name, said);
        else dropped += 1;
      }
      if (unread.looked.has(name) && isOf(unread.looked.get(name), photo)) looked.set(name, unread.looked.get(name));
      unread.mine.delete(name);
      unread.looked.delete(name);
    }
    if (all) [unread.mine, unread.looked].forEach((one) => one.clear());
  }

  const get = (photo) => {
    const said = mine.get(photo.name) ?? (photo.outdated ? null : photo.decided);
    return said?.decision === "withdraw" ? null : said ?? null;
  };
  const put = (name, said) => {
    if (said) mine.set(name, said);
    else mine.delete(name);
  };
  const done = () => { save(); changed(); };
  const remember = (names) => past.push(names.map((name) => [name, mine.get(name)]));
  const about = (photo) => ({ result: photo.result ?? undefined, photo: photo.original ?? undefined });

  return {
    get,
    add,
    dropped: () => dropped,
    isKept: () => kept,
    unsaved: () => mine.size + unread.mine.size,
    /** Decide of a photo; null takes the decision back. `typing`: goes on with the change before, as one to undo. */
    set(photo, said, { typing = false } = {}) {
      if (!typing) remember([photo.name]);
      const whole = said ? { ...said, ...about(photo) } : photo.decided ? { decision: "withdraw", ...about(photo) } : null;
      put(photo.name, whole && follows(whole, photo) ? null : whole);
      done();
    },
    /** Undo the last change; the photos that it was about, or null. */
    undo() {
      const last = past.pop();
      if (!last) return null;
      for (const [name, said] of last) put(name, said);
      done();
      return last.map(([name]) => byName.get(name));
    },
    canUndo: () => past.length > 0,
    look(photo) {
      if (looked.has(photo.name)) return;
      looked.set(photo.name, photo.result);
      done();
    },
    isLooked: (photo) => looked.has(photo.name) || get(photo) !== null,

    /** All decisions as `person-removal run --decisions` takes them, and how many say too little to be followed. */
    file() {
      const out = {};
      let empty = 0;
      for (const photo of photos) {
        const said = mine.get(photo.name) ?? photo.decided;
        if (said?.decision === "redo" && !Object.keys(said.settings ?? {}).length) empty += 1;
        else if (said) out[photo.name] = said;
      }
      for (const [name, written] of unread.mine) { // of a part that cannot be read
        const said = understood(written);
        if (said) out[name] = said;
      }
      return { text: `${JSON.stringify({ [MARK]: 1, photos: out }, null, 1)}\n`, count: Object.keys(out).length, empty };
    },
    /** Take the decisions of such a file; a sentence on what was taken. */
    take(text) {
      let tree;
      try {
        tree = JSON.parse(text);
      } catch {
        return "This file is not JSON: nothing was taken.";
      }
      if (tree?.[MARK] !== 1 || typeof tree.photos !== "object" || !tree.photos) {
        return "This file holds no decisions: nothing was taken.";
      }
      const all = Object.entries(tree.photos).map(([name, said]) => [name, understood(said)]);
      const known = all.filter(([name, said]) => byName.has(name) && said);
      const current = known.filter(([name, said]) => !said.result || said.result === byName.get(name).result
        || follows(said, byName.get(name)));
      remember(current.map(([name]) => name));
      for (const [name, said] of current) {
        const photo = byName.get(name);
        put(name, follows(said, photo) ? null : { ...said, ...about(photo) });
      }
      done();
      const strange = all.length - known.length;
      const old = known.length - current.length;
      return [
        `${several(current.length, "decision", "decisions")} taken`,
        strange ? `${strange} not understood, or of photos that are not here` : "",
        old ? `${old} of other results, not taken` : "",
      ].filter(Boolean).join("; ") + ".";
    },
  };
}
