"""A Safaricom for tests of what it says: carriers that take what they are told to take, and results
in its own envelopes. It knows the truth: what was paid, by our name for the request.

Nothing here is over HTTP; the simulator's Safaricom is.
"""

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from ussd_app.bootstrap import App
from ussd_app.domain import payouts
from ussd_app.kernel.msisdn import local
from workers import callbacks
from workers.errands import Errands
from workers.gateways.errands import Errand, Look, Open, Outcome
from workers.relay import Relay
from workers.shop import Shop, open_shop

_NUMBERS = itertools.count(1)
DOORS = {payouts.B2C: "b2c", payouts.B2B: "b2b", payouts.REVERSAL: "reversal"}


@dataclass
class Request:
    """What was asked for under one name, and Safaricom's name for it."""

    kind: str
    facts: dict[str, Any]
    conversation: str
    receipt: str = ""


@dataclass
class Safaricom:
    """Takes requests, pays when a test says so, and tells of it when a test says so."""

    app: App
    taken: dict[str, Request] = field(default_factory=dict)
    questions: list[tuple[str, str]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    answer: Callable[[str, Errand], Outcome] | None = None

    def carriers(self) -> dict[str, Any]:
        return {kind: _Carrier(self, kind) for kind in DOORS}

    def take(self, kind: str, errand: Errand) -> Request:
        """A request is in: the same name twice is one."""
        conversation = f"AG_{next(_NUMBERS):08}"
        made = Request(kind, dict(errand.facts), conversation)
        return self.taken.setdefault(errand.reference, made)

    def pay(self, name: str) -> str:
        """Money moves, once a request."""
        request = self.taken[name]
        request.receipt = request.receipt or f"UKK{next(_NUMBERS):07}"
        return request.receipt

    # what it says

    def paid(self, name: str, *, amount: str | None = None, to: str | None = None) -> None:
        """The result of a payment that was made."""
        request = self.taken[name]
        minor = int(request.facts["amount"])
        party = to or f"{self._number(request)} - JANE WANJIKU"
        value = amount or f"{minor // 100}.00"
        if request.kind == payouts.B2C:
            pairs: dict[str, object] = {"TransactionAmount": value}
            pairs["TransactionReceipt"] = self.pay(name)
        else:
            pairs = {"Amount": value}
        pairs["ReceiverPartyPublicName"] = party
        self._say(request, name, "0", pairs, self.pay(name))

    def failed(self, name: str, code: str) -> None:
        """The result of a payment that was not made."""
        self._say(self.taken[name], name, code, {}, "UKK0000000")

    def timed_out(self, name: str) -> None:
        """The notice that a request waited too long."""
        request = self.taken[name]
        self.hear(f"mpesa_{DOORS[request.kind]}_timeout", self._envelope(request, name, "1", {}))

    def standing(self, word: str | None = None, of: str | None = None) -> None:
        """The answer to the last question: the truth, or a word or a code for it."""
        asked = [each for each in self.questions if of in (None, each[0])]
        name, conversation = asked[-1]
        request = self.taken.get(name)
        body: dict[str, Any] = {
            "ResultType": 0,
            "ResultCode": 0,
            "ResultDesc": "said",
            "OriginatorConversationID": f"q-{conversation}",
            "ConversationID": conversation,
            "TransactionID": "UKK0000000",
        }
        if request is None or word == "2032":
            body["ResultCode"] = 2032
        elif word is not None and word.isdigit():
            body["ResultCode"] = int(word)
        else:
            known = word or ("Completed" if request.receipt else "Declined")
            body["ResultParameters"] = _parameters(self._standing(request, name, known))
        self.hear("mpesa_status_result", {"Result": body})

    def _standing(self, request: Request, name: str, word: str) -> dict[str, object]:
        return {
            "CreditPartyName": f"{self._number(request)} - JANE WANJIKU",
            "Originator Conversation ID": name,
            "TransactionStatus": word,
            "Amount": int(request.facts["amount"]) // 100,
            "Conversation ID": request.conversation,
            "ReceiptNo": request.receipt or "UKK0000000",
            "TransactionReason": None,
        }

    def _say(
        self, request: Request, name: str, code: str, pairs: dict[str, object], receipt: str
    ) -> None:
        body = self._envelope(request, name, code, pairs)
        body["Result"]["TransactionID"] = receipt
        self.hear(f"mpesa_{DOORS[request.kind]}_result", body)

    def _envelope(
        self, request: Request, name: str, code: str, pairs: dict[str, object]
    ) -> dict[str, Any]:
        said: dict[str, Any] = {
            "ResultType": "0",
            "ResultCode": int(code) if code.isdigit() else code,
            "ResultDesc": "said",
            "OriginatorConversationID": name,
            "ConversationID": request.conversation,
            "TransactionID": "UKK0000000",
        }
        return {"Result": said | ({"ResultParameters": _parameters(pairs)} if pairs else {})}

    def _number(self, request: Request) -> str:
        if request.kind == payouts.B2C:
            return "254" + local("+254" + str(request.facts["reference"])[1:])[1:]
        return str(request.facts.get("shortcode", "600000"))

    def hear(self, kind: str, body: dict[str, Any]) -> None:
        """Bring it to the inbox as the door does, each time as if it were new."""
        self.app.inbox.hear(kind, f"test:{next(_NUMBERS)}", {"raw": json.dumps(body)})

    # the workers

    def drain(self) -> None:
        """What workers do until nothing is due, with this Safaricom outside."""
        shop = self.shop()
        try:
            for _ in range(2):
                shop.errands.sweep()
                while callbacks.hear(shop) + shop.errands.turn() + Relay(shop).run():
                    pass
        finally:
            shop.close()

    def shop(self) -> Shop:
        """A worker's place whose errands come here."""
        errands = Errands(self.app, self.carriers(), f"w{next(_NUMBERS)}", 1)
        return replace(open_shop(self.app, lines=1), errands=errands)


@dataclass
class _Carrier:
    safaricom: Safaricom
    kind: str

    def ask(self, errand: Errand) -> Outcome:
        self.safaricom.asked.append(errand.reference)
        if self.safaricom.answer is not None:
            return self.safaricom.answer(self.kind, errand)
        return Open("accepted", self.safaricom.take(self.kind, errand).conversation)

    def look(self, errand: Errand) -> Look:
        conversation = f"AG_Q{next(_NUMBERS):07}"
        self.safaricom.questions.append((errand.reference, conversation))
        return Open("asked", conversation)


def _parameters(pairs: dict[str, object]) -> dict[str, object]:
    listed = [{"Key": key} | ({} if it is None else {"Value": it}) for key, it in pairs.items()]
    return {"ResultParameter": listed}
