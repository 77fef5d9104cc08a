"""Takings on their way to a bank, on a real ledger: who may, and what races."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import text

from tests.domain.street import JUMA, at_once, entries, must_refuse, pay, shop, sound
from tests.people import ASHA, BARAKA
from ussd_app.bootstrap import App, build
from ussd_app.domain import promises, settlements
from ussd_app.domain.account_names import Nobody
from ussd_app.domain.commands import NotYet
from ussd_app.domain.seeds import plant
from ussd_app.embedded import Redis
from ussd_app.kernel.clock import FrozenClock
from ussd_app.kernel.errors import RefusalCode
from ussd_app.kernel.ids import SequentialIds
from ussd_app.settings import Settings

TYPE = "settle_to_bank"


class Names:
    """A switch that knows one account."""

    def holder(self, bank: str, account: str) -> str | None:
        return "Juma Hassan" if (bank, account) == ("03", "2040607080") else None


@pytest.fixture
def app(database_url: str, redis_server: Redis, clock: FrozenClock) -> Iterator[App]:
    """An installation with a switch, and Juma's till with 500 in it."""
    settings = Settings(env="test", database_url=database_url, redis_url=redis_server.url())
    app = build(settings, clock=clock, ids=SequentialIds(), account_names=Names())
    plant(app.bank.desk, (ASHA, BARAKA, JUMA))
    pay(app, ASHA, 500_00)
    yield app
    app.close()


def name_account(app: App, who: str = JUMA.msisdn, pin: str = JUMA.pin, key: str = "b") -> object:
    args = {"shop": str(shop(app).id), "bank": "03", "account": "2040607080", "pin": pin}
    return app.bank.serve("set_shop_bank", who, args | {"holder": "JUMA HASSAN"}, key)


def every_night(app: App, key: str = "n") -> None:
    args = {"shop": str(shop(app).id), "settle": "bank", "pin": JUMA.pin}
    app.bank.serve("set_settlement", JUMA.msisdn, args, key)


def send(app: App, key: str, amount: int | None = None) -> object:
    args: dict[str, object] = {"shop": str(shop(app).id)}
    if amount is not None:
        args["amount"] = amount
    quoted = app.bank.serve("bank_takings", JUMA.msisdn, args)["quote_id"]
    return app.bank.serve("accept_quote", JUMA.msisdn, {"quote": quoted, "pin": JUMA.pin}, key)


def there(app: App) -> tuple[int, int]:
    """What the till holds, and what of that is free."""
    balance = app.book.balances([shop(app).account_id])[shop(app).account_id]
    return balance.total, balance.available


def test_only_the_owner_names_the_account_and_sends(app: App) -> None:
    must_refuse(RefusalCode.NOT_YOURS, lambda: name_account(app, BARAKA.msisdn, BARAKA.pin, "x"))
    asked = {"shop": str(shop(app).id), "operator": BARAKA.msisdn, "pin": JUMA.pin}
    app.bank.serve("add_shop_operator", JUMA.msisdn, asked, "o")
    must_refuse(RefusalCode.OWNER_ONLY, lambda: name_account(app, BARAKA.msisdn, BARAKA.pin, "c"))
    must_refuse(RefusalCode.UNKNOWN_ACCOUNT, lambda: send(app, "s"))
    must_refuse(RefusalCode.UNKNOWN_ACCOUNT, lambda: every_night(app, "early"))
    name_account(app)
    look = {"shop": str(shop(app).id)}
    must_refuse(RefusalCode.OWNER_ONLY, lambda: app.bank.serve("bank_takings", BARAKA.msisdn, look))
    assert app.bank.serve("bank_takings", JUMA.msisdn, look)["amount"] == 500_00


def test_takings_go_to_a_bank_once_however_often_they_are_asked_for(app: App) -> None:
    name_account(app)
    asked: list[Callable[[], object]] = [lambda n=n: send(app, f"s{n}", 300_00) for n in range(8)]  # type: ignore[misc]
    ended = at_once(asked)
    assert ended["done"] == 1
    assert there(app) == (500_00, 200_00)
    assert entries(app, TYPE) == 1
    sound(app)


def test_a_night_asks_the_bank_once_however_many_are_at_it(app: App) -> None:
    name_account(app)
    every_night(app)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: settlements.settle_all(app.bank.desk), range(8)))
    assert (there(app), entries(app, TYPE)) == ((500_00, 0), 1)
    with app.engine.connect() as connection:
        asked = connection.execute(text("SELECT facts FROM outbox WHERE kind = 'bank'"))
        (facts,) = asked.scalars().all()
    assert (facts["bank"], facts["account"], facts["amount"]) == ("03", "2040607080", 500_00)
    sound(app)


def test_what_the_bank_sends_back_is_takings_again_and_no_refund(app: App) -> None:
    name_account(app)
    send(app, "s")
    with app.engine.connect() as connection:
        hold = connection.execute(text("SELECT id FROM holds")).scalar_one()
    promises.settle(app.bank.desk, hold, "done")
    assert there(app) == (0, 0)
    promises.undo(app.bank.desk, hold, "back")
    assert there(app) == (500_00, 500_00)
    sound(app)


def test_without_a_switch_a_night_leaves_takings_where_they_are(app: App) -> None:
    name_account(app)
    every_night(app)
    alone = replace(app.bank.desk, account_names=Nobody())
    with pytest.raises(NotYet):
        settlements.settle_all(alone)
    assert there(app) == (500_00, 500_00)
