"""Payments asked back: never more than was held, never twice, whoever races whom."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError

from tests.people import ASHA, BARAKA, CAST
from ussd_app.bootstrap import App
from ussd_app.domain import disputes, parties, reversals, verdicts
from ussd_app.domain.seeds import plant
from ussd_app.domain.two_of_staff import Undecided
from ussd_app.kernel.clock import FrozenClock
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.ledger import audit

pytestmark = pytest.mark.usefixtures("staff")

Effect = Callable[[], object]


@pytest.fixture(autouse=True)
def _cast(app: App) -> None:
    plant(app.bank.desk, CAST)


def send(app: App, sender: str, pin: str, receiver: str, amount: int, key: str) -> str:
    args = {"type": "send_money", "payee": receiver, "amount": amount}
    quote = app.bank.serve("quote", sender, args)["quote_id"]
    done = app.bank.serve("accept_quote", sender, {"quote": quote, "pin": pin}, key)
    return str(done["receipt"])


@pytest.fixture
def paid(app: App) -> str:
    """Asha has paid Baraka 500, and has 993 left; he has 520."""
    return send(app, ASHA.msisdn, ASHA.pin, BARAKA.msisdn, 500_00, "paid")


def ask_back(app: App, receipt: str, key: str = "back") -> None:
    given = {"pin": ASHA.pin}
    proof = app.bank.serve("recent_payments", ASHA.msisdn, given, f"{key}:pin")["proof"]
    args = {"proof": proof, "payment": receipt}
    app.bank.serve("request_reversal", ASHA.msisdn, args, f"{key}:ask")


def give_back(app: App, key: str = "give") -> None:
    dispute = app.bank.serve("question", BARAKA.msisdn, {})["dispute"]
    args = {"dispute": dispute, "pin": BARAKA.pin}
    app.bank.serve("give_back", BARAKA.msisdn, args, key)


def state(app: App, dispute_id: int = 1) -> str:
    return disputes.by_id(app.bank.desk.reads, dispute_id).state


def available(app: App, msisdn: str) -> int:
    wallet = parties.known(app.bank.desk.reads, msisdn).wallet_id
    return app.book.balances([wallet])[wallet].available


def has(app: App) -> tuple[int, int]:
    return available(app, ASHA.msisdn), available(app, BARAKA.msisdn)


def outcome(effect: Effect) -> object:
    try:
        effect()
    except Refused as refused:
        return refused.code
    except Undecided:
        return "undecided"
    return None


def race(*effects: Effect) -> list[object]:
    with ThreadPoolExecutor(len(effects)) as pool:
        return list(pool.map(outcome, effects))


def clean(app: App) -> bool:
    return not audit.run(app.engine)


def test_what_is_held_cannot_be_spent_and_comes_back_without_the_fee(app: App, paid: str) -> None:
    ask_back(app, paid)
    assert has(app) == (993_00, 20_00)
    give_back(app)
    assert has(app) == (1_493_00, 20_00)
    assert state(app) == "returned"
    assert clean(app)


def test_two_who_ask_at_once_have_asked_once(app: App, paid: str) -> None:
    codes = race(*(partial(ask_back, app, paid, f"b{n}") for n in range(8)))
    assert Counter(codes) == {None: 1, RefusalCode.ALREADY_ASKED: 7}
    assert has(app) == (993_00, 20_00)


def test_whoever_holds_or_spends_first_has_it(app: App, paid: str) -> None:
    """Sixteen payments of 50 out of 520 race the hold of 500: nothing is had twice."""
    spend = [
        partial(send, app, BARAKA.msisdn, BARAKA.pin, ASHA.msisdn, 50_00, f"s{n}")
        for n in range(16)
    ]
    codes = race(partial(ask_back, app, paid), *spend)
    spent = 50_00 * codes[1:].count(None)
    disputes.take_up(app.bank.desk)
    dispute = disputes.by_id(app.bank.desk.reads, 1)
    assert available(app, BARAKA.msisdn) == 520_00 - spent - dispute.held_minor >= 0
    assert dispute.held_minor <= 500_00
    if dispute.state == "asked":
        give_back(app)
    assert sum(has(app)) == 1_513_00
    assert clean(app)


def test_an_answer_and_the_staff_at_once_decide_once(app: App, paid: str) -> None:
    desk = app.bank.desk
    ask_back(app, paid)
    app.bank.serve("keep_payment", BARAKA.msisdn, {"dispute": "1"}, "no")
    assert state(app) == "staff"
    codes = race(
        partial(give_back, app),
        partial(verdicts.refuse, desk, 1, "joyce"),
        partial(give_back, app, "again"),
        partial(verdicts.refuse, desk, 1, "peter"),
    )
    disputes.take_up(desk)
    assert codes.count(None) == 1
    assert (state(app), has(app)) in [
        ("returned", (1_493_00, 20_00)),
        ("kept", (993_00, 520_00)),
    ]
    assert clean(app)


def test_two_of_the_staff_at_once_grant_once(app: App, paid: str) -> None:
    desk = app.bank.desk
    ask_back(app, paid)
    app.bank.serve("keep_payment", BARAKA.msisdn, {"dispute": "1"}, "no")
    assert verdicts.grant(desk, 1, "Joyce") is False
    assert verdicts.grant(desk, 1, "joyce ") is False
    race(
        *(
            partial(verdicts.grant, desk, 1, name)
            for name in ("peter", "wanjiru", "joyce", "akinyi")
        )
    )
    assert (state(app), has(app)) == ("returned", (1_493_00, 20_00))
    assert clean(app)


def test_the_clock_gives_two_hours_to_the_receiver_and_three_days_to_staff(
    app: App, paid: str, clock: FrozenClock
) -> None:
    desk = app.bank.desk
    ask_back(app, paid)
    clock.advance(seconds=7199)
    disputes.take_up(desk)
    assert state(app) == "asked"
    clock.advance(seconds=1)
    disputes.take_up(desk)
    assert state(app) == "staff"
    clock.advance(seconds=259_199)
    disputes.take_up(desk)
    assert state(app) == "staff"
    clock.advance(seconds=1)
    disputes.take_up(desk)
    assert (state(app), has(app)) == ("kept", (993_00, 520_00))
    assert disputes.take_up(desk) == 0


@pytest.mark.parametrize(("late_s", "refusal"), [(0, None), (1, RefusalCode.TOO_LATE)])
def test_a_day_and_not_a_second_more(
    app: App, paid: str, clock: FrozenClock, late_s: int, refusal: RefusalCode | None
) -> None:
    clock.advance(seconds=86_400 + late_s)
    assert outcome(partial(ask_back, app, paid)) is refusal


def test_nothing_is_asked_back_from_an_empty_wallet(app: App, paid: str) -> None:
    send(app, BARAKA.msisdn, BARAKA.pin, ASHA.msisdn, 507_00, "gone")
    assert outcome(partial(ask_back, app, paid)) is RefusalCode.NOTHING_LEFT
    assert has(app) == (1_500_00, 0)


def test_money_that_goes_between_asking_and_holding_leaves_nothing_and_may_be_asked_again(
    app: App, paid: str
) -> None:
    desk = app.bank.desk
    party = parties.known(desk.reads, ASHA.msisdn)
    payment = reversals.find_payment(desk.reads, party, paid)
    with app.engine.begin() as connection:
        reversals.open_dispute(desk, connection, party, payment)
    send(app, BARAKA.msisdn, BARAKA.pin, ASHA.msisdn, 507_00, "gone")
    disputes.take_up(desk)
    assert state(app) == "nothing"
    send(app, ASHA.msisdn, ASHA.pin, BARAKA.msisdn, 40_00, "more")
    ask_back(app, paid)
    assert disputes.by_id(desk.reads, 2).held_minor == 40_00


def test_whatever_was_cut_short_is_taken_up_once(app: App, paid: str) -> None:
    """A hold that was made and not written in the row, a decision that nobody followed."""
    desk = app.bank.desk
    ask_back(app, paid)
    with app.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE disputes SET state = 'opening', hold_id = NULL, held_minor = 0"
        )
    assert disputes.take_up(desk) == 1
    assert (state(app), has(app)) == ("asked", (993_00, 20_00))
    with app.engine.begin() as connection:
        disputes.decide(
            connection, disputes.by_id(connection, 1), "returning", "test", wanted=("asked",)
        )
    race(*(partial(disputes.take_up, desk) for _ in range(4)))
    assert (state(app), has(app)) == ("returned", (1_493_00, 20_00))
    assert clean(app)


def reverse_whole(database_url: str, receipt: str) -> None:
    """The ledger's own way back, as a refund takes it: the right to it, by its owner."""
    owner = create_engine(database_url)
    try:
        with owner.begin() as connection:
            connection.exec_driver_sql(
                "INSERT INTO reversals (reversed_id, entry_id) SELECT id, id + 1000000"
                " FROM entries WHERE receipt = %s",
                (receipt,),
            )
    finally:
        owner.dispose()


def test_a_payment_that_a_refund_took_back_is_not_given_back_too(
    app: App, paid: str, database_url: str
) -> None:
    ask_back(app, paid)
    reverse_whole(database_url, paid)
    assert outcome(partial(give_back, app)) is RefusalCode.NOTHING_TO_ANSWER
    disputes.take_up(app.bank.desk)
    assert (state(app), has(app)) == ("kept", (993_00, 520_00))


def test_a_payment_that_was_given_back_is_not_reversed_too(
    app: App, paid: str, database_url: str
) -> None:
    ask_back(app, paid)
    give_back(app)
    with pytest.raises(DBAPIError, match="given back after a dispute"):
        reverse_whole(database_url, paid)


def test_three_wrong_codes_and_only_the_pin_can_agree(app: App, paid: str) -> None:
    desk = app.bank.desk
    ask_back(app, paid)
    right = disputes.code(desk, disputes.by_id(desk.reads, 1))

    def agree(code: str) -> object:
        with app.engine.begin() as connection:
            party = parties.known(connection, BARAKA.msisdn)
            return verdicts.agree_by_code(desk, connection, party, code)

    wrong = f"{(int(right) + 1) % 10_000:04d}"
    assert [agree(wrong) for _ in range(3)] == [RefusalCode.WRONG_CODE] * 3
    assert agree(right) is RefusalCode.WRONG_CODE
    give_back(app)
    assert state(app) == "returned"


def test_somebody_elses_payment_is_unknown(app: App, paid: str) -> None:
    with pytest.raises(Refused) as refusal:
        app.bank.serve("reversal", BARAKA.msisdn, {"typed": paid})
    assert refusal.value.code is RefusalCode.UNKNOWN_RECEIPT
