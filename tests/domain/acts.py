"""What people of a street do: each type of the catalogue by the door through which it is done, so
that a history can be made of any of them.

What a customer quotes is found from the catalogue; what has a door of its own is told here, by its
type. Each act raises Refused where it is refused, and knows nothing of those before it.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial

from tests.domain.lives import AMOUNTS, PIN, Life, Street
from ussd_app.bootstrap import App
from ussd_app.domain import agencies, agreements, clearing, commissions, deposits, due, float_back
from ussd_app.domain.billing import books, openings
from ussd_app.domain.catalogue import PAYEE, PAYER, ByPolicy, Type
from ussd_app.domain.commands import NotYet
from ussd_app.domain.deposits import Deposit
from ussd_app.domain.exchange import COINS
from ussd_app.domain.mpesa import arrival, matching
from ussd_app.domain.roles import CUSTOMER
from ussd_app.kernel.clock import business_day
from ussd_app.kernel.errors import Refused

DAY_S = 86_400
ACCOUNT = ("68", "0180199887766")
TWO = ("joyce", "peter")
Act = Callable[[Life], None]


def by_general_quote(app: App) -> list[Type]:
    """The types that `quote` prices for a customer who dials the payee, or nobody."""
    return [
        kind
        for kind in app.catalogue.types.values()
        if kind.starts == CUSTOMER
        and not any(isinstance(rule, ByPolicy) for rule in kind.prices.values())
    ]


def acts(app: App) -> dict[str, Act]:
    """Every act, by the type that it plays."""
    return {
        **{kind.name: partial(_pay, kind) for kind in by_general_quote(app)},
        **{name: act for coin in COINS for name, act in _of_coin(coin)},
        **{f"settle_{kind}": partial(_settle, kind) for kind in ("till", "paybill", "pochi")},
        **{f"refund of {kind}": partial(_refund, kind) for kind in ("pay_till", "pay_pochi")},
        "buy_airtime": partial(_airtime, False),
        "buy_airtime_for": partial(_airtime, True),
        "reversal": _reverse,
        "standing_order": _agree,
        "commission_payout": _night,
        "sell_float": _sell_float,
        "buy_back_float": _buy_back,
        "bank_deposit": partial(_from_bank, True, None),
        "bank_released": partial(_from_bank, False, "release"),
        "bank_sent_back": partial(_from_bank, False, "send_back"),
        "pay_reseller": partial(_pay_debt, "reseller"),
        "settle_switch": partial(_pay_debt, "switch"),
        "mpesa_topup": partial(_from_mpesa, CUSTOMER, None),
        "mpesa_till": partial(_from_mpesa, "till", None),
        "mpesa_placed": partial(_from_mpesa, None, CUSTOMER),
        "mpesa_placed_till": partial(_from_mpesa, None, "till"),
        "bill_opening": _open_books,
    }


# what customers do


def _pay(kind: Type, life: Life) -> None:
    """Pay somebody by a type that is quoted like all."""
    dialled, app = "", life.app
    is_wallet = app.catalogue.accounts[kind.parties[PAYER]].owner == CUSTOMER
    # so that a pot that was filled lasts for two
    amount = life.amount(AMOUNTS[0] if is_wallet else 200_00)
    args: dict[str, object] = {"type": kind.name, "amount": amount}
    if private := life.street.private(app, kind):
        payer, args["number"] = life.pick(private)
    else:
        payer = life.pick(life.street.payers(app, kind))
    if PAYEE in kind.parties and not private:
        own = {payer, *(number for who, number in _numbers(life.street) if who == payer)}
        dialled = life.pick([it for it in life.street.dialled(app, kind) if it not in own])
        args |= {"payee" if dialled.startswith("+") else "number": dialled}
    if "store" in kind.gates:
        args["store"] = "1"
    if "seen" in kind.gates:
        shown = {"customer": dialled, "id_tail": dialled[-4:]}
        args |= app.bank.serve("see_id", payer, shown, f"{life.key}:seen")
    life.accept(payer, life.serve("quote", payer, args))


def _numbers(street: Street) -> list[tuple[str, str]]:
    return [held for holders in street.holders.values() for held in holders]


def _airtime(for_another: bool, life: Life) -> None:
    payer, other = life.pair()
    args: dict[str, object] = {"amount": life.amount()}
    args |= {"receiver": other} if for_another else {}
    life.accept(payer, life.serve("airtime_quote", payer, args))


def _of_coin(coin: str) -> Iterator[tuple[str, Act]]:
    for side in ("buy", "sell", "send"):
        yield f"{side}_{coin}", partial(_trade, side, coin)


def _trade(side: str, coin: str, life: Life) -> None:
    payer, other = life.pair()
    args: dict[str, object] = {"side": side, "coin": coin, "by": "kes"}
    args["quantity"] = life.pick(("100", "50", "2500")) if side != "buy" else "1000"
    args |= {"payee": other} if side == "send" else {}
    life.accept(payer, life.serve("quote_coins", payer, args))


def _settle(kind: str, life: Life) -> None:
    owner, number = life.pick(life.street.holders[kind])
    args = {"shop": _shop(life, kind, number), "pin": PIN}
    life.serve("settle_shop", owner, args, "settle")


def _shop(life: Life, kind: str, number: str) -> str:
    found = agreements.by_number(life.app.bank.desk.reads, kind, number)
    assert found is not None
    return str(found.id)


def _refund(name: str, life: Life) -> None:
    """Pay a shop, which gives it back: as if it had never been, with fees and limits."""
    payer, kind = life.pick(life.street.customers), name.removeprefix("pay_")
    owner, number = life.pick(life.street.holders[kind])
    dialled = {"payee" if number.startswith("+") else "number": number}
    before = life.app.book.balances(_accounts(life.app))
    args = {"type": name, "amount": life.amount(), **dialled}
    receipt = life.accept(payer, life.serve("quote", payer, args))
    back = {"shop": _shop(life, kind, number), "payment": receipt, "pin": PIN}
    again = life.serve("refund", owner, back, "refund")
    assert life.serve("refund", owner, back, "refund") == again
    assert life.app.book.balances(_accounts(life.app)) == before, "a refund restores all"


def _accounts(app: App) -> list[int]:
    with app.engine.connect() as connection:
        return list(connection.exec_driver_sql("SELECT id FROM accounts").scalars())


def _reverse(life: Life) -> None:
    """Send money, which the receiver gives back: both have what they had, but for the fee."""
    payer, payee = life.pair()
    wallets = [_wallet(life.app, msisdn) for msisdn in (payer, payee)]
    before = life.app.book.balances(wallets)
    args = {"type": "send_money", "payee": payee, "amount": life.amount()}
    fee = int(str(life.app.bank.serve("quote", payer, args)["fee"]))
    receipt = life.accept(payer, life.serve("quote", payer, args))
    given = life.app.bank.serve("recent_payments", payer, {"pin": PIN}, f"{life.key}:recent")
    asked = {"proof": given["proof"], "payment": receipt}
    life.serve("request_reversal", payer, asked, "ask")
    dispute = life.app.bank.serve("question", payee, {})["dispute"]
    life.serve("give_back", payee, {"dispute": dispute, "pin": PIN}, "give")
    after = life.app.book.balances(wallets)
    assert [before[it].total - after[it].total for it in wallets] == [fee, 0]


def _wallet(app: App, msisdn: str) -> int:
    with app.engine.connect() as connection:
        found = connection.exec_driver_sql(
            "SELECT wallet_id FROM parties WHERE msisdn = %s", (msisdn,)
        )
        return int(found.scalar_one())


def _agree(life: Life) -> None:
    """A standing order, and the day on which it is due."""
    payer, payee = life.pair()
    first = business_day(life.clock.now()) + timedelta(days=1)
    until = first + timedelta(days=30)
    args = {"payee": payee, "amount": life.amount(), "every": "week", "pin": PIN}
    args |= {"first": first.isoformat(), "until": until.isoformat()}
    life.serve("set_standing_order", payer, args, "order")
    life.clock.advance(seconds=DAY_S)
    due.pay_due(life.app.bank.desk)


def _open_books(life: Life) -> None:
    """A biller who was paid already opens books."""
    _pay(life.app.catalogue.types["pay_bill"], life)
    agreement = agreements.by_number(
        life.app.engine, "paybill", life.pick(life.street.holders["paybill"])[1]
    )
    assert agreement is not None
    with life.app.engine.begin() as connection:
        books.opened(life.app.bank.desk, connection, agreement)
    life.clock.advance(seconds=61)
    openings.enter(life.app.bank.desk)


# what the house and its staff do


def _night(life: Life) -> None:
    """The night in which agents are paid what they had earned by day."""
    life.clock.advance(seconds=DAY_S)
    try:
        commissions.pay_out(life.app.bank.desk)
    except NotYet:
        return


def _sell_float(life: Life) -> None:
    _, number = life.pick(life.street.holders["agency"])
    agencies.sell_float(life.app.bank.desk, number, life.amount(), life.key, TWO)


def _buy_back(life: Life) -> None:
    _, number = life.pick(life.street.holders["agency"])
    amount = max(life.amount(), 10_00)
    said = [
        float_back.buy_back(life.app.bank.desk, number, amount, *ACCOUNT, life.key, by).receipt
        for by in TWO
    ]
    assert said[0] is None
    life.answer(str(said[1]))


def _from_bank(known: bool, decided: str | None, life: Life) -> None:
    desk, customer = life.app.bank.desk, life.pick(life.street.customers)
    msisdn = customer if known else "+254799999999"
    with life.app.engine.begin() as connection:
        came = Deposit(life.key, msisdn, life.amount(), "01", "Upendo")
        kept = deposits.receive(desk, connection, came)
        assert deposits.receive(desk, connection, came) == kept
    if kept is None:
        return
    for by in TWO:
        if decided == "release":
            deposits.release(desk, life.key, customer, by)
        else:
            deposits.send_back(desk, life.key, by)


def _pay_debt(whom: str, life: Life) -> None:
    owed = clearing.owed(life.app.bank.desk)[whom]
    for by in TWO if owed else ():
        clearing.paid(life.app.bank.desk, whom, owed, life.key, by)


def _from_mpesa(whose: str | None, given: str | None, life: Life) -> None:
    """Money for an account number; when it is nobody's, two of the staff say whose it is."""
    desk, number = life.app.bank.desk, _known(life, whose) if whose else "KBM0001"
    at, mpesa = life.clock.now() - timedelta(seconds=5), f"UK{abs(hash(life.key)) % 10**8:08d}"
    amount = max(life.amount(), 1_00)
    paid = arrival.Payment(mpesa, amount, number, "2547*****126", "JANE", at)
    with life.app.engine.begin() as connection:
        arrival.place(desk, connection, [paid])
    if given is None:
        return
    where = _known(life, given)
    for by in TWO:
        with life.app.engine.begin() as connection:
            matching.give(desk, connection, mpesa, where, by)


def _known(life: Life, kind: str) -> str:
    """An account number that means a customer or a till."""
    if kind == CUSTOMER:
        return "0" + life.pick(life.street.customers)[4:]
    return life.pick(life.street.holders[kind])[1]


def try_(act: Act, life: Life) -> str | None:
    """Do something; the refusal's code when it was refused."""
    try:
        act(life)
    except Refused as refused:
        return refused.code.value
    return None
