"""The bank's commands on a real ledger: money moves once, and every refusal leaves it alone."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.people import ASHA, BARAKA, CAST
from ussd_app.bootstrap import App
from ussd_app.domain.seeds import plant
from ussd_app.kernel.clock import FrozenClock
from ussd_app.kernel.errors import RefusalCode, Refused


@pytest.fixture(autouse=True)
def _cast(app: App) -> None:
    plant(app.bank.desk, CAST)


def quote(app: App, amount: int = 500_00) -> str:
    args = {"type": "send_money", "payee": BARAKA.msisdn, "amount": amount}
    return str(app.bank.serve("quote", ASHA.msisdn, args)["quote_id"])


def accept(
    app: App, quote_id: str, key: str = "s:send:4", pin: str = ASHA.pin
) -> dict[str, object]:
    return app.bank.serve("accept_quote", ASHA.msisdn, {"quote": quote_id, "pin": pin}, key)


def balance(app: App, msisdn: str) -> int:
    accounts = app.book.accounts([f"wallet/{owner}" for owner in _owners(app, msisdn)])
    (account,) = accounts.values()
    return app.book.balances([account])[account].total


def _owners(app: App, msisdn: str) -> list[str]:
    with app.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT id FROM parties WHERE msisdn = %s", (msisdn,))
        return [str(row.id) for row in rows]


def entries(app: App) -> int:
    with app.engine.connect() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM entries").scalar_one())


def test_a_transfer_moves_the_amount_and_the_fee(app: App) -> None:
    done = accept(app, quote(app))
    assert done == {"receipt": "KB00003", "balance": 993_00}
    assert balance(app, ASHA.msisdn) == 993_00
    assert balance(app, BARAKA.msisdn) == 520_00


def test_the_same_key_gets_the_same_answer(app: App) -> None:
    quote_id = quote(app)
    first = accept(app, quote_id)
    assert [accept(app, quote_id) for _ in range(3)] == [first] * 3
    assert balance(app, ASHA.msisdn) == 993_00


def test_the_same_quote_under_another_key_is_the_same_consent(app: App) -> None:
    quote_id = quote(app)
    first = accept(app, quote_id)
    assert accept(app, quote_id, key="s:send:5") == first
    assert balance(app, ASHA.msisdn) == 993_00


def test_fifty_at_once_under_one_key_have_one_effect(app: App) -> None:
    quote_id = quote(app)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: accept(app, quote_id), range(50)))
    assert answers == [answers[0]] * 50
    assert balance(app, BARAKA.msisdn) == 520_00
    assert entries(app) == 3


def test_one_key_for_two_requests_is_a_conflict(app: App) -> None:
    accept(app, quote(app))
    with pytest.raises(Refused) as refusal:
        accept(app, quote(app, 100_00))
    assert refusal.value.code is RefusalCode.KEY_CONFLICT
    assert balance(app, ASHA.msisdn) == 993_00


def test_a_wrong_pin_is_counted_once_a_key(app: App) -> None:
    quote_id = quote(app)
    for _ in range(4):
        with pytest.raises(Refused) as refusal:
            accept(app, quote_id, pin="0000")
        assert refusal.value.facts == {"left": 2}
    with pytest.raises(Refused) as second:
        accept(app, quote_id, key="s:send:5", pin="0000")
    assert second.value.facts == {"left": 1}


def test_guesses_that_race_are_counted_one_by_one(app: App) -> None:
    quote_id = quote(app)

    def guess(number: int) -> RefusalCode:
        with pytest.raises(Refused) as refusal:
            accept(app, quote_id, key=f"s:send:{number}", pin=f"{number:04d}")
        return refusal.value.code

    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(guess, range(12)))
    assert codes.count(RefusalCode.WRONG_PIN) == 2
    assert codes.count(RefusalCode.PIN_LOCKED) == 10
    with pytest.raises(Refused) as late:
        accept(app, quote_id, key="s:send:99")
    assert late.value.code is RefusalCode.PIN_LOCKED


def test_sixteen_racing_for_one_daily_limit_do_not_leak_it(app: App, clock: FrozenClock) -> None:
    desk = app.bank.desk
    (owner,) = _owners(app, ASHA.msisdn)
    tier = desk.catalogue.tiers[1]
    quotes = [quote(app, 50_00) for _ in range(16)]
    object.__setattr__(tier, "daily_value_minor", 200_00)

    def send(numbered: tuple[int, str]) -> RefusalCode | None:
        try:
            accept(app, numbered[1], key=f"s:send:{numbered[0]}")
        except Refused as refused:
            return refused.code
        return None

    with ThreadPoolExecutor(16) as pool:
        codes = Counter(pool.map(send, enumerate(quotes)))
    assert codes == {None: 4, RefusalCode.DAILY_LIMIT: 12}
    assert desk.book.usage(owner, "sent", clock.now().date()) == (200_00, 4)


def test_a_quote_is_its_payers_own(app: App) -> None:
    quote_id = quote(app)
    with pytest.raises(Refused) as refusal:
        app.bank.serve(
            "accept_quote", BARAKA.msisdn, {"quote": quote_id, "pin": BARAKA.pin}, "b:send:1"
        )
    assert refusal.value.code is RefusalCode.QUOTE_EXPIRED


def test_an_old_quote_is_refused(app: App, clock: FrozenClock) -> None:
    quote_id = quote(app)
    clock.advance(seconds=121)
    with pytest.raises(Refused) as refusal:
        accept(app, quote_id)
    assert refusal.value.code is RefusalCode.QUOTE_EXPIRED


def test_a_right_pin_forgets_wrong_ones(app: App) -> None:
    with pytest.raises(Refused):
        accept(app, quote(app), key="a", pin="0000")
    accept(app, quote(app), key="b")
    with pytest.raises(Refused) as refusal:
        accept(app, quote(app), key="c", pin="0000")
    assert refusal.value.facts == {"left": 2}


def test_the_cast_is_planted_once(app: App) -> None:
    plant(app.bank.desk, CAST)
    assert balance(app, ASHA.msisdn) == ASHA.balance_minor
    assert entries(app) == 2
