// A phone with all that stands beside it.

import { el, post, remove } from "./api.js";
import { drawFlow } from "./graph.js";
import { Handset } from "./handset.js";
import { Timeline } from "./timeline.js";

const SLOWNESS = [0, 2000, 5000, 11000];

export class Station {
  constructor(view, hooks) {
    this.hooks = hooks; // { graph(), complain(sentence), activate(station) }
    this.msisdn = view.msisdn;
    this.root = document.getElementById("station").content.firstElementChild.cloneNode(true);
    this.root.dataset.msisdn = view.msisdn;
    this.root.dataset.name = view.name;
    this.$ = (selector) => this.root.querySelector(selector);
    this.handset = new Handset(this.$(".handset"), (action, body) => this.act(action, body));
    this.timeline = new Timeline(this.$(".timeline"));
    this.peeked = null;
    this.trail = { session: null, flow: null, steps: [] };
    this.drawn = "";
    this.$(".handset").setAttribute("aria-label", `${view.name}'s phone`);
    this.root.addEventListener("pointerdown", () => hooks.activate(this));
    this.root.addEventListener("focusin", () => hooks.activate(this));
    this.$(".asked input").addEventListener("keydown", (event) => { if (event.key === "Enter") this.answerPrompt("enters"); });
    this.root.addEventListener("click", (event) => this.clicked(event.target.closest("button")));
    this.update(view);
  }

  async act(action, body) {
    try {
      const view = await post(`/api/phones/${encodeURIComponent(this.msisdn)}/${action}`, body);
      this.update(view);
      return view;
    } catch (error) {
      this.hooks.complain(error.message);
      if (this.view) this.handset.update(this.view);
      return null;
    }
  }

  async clicked(button) {
    if (!button) return;
    const { fault, quick, show, flow, prompt } = button.dataset;
    if (prompt) this.answerPrompt(prompt);
    if (quick === "mpesa") this.handset.openMenu();
    if (quick === "reach") this.act("mpesa-reach", { on: !this.view.mpesa.reachable });
    if (fault) this.fault(fault);
    if (quick === "dial") this.handset.dialForMe();
    if (quick === "remove") {
      try { await remove(`/api/phones/${encodeURIComponent(this.msisdn)}`); } catch (error) { this.hooks.complain(error.message); }
    }
    if (show) {
      this.timeline.show(show);
      for (const tab of this.root.querySelectorAll("[data-show]")) if (tab.tagName === "BUTTON") tab.setAttribute("aria-pressed", tab === button);
    }
    if (flow) { this.peeked = this.peeked === flow ? null : flow; this.drawMap(); }
  }

  fault(name) {
    const { faults } = this.view;
    if (name === "again") this.act("repeat", {});
    else if (name === "copies") this.act("faults", { copies: faults.copies > 1 ? 1 : 2 });
    else if (name === "slow") this.act("faults", { slow_ms: SLOWNESS[(SLOWNESS.indexOf(faults.slow_ms) + 1) % SLOWNESS.length] });
    else this.act("faults", { [name]: !faults[name] });
  }

  // The prompt answered by the buttons under the phone, without its keys.
  answerPrompt(how) {
    const field = this.$(".asked input");
    if (how === "enters") this.act("mpesa-pin", { pin: field.value || this.view.mpesa.pin });
    else if (how === "wrong") this.act("mpesa-pin", { pin: "0000" });
    else this.act("mpesa-leave", { how });
    field.value = "";
  }

  drawMpesa() {
    const { mpesa } = this.view;
    this.$(".mpesa").hidden = mpesa.balance === null && !mpesa.prompt;
    this.$(".mpesa legend b").textContent = mpesa.balance || "";
    this.$("[data-quick=reach]").setAttribute("aria-pressed", !mpesa.reachable);
    this.$(".asked").hidden = !mpesa.prompt;
    this.$(".asked input").placeholder = mpesa.pin;
    this.$(".mpesa").classList.toggle("asking", Boolean(mpesa.prompt));
  }

  update(view) {
    if (this.view && view.seen_us < this.view.seen_us) return; // an answer that was overtaken by news
    this.view = view;
    this.drawMpesa();
    this.handset.update(view);
    this.timeline.update(view.traffic);
    this.$(".who h2").textContent = view.name.replaceAll("_", " ");
    this.$(".who .about").textContent = `${view.number} · ${view.network.name}`;
    this.$(".dialme").replaceChildren("Dial ", el("code", "", view.service.code));
    this.drawMeter();
    this.drawFaults();
    this.follow();
    this.drawMap();
    this.drawSlots();
  }

  drawMeter() {
    const { display } = this.view;
    const meter = this.$(".meter");
    const size = display.kind === "idle" ? 0 : display.size;
    const share = size / display.room;
    this.$(".meter i").style.width = `${Math.min(100, share * 100)}%`;
    this.$(".meter .count").textContent = `${size} of ${display.room} ${display.unit}`;
    meter.classList.toggle("full", share > 0.9 && share <= 1);
    meter.classList.toggle("over", share > 1);
    meter.setAttribute("aria-valuenow", size);
    meter.setAttribute("aria-valuemax", display.room);
  }

  drawFaults() {
    const { faults } = this.view;
    const on = { lose_hop: faults.lose_hop, lose_reply: faults.lose_reply, copies: faults.copies > 1, slow: faults.slow_ms > 0 };
    for (const button of this.root.querySelectorAll("[data-fault]")) {
      if (button.dataset.fault in on) button.setAttribute("aria-pressed", on[button.dataset.fault]);
    }
    this.$("[data-fault=slow] output").textContent = faults.slow_ms ? `${faults.slow_ms / 1000} s` : "";
  }

  // Remember which steps of the flow this session has stood at.
  follow() {
    const { inside, session } = this.view;
    if (!inside || !inside.flow) return;
    const { trail } = this;
    if (trail.session !== session?.id || trail.flow !== inside.flow) this.trail = { session: session?.id, flow: inside.flow, steps: [] };
    const { steps } = this.trail;
    if (steps[steps.length - 1] !== inside.step) {
      const flow = this.hooks.graph()[inside.flow];
      if (flow && steps.length) steps.push(...between(flow, steps[steps.length - 1], inside.step));
      if (flow && !steps.length && flow.start !== inside.step) steps.push(flow.start, ...between(flow, flow.start, inside.step));
      steps.push(inside.step);
      this.peeked = null;
    }
  }

  drawMap() {
    const graph = this.hooks.graph();
    const { inside } = this.view;
    const live = inside && graph[inside.flow] ? inside.flow : null;
    const shown = this.peeked && graph[this.peeked] ? this.peeked : live || (graph.home ? "home" : Object.keys(graph)[0]);
    const here = live === shown && inside ? inside.step : "";
    const key = JSON.stringify([shown, here, live, this.trail.steps, graph[shown]?.version, Object.keys(graph).length]);
    if (key === this.drawn) return;
    this.drawn = key;
    const canvas = this.$(".map .canvas");
    this.$(".map h3").textContent = shown ? `Menu · ${title(graph[shown])}` : "Menu";
    this.$(".map .where").textContent = live && here ? `${live}.${here} · v${inside.version}` : "";
    if (!shown) {
      canvas.replaceChildren(el("div", "empty", "This application does not show its menus."));
      return;
    }
    canvas.replaceChildren(drawFlow(graph[shown], here, live === shown ? this.trail.steps : []));
    const lit = canvas.querySelector(".node.here");
    if (lit) {
      const box = lit.getBoundingClientRect(), frame = canvas.getBoundingClientRect();
      canvas.scrollTop += box.top - frame.top - frame.height / 2 + box.height / 2;
    } else canvas.scrollTop = 0;
    this.drawPills(graph, shown, live);
  }

  drawPills(graph, shown, live) {
    const pills = Object.entries(graph).filter(([name]) => name !== shown).map(([name, flow]) => {
      const pill = el("button", name === live ? "here" : "", title(flow));
      pill.dataset.flow = name;
      pill.title = `Show the flow ${name}`;
      return pill;
    });
    this.$(".pills").replaceChildren(...pills);
  }

  drawSlots() {
    const { inside, session } = this.view;
    const list = this.$(".slots dl");
    const slots = Object.entries(inside?.slots || {}).filter(([name, value]) => value !== null && value !== "" && name !== "language");
    const rows = [];
    if (inside?.flow) {
      rows.push(["hop", String(inside.hop ?? session?.hops ?? "")], ["language", inside.language]);
      rows.push(...slots);
      if (inside.ended || !this.view.inSession) rows.push(["", inside.ended ? "ended" : "hung up"]);
    }
    if (!rows.length) { list.replaceChildren(el("span", "none", session ? "nothing to see from outside" : "no session")); return; }
    list.replaceChildren(...rows.map(([name, value]) => {
      const pair = el("div");
      pair.append(el("dt", "", name), el("dd", "", typeof value === "string" ? value : JSON.stringify(value)));
      return pair;
    }));
  }
}

// The steps passed without waiting for the customer on the way from one screen to the next.
function between(flow, from, to) {
  const open = [[from, []]];
  const seen = new Set([from]);
  while (open.length) {
    const [name, way] = open.shift();
    for (const target of flow.screens[name]?.to || []) {
      if (target === to) return way;
      const kind = flow.screens[target]?.kind;
      if (!seen.has(target) && (kind === "find" || kind === "do")) { seen.add(target); open.push([target, [...way, target]]); }
    }
  }
  return [];
}

function title(flow) { return flow.title?.en || "menu"; }
