/**
 * The photos beyond the first part: each further part is a page beside this one. A page from disk may not fetch, but it
 * may frame another, which hands its photos over as text. They are read one after the other, so that what has been read
 * is always the beginning of the list, worst first. `add(photos)` takes a part in.
 */
function makeParts(links, add) {
  const PATIENCE = 4_000; // milliseconds after a frame has loaded: then it was some other page, or an error's
  const left = [...links];
  let reading = null;
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

  async function read() {
    try {
      add(JSON.parse(await framed(left[0])));
      left.shift();
    } catch {
      broken = true;
    }
    reading = null;
  }
  return {
    /** Whether no more can be had. */
    isDone: () => broken || left.length === 0,
    isBroken: () => broken,
    /** Read the next part, or wait for the one that is being read. */
    next: () => (reading ??= read()),
  };
}
