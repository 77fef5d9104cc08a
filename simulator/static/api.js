// Asking the simulator for things. Every answer is JSON; a refusal throws its sentence.

export async function get(path) {
  return read(await fetch(path, { headers: { Accept: "application/json" } }));
}

export async function post(path, body = {}) {
  return read(await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify(body),
  }));
}

export async function remove(path) {
  return read(await fetch(path, { method: "DELETE" }));
}

async function read(response) {
  const said = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(said.error || `The simulator said ${response.status}`);
  return said;
}

// What to say of it: a page that is not on this machine, nor behind HTTPS, has no clipboard.
export async function copy(text) {
  try { await navigator.clipboard.writeText(text); return "Copied."; } catch { return "The browser would not copy it."; }
}

// Live news: `hear(topic, view)` for each change; `lost(true)` while the line is down.
export function listen(hear, lost) {
  const source = new EventSource("/api/live");
  source.onmessage = (event) => {
    const { topic, view } = JSON.parse(event.data);
    hear(topic, view);
  };
  let down = false;
  source.onerror = () => { down = true; lost(true); };
  source.onopen = () => { lost(false, down); down = false; };
  return source;
}

export function el(tag, className = "", text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

const clock = new Intl.DateTimeFormat("en-GB", { timeZone: "Africa/Nairobi", hour: "numeric", minute: "2-digit" });

/** What a clock on a Kenyan wall shows, wherever the browser is: the receipts print the same. */
export function kenyanTime(moment) {
  return clock.format(moment);
}
