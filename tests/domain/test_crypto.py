"""Coins on a real ledger: exact to the smallest part, each asset by itself, the house within its
bounds whoever races."""

import argparse
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.people import ASHA, BARAKA, CAST
from ussd_app.bootstrap import App
from ussd_app.domain import arrivals, parties, roles, vault
from ussd_app.domain.exchange import BUY, COINS, SELL, SEND, SIDES, coin, dealing
from ussd_app.domain.feeds import TICK_S, Rate
from ussd_app.domain.rates import record
from ussd_app.domain.seeds import plant
from ussd_app.embedded import Redis
from ussd_app.kernel.clock import FrozenClock
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.ledger import audit
from ussd_app.ledger.book import AboveCeiling, KeyConflict
from ussd_app.running import coins as terminal
from ussd_app.settings import Settings

# at the counter


@pytest.fixture
def house(app: App) -> App:
    """Kabambe with its cast, a little of each coin, and shillings to buy them back."""
    desk = app.bank.desk
    plant(desk, CAST)
    for name, minor in (("btc", 5_100_000), ("eth", 3 * 10**9), ("usdt", 2_000 * 10**6)):
        vault.stock(desk, name, minor, f"test:{name}", vault.PLANTERS)
    vault.fund(desk, 10_000_00, "test:fund", vault.PLANTERS)
    return app


def quote(
    app: App, side: str, quantity: str, *, by: str = "kes", name: str = "btc", who: str = ""
) -> dict[str, object]:
    args = {"side": side, "coin": name, "by": by, "quantity": quantity}
    if side == SEND:
        args["payee"] = BARAKA.msisdn
    return app.bank.serve("quote_coins", who or ASHA.msisdn, args)


def accept(
    app: App, quoted: dict[str, object], key: str, pin: str = ASHA.pin
) -> RefusalCode | None:
    try:
        args = {"quote": quoted["quote_id"], "pin": pin}
        app.bank.serve("accept_quote", ASHA.msisdn, args, key)
    except Refused as refused:
        return refused.code
    return None


def held(app: App, name: str, msisdn: str = ASHA.msisdn) -> int:
    asset = app.catalogue.accounts[name].asset
    with app.engine.connect() as connection:
        owner = connection.exec_driver_sql(
            "SELECT id FROM parties WHERE msisdn = %s", (msisdn,)
        ).scalar_one()
    ids = list(app.book.accounts([f"{name}/{owner}"], asset).values())
    return sum(balance.total for balance in app.book.balances(ids).values())


def by_asset(app: App) -> dict[str, int]:
    """What debit accounts hold less what credit accounts do, by asset."""
    with app.engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT asset, sum(CASE side WHEN 'debit' THEN 1 ELSE -1 END * ledger_balance(id))"
            " AS off FROM accounts GROUP BY asset"
        ).all()
    return {row.asset: int(row.off) for row in rows}


def proven(app: App) -> bool:
    assert [str(finding) for finding in audit.run(app.engine)] == []
    assert set(by_asset(app).values()) == {0}
    for each in vault.positions(app.bank.desk):
        assert 0 <= each.vault_minor <= (each.most_minor or 0)
        assert each.customers_minor >= 0
    return True


@pytest.mark.parametrize(("name", "part"), [("btc", "0.00002"), ("eth", "0.0001"), ("usdt", "0.5")])
def test_bought_sold_and_sent_each_asset_by_itself(house: App, name: str, part: str) -> None:
    assert accept(house, quote(house, BUY, "700", name=name), "buy") is None
    bought = held(house, name)
    assert accept(house, quote(house, SEND, part, by="coins", name=name), "send") is None
    sent = held(house, name, BARAKA.msisdn)
    assert sent > 0
    assert held(house, name) == bought - sent
    assert accept(house, quote(house, SELL, "100", name=name), "sell") is None
    assert held(house, name) < bought - sent
    position = vault.position(house.bank.desk, coin(house.catalogue, name))
    assert position.customers_minor == held(house, name) + sent
    assert proven(house)


def test_both_ways_of_counting_agree(house: App) -> None:
    coins = quote(house, BUY, "500")
    shillings = quote(house, BUY, str(coins["units"]).removesuffix(" BTC"), by="coins")
    assert shillings["units"] == coins["units"]
    cost = shillings["cost"]
    assert isinstance(cost, int)
    assert 500_00 - 13 <= cost <= 500_00


def test_the_spread_is_the_houses_income(house: App) -> None:
    quoted = quote(house, BUY, "1000")
    assert accept(house, quoted, "buy") is None
    rate = house.bank.desk.feed.latest("btc", house.clock.now())
    assert rate is not None
    worth = held(house, "btc") * rate.minor // 10**8
    with house.engine.connect() as connection:
        spread = connection.exec_driver_sql(
            "SELECT ledger_balance(id) FROM accounts"
            " WHERE kind = 'income' AND owner = 'coin_spread'"
        ).scalar_one()
    assert spread == 1_000_00 - worth
    assert quoted["rate"] == dealing(coin(house.catalogue, "btc"), BUY, rate.minor).rate_minor


def test_a_quote_binds_until_it_expires(house: App, clock: FrozenClock) -> None:
    first = quote(house, BUY, "0.00002", by="coins")
    clock.advance(seconds=29)
    moved = quote(house, BUY, "0.00002", by="coins")
    assert moved["cost"] != first["cost"]
    assert accept(house, first, "in time") is None
    late = quote(house, BUY, "0.00002", by="coins")
    clock.advance(seconds=30)
    assert accept(house, late, "late") is RefusalCode.QUOTE_EXPIRED
    assert held(house, "btc") == 2_000


def test_accepting_twice_is_one_trade(house: App) -> None:
    quoted = quote(house, BUY, "500")
    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda n: accept(house, quoted, f"key{n % 2}"), range(16)))
    assert codes == [None] * 16
    assert proven(house)
    with house.engine.connect() as connection:
        count = connection.exec_driver_sql(
            "SELECT count(*) FROM entries WHERE type = 'buy_btc'"
        ).scalar_one()
    assert count == 1


def test_sixteen_who_race_for_the_last_coins_never_empty_the_vault_twice(house: App) -> None:
    desk = house.bank.desk
    quotes = [quote(house, BUY, "0.000005", by="coins") for _ in range(16)]
    left = vault.position(desk, coin(house.catalogue, "btc")).vault_minor
    drain(house, left - 3 * 500)
    with ThreadPoolExecutor(16) as pool:
        codes = Counter(pool.map(lambda n: accept(house, quotes[n], f"race{n}"), range(16)))
    assert codes[None] == 3
    assert codes[RefusalCode.NO_INVENTORY] == 13
    assert proven(house)


def drain(app: App, minor: int) -> None:
    """Let Baraka, who becomes rich, buy so many satoshi."""
    desk = app.bank.desk
    party = parties.known(desk.reads, BARAKA.msisdn)
    arrivals.write(
        desk, "opening", {"amount": 400_000_00}, "rich", payee=roles.own(desk, "wallet", party)
    )
    text = f"{minor / 10**8:.8f}"
    quoted = quote(app, BUY, text.rstrip("0"), by="coins", who=BARAKA.msisdn)
    args = {"quote": quoted["quote_id"], "pin": BARAKA.pin}
    app.bank.serve("accept_quote", BARAKA.msisdn, args, "drain")


def test_sixteen_who_race_to_sell_never_fill_the_vault_beyond_its_most(house: App) -> None:
    desk = house.bank.desk
    assert accept(house, quote(house, BUY, "0.00008", by="coins"), "buy") is None
    position = vault.position(desk, coin(house.catalogue, "btc"))
    row = house.catalogue.accounts["vault_btc"]
    quotes = [quote(house, SELL, "0.000005", by="coins") for _ in range(16)]
    object.__setattr__(row, "most_minor", position.vault_minor + 4 * 500)
    with ThreadPoolExecutor(16) as pool:
        codes = Counter(pool.map(lambda n: accept(house, quotes[n], f"race{n}"), range(16)))
    assert codes == {None: 4, RefusalCode.NO_INVENTORY: 12}
    assert proven(house)
    with pytest.raises(Refused) as refusal:
        quote(house, SELL, "0.000005", by="coins")
    assert refusal.value.code is RefusalCode.NO_INVENTORY


def test_the_house_pays_no_shillings_that_it_does_not_have(app: App, clock: FrozenClock) -> None:
    desk = app.bank.desk
    plant(desk, CAST)
    vault.stock(desk, "btc", 6_000_000, "test:btc", vault.PLANTERS)
    assert accept(app, quote(app, BUY, "500"), "buy") is None
    clock.advance(seconds=1)
    record(desk, Rate("btc", 20_000_000_00, clock.now()))
    object.__setattr__(desk, "feed", _Silent())
    with pytest.raises(Refused) as refusal:
        quote(app, SELL, "600")
    assert refusal.value.code is RefusalCode.NO_INVENTORY


class _Silent:
    def latest(self, coin: str, now: datetime) -> Rate | None:
        return None


def test_an_old_rate_is_no_rate(house: App, clock: FrozenClock) -> None:
    object.__setattr__(house.bank.desk, "feed", _Silent())
    with pytest.raises(Refused) as never:
        quote(house, BUY, "500")
    assert never.value.code is RefusalCode.RATE_STALE
    record(house.bank.desk, Rate("btc", 12_000_000_00, clock.now()))
    clock.advance(seconds=60)
    assert quote(house, BUY, "500")["rate"] == 12_180_000_00
    clock.advance(seconds=1)
    with pytest.raises(Refused) as old:
        quote(house, BUY, "500")
    assert old.value.code is RefusalCode.RATE_STALE


def test_every_rate_that_was_told_is_kept(house: App, clock: FrozenClock) -> None:
    for _ in range(3):
        quote(house, BUY, "500")
        quote(house, BUY, "500")
        clock.advance(seconds=TICK_S)
    with house.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT coin, minor, at FROM rates ORDER BY at").all()
    feed = house.bank.desk.feed
    assert [Rate(*row) for row in rows] == [feed.latest("btc", row.at) for row in rows]
    assert len(rows) == 3


@pytest.mark.parametrize(
    ("by", "quantity", "code", "facts"),
    [
        ("kes", "49.99", RefusalCode.AMOUNT_TOO_SMALL, {"least": 50_00}),
        ("kes", "100000.01", RefusalCode.AMOUNT_TOO_LARGE, {"most": 100_000_00}),
        ("kes", "9999999", RefusalCode.AMOUNT_TOO_LARGE, {"most": 100_000_00}),
        ("coins", "9999999.99999999", RefusalCode.AMOUNT_TOO_LARGE, {"most": 100_000_00}),
        ("coins", "0.00000001", RefusalCode.AMOUNT_TOO_SMALL, {"least": 50_00}),
        ("coins", "0.000000001", RefusalCode.TOO_FINE, {"places": 8}),
        ("kes", "50.001", RefusalCode.TOO_FINE, {"places": 2}),
        ("kes", "1500.01", RefusalCode.INSUFFICIENT_FUNDS, {}),
    ],
)
def test_what_cannot_be_bought(
    house: App, by: str, quantity: str, code: RefusalCode, facts: dict[str, int]
) -> None:
    with pytest.raises(Refused) as refusal:
        quote(house, BUY, quantity, by=by)
    assert (refusal.value.code, refusal.value.facts) == (code, facts)


def test_nobody_trades_without_an_id(house: App) -> None:
    with house.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE parties SET tier = 0 WHERE msisdn = %s", (ASHA.msisdn,))
    with pytest.raises(Refused) as refusal:
        quote(house, BUY, "500")
    assert refusal.value.code is RefusalCode.NOT_YOURS


def test_a_full_wallet_takes_no_proceeds(house: App) -> None:
    assert accept(house, quote(house, BUY, "500"), "buy") is None
    object.__setattr__(house.catalogue.tiers[1], "balance_minor", 1_100_00)
    quoted = quote(house, SELL, "90")
    object.__setattr__(house.catalogue.tiers[1], "balance_minor", 1_050_00)
    with pytest.raises(Refused) as refusal:
        quote(house, SELL, "90")
    assert refusal.value.code is RefusalCode.WALLET_FULL
    assert accept(house, quoted, "sell") is RefusalCode.WALLET_FULL


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_whatever_they_trade_each_asset_balances(
    house: App, clock: FrozenClock, data: st.DataObject
) -> None:
    life = house.ids.token()
    sizes = st.sampled_from(("1", "50", "75.55", "333.33"))
    for step in range(data.draw(st.integers(2, 8))):
        clock.advance(seconds=data.draw(st.integers(4, 40)))
        side, name = data.draw(st.sampled_from(SIDES)), data.draw(st.sampled_from(COINS))
        try:
            quoted = quote(house, side, data.draw(sizes), name=name)
        except Refused:
            continue
        clock.advance(seconds=data.draw(st.integers(0, 35)))
        accept(house, quoted, f"{life}:{step}")
    assert proven(house)


# the house


def test_a_delivery_fills_the_reserve_first_and_once_a_key(house: App) -> None:
    desk = house.bank.desk
    btc = coin(house.catalogue, "btc")
    before = vault.position(desk, btc)
    assert (before.reserve_minor, before.vault_minor) == (5_000_000, 100_000)
    first = vault.stock(desk, "btc", 700, "more", vault.PLANTERS)
    assert vault.stock(desk, "btc", 700, "more", vault.PLANTERS) == first
    assert vault.stock(desk, "btc", 5_100_000, "test:btc", vault.PLANTERS)
    after = vault.position(desk, btc)
    assert (after.reserve_minor, after.vault_minor) == (5_000_000, 100_700)
    with pytest.raises(KeyConflict):
        vault.stock(desk, "btc", 701, "more", vault.PLANTERS)
    with pytest.raises(AboveCeiling):
        vault.stock(desk, "btc", 5 * 10**8, "too much", vault.PLANTERS)


def test_the_development_house_is_planted_once(app: App) -> None:
    vault.plant(app.bank.desk)
    vault.plant(app.bank.desk)
    for each in vault.positions(app.bank.desk):
        assert each.custody_minor == vault.DEVELOPMENT[each.coin.name]
        assert each.vault_minor > 0
    assert vault.shillings(app.bank.desk) == vault.DEVELOPMENT_FUND_MINOR
    assert proven(app)


@pytest.mark.usefixtures("staff")
def test_the_position_can_be_seen_and_filled_at_a_terminal(
    house: App, capsys: pytest.CaptureFixture[str], database_url: str, redis_server: Redis
) -> None:
    settings = Settings(env="test", database_url=database_url, redis_url=redis_server.url())
    parser = argparse.ArgumentParser()
    terminal.add_words(parser)

    def say(*words: str) -> tuple[int, str]:
        status = terminal.manage(settings, parser.parse_args(words))
        return status, capsys.readouterr().out

    assert accept(house, quote(house, BUY, "0.00002", by="coins"), "buy") is None
    status, table = say("list")
    assert status == 0
    assert table.splitlines()[1].split() == (
        ["0.00098", "BTC", "5", "BTC", "0.05", "BTC", "0.00002", "BTC"]
    )

    def take(*words: str) -> tuple[int, str]:
        assert say(*words, "--staff", "joyce") == (0, f"{terminal.ONE_MORE}\n")
        return say(*words, "--staff", "peter")

    assert take("stock", "eth", "1.5", "--ref", "C-1")[1].endswith(": 1.5 ETH taken in.\n")
    assert take("stock", "eth", "1.5", "--ref", "C-1")[0] == 0
    assert take("stock", "eth", "2", "--ref", "C-1") == (
        *(1, "That reference was used for something else.\n"),
    )
    assert take("stock", "btc", "6", "--ref", "C-2") == (1, "The house may not hold that many.\n")
    assert take("fund", "2500", "--ref", "B-1")[0] == 0
    with pytest.raises(SystemExit):
        take("fund", "0.001", "--ref", "B-2")
    assert vault.position(house.bank.desk, coin(house.catalogue, "eth")).custody_minor == 45 * 10**8
    assert proven(house)
