"""What a biller does by phone: customers, invoices, sales, who owes, reminders, credit notes.

Only the owner of the pay bill number may, with their PIN.
"""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, Engine

from ussd_app.domain import agreements, parties, pins
from ussd_app.domain.agreements import Agreement
from ussd_app.domain.billing import asking, books, customers, invoices, reminders, sales
from ussd_app.domain.billing.books import PAYBILL, Books
from ussd_app.domain.billing.invoices import Invoice, Line
from ussd_app.domain.days import must_be_within
from ussd_app.domain.desk import Ask, Desk, Facts
from ussd_app.domain.parties import Party
from ussd_app.domain.texts import two_names
from ussd_app.kernel.clock import business_day
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.kernel.money import format_minor

MOST_BILLERS, MOST_ROWS = 8, 40
LABEL = 28
FURTHEST = timedelta(days=366)

_PAYBILLS = """
SELECT id, number, name FROM agreements
WHERE party_id = %s AND kind = 'paybill' AND state = 'active' ORDER BY id LIMIT %s
"""
_OWING = """
SELECT i.id, i.number, c.name, a.balance_minor, i.due_day
FROM invoices i JOIN accounts a ON a.id = i.account_id
JOIN billing_customers c ON c.id = i.customer_id
WHERE i.agreement_id = %s AND a.balance_minor > 0 ORDER BY i.due_day, i.id LIMIT %s
"""
_OWES = """
SELECT coalesce(sum(a.balance_minor), 0)::bigint FROM invoices i
JOIN accounts a ON a.id = i.account_id WHERE i.customer_id = %s AND a.balance_minor > 0
"""
_OF_BILLER = "SELECT EXISTS (SELECT FROM invoices WHERE id = %s AND agreement_id = %s)"

Then = Callable[[Connection, Books], Facts]


def billers(desk: Desk, ask: Ask) -> Facts:
    """The pay bill numbers that the caller owns. Raises Refused(not_yours)."""
    party = parties.known(desk.reads, ask.msisdn)
    with desk.reads.connect() as connection:
        found = connection.exec_driver_sql(_PAYBILLS, (party.id, MOST_BILLERS)).all()
    if not found:
        raise Refused(RefusalCode.NOT_YOURS)
    rows = [{"key": str(row.id), "label": f"{row.number} {row.name}"} for row in found]
    how_many = "one" if len(found) == 1 else "many"
    return {"billers": rows, "biller": rows[0]["key"], "how_many": how_many}


def _mine(source: Engine | Connection, party: Party, ask: Ask) -> Agreement:
    """The caller's pay bill number. Raises Refused(not_yours)."""
    found = agreements.by_id(source, int(ask.text("biller")))
    theirs = found is not None and found.kind == PAYBILL and found.party_id == party.id
    if found is None or not theirs or found.state != "active":
        raise Refused(RefusalCode.NOT_YOURS)
    return found


def _kept(desk: Desk, ask: Ask) -> Books | None:
    """The books of the caller's pay bill number; None before their first use."""
    party = parties.known(desk.reads, ask.msisdn)
    return books.of(desk.reads, _mine(desk.reads, party, ask))


def _with_pin(desk: Desk, name: str, ask: Ask, then: Then) -> Facts:
    def act(connection: Connection, party: Party) -> Facts:
        return then(connection, books.opened(desk, connection, _mine(connection, party, ask)))

    return pins.with_pin(desk, name, ask, act)


def add_customer(desk: Desk, ask: Ask) -> Facts:
    """Write a customer down, under the account number given or the next one of ours."""

    def then(connection: Connection, own: Books) -> Facts:
        made = customers.add(
            *(desk, connection, own),
            name=ask.text("name"),
            number=str(ask.args.get("account") or "") or None,
            msisdn=ask.text("phone"),
        )
        return {"account": made.number}

    return _with_pin(desk, "add_bill_customer", ask, then)


def customer(desk: Desk, ask: Ask) -> Facts:
    """Who has an account number, and what they owe. Raises Refused(unknown_bill_account)."""
    own = _kept(desk, ask)
    if own is None:
        raise Refused(RefusalCode.UNKNOWN_BILL_ACCOUNT)
    with desk.reads.connect() as connection:
        found = customers.find(connection, own.biller_id, ask.text("account"))
        owed = connection.exec_driver_sql(_OWES, (found.id,)).scalar_one()
    return {"customer_name": two_names(found.name), "account": found.number, "owed": owed}


def add_invoice(desk: Desk, ask: Ask) -> Facts:
    """Bill a customer: one line, a day. The customer is told by SMS.

    Raises Refused(unknown_bill_account | date_out_of_range | amount_too_large).
    """
    today = business_day(desk.clock.now())

    def then(connection: Connection, own: Books) -> Facts:
        due = date.fromisoformat(ask.text("due"))
        must_be_within(due, today, today + FURTHEST)
        whom = customers.find(connection, own.biller_id, ask.text("account"))
        lines = [Line(ask.text("what"), int(ask.text("amount")))]
        return {"bill": str(invoices.draft(desk, connection, own, whom, lines, due))}

    facts = _with_pin(desk, "add_invoice", ask, then)
    sent = invoices.send(desk, int(str(facts["bill"])))
    return facts | {"invoice": sent.number, "total": sent.billed_minor, "open": sent.open_minor}


def add_sale(desk: Desk, ask: Ask) -> Facts:
    """Begin a sale at the counter; the buyer is asked to pay once it stands in the books.

    Raises Refused(amount_too_large | amount_too_small | whole_shillings).
    """

    def then(connection: Connection, own: Books) -> Facts:
        drafted = sales.draft(
            *(desk, connection, own),
            what=ask.text("what"),
            price_minor=int(ask.text("amount")),
            msisdn=ask.text("phone"),
        )
        return {"sold": str(drafted)}

    facts = _with_pin(desk, "add_sale", ask, then)
    sale = sales.begin(desk, int(str(facts["sold"])))
    asking.ask_the_buyer(desk, ask, sale)
    return facts | {"sale": sale.number}


def owing(desk: Desk, ask: Ask) -> Facts:
    """Every invoice that is not paid, the oldest first: `INV1 1,200.00 ASHA WANJIKU`."""
    own = _kept(desk, ask)
    with desk.reads.connect() as connection:
        given = (own.biller_id if own else 0, MOST_ROWS)
        found = connection.exec_driver_sql(_OWING, given).all()
    return {"bills": [{"key": str(row.id), "label": _label(row)} for row in found]}


def _label(row: Any) -> str:
    return f"{row.number} {format_minor(row.balance_minor)} {two_names(row.name)}"[:LABEL].rstrip()


def owed(desk: Desk, ask: Ask) -> Facts:
    """One of these. Raises Refused(not_yours | nothing_open)."""
    own = _kept(desk, ask)
    if own is None:
        raise Refused(RefusalCode.NOT_YOURS)
    with desk.reads.connect() as connection:
        found = _bill(desk, connection, own, ask)
        whom = customers.by_id(connection, found.customer_id)
    if not found.open_minor:
        raise Refused(RefusalCode.NOTHING_OPEN)
    late = found.due_day < business_day(desk.clock.now())
    return {
        "invoice": found.number,
        "customer_name": two_names(whom.name),
        "open": found.open_minor,
        "due": found.due_day.isoformat(),
        "when": "late" if late else "soon",
    }


def _bill(desk: Desk, connection: Connection, own: Books, ask: Ask) -> Invoice:
    given = (int(ask.text("bill")), own.biller_id)
    if not connection.exec_driver_sql(_OF_BILLER, given).scalar_one():
        raise Refused(RefusalCode.NOT_YOURS)
    return invoices.by_id(desk, given[0])


def remind(desk: Desk, ask: Ask) -> Facts:
    """Ask a customer for their money, once a day. Raises Refused(already_asked | nothing_open)."""

    def then(connection: Connection, own: Books) -> Facts:
        reminders.ask(desk, connection, _bill(desk, connection, own, ask))
        return {}

    return _with_pin(desk, "remind_bill", ask, then)


def take_back(desk: Desk, ask: Ask) -> Facts:
    """A credit note over what is open of an invoice. Raises Refused(nothing_open)."""

    def then(connection: Connection, own: Books) -> Facts:
        found = _bill(desk, connection, own, ask)
        if not found.open_minor:
            raise Refused(RefusalCode.NOTHING_OPEN)
        return {"invoice": found.number, "back": found.open_minor}

    facts = _with_pin(desk, "credit_note", ask, then)
    now = invoices.by_id(desk, int(ask.text("bill")))
    if now.open_minor == facts["back"]:
        invoices.take_back(desk, now.id)
    return facts
