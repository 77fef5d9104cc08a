"""What tests of merchants share: a street with Juma's shops, who pays there, who gets it."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from sqlalchemy import text

from tests.people import ASHA, BARAKA
from ussd_app.bootstrap import App
from ussd_app.domain.agreements import Agreement, by_number
from ussd_app.domain.seeds import Planted, Seed, plant
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.ledger import audit
from ussd_app.reports import merchants

TODAY = date(2026, 11, 20)
JUMA = Seed(
    *("+254755000005", "Juma Hassan", "sw", "5555", "22000005", 0),
    (
        Planted("till", "520001", "Duka la Juma", terms={"category": "food"}),
        Planted("paybill", "600100", "Juma Rentals", terms={"bearer": "shared"}),
        Planted("pochi", None, "Juma Snacks"),
    ),
)
CROWD = tuple(
    Seed(f"+2547220001{n:02d}", f"Payer{n} Street", "en", "4826", f"330001{n:02d}", 5_000_00)
    for n in range(16)
)
BY_TYPE = {"pay_till": ("number", "520001"), "pay_bill": ("number", "600100")}


def open_street(app: App) -> None:
    """Juma's shops, Asha and Baraka."""
    plant(app.bank.desk, (ASHA, BARAKA, JUMA))


def crowd(app: App) -> tuple[Seed, ...]:
    """Sixteen with money."""
    plant(app.bank.desk, CROWD)
    return CROWD


def pay(app: App, payer: Seed, amount: int, kind: str = "pay_till", key: str = "") -> str:
    """Pay one of Juma's shops. Returns the receipt number."""
    how, whom = BY_TYPE.get(kind, ("payee", JUMA.msisdn))
    args = {"type": kind, "amount": amount, how: whom, "reference": "A1"}
    quoted = app.bank.serve("quote", payer.msisdn, args)["quote_id"]
    key = key or f"{payer.msisdn}:{quoted}"
    consent = {"quote": quoted, "pin": payer.pin}
    return str(app.bank.serve("accept_quote", payer.msisdn, consent, key)["receipt"])


def shop(app: App, kind: str = "till") -> Agreement:
    """One of Juma's shops."""
    number = {"till": "520001", "paybill": "600100", "pochi": JUMA.msisdn}[kind]
    found = by_number(app.engine, kind, number)
    assert found is not None
    return found


def give_back(app: App, receipt: str, key: str, kind: str = "till") -> dict[str, object]:
    """Give a payment back, with Juma's PIN."""
    args = {"shop": str(shop(app, kind).id), "payment": receipt, "pin": JUMA.pin}
    return app.bank.serve("refund", JUMA.msisdn, args, key)


def settle(app: App, key: str, amount: int | None = None, kind: str = "till") -> dict[str, object]:
    """Take takings to Juma's wallet: all, or an amount."""
    args: dict[str, object] = {"shop": str(shop(app, kind).id), "pin": JUMA.pin}
    if amount is not None:
        args["amount"] = amount
    return app.bank.serve("settle_shop", JUMA.msisdn, args, key)


def held(app: App, account_id: int) -> int:
    """What an account has, in minor units."""
    return app.book.balances([account_id])[account_id].total


def wallet(app: App, who: Seed) -> int:
    """What somebody's wallet has, in minor units."""
    with app.engine.connect() as connection:
        found = connection.execute(
            text("SELECT wallet_id FROM parties WHERE msisdn = :msisdn"), {"msisdn": who.msisdn}
        )
        return held(app, int(found.scalar_one()))


def entries(app: App, kind: str) -> int:
    """How many entries of a type there are."""
    with app.engine.connect() as connection:
        found = connection.execute(
            text("SELECT count(*) FROM entries WHERE type = :kind"), {"kind": kind}
        )
        return int(found.scalar_one())


def at_once(calls: Sequence[Callable[[], object]]) -> Counter[str]:
    """Make calls at the same moment; how each ended, `done` or a refusal's code."""

    def one(call: Callable[[], object]) -> str:
        try:
            call()
        except Refused as refused:
            return refused.code.value
        return "done"

    with ThreadPoolExecutor(16) as pool:
        return Counter(pool.map(one, calls))


def must_refuse(code: RefusalCode, call: Callable[[], object]) -> None:
    """The call is refused with that code."""
    with pytest.raises(Refused) as refusal:
        call()
    assert refusal.value.code is code


def sound(app: App) -> None:
    """The books are in order, and each shop's day adds up."""
    assert [str(finding) for finding in audit.run(app.engine)] == []
    for kind in ("till", "paybill", "pochi"):
        assert merchants.shop_day(app.engine, shop(app, kind), TODAY).faults == []
