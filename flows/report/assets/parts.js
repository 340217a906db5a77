/** Whether more is known of a photo than the index says. */
const isWhole = (photo) => Boolean(photo.thumbnails);

/**
 * The photos beyond the first part: each further part is a page beside this one, and so is the index, which knows of
 * every photo what a search, an order, a filter and decisions ask for. A page from disk may not fetch, but it may frame
 * another, which hands its data over as text.
 */
function makeParts(page, states) {
  const PATIENCE = 4_000; // milliseconds after a frame has loaded: then it was some other page, or an error's
  const LOST = { thumbnails: {}, reason: "A part of this report cannot be read", notes: [], found: [], persons: [], result: null, remarked: false };
  const photos = []; // by their place, worst first; null for those of the page itself
  const filling = []; // by the number of the part, a promise
  let reading = null; // the index, a promise
  let broken = false;

  const framed = (link) => new Promise((resolve, reject) => {
    const frame = el("iframe", { hidden: true, title: "More photos", attr: { sandbox: "allow-scripts" } });
    const end = (settle) => (value) => {
      removeEventListener("message", hear);
      frame.remove();
      settle(value);
    };
    function hear({ source, data: text }) {
      if (source === frame.contentWindow) end(resolve)(text);
    }
    addEventListener("message", hear);
    frame.addEventListener("load", () => setTimeout(end(reject), PATIENCE));
    frame.src = link;
    document.body.append(frame);
  });

  /** What a page beside this one holds; null where it cannot be read. */
  const read = (link) => framed(link).then(JSON.parse).catch(() => { broken = true; return null; });

  /** Make the photos of a part whole; where it cannot be read they say so. */
  async function fill(number) {
    const rows = await read(page.parts[number]);
    const from = (number + 1) * page.part;
    photos.slice(from, from + page.part).forEach((one, at) => Object.assign(one, rows?.[at] ?? LOST));
  }

  const names = Object.keys(states);
  const brief = (columns, at) => ({
    part: Math.floor(at / page.part) - 1,
    name: columns.name[at],
    state: names[columns.state[at]],
    people: columns.people[at],
    share: columns.share[at],
    surest: columns.surest[at],
    left: columns.left[at],
    size: columns.size[at],
    remarked: columns.remarked[at],
    quality: Object.fromEntries(Object.entries(columns.quality).map(([name, figures]) => [name, figures[at] ?? -1])),
    result: columns.result[at],
    decided: columns.decided[at] ?? null,
    outdated: Boolean(columns.outdated[at]),
  });

  return {
    isBroken: () => broken,
    /** What the index knows of the photos beyond the first part; empty where it cannot be read, and the second time. */
    async index() {
      if (!page.index || photos.length) return [];
      const columns = await (reading ??= read(page.index));
      if (!columns || photos.length) return [];
      for (let at = 0; at < page.total; at += 1) photos.push(at < page.part ? null : brief(columns, at));
      return photos.slice(page.part);
    },
    /** Read the part that a photo is in. */
    fill: (photo) => (filling[photo.part] ??= fill(photo.part)),
  };
}
