/** What the page asks of its server, and the connection that says that this tab is there. */

const key = location.pathname.split("/").at(-1);
let tab = "";

/** Keep a connection open; `on` is told every message, `gone` that the server is not there any more. */
export function connect(on, gone) {
  let tries = 0;
  const open = () => {
    const address = new URL("/live", location.href);
    address.protocol = "ws:";
    address.search = new URLSearchParams({ key, tab });
    const socket = new WebSocket(address);
    socket.addEventListener("message", ({ data }) => {
      const message = JSON.parse(data);
      tries = 0;
      if (message.type === "hello") {
        const other = tab && message.tab !== tab; // the server has forgotten this tab
        tab = message.tab;
        if (other) gone("This page was forgotten meanwhile: load it again, and drop the photos again.");
      }
      on(message);
    });
    socket.addEventListener("close", ({ code, reason }) => {
      if (code === 4429) gone(reason);
      else if (code === 4401) gone("person-removal app was started again: open the address that it printed.");
      else if (tries++ < 20) setTimeout(open, Math.min(4000, 250 * tries));
      else gone("The page's server has ended: start person-removal app again.");
    });
  };
  open();
}

export const path = (photo, what, result) =>
  `/t/${tab}/photos/${photo}/${what}${result ? `?${new URLSearchParams({ key: result })}` : ""}`;
export const fileAddress = (token) => `/t/${tab}/files/${token}`;

/** The answer's data. Throws an error whose text is a sentence. */
async function ask(address, options) {
  let answer;
  try {
    answer = await fetch(address, options);
  } catch {
    throw new Error("The page's server does not answer: is person-removal app still running?");
  }
  let said = null;
  try { said = await answer.json(); } catch { /* no sentence in it */ }
  if (!answer.ok) throw new Error(said?.message ?? `The server refused this (${answer.status}).`);
  return said;
}

export const say = (photo, what, data = {}) =>
  ask(path(photo, what), { method: "POST", body: JSON.stringify(data), headers: { "Content-Type": "application/json" } });

export const upload = (file, name, segmenter) =>
  ask(`/t/${tab}/photos?${new URLSearchParams({ name, segmenter })}`, { method: "POST", body: file });

export const drop = (photo) => ask(`/t/${tab}/photos/${photo}`, { method: "DELETE" });

export const zip = (items, scrub) =>
  ask(`/t/${tab}/zip`, { method: "POST", body: JSON.stringify({ items, scrub }) });
