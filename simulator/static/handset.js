// One phone: its keys, its screen, and what it does by itself between two calls of the telco.
// It knows nothing of what an application's screens mean.

import { el, kenyanTime } from "./api.js";
import { Entry } from "./entry.js";
import { MpesaMenu } from "./mpesa.js";

const KEYS = [
  ["1", ""], ["2", "abc"], ["3", "def"], ["4", "ghi"], ["5", "jkl"], ["6", "mno"],
  ["7", "pqrs"], ["8", "tuv"], ["9", "wxyz"], ["*", "+"], ["0", "␣"], ["#", "⇧"],
];
const SLEEP_MS = 25000;

export class Handset {
  // `act(action, body)` asks the telco; it returns a promise and never throws.
  constructor(root, act) {
    this.root = root;
    this.act = act;
    this.view = null;
    this.place = "idle"; // idle, dial, session, inbox, message, compose, prompt, mpesa
    this.menu = new MpesaMenu();
    this.entry = new Entry();
    this.chosen = 0;
    this.lastDialled = "";
    this.$ = (selector) => root.querySelector(selector);
    this.buildKeys();
    root.addEventListener("pointerdown", (event) => {
      const key = event.target.closest("[data-key]");
      if (key) { event.preventDefault(); root.focus({ preventScroll: true }); this.press(key.dataset.key); }
    });
    root.addEventListener("click", (event) => {
      const key = event.target.closest("[data-key]");
      if (key && event.detail === 0) this.press(key.dataset.key); // a click without a pointer: a script's or a reader's
    });
    this.wake();
  }

  buildKeys() {
    const pad = this.$(".keys");
    for (const [digit, letters] of KEYS) {
      const key = el("button", "key", digit);
      key.dataset.key = digit;
      key.tabIndex = -1;
      key.append(el("small", "", letters));
      pad.append(key);
    }
    for (const key of this.root.querySelectorAll(".navi button")) key.tabIndex = -1;
  }

  wake() {
    this.root.classList.remove("asleep");
    clearTimeout(this.sleeping);
    this.sleeping = setTimeout(() => this.root.classList.add("asleep"), SLEEP_MS);
  }

  // What the telco says of this phone now.
  update(view) {
    const before = this.view;
    this.view = view;
    const talking = view.busy || view.display.kind !== "idle";
    const screenChanged = !before || before.display.screen !== view.display.screen || before.display.page !== view.display.page || before.busy !== view.busy;
    if (talking && screenChanged) {
      if (this.place !== "session" || !view.busy) this.clear();
      this.place = "session";
      this.wake();
    } else if (!talking && this.place === "session") {
      this.place = "idle";
      this.clear();
    }
    this.prompted(view.mpesa.prompt, talking);
    if (before && view.unread > before.unread) this.wake();
    this.draw(screenChanged);
  }

  // M-PESA's prompt comes over whatever the phone shows, and goes again.
  prompted(prompt, talking) {
    if (prompt && this.place !== "prompt") { this.menu.close(); this.place = "prompt"; this.clear(); this.wake(); }
    else if (!prompt && this.place === "prompt") { this.place = talking ? "session" : "idle"; this.clear(); }
  }

  clear(mode) { this.entry.clear(mode); }

  get typed() { return this.entry.text; }
  get takesAnswer() { return this.place === "session" && this.view.display.takesAnswer && !this.view.busy; }
  get inMenu() { return this.place === "mpesa"; }
  get writes() { return this.takesAnswer || this.place === "compose" || this.place === "prompt" || (this.inMenu && this.menu.takesAnswer); }
  get secret() { return this.place === "prompt" || (this.inMenu && this.menu.secret) || (this.takesAnswer && this.view.asksSecret); }
  get inbox() { return [...this.view.inbox].reverse(); }

  // keys

  press(key) {
    if (!this.view) return;
    this.wake();
    this.flash(key);
    if (/^[0-9*#]$/.test(key)) this.digit(key);
    else if (key === "green" || (key === "left" && this.place !== "idle")) this.go();
    else if (key === "left") this.openInbox();
    else if (key === "right") this.back();
    else if (key === "red") this.hangUp();
    else if (key === "up" || key === "down") this.move(key === "up" ? -1 : 1);
    this.draw();
  }

  // A character from a real keyboard.
  type(character) {
    this.wake();
    if (/^[0-9*#]$/.test(character)) {
      this.flash(character);
      if (this.writes) this.entry.append(character); else this.digit(character);
    } else if (this.writes) this.entry.append(character);
    this.draw();
  }

  rub() { this.wake(); this.flash("right"); if (this.typed) this.rubOut(); else if (this.place === "compose") this.back(); this.draw(); }

  flash(key) {
    const button = this.root.querySelector(`[data-key="${CSS.escape(key)}"]`);
    if (!button) return;
    button.classList.add("pressed");
    setTimeout(() => button.classList.remove("pressed"), 130);
  }

  digit(digit) {
    if (this.place === "inbox" || this.place === "message") return;
    if (this.place === "session" && !this.takesAnswer) return;
    if (this.inMenu && !this.menu.takesAnswer) return;
    if (this.place === "idle") { this.place = "dial"; this.clear(); }
    if (this.writes) this.entry.press(digit); else this.entry.append(digit);
  }

  rubOut() { this.entry.rub(); if (!this.typed && this.place === "dial") this.place = "idle"; }

  go() {
    const { place, typed } = this;
    if (place === "idle") { this.place = "dial"; this.entry.text = this.lastDialled || this.view.service.code; }
    else if (place === "dial") this.dial(typed);
    else if (place === "inbox" && this.inbox.length) this.place = "message";
    else if (place === "message") { this.place = "compose"; this.clear("Abc"); }
    else if (place === "compose" && typed) { this.act("text", { text: typed, to: "" }); this.clear(); this.place = "inbox"; this.chosen = 0; }
    else if (place === "prompt") { if (typed) this.act("mpesa-pin", { pin: typed }); this.clear(); }
    else if (place === "mpesa") this.goOn(typed);
    else if (this.takesAnswer) { this.act("answer", { text: typed }); this.wait(); }
    else if (place === "session" && !this.view.busy) this.act("hang-up");
  }

  // What is typed before the telco has said more is not typed behind the answer that was sent.
  wait() { this.clear(); this.view = { ...this.view, busy: true }; }

  openMenu() {
    if (this.place === "session") this.hangUp();
    if (this.place === "prompt") return;
    this.place = "mpesa";
    this.menu.open();
    this.clear();
    this.wake();
    this.draw();
  }

  async goOn(typed) {
    if (this.menu.step === "said") { this.menu.close(); this.place = "idle"; return; }
    const order = this.menu.answer(typed);
    this.clear(this.menu.letters ? "Abc" : "123");
    if (!order) return;
    const view = await this.act("mpesa-pay", order);
    if (!this.inMenu) return;
    if (view) this.menu.say(view.answer);
    else { this.menu.close(); this.place = "idle"; }
    this.draw();
  }

  dial(code) {
    this.lastDialled = code;
    this.place = "session";
    this.clear();
    this.act("dial", { code });
  }

  back() {
    if (this.place === "idle") { this.place = "compose"; this.clear("Abc"); return; }
    if (this.typed) { this.rubOut(); return; }
    if (this.place === "message") this.place = "inbox";
    else if (this.place === "compose") this.place = "idle";
    else if (this.place === "session") this.hangUp();
    else if (this.place === "prompt") this.act("mpesa-leave", { how: "cancels" });
    else if (!this.inMenu || !this.menu.sending) this.place = "idle";
  }

  hangUp() {
    if (this.place === "prompt") { this.act("mpesa-leave", { how: "cancels" }); return; }
    const talking = this.view.inSession || this.view.busy || this.view.display.kind !== "idle";
    if (this.place === "session" || talking) this.act("hang-up");
    this.clear();
    this.place = "idle";
  }

  openInbox() {
    this.place = "inbox";
    this.chosen = 0;
    if (this.view.unread) this.act("read");
  }

  move(step) {
    if (this.place === "inbox") this.chosen = Math.max(0, Math.min(this.inbox.length - 1, this.chosen + step));
    else this.$(".glass").scrollBy({ top: step * 54 });
  }

  // Dial the service code as a finger would, key by key.
  async dialForMe() {
    if (this.place !== "idle") this.hangUp();
    for (const digit of this.view.service.code) {
      this.press(digit);
      await new Promise((done) => setTimeout(done, 70));
    }
    await new Promise((done) => setTimeout(done, 160));
    this.press("green");
  }

  // drawing

  draw(scrollUp = false) {
    if (!this.view) return;
    const { view } = this;
    this.$(".net").textContent = view.network.name;
    this.$(".mail").hidden = !view.unread;
    this.$(".mode").textContent = this.writes ? this.entry.mode : "";
    this.drawClock();
    const glass = this.$(".glass");
    const scene = this.scene();
    glass.replaceChildren(...scene.rows);
    if (scrollUp) glass.scrollTop = 0;
    glass.querySelector(".chosen")?.scrollIntoView({ block: "nearest" });
    const entry = this.$(".entry");
    entry.hidden = !this.writes;
    this.$(".typed").textContent = this.secret ? "*".repeat(this.typed.length) : this.typed;
    entry.scrollTop = entry.scrollHeight;
    this.$(".soft-left").textContent = scene.soft[0];
    this.$(".soft-right").textContent = scene.soft[1];
  }

  drawClock() {
    this.$(".clock").textContent = kenyanTime(new Date());
  }

  scene() {
    const draw = { idle: () => this.idle(), dial: () => this.dialling(), session: () => this.session(), inbox: () => this.messages(), message: () => this.message(), compose: () => this.compose(), prompt: () => this.prompt(), mpesa: () => this.mpesa() };
    return draw[this.place]();
  }

  idle() {
    const rows = [el("div", "big", kenyanTime(new Date())), el("div", "mid", this.view.number)];
    const { unread } = this.view;
    rows.push(el("div", "hint", unread ? `✉ ${unread} new message${unread > 1 ? "s" : ""}` : `Dial ${this.view.service.code}`));
    return { rows, soft: [unread ? "Read" : "Messages", "Write"] };
  }

  dialling() { return { rows: [el("div", "number", this.typed)], soft: ["Call", "Clear"] }; }

  session() {
    const { display, busy } = this.view;
    if (busy || display.kind === "idle") return { rows: [el("div", "wait dots", "Requesting")], soft: ["", "Cancel"] };
    const rows = [document.createTextNode(display.screen)];
    if (!display.takesAnswer) return { rows, soft: ["OK", ""] };
    return { rows, soft: ["Send", this.typed ? "Clear" : "Cancel"] };
  }

  prompt() {
    const head = el("div", "head", "M-PESA");
    return { rows: [head, document.createTextNode(this.view.mpesa.prompt)], soft: ["Send", this.typed ? "Clear" : "Cancel"] };
  }

  mpesa() {
    const { menu } = this;
    if (menu.sending) return { rows: [el("div", "wait dots", menu.text)], soft: ["", ""] };
    const rows = [el("div", "head", "M-PESA"), document.createTextNode(menu.text)];
    return { rows, soft: menu.takesAnswer ? ["Send", this.typed ? "Clear" : "Back"] : ["OK", ""] };
  }

  messages() {
    const rows = [el("div", "head", "Messages")];
    this.inbox.forEach((message, place) => {
      const row = el("div", place === this.chosen ? "row chosen" : "row");
      row.append(el("span", "", message.outgoing ? `→ ${message.sender}` : `✉ ${message.sender}`), el("span", "", message.text));
      rows.push(row);
    });
    if (!this.inbox.length) rows.push(el("div", "mid", "(empty)"));
    return { rows, soft: [this.inbox.length ? "Open" : "", "Back"] };
  }

  message() {
    const message = this.inbox[this.chosen];
    if (!message) return this.messages();
    const at = kenyanTime(new Date(message.at));
    const head = el("div", "head", `${message.outgoing ? "To " : ""}${message.sender} ${at}`);
    return { rows: [head, document.createTextNode(message.text)], soft: ["Reply", "Back"] };
  }

  compose() {
    const rows = [el("div", "head", `To ${this.view.service.shortcode}`)];
    return { rows, soft: [this.typed ? "Send" : "", this.typed ? "Clear" : "Back"] };
  }
}
