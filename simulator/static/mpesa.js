// M-PESA's own menu on a phone: Lipa na M-PESA, screen by screen, up to the PIN and the answer.

const STEPS = {
  start: { text: () => "Lipa na M-PESA\n1 Pay Bill\n2 Buy Goods and Services" },
  business: { text: (order) => (order.goods ? "Enter till no." : "Enter business no.") },
  account: { text: () => "Enter account no." },
  amount: { text: () => "Enter amount" },
  pin: { text: (order) => `${summary(order)}\nEnter M-PESA PIN`, secret: true },
  sending: { text: () => "Sending request", waits: true },
  said: { text: (order) => order.answer, waits: true },
};

function summary({ goods, amount, business, account }) {
  return goods ? `Pay Ksh${amount} to till ${business}` : `Pay Ksh${amount} to ${business} account ${account}`;
}

export class MpesaMenu {
  constructor() { this.close(); }

  open() { this.step = "start"; this.order = {}; }

  close() { this.step = null; this.order = {}; }

  get text() { return STEPS[this.step].text(this.order); }
  get takesAnswer() { return Boolean(this.step) && !STEPS[this.step].waits; }
  get secret() { return Boolean(this.step && STEPS[this.step].secret); }
  get sending() { return this.step === "sending"; }
  get letters() { return this.step === "account"; }

  // What was typed at this step; the whole order when nothing is missing, else null.
  answer(typed) {
    const { order } = this;
    const words = typed.trim();
    if (!words) return null;
    if (this.step === "start") {
      if (words !== "1" && words !== "2") return null;
      order.goods = words === "2";
      this.step = "business";
    } else if (this.step === "business") { order.business = words; this.step = order.goods ? "amount" : "account"; }
    else if (this.step === "account") { order.account = words; this.step = "amount"; }
    else if (this.step === "amount") { order.amount = words; this.step = "pin"; }
    else if (this.step === "pin") { this.step = "sending"; return { ...order, pin: words }; }
    return null;
  }

  say(answer) { this.order = { answer }; this.step = "said"; }
}
