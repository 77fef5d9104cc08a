// What happened, newest first: hops on the wire, entries in the ledger, messages sent.

import { el } from "./api.js";

const MARKS = { hop: "⇄", ledger: "Σ", SMS: "✉", "incoming SMS": "✉", "delivery report": "✓", event: "■", "opt-out": "⊘" };

export class Timeline {
  constructor(list) { this.list = list; this.seen = 0; this.list.dataset.show = "all"; this.blank(); }

  blank() { this.list.replaceChildren(el("li", "nothing", "Dial, and every hop, entry and message is listed here.")); }

  update(traffic) {
    const newest = traffic.length ? traffic[traffic.length - 1].number : 0;
    if (newest < this.seen) { this.seen = 0; this.blank(); }
    const first = this.seen === 0;
    for (const each of traffic) {
      if (each.number <= this.seen) continue;
      if (this.seen === 0) this.list.replaceChildren();
      this.seen = each.number;
      const item = draw(each);
      if (!first) item.classList.add("new");
      this.list.prepend(item);
    }
    while (this.list.children.length > 80) this.list.lastChild.remove();
  }

  show(what) { this.list.dataset.show = what; }
}

function draw(each) {
  const kinds = { ledger: "ledger", SMS: "sms" };
  const bad = /refused|no answer|lost/.test(`${each.note} ${each.status}`) || /^[45]/.test(each.status);
  const item = el("li", `${kinds[each.kind] || each.kind.split(" ")[0]}${bad ? " bad" : ""}`);
  item.append(el("span", "mark", MARKS[each.kind] || "·"));
  if (each.kind === "ledger") return ledger(item, each);
  const form = new URLSearchParams(each.request);
  const line = el("summary", "line");
  line.title = "Press to see it as it went over the wire";
  if (each.kind === "hop") {
    line.append(el("b", "", "text"), el("span", "typed", form.get("text") || "(empty)"));
  } else if (each.kind === "SMS") {
    line.append(el("b", "", form.get("from")), el("span", "took", each.note));
  } else {
    const gist = form.get("status") || form.get("text") || "";
    line.append(el("b", "", each.kind), el("span", "typed", gist));
  }
  if (each.kind !== "SMS") line.append(el("span", "took", [each.status, each.took_ms ? `${each.took_ms} ms` : ""].filter(Boolean).join(" · ")));
  line.append(time(each.at));
  item.append(fields(line, form));
  if (each.note && each.kind !== "SMS") { const note = el("div", "said note", each.note); item.append(note); }
  const said = each.kind === "SMS" ? form.get("message") : each.kind === "hop" ? each.answer : "";
  if (said) item.append(el("p", "said", said));
  return item;
}

function ledger(item, each) {
  const line = el("div", "line");
  const [receipt, type] = each.request.split(" ");
  line.append(el("b", "", receipt), el("span", "typed", type), time(each.at));
  const table = el("table");
  for (const sentence of each.answer.split("\n")) {
    const cut = sentence.indexOf(" ");
    const row = el("tr");
    const way = el("td");
    for (const word of sentence.slice(cut + 1).split(" ")) {
      way.append(["from", "to", "as"].includes(word) ? el("em", "", word) : document.createTextNode(word), " ");
    }
    row.append(el("td", "", sentence.slice(0, cut)), way);
    table.append(row);
  }
  item.append(line, table);
  return item;
}

// The line, and behind it the form field by field.
function fields(line, form) {
  const details = el("details");
  details.append(line);
  const list = el("dl");
  for (const [name, value] of form) list.append(el("dt", "", name), el("dd", "", value || "(empty)"));
  details.append(list);
  return details;
}

function time(at) {
  const made = el("time", "", new Date(at).toLocaleTimeString("en-GB", { timeZone: "Africa/Nairobi" }));
  made.dateTime = at;
  return made;
}
