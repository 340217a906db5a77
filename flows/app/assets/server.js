/** What the page asks of its server, and the connection that says that this tab is there. */

const key = location.pathname.split("/").at(-1);
let tab = "";

const GONE = "The page's server has ended. Start person-removal app again: this page then goes on by itself.";
const PATIENCE = 3; // tries, about two seconds, before it is said that the server is gone

/** Keep a connection open; `on` is told every message. gone(sentence): the server is not there, or does not want this
 * tab. It is tried again for as long as the page is open; a hello with `forgotten` says that it has lost this tab. */
export function connect(on, gone) {
  let tries = 0;
  const open = () => {
    const address = new URL("/live", location.href);
    address.protocol = "ws:";
    address.search = new URLSearchParams({ key, tab });
    const socket = new WebSocket(address);
    socket.addEventListener("message", ({ data }) => {
      const message = JSON.parse(data);
      if (message.type !== "hello") return on(message);
      const forgotten = Boolean(tab) && message.tab !== tab;
      tries = 0;
      tab = message.tab;
      on({ ...message, forgotten });
    });
    socket.addEventListener("close", ({ code, reason }) => {
      if (code === 4429) gone(reason);
      else if (code === 4401) gone("person-removal app was started with another key: open the address that it printed.");
      else {
        tries += 1;
        if (tries === PATIENCE) gone(GONE);
        setTimeout(open, Math.min(1500, 500 * tries));
      }
    });
  };
  open();
}

export const path = (photo, what, result) =>
  `/t/${tab}/photos/${photo}/${what}${result ? `?${new URLSearchParams({ key: result })}` : ""}`;
export const fileAddress = (token) => `/t/${tab}/files/${token}`;

/** The answer's data. Throws an error whose text is a sentence; `gone`: the server is not there. */
async function ask(address, options) {
  let answer;
  try {
    answer = await fetch(address, options);
  } catch {
    throw Object.assign(new Error(GONE), { gone: true });
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
