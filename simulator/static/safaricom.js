// Safaricom as a developer looks at it: what went over the wire and what was wrong with it, who holds
// what, and how everybody outside is made to behave.

import { el, kenyanTime } from "./api.js";

const MARKS = { asked: "→", told: "←" };

export class SafaricomPanel {
  constructor(root, hooks) {
    this.root = root;
    this.hooks = hooks; // { ask(path, body), complain(sentence) }
    this.$ = (selector) => root.querySelector(selector);
    this.opened = new Set();
    this.base = `${location.origin}/safaricom`;
    this.$(".base code").textContent = this.base;
    this.$("a").href = `${this.base}/certificate.pem`;
    root.addEventListener("click", (event) => this.clicked(event.target.closest("button")));
    root.addEventListener("change", (event) => this.behave(event.target.dataset.who, event.target.value));
  }

  toggle() { this.root.hidden = !this.root.hidden; return !this.root.hidden; }

  async clicked(button) {
    if (!button) return;
    if ("forget" in button.dataset && await this.hooks.ask("/api/desk/outside", { who: "Safaricom", how: "forgets its tokens" })) this.hooks.complain("Safaricom has forgotten its tokens.");
    if ("copyBase" in button.dataset) { await navigator.clipboard.writeText(this.base); this.hooks.complain("Copied."); }
    if (button.dataset.wire) {
      this.$(".wire .timeline").dataset.wire = button.dataset.wire;
      for (const tab of this.root.querySelectorAll("[data-wire]")) if (tab.tagName === "BUTTON") tab.setAttribute("aria-pressed", tab === button);
    }
  }

  behave(who, how) { if (who) this.hooks.ask("/api/desk/outside", { who, how }); }

  drawWays(outside) {
    this.$(".who-is").replaceChildren(...Object.entries(outside).map(([who, { is, ways }]) => {
      const row = el("label", is === "works" ? "" : "ill", who[0].toUpperCase() + who.slice(1));
      const select = el("select");
      select.dataset.who = who;
      select.append(...[...new Set([...ways, is])].map((way) => new Option(way, way, way === is, way === is)));
      row.append(select);
      return row;
    }));
  }

  update(view) {
    this.$(".pin").textContent = view.pin;
    const rows = [
      ...view.businesses.map((each) => [each.shortcode, each.name, each.balance]),
      ...view.people.map((each) => ["", each.name.replaceAll("_", " "), each.balance]),
    ];
    this.$(".held table").replaceChildren(...rows.map((cells) => {
      const row = el("tr");
      row.append(...cells.map((cell) => el("td", "", cell)));
      return row;
    }));
    const list = this.$(".wire .timeline");
    if (!view.exchanges.length) { list.replaceChildren(el("li", "nothing", "Nobody has asked Safaricom for anything yet.")); return; }
    list.replaceChildren(...[...view.exchanges].reverse().map((each) => this.exchange(each)));
  }

  exchange(each) {
    const item = el("li", `way-${each.way}${each.wrong ? " bad" : ""}`);
    const line = el("summary", "line");
    line.append(el("b", "", each.what), el("span", "took", each.status), el("time", "", kenyanTime(new Date(each.at))));
    const details = el("details");
    details.open = this.opened.has(each.number);
    details.addEventListener("toggle", () => this.opened[details.open ? "add" : "delete"](each.number));
    details.append(line, body(each.way === "asked" ? "was asked" : "said", each.request), body(each.way === "asked" ? "answered" : "was answered", each.answer));
    item.append(el("span", "mark", MARKS[each.way]), details);
    if (each.wrong) item.append(el("p", "why", each.wrong));
    if (each.note) item.append(el("p", "remark", each.note));
    return item;
  }
}

function body(title, text) {
  const part = el("div", "body");
  part.append(el("span", "", title), el("pre", "", text || "(nothing)"));
  return part;
}
