"""What coins cost and fetch, to the smallest part, and the walk of the made-up rates."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ussd_app.domain.exchange import BUY, COINS, SELL, WHOLE_BP, Coin, Dealing, dealing
from ussd_app.domain.feeds import LEVELS, TICK_S, SimulatedFeed
from ussd_app.kernel.units import SCALES
from ussd_app.products.read import read_catalogue

CATALOGUE = read_catalogue()
MIDDLES = st.integers(1, 10**12)
SPREADS = st.integers(0, 2_000)
ASSETS = st.sampled_from(("BTC", "ETH", "USDT"))


def terms(side: str, middle: int, spread_bp: int, asset: str = "BTC") -> Dealing:
    """What the house asks or bids for some coin."""
    return dealing(Coin("coin", asset, spread_bp, 30, 60, 0, 1), side, middle)


# the arithmetic


@given(MIDDLES, SPREADS)
def test_the_house_asks_above_the_middle_and_bids_below(middle: int, spread_bp: int) -> None:
    ask, bid = (terms(side, middle, spread_bp).rate_minor for side in (BUY, SELL))
    assert bid <= middle <= ask
    assert ask * WHOLE_BP - middle * (WHOLE_BP + spread_bp) in range(WHOLE_BP)
    assert middle * (WHOLE_BP - spread_bp) - bid * WHOLE_BP in range(WHOLE_BP)


@given(st.integers(1, 10**9), MIDDLES, SPREADS, ASSETS)
def test_to_buy_and_then_to_sell_never_gains(
    amount: int, middle: int, spread_bp: int, asset: str
) -> None:
    buy, sell = (terms(side, middle, spread_bp, asset) for side in (BUY, SELL))
    assert sell.amount_for(buy.coins_for(amount)) <= amount
    assert sell.amount_for(amount) <= buy.amount_for(amount)  # counted in coins
    if sell.rate_minor:
        assert sell.coins_for(amount) >= buy.coins_for(amount)


@given(st.integers(1, 10**12), MIDDLES.filter(lambda minor: minor > 1), SPREADS, ASSETS)
def test_each_rounding_is_against_the_customer_by_less_than_one(
    quantity: int, middle: int, spread_bp: int, asset: str
) -> None:
    whole = 10 ** SCALES[asset]
    buy, sell = (terms(side, middle, spread_bp, asset) for side in (BUY, SELL))
    assert 0 <= quantity * whole - buy.coins_for(quantity) * buy.rate_minor < buy.rate_minor
    assert 0 <= buy.amount_for(quantity) * whole - quantity * buy.rate_minor < whole
    assert 0 <= quantity * sell.rate_minor - sell.amount_for(quantity) * whole < whole
    if sell.rate_minor:
        taken = sell.coins_for(quantity) * sell.rate_minor - quantity * whole
        assert 0 <= taken < sell.rate_minor


# the feed


MOMENTS = st.integers(1_767_225_600, 2_082_758_400).map(lambda s: datetime.fromtimestamp(s, UTC))


@given(MOMENTS, st.sampled_from(COINS))
def test_the_walk_is_the_same_for_everybody_and_stays_near(moment: datetime, name: str) -> None:
    rate = SimulatedFeed(CATALOGUE).latest(name, moment)
    assert rate == SimulatedFeed(CATALOGUE).latest(name, moment)
    assert rate is not None
    assert timedelta(0) <= moment - rate.at < timedelta(seconds=TICK_S)
    base, swing = (CATALOGUE.rules[name][rule] for rule in ("simulated_minor", "swing_bp"))
    assert abs(rate.minor - base) * WHOLE_BP <= base * swing * 4


@given(MOMENTS, st.sampled_from(COINS))
def test_the_walk_goes_by_small_steps(moment: datetime, name: str) -> None:
    feed = SimulatedFeed(CATALOGUE)
    before, after = (feed.latest(name, moment + timedelta(seconds=s)) for s in (0, TICK_S))
    assert before is not None
    assert after is not None
    assert abs(after.minor - before.minor) <= before.minor // 100


def test_another_seed_is_another_walk() -> None:
    window_s = TICK_S * 2**LEVELS
    moment = datetime.fromtimestamp(2_600 * window_s + window_s // 3, UTC)
    rates = {SimulatedFeed(CATALOGUE, seed).latest("btc", moment) for seed in "abcd"}
    assert len(rates) == 4
