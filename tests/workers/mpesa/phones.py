"""Customers who are asked on their phones to pay, and the Safaricom between."""

import json
from dataclasses import replace
from typing import Any

from tests.workers.conftest import ASHA, Boxes
from tests.workers.mpesa.till import Till
from ussd_app.bootstrap import App
from ussd_app.kernel.clock import FrozenClock
from ussd_app.kernel.daraja import StkStanding
from workers import callbacks
from workers.gateways.daraja import Pushed
from workers.gateways.daraja_errors import PENDING
from workers.gateways.errands import Open
from workers.pushes import Pushes
from workers.shop import Shop, open_shop

CHECKOUT = "ws_CO_211120261200001"


class Safaricom:
    """Answers as it is told to, and counts."""

    def __init__(self) -> None:
        self.answer: Any = Pushed("m-1", CHECKOUT)
        self.stands: Any = Open(PENDING)
        self.pushed: list[tuple[str, int, str]] = []
        self.asked = 0
        self.meanwhile: Any = lambda: None

    def push(self, msisdn: str, amount_minor: int, account: str, _: str) -> Any:
        self.pushed.append((msisdn, amount_minor, account))
        self.meanwhile()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def push_standing(self, checkout: str) -> Any:
        self.asked += 1
        return (
            self.stands if isinstance(self.stands, Open) else StkStanding(checkout, self.stands, "")
        )


def ending(code: int | str, checkout: str, **changes: Any) -> str:
    """What Safaricom says when a push has ended; by 0 it was paid, by Asha."""
    said: dict[str, Any] = {
        "MerchantRequestID": "m-1",
        "CheckoutRequestID": checkout,
        "ResultCode": code,
        "ResultDesc": "",
    }
    if code == 0:
        facts = {
            "Amount": 500.00,
            "MpesaReceiptNumber": "UKS1",
            "TransactionDate": 20261121120001,
            "PhoneNumber": int(ASHA[1:]),
        } | changes
        named = [{"Name": name, "Value": value} for name, value in facts.items()]
        said["CallbackMetadata"] = {"Item": named}
    return json.dumps({"Body": {"stkCallback": said}})


class Phones(Till):
    """Customers who are asked to pay, and the Safaricom between."""

    def __init__(self, app: App, boxes: Boxes, clock: FrozenClock) -> None:
        super().__init__(app, boxes)
        self.clock = clock
        self.safaricom = Safaricom()
        self._keys = 0

    def top_up(self, shillings: float = 500, msisdn: str = ASHA) -> None:
        self._keys += 1
        self.app.bank.serve(
            "top_up", msisdn, {"amount": int(shillings * 100)}, key=f"t{self._keys}:x"
        )

    def ended(self, code: int | str = 0, *, checkout: str = CHECKOUT, **changes: Any) -> int:
        """A callback comes in; returns its row of the inbox."""
        self._keys += 1
        key = f"{checkout}:{code}:{self._keys}"
        return self.boxes.hear("mpesa_stk", key, raw=ending(code, checkout, **changes))

    def shop_(self) -> Shop:
        shop = open_shop(self.app, lines=1)
        asks: Any = self.safaricom
        return replace(shop, pushes=Pushes(self.app, asks, "one", 1))

    def work(self) -> None:
        shop = self.shop_()
        shop.sweep()
        callbacks.hear(shop)
        shop.turn()
        callbacks.hear(shop)
        shop.close()

    def states(self) -> list[str]:
        return [row.state for row in self.rows("SELECT state FROM pushes ORDER BY id")]

    def push(self) -> Any:
        (row,) = self.rows("SELECT * FROM pushes")
        return row
