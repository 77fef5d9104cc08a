"""Agents on a real ledger: what is counted is counted once, however many race for it."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine

from tests.domain.trade import seen
from tests.people import ASHA, BARAKA
from ussd_app.bootstrap import App
from ussd_app.domain import agencies, agreements, commissions, nearby, rounds
from ussd_app.domain.agreements import Agreement
from ussd_app.domain.commands import NotYet
from ussd_app.domain.desk import Desk
from ussd_app.domain.house import FLOAT
from ussd_app.domain.seeds import Planted, Seed, plant
from ussd_app.domain.two_of_staff import Undecided
from ussd_app.kernel.clock import FrozenClock
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.ledger import audit

pytestmark = pytest.mark.usefixtures("staff")

WAKUU = Seed(
    *("+254744000004", "Wakuu Mwangi", "en", "4444", "22000004", 0),
    (Planted("agency", "41001", "Wakuu Supplies", 500_000_00),),
)
NJERI = Seed(
    *("+254733000003", "Njeri Kamau", "sw", "3333", "22000003", 50_00),
    (Planted("agency", "41002", "Mama Njeri", 50_000_00, "41001", {"town": "Kawangware"}),),
)
OTHER = Seed(
    *("+254755000005", "Juma Hassan", "sw", "5555", "22000005", 0),
    (Planted("agency", "41003", "Juma Shop", 0, "41001"),),
)
NIGHT_S = 14 * 3600
"""From the beginning of a test, half past noon, to half past two in the night."""


@pytest.fixture(autouse=True)
def _cast(app: App) -> None:
    plant(app.bank.desk, (ASHA, BARAKA, WAKUU, NJERI, OTHER))


def deposit_quote(
    app: App, amount: int, token: str, agent: Seed = NJERI, customer: Seed = ASHA
) -> str:
    args = {"type": "cash_in", "payee": customer.msisdn, "amount": amount, "seen": token}
    return str(app.bank.serve("quote", agent.msisdn, args)["quote_id"])


def accept(app: App, quote: str, key: str, who: Seed = NJERI) -> dict[str, object]:
    return app.bank.serve("accept_quote", who.msisdn, {"quote": quote, "pin": who.pin}, key)


def withdraw(app: App, amount: int, key: str, number: str = "41002") -> None:
    args = {"type": "cash_out", "number": number, "store": 1, "amount": amount}
    quote = str(app.bank.serve("quote", ASHA.msisdn, args)["quote_id"])
    accept(app, quote, key, ASHA)


def send_float(app: App, who: Seed, number: str, amount: int, key: str) -> None:
    args = {"type": "send_float", "number": number, "amount": amount}
    quote = str(app.bank.serve("quote", who.msisdn, args)["quote_id"])
    accept(app, quote, key, who)


def code_of(do: Callable[[], object]) -> RefusalCode | None:
    try:
        do()
    except Refused as refused:
        return refused.code
    return None


def accept_together(app: App, quotes: list[str]) -> Counter[RefusalCode | None]:
    """Each accepted by the agent at once with the others: how often it was refused for what."""

    def one(numbered: tuple[int, str]) -> RefusalCode | None:
        return code_of(lambda: accept(app, numbered[1], f"s:give:{numbered[0]}"))

    with ThreadPoolExecutor(len(quotes)) as pool:
        return Counter(pool.map(one, enumerate(quotes)))


def float_of(app: App, number: str) -> int:
    agency = agreements.by_number(app.engine, "agency", number)
    assert agency is not None
    return app.book.balances([agency.account_id])[agency.account_id].total


def owed_to(app: App, number: str) -> commissions.Statement:
    agency = agreements.by_number(app.engine, "agency", number)
    assert agency is not None
    return commissions.statement(app.bank.desk, agency)


def entries(app: App, type_: str) -> int:
    with app.engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT count(*) FROM entries WHERE type = %s", (type_,))
        return int(found.scalar_one())


def is_clean(app: App) -> bool:
    return not audit.run(app.engine)


# --- deposits


def test_sixteen_parts_of_a_deposit_at_once_are_no_more_than_three(app: App) -> None:
    token = seen(app)
    quotes = [deposit_quote(app, 110_00, token) for _ in range(16)]
    assert accept_together(app, quotes) == {None: 3, RefusalCode.SPLIT_DEPOSIT: 13}
    assert float_of(app, "41002") == 50_000_00 - 330_00
    assert is_clean(app)


def test_sixteen_that_step_over_a_band_together_are_one(app: App) -> None:
    token = seen(app)
    quotes = [deposit_quote(app, 400_00, token) for _ in range(16)]
    assert accept_together(app, quotes) == {None: 1, RefusalCode.SPLIT_DEPOSIT: 15}
    assert owed_to(app, "41002").today == 8_00


def test_a_repeated_deposit_is_told_again_and_not_called_split(app: App) -> None:
    quote = deposit_quote(app, 400_00, seen(app))
    first = accept(app, quote, "s:give:1")
    assert accept(app, quote, "s:give:1") == first
    assert accept(app, quote, "s:give:2") == first
    assert entries(app, "cash_in") == 1


def test_two_customers_and_two_agents_do_not_hinder_each_other(app: App) -> None:
    pairs = [(NJERI, ASHA), (NJERI, BARAKA), (WAKUU, ASHA), (WAKUU, BARAKA)]
    for number, (agent, customer) in enumerate(pairs):
        token = seen(app, agent, customer, f"see:{number}")
        quote = deposit_quote(app, 400_00, token, agent, customer)
        accept(app, quote, f"s:give:{number}", agent)
    assert entries(app, "cash_in") == 4


def test_a_proof_of_another_customer_or_agent_proves_nothing(app: App) -> None:
    token = seen(app)
    for agent, customer in ((NJERI, BARAKA), (WAKUU, ASHA)):
        given = code_of(
            lambda a=agent, c=customer: deposit_quote(app, 100_00, token, a, c)  # type: ignore[misc]
        )
        assert given is RefusalCode.PROOF_EXPIRED


def test_digits_that_are_guessed_at_once_are_counted_one_by_one(app: App) -> None:
    def guess(number: int) -> RefusalCode | None:
        args = {"customer": ASHA.msisdn, "id_tail": f"{number:04d}"}
        return code_of(lambda: app.bank.serve("see_id", NJERI.msisdn, args, f"see:{number}"))

    with ThreadPoolExecutor(8) as pool:
        codes = Counter(pool.map(guess, range(100, 112)))
    assert codes == {RefusalCode.ID_MISMATCH: 3, RefusalCode.TOO_MANY_REQUESTS: 9}
    assert code_of(lambda: seen(app)) is RefusalCode.TOO_MANY_REQUESTS
    assert code_of(lambda: seen(app, WAKUU, key="see:w")) is None


def test_an_operator_is_no_customer_of_the_outlet(app: App) -> None:
    with app.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO operators SELECT a.id, p.id, now() FROM agreements a, parties p"
            " WHERE a.number = '41002' AND p.msisdn = %s",
            (ASHA.msisdn,),
        )
    assert code_of(lambda: seen(app)) is RefusalCode.PAYEE_IS_PAYER
    assert code_of(lambda: withdraw(app, 100_00, "s:take:1")) is RefusalCode.PAYEE_IS_PAYER
    assert code_of(lambda: withdraw(app, 100_00, "s:take:2", "41001")) is None


# --- float


def test_float_goes_up_and_down_the_line_only(app: App) -> None:
    send_float(app, WAKUU, "41003", 2_000_00, "w:1")
    send_float(app, OTHER, "41001", 500_00, "o:1")
    across = code_of(lambda: send_float(app, OTHER, "41002", 100_00, "o:2"))
    assert across is RefusalCode.NOT_IN_LINE
    assert [float_of(app, number) for number in ("41001", "41002", "41003")] == [
        *(498_500_00, 50_000_00, 1_500_00),
    ]


def test_sixteen_at_once_cannot_spend_one_float(app: App) -> None:
    args = {"type": "send_float", "number": "41001", "amount": 20_000_00}
    quotes = [str(app.bank.serve("quote", NJERI.msisdn, args)["quote_id"]) for _ in range(16)]
    assert accept_together(app, quotes) == {None: 2, RefusalCode.INSUFFICIENT_FUNDS: 14}
    assert float_of(app, "41002") == 10_000_00
    assert is_clean(app)


def test_a_low_float_is_told_once_also_by_two_rounds_at_once(app: App) -> None:
    send_float(app, NJERI, "41001", 46_000_00, "n:1")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: rounds.turn(app.bank.desk), range(8)))
    with app.engine.connect() as connection:
        told = connection.exec_driver_sql(
            "SELECT count(*) FROM outbox WHERE template = 'float_low'"
        ).scalar_one()
    assert told == 1
    assert agencies.warn(app.bank.desk) == 0


def test_float_is_sold_once_a_reference_by_two_of_the_staff(app: App) -> None:
    desk, both = app.bank.desk, ("joyce", "peter")
    with ThreadPoolExecutor(8) as pool:
        sold = list(
            pool.map(
                lambda _: agencies.sell_float(desk, "41003", 700_00, "FT26325001", both), range(8)
            )
        )
    assert len(set(sold)) == 1
    assert float_of(app, "41003") == 700_00
    with pytest.raises(Undecided, match="Two different people"):
        agencies.sell_float(desk, "41003", 700_00, "FT26325002", ("joyce", " Joyce"))
    other = code_of(lambda: agencies.sell_float(desk, "41002", 700_00, "FT26325001", both))
    assert other is RefusalCode.KEY_CONFLICT
    nobody = code_of(lambda: agencies.sell_float(desk, "49999", 700_00, "FT26325003", both))
    assert nobody is RefusalCode.UNKNOWN_NUMBER
    assert is_clean(app)


# --- commission


def test_commission_is_paid_once_however_many_pay(app: App, clock: FrozenClock) -> None:
    withdraw(app, 1_000_00, "s:take:1")
    clock.advance(seconds=NIGHT_S)
    withdraw(app, 100_00, "s:take:2")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: commissions.pay_out(app.bank.desk), range(8)))
    assert entries(app, "commission_payout") == 2
    assert float_of(app, "41002") == 50_000_00 + 1_000_00 + 100_00 + 10_00
    assert float_of(app, "41001") == 500_000_00 + 2_00
    assert owed_to(app, "41002") == (5_00, 0, 10_00, clock.now())
    assert is_clean(app)


def test_each_night_is_paid_by_itself(app: App, clock: FrozenClock) -> None:
    desk = app.bank.desk
    clock.advance(seconds=NIGHT_S)
    for night in range(3):
        withdraw(app, 100_00, f"s:take:{night}")
        rounds.turn(desk)
        clock.advance(seconds=86_400)
    rounds.turn(desk)
    assert entries(app, "commission_payout") == 6
    assert owed_to(app, "41002")[:3] == (0, 0, 5_00)
    assert is_clean(app)


def test_a_short_house_makes_agents_wait_and_pays_when_it_can(app: App, clock: FrozenClock) -> None:
    desk = app.bank.desk
    accept(app, deposit_quote(app, 2_500_00, seen(app)), "s:give:1")
    clock.advance(seconds=NIGHT_S)
    with pytest.raises(NotYet):
        commissions.pay_out(desk)
    assert "commission_payout" not in rounds.turn(desk)
    assert entries(app, "commission_payout") == 0
    withdraw(app, 1_000_00, "s:take:1")
    assert rounds.turn(desk)["commission_payout"] == 2
    assert "commission_payout" not in rounds.turn(desk)
    assert float_of(app, "41002") == 50_000_00 - 2_500_00 + 1_000_00 + 11_00
    house = desk.house[FLOAT]
    assert app.book.balances([house])[house].total == 29_00 - 11_00 - 2_20
    assert is_clean(app)


def test_an_agent_who_cannot_be_paid_leaves_the_others_to_their_turn(
    app: App, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    withdraw(app, 1_000_00, "s:take:1")
    clock.advance(seconds=NIGHT_S)
    pay, wrong = commissions._pay, ValueError("a fault of one agent's")

    def fails_for_the_first(desk: Desk, agency: Agreement, minor: int, key: str) -> bool:
        if agency.number == "41001":
            raise wrong
        return pay(desk, agency, minor, key)

    monkeypatch.setattr(commissions, "_pay", fails_for_the_first)
    for _ in range(2):
        with pytest.raises(ValueError, match="a fault of one"):
            commissions.pay_out(app.bank.desk)
    assert owed_to(app, "41002").last == 10_00
    monkeypatch.undo()
    assert commissions.pay_out(app.bank.desk) == 1
    assert owed_to(app, "41001").last == 2_00
    assert entries(app, "commission_payout") == 2
    assert is_clean(app)


def test_a_suspended_agent_is_paid_when_active_again(app: App, clock: FrozenClock) -> None:
    desk = app.bank.desk
    withdraw(app, 1_000_00, "s:take:1")
    clock.advance(seconds=NIGHT_S)
    with app.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE agreements SET state = 'suspended' WHERE number='41002'")
    assert commissions.pay_out(desk) == 1
    with app.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE agreements SET state = 'active' WHERE number = '41002'")
    clock.advance(seconds=86_400)
    assert commissions.pay_out(desk) == 1
    assert owed_to(app, "41002").last == 10_00


# --- where they are


def test_wrong_places_are_no_places(app: App) -> None:
    terms = [
        {"town": "Ngong", "lat": "-1.36", "lon": "36.65"},
        {"town": "Ngong", "lat": "-1.37", "lon": "36.66"},
        {"town": "Ngong", "lat": "north", "lon": "36.65"},
        {"town": "Ngong", "lat": "-1.36", "lon": "365"},
        {"town": " ngong "},
    ]
    planted = tuple(
        Planted("agency", f"4200{place}", f"Shop {place}", terms=term)
        for place, term in enumerate(terms)
    )
    plant(
        app.bank.desk,
        [Seed("+254766000006", "Mary Wairimu", "en", "6677", "22000006", 0, planted)],
    )
    found = nearby.near(app.engine, "42000")
    assert [(one.number, one.km is None) for one in found] == [
        *(("42001", False), ("42002", True), ("42003", True)),
    ]
    assert 1.4 < float(str(found[0].km)) < 1.7
    assert nearby.near(app.engine, "%") == []
    assert all(len(one.line) <= nearby.WIDTH for one in found)


def test_the_nearest_are_told_however_many_agents_a_town_has(app: App, engine: Engine) -> None:
    """Seven hundred in one town, the nearest with the highest numbers."""
    first = Planted(
        "agency", "49000", "Mary", terms={"town": "Ngong", "lat": "-1.3", "lon": "36.6"}
    )
    mary = Seed("+254766000006", "Mary Wairimu", "en", "6677", "22000006", 0, (first,))
    plant(app.bank.desk, [mary])
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "WITH opened AS ("
            " INSERT INTO accounts (kind, owner, asset, book, side, mode, sign, pot, floor_minor)"
            " SELECT kind, 'agency-' || 1000 + n, asset, book, side, mode, sign, pot, 0"
            " FROM accounts, generate_series(1, 700) n"
            " WHERE id = (SELECT account_id FROM agreements WHERE number = '49000')"
            " RETURNING id, owner)"
            " INSERT INTO agreements"
            " (kind, number, name, party_id, account_id, state, terms, since)"
            " SELECT 'agency', 40000 + n, 'Shop ' || n, a.party_id, o.id, 'active',"
            "  jsonb_build_object('town', 'Ngong', 'lat', '-1.3',"
            "   'lon', (36.6 + (701 - n) / 10000.0)::text), now()"
            " FROM agreements a, opened o, LATERAL (SELECT substr(o.owner, 8)::int - 1000 AS n) k"
            " WHERE a.number = '49000'"
        )
    around = nearby.near(app.engine, "49000")
    assert [one.number for one in around] == ["40700", "40699", "40698", "40697"]
    in_the_middle = {int(one.number) for one in nearby.near(app.engine, "ngong")}
    assert in_the_middle <= set(range(40345, 40357))
