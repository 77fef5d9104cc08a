// Safaricom as a developer looks at it: what went over the wire and what was wrong with it, who holds
// what, and how everybody outside is made to behave.

import { copy, el, kenyanTime } from "./api.js";

const MARKS = { asked: "→", told: "←" };

export class SafaricomPanel {
  constructor(root, hooks) {
    this.root = root;
    this.hooks = hooks; // { ask(path, body), complain(sentence) }
    this.$ = (selector) => root.querySelector(selector);
    this.seen = 0;
    this.drawn = "";
    this.base = `${location.origin}/safaricom`;
    this.$(".base code").textContent = this.base;
    this.$("a").href = `${this.base}/certificate.pem`;
    root.addEventListener("click", (event) => this.clicked(event.target.closest("button")));
    root.addEventListener("change", (event) => this.behave(event.target.dataset.who, event.target.value));
    this.$(".aim").addEventListener("submit", (event) => { event.preventDefault(); this.aim(new FormData(event.target)); });
  }

  toggle() { this.root.hidden = !this.root.hidden; return !this.root.hidden; }

  async clicked(button) {
    if (!button) return;
    if ("forget" in button.dataset && await this.hooks.ask("/api/desk/outside", { who: "Safaricom", how: "forgets its tokens" })) this.hooks.complain("Safaricom has forgotten its tokens.");
    if ("copyBase" in button.dataset) this.hooks.complain(await copy(this.base));
    if (button.dataset.well) this.behave("Safaricom", `works on ${button.dataset.well}`);
    if (button.dataset.wire) {
      this.$(".wire .timeline").dataset.wire = button.dataset.wire;
      for (const tab of this.root.querySelectorAll("[data-wire]")) if (tab.tagName === "BUTTON") tab.setAttribute("aria-pressed", tab === button);
    }
  }

  behave(who, how) { if (who) this.hooks.ask("/api/desk/outside", { who, how }); }

  // What is to go wrong with one call alone, in the words of dialogues.
  aim(said) { this.behave("Safaricom", `${said.get("how")} on ${said.get("call")}${said.get("times")}`); }

  // Drawn anew only when it has changed: somebody may be choosing.
  drawWays(outside) {
    const key = JSON.stringify(outside);
    if (key === this.drawn) return;
    this.drawn = key;
    this.$(".who-is").replaceChildren(...Object.entries(outside).map(([who, { is, ways }]) => {
      const row = el("label", is === "works" ? "" : "ill", who[0].toUpperCase() + who.slice(1));
      const select = el("select");
      select.dataset.who = who;
      select.append(...[...new Set([...ways, is])].map((way) => new Option(way, way, way === is, way === is)));
      row.append(select);
      return row;
    }));
    this.drawAims(outside.Safaricom);
  }

  drawAims({ ways, calls, aims }) {
    for (const [name, words] of [["how", ways.filter((way) => way !== "works")], ["call", calls]]) {
      const select = this.$(`.aim [name=${name}]`);
      if (!select.options.length) select.append(...words.map((word) => new Option(word, word)));
    }
    this.$(".aims").replaceChildren(...Object.entries(aims).map(([call, words]) => {
      const item = el("li", "", words);
      const end = el("button", "round small", "×");
      end.dataset.well = call;
      end.title = end.ariaLabel = `Nothing more goes wrong with ${call} alone`;
      item.append(end);
      return item;
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
    this.drawExchanges(view.exchanges);
  }

  // What is there stays as it is, opened or not; what is new comes above it.
  drawExchanges(exchanges) {
    const list = this.$(".wire .timeline");
    const newest = exchanges.length ? exchanges[exchanges.length - 1].number : 0;
    if (newest < this.seen) this.seen = 0;
    if (!exchanges.length) { list.replaceChildren(el("li", "nothing", "Nobody has asked Safaricom for anything yet.")); return; }
    if (!this.seen) list.replaceChildren();
    list.prepend(...exchanges.filter((each) => each.number > this.seen).reverse().map((each) => this.exchange(each)));
    while (list.children.length > exchanges.length) list.lastChild.remove();
    this.seen = newest;
  }

  exchange(each) {
    const item = el("li", `way-${each.way}${each.wrong ? " bad" : ""}`);
    const line = el("summary", "line");
    line.append(el("b", "", each.what), el("span", "took", each.status), el("time", "", kenyanTime(new Date(each.at))));
    const details = el("details");
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
