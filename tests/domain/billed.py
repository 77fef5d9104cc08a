"""What tests of billing share: a biller with customers, and how bills come and are paid."""

from datetime import date, timedelta

from tests.domain.trade import accept, agreement, party, quote
from tests.people import ASHA, BARAKA, START
from ussd_app.bootstrap import App
from ussd_app.domain import arrivals, orders, roles
from ussd_app.domain.billing import books, customers, invoices
from ussd_app.domain.billing.books import Books
from ussd_app.domain.billing.customers import Customer
from ussd_app.domain.billing.invoices import Invoice, Line
from ussd_app.domain.catalogue import AMOUNT, PAYEE, PAYER
from ussd_app.domain.keys import fingerprint
from ussd_app.domain.orders import Order
from ussd_app.domain.seeds import Planted, Seed
from ussd_app.ledger import audit

NUMBER = "880011"
MAJI = Seed(
    *("+254711000006", "Wanja Maji", "en", "7391", "22000016", 0),
    (Planted("paybill", NUMBER, "Maji Safi", terms={"bearer": "business"}),),
)
TODAY = START.date()
BILLED = (ASHA, BARAKA, MAJI)


def kept(app: App) -> Books:
    """The books of the biller, opened."""
    with app.engine.begin() as connection:
        return books.opened(app.bank.desk, connection, agreement(app, "paybill", NUMBER))


def customer(app: App, number: str = "ACC12", seed: Seed | None = ASHA) -> Customer:
    """A customer of the biller's, with a phone or without."""
    own = kept(app)
    with app.engine.begin() as connection:
        return customers.add(
            *(app.bank.desk, connection, own),
            name=seed.name if seed else "Nobody",
            number=number,
            msisdn=seed.msisdn if seed else None,
        )


def bill(app: App, whom: Customer, minor: int, due: date | None = None) -> Invoice:
    """An invoice over an amount, sent."""
    own, day = kept(app), due or TODAY + timedelta(days=14)
    with app.engine.begin() as connection:
        lines = [Line("Water", minor)]
        drafted = invoices.draft(app.bank.desk, connection, own, whom, lines, day)
    return invoices.send(app.bank.desk, drafted)


def mpesa(app: App, typed: str, minor: int, key: str) -> str:
    """Money that somebody paid in from outside under an account number; the receipt number."""
    shop = agreement(app, "paybill", NUMBER)
    side = roles.of(app.bank.desk, "paybill", shop, party(app, MAJI))
    digest = fingerprint("mpesa", key)
    given = ("mpesa_bill", minor, f"mpesa:{key}", digest)
    return arrivals.enter(app.bank.desk, *given, payee=side, said={"reference": typed})


def wallet(app: App, seed: Seed, typed: str, minor: int, key: str = "s:pay:1") -> dict[str, object]:
    """A bill paid from a wallet, with the PIN."""
    asked = quote(app, seed, "pay_bill", minor, number=NUMBER, reference=typed)
    return accept(app, seed, asked, key)


def take_back(app: App, receipt: str, key: str = "back:1") -> None:
    """A payment undone, as when the biller gives it back or M-PESA reverses it."""
    desk = app.bank.desk
    with app.engine.connect() as connection:
        entry_id, price = connection.exec_driver_sql(
            "SELECT id, facts->'price' FROM entries WHERE receipt = %s", (receipt,)
        ).one()
    shop = roles.of(desk, "paybill", agreement(app, "paybill", NUMBER), party(app, MAJI))
    payer = roles.own(desk, "wallet", party(app, ASHA))
    order = Order(
        kind=desk.catalogue.types["refund"],
        sides={PAYER: shop, PAYEE: payer},
        price={AMOUNT: price[AMOUNT]},
        said={"of": receipt, "back": price[AMOUNT]},
        reverses=entry_id,
    )
    orders.carry_out(desk, order, "system", key, fingerprint("back", receipt))


def state(app: App, invoice: Invoice) -> tuple[str, int]:
    """What became of an invoice, and what of it is open."""
    now = invoices.by_id(app.bank.desk, invoice.id)
    return now.state, now.open_minor


def credit(app: App, whom: Customer) -> int:
    """What a customer has paid ahead."""
    return app.book.balances([whom.account_id])[whom.account_id].total


def must_be_in_order(app: App) -> None:
    """The books are in order, or the test says what is not; and cash is what was taken."""
    findings = audit.run(app.engine)
    assert not findings, "\n".join(map(str, findings))
    own, shop = kept(app), agreement(app, "paybill", NUMBER)
    held = app.book.balances([own[books.CASH], shop.account_id])
    assert held[own[books.CASH]].total == held[shop.account_id].total
