"""The prompt of the SIM toolkit: M-PESA asks on the phone for a PIN, and hears how it ended."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from simulator.safaricom.books import Order
from simulator.safaricom.codes import NO_RESPONSE, PENDING, RESULTS, Declined
from simulator.safaricom.faults import Faults
from simulator.safaricom.lipa import refusal, shown, take, wrong_pin
from simulator.safaricom.messages import ABSENT, Pairs, shillings, stamp, stk_callback
from simulator.safaricom.model import Business, Safaricom, Telling

PROMPT_S: Final = 60
LONGEST: Final = 182
SAME_WITHIN: Final = timedelta(minutes=2)
MOST_KEPT: Final = 20_000


@dataclass
class Prompt:
    """One STK push, from its request on. `code` is empty while nobody knows how it ends; `aimed` is
    what goes wrong with it alone."""

    merchant: str
    checkout: str
    business: Business
    order: Order
    url: str
    code: str = ""
    said: str = ""
    aimed: Faults | None = None

    @property
    def text(self) -> str:
        """What the phone shows."""
        account = f" account {self.order.account}" if self.order.account else ""
        amount = shown(self.order.amount_minor)
        return f"Pay {amount} to {self.business.name}{account}?\nEnter M-PESA PIN:"


@dataclass
class Prompts:
    """Every push there was; at most one on each phone."""

    safaricom: Safaricom
    known: dict[str, Prompt] = field(default_factory=dict)
    """By CheckoutRequestID."""
    _showing: dict[str, Prompt] = field(default_factory=dict)

    def on(self, msisdn: str) -> Prompt | None:
        """What a phone shows now."""
        return self._showing.get(msisdn)

    def send(self, prompt: Prompt) -> None:
        """Bring a prompt to its phone, or fail to."""
        safaricom = self.safaricom
        busy = self.on(prompt.order.msisdn)
        self._remember(prompt)
        refuses = safaricom.way.refuses
        if refuses and "." not in refuses:
            self.end(prompt, refuses)
        elif len(prompt.text) > LONGEST:
            self.end(prompt, "1025")
        elif busy is not None:
            self.end(prompt, "1001")
        elif not safaricom.customer(prompt.order.msisdn).reachable:
            self.end(prompt, "1037")
        else:
            self._showing[prompt.order.msisdn] = prompt
            safaricom.agenda.at(PROMPT_S, lambda: self._expire(prompt))
            safaricom.prompted(prompt.order.msisdn)

    def _remember(self, prompt: Prompt) -> None:
        self.known[prompt.checkout] = prompt
        while len(self.known) > MOST_KEPT:
            self.known.pop(next(iter(self.known)))

    def enter(self, prompt: Prompt, pin: str) -> str:
        """The PIN is typed; what M-PESA says on the phone. A prompt that is over takes none."""
        with self.safaricom.lock:
            if prompt.code:
                return refusal("1019", prompt.order, 0)
            wrong = wrong_pin(self.safaricom, prompt.order.msisdn, pin)
            if wrong:
                self.end(prompt, wrong)
                return refusal(wrong, prompt.order, 0)
            return self._pay(prompt)

    def _pay(self, prompt: Prompt) -> str:
        safaricom, order = self.safaricom, prompt.order
        try:
            if self._too_soon(order):
                raise Declined("17")
            payment = take(safaricom, order)
        except Declined as declined:
            self.end(prompt, declined.code, declined.said)
            return refusal(declined.code, order, safaricom.books.balance(order.msisdn))
        items: list[tuple[str, object]] = [
            ("Amount", shillings(order.amount_minor)),
            ("MpesaReceiptNumber", payment.receipt),
            ("Balance", ABSENT),
            ("TransactionDate", int(stamp(safaricom.clock.now()))),
            ("PhoneNumber", int(order.msisdn)),
        ]
        if safaricom.turn % 2:
            items.pop(2)
        self.end(prompt, "0", items=items)
        return safaricom.customer(order.msisdn).messages[-1]

    def _too_soon(self, order: Order) -> bool:
        """The same customer paid the same amount to the same business within two minutes."""
        since = self.safaricom.clock.now() - SAME_WITHIN
        return any(
            (payment.debit, payment.amount_minor) == (order.msisdn, order.amount_minor)
            for payment in self.safaricom.books.to_business(order.shortcode, since)
        )

    def cancel(self, prompt: Prompt) -> None:
        """The customer says no."""
        self.end(prompt, "1032")

    def ignore(self, prompt: Prompt) -> None:
        """The customer does nothing until the network gives up."""
        self.end(prompt, "1037", NO_RESPONSE)

    def _expire(self, prompt: Prompt) -> None:
        """Nobody has done anything."""
        self.end(prompt, "1019")

    def end(self, prompt: Prompt, code: str, said: str = "", items: Pairs = ()) -> None:
        """It ended so; its callback is to be said. What is over does not end again."""
        with self.safaricom.lock:
            if not prompt.code:
                self._end(prompt, code, said, items)

    def _end(self, prompt: Prompt, code: str, said: str, items: Pairs) -> None:
        safaricom = self.safaricom
        self._remember(prompt)
        if self.on(prompt.order.msisdn) is prompt:
            del self._showing[prompt.order.msisdn]
        prompt.code, prompt.said = code, said or RESULTS.get(code, "The request failed.")
        names = (prompt.merchant, prompt.checkout)
        turn = safaricom.next_turn()
        message = stk_callback(*names, code, prompt.said, items, turn)
        opposite = stk_callback(*names, "1037", RESULTS["1037"], (), turn) if items else None
        told = Telling("stk callback", prompt.url, message, opposite, aimed=prompt.aimed)
        safaricom.say(told)
        safaricom.prompted(prompt.order.msisdn)


def standing(prompt: Prompt) -> tuple[str, str]:
    """The code and the words with which a query is answered."""
    return (prompt.code, prompt.said) if prompt.code else (PENDING, RESULTS[PENDING])
