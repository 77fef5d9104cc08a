"""Float that the house buys back, on a real ledger: two decide, once a letter, and never more than
there is."""

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from tests.domain.street import at_once, entries, held, must_refuse
from tests.domain.trade import WAKUU, agreement, put
from tests.people import STAFF
from ussd_app.bootstrap import App, build
from ussd_app.domain import float_back, promises
from ussd_app.domain.float_back import BoughtBack
from ussd_app.domain.seeds import plant
from ussd_app.domain.two_of_staff import SaidAlready
from ussd_app.embedded import Redis
from ussd_app.kernel.clock import FrozenClock
from ussd_app.kernel.errors import RefusalCode
from ussd_app.kernel.ids import SequentialIds
from ussd_app.ledger import audit
from ussd_app.settings import Settings

FLOAT = 100_000_00
HERE = ("68", "0180199887766")


class Names:
    """A switch that knows one account."""

    def holder(self, bank: str, account: str) -> str | None:
        return "Wakuu Mwangi" if (bank, account) == HERE else None


@pytest.fixture
def app(database_url: str, redis_server: Redis, clock: FrozenClock) -> Iterator[App]:
    """An installation with a switch, and Wakuu's float."""
    settings = Settings(env="test", database_url=database_url, redis_url=redis_server.url())
    app = build(settings, clock=clock, ids=SequentialIds(), account_names=Names())
    plant(app.bank.desk, (*STAFF, WAKUU))
    yield app
    app.close()


def say(
    app: App, by: str, amount: int, reference: str = "L1", account: tuple[str, str] = HERE
) -> BoughtBack:
    return float_back.buy_back(app.bank.desk, "41001", amount, *account, reference, by)


def left(app: App) -> tuple[int, int]:
    """What is in the float, and what of that is free."""
    account = agreement(app, "agency", "41001").account_id
    balance = app.book.balances([account])[account]
    return balance.total, balance.available


def end(app: App, receipt: str | None, how: Callable[..., object]) -> None:
    with app.engine.connect() as connection:
        asked = connection.exec_driver_sql("SELECT id FROM entries WHERE receipt = %s", (receipt,))
        how(app.bank.desk, int(asked.scalar_one()), f"end:{receipt}")


def test_it_is_held_and_leaves_trust_by_the_bank(app: App) -> None:
    assert say(app, "joyce", 60_000_00).receipt is None
    with pytest.raises(SaidAlready):
        say(app, "joyce", 60_000_00)
    bought = say(app, "peter", 60_000_00)
    assert (bought.bank_name, bought.holder) == ("Equity", "Wakuu Mwangi")
    assert left(app) == (FLOAT, 40_000_00)
    end(app, bought.receipt, promises.settle)
    assert left(app) == (40_000_00, 40_000_00)
    assert held(app, app.bank.desk.house["clearing/house"]) == 60_000_00
    assert [str(finding) for finding in audit.run(app.engine)] == []


def test_what_the_bank_does_not_take_is_with_the_agent_again(app: App) -> None:
    say(app, "joyce", 60_000_00)
    end(app, say(app, "peter", 60_000_00).receipt, promises.void)
    assert left(app) == (FLOAT, FLOAT)
    assert [str(finding) for finding in audit.run(app.engine)] == []


def test_a_letter_counts_once(app: App) -> None:
    say(app, "joyce", 60_000_00)
    first = say(app, "peter", 60_000_00)
    say(app, "joyce", 60_000_00)
    assert say(app, "peter", 60_000_00) == first
    say(app, "joyce", 10_000_00)
    must_refuse(RefusalCode.KEY_CONFLICT, lambda: say(app, "peter", 10_000_00))
    assert entries(app, "buy_back_float") == 1


def test_two_letters_at_once_never_take_more_than_there_is(app: App) -> None:
    for letter in range(8):
        say(app, "joyce", 30_000_00, f"L{letter}")

    ended = at_once([partial(say, app, "peter", 30_000_00, f"L{n}") for n in range(8)])
    assert ended == {"done": 3, "insufficient_funds": 5}
    assert left(app) == (FLOAT, 10_000_00)


def test_what_cannot_be_bought_back(app: App) -> None:
    must_refuse(RefusalCode.UNKNOWN_ACCOUNT, lambda: say(app, "joyce", 100_00, account=("68", "1")))
    must_refuse(RefusalCode.AMOUNT_TOO_LARGE, lambda: say(app, "joyce", 1_000_000_00))
    must_refuse(RefusalCode.AMOUNT_TOO_SMALL, lambda: say(app, "joyce", 9_99))
    put(app, "41001", "suspended")
    must_refuse(RefusalCode.PAYEE_FROZEN, lambda: say(app, "joyce", 100_00))
