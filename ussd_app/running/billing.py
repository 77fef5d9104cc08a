"""At a terminal: a biller's books, and the entries that their owner makes by hand.

`python -m ussd_app billing 880011 trial-balance`.
"""

import argparse
from collections.abc import Callable, Iterator
from datetime import date

from ussd_app.bootstrap import build
from ussd_app.domain import two_of_staff
from ussd_app.domain.billing import books as books_of
from ussd_app.domain.billing import customers, journal, references
from ussd_app.domain.billing.books import Books
from ussd_app.domain.desk import Desk
from ussd_app.domain.two_of_staff import Undecided
from ussd_app.kernel.clock import business_day, nairobi
from ussd_app.kernel.errors import Refused
from ussd_app.kernel.money import format_minor, parse_minor
from ussd_app.reports import billing, billing_proof
from ussd_app.running.inspection import reachable
from ussd_app.running.signing import must_be_signed
from ussd_app.settings import Settings

Options = argparse.Namespace


def add_words(parser: argparse.ArgumentParser) -> None:
    """What can be said after `billing`."""
    parser.add_argument("number", help="the pay bill number")
    what = parser.add_subparsers(dest="what", required=True, metavar="what")
    for name, about in (
        ("trial-balance", "every account"),
        ("income", "revenue, costs and profit"),
        ("balance-sheet", "what there is and whose it is"),
    ):
        _days(what.add_parser(name, help=about))
    words = what.add_parser("journal", help="the latest entries, or those of one account")
    words.add_argument("--account", default="", metavar="CODE", help="such as 1010")
    _days(words)
    what.add_parser("ageing", help="who owes what, by how long it has been due")
    what.add_parser("invoices", help="every invoice and its state")
    words = what.add_parser("customer", help="a customer's statement")
    words.add_argument("account", help="the account number")
    what.add_parser("verify", help="whether the books hold; exit status 1 when not")
    words = what.add_parser("enter", help="debit one account and credit another")
    words.add_argument("debit", metavar="DEBIT", help="a code, such as 5200")
    words.add_argument("credit", metavar="CREDIT", help="a code, such as 1020")
    words.add_argument("amount")
    words.add_argument("about")
    words.add_argument("--ref", required=True, help="the voucher's own number; it counts once")
    words = what.add_parser("undo", help="undo an entry that was made by hand")
    words.add_argument("receipt")
    words = what.add_parser("match", help="say whom an unplaced payment was for")
    words.add_argument("receipt")
    words.add_argument("account", help="the customer's account number, an invoice, or a sale")
    words.add_argument("--staff", required=True, metavar="NAME", help="who says so; two must")


def _days(words: argparse.ArgumentParser) -> None:
    words.add_argument("--from", dest="first", type=date.fromisoformat, default=billing.BEGINNING)
    words.add_argument("--to", dest="last", type=date.fromisoformat, default=billing.END_OF_TIME)


def manage(settings: Settings, options: Options) -> int:
    """Print what was asked for. Returns 1 when there is none, or the books do not hold."""
    with reachable(settings) as known:
        app = build(known)
        try:
            must_be_signed(app.bank.desk, options)
            return _say(app.bank.desk, options)
        except Undecided as undecided:
            print(undecided)
            return 1
        finally:
            app.close()


def _say(desk: Desk, options: Options) -> int:
    books = books_of.by_number(desk.reads, options.number)
    if books is None:
        print(f"No books are kept for {options.number}.")
        return 1
    try:
        lines = list(SAYINGS[options.what](desk, books, options))
    except (journal.NotToBeEntered, LookupError, Refused) as refused:
        print(refused)
        return 1
    print(*lines, sep="\n")
    return 1 if options.what == "verify" and lines != [HOLD] else 0


HOLD = "The books hold."
ONE_MORE = "Noted. Somebody else of the staff must say the same."


def _verify(desk: Desk, books: Books, _options: Options) -> list[str]:
    return billing_proof.verify(desk.reads, desk.catalogue, books) or [HOLD]


def _trial(desk: Desk, books: Books, options: Options) -> Iterator[str]:
    days = (options.first, options.last)
    lines = billing.trial_balance(desk.reads, desk.catalogue, books, *days)
    yield _row("", "debit", "credit")
    for each in lines:
        minor = each.closing_minor
        if minor or each.debit_minor:
            sides = (_money(minor), "") if minor >= 0 else ("", _money(-minor))
            yield _row(_called(each.account), *sides)
    debit = sum(max(0, each.closing_minor) for each in lines)
    credit = sum(max(0, -each.closing_minor) for each in lines)
    yield _row("", _money(debit), _money(credit))


def _income(desk: Desk, books: Books, options: Options) -> Iterator[str]:
    days = (options.first, options.last)
    found = billing.income(desk.reads, desk.catalogue, books, *days)
    for each in found.revenue:
        yield _row(_called(each.account), "", _money(each.credit_minor - each.debit_minor))
    for each in found.costs:
        yield _row(_called(each.account), "", _money(each.credit_minor - each.debit_minor))
    yield _row("Profit", "", _money(found.profit_minor))


def _sheet(desk: Desk, books: Books, options: Options) -> Iterator[str]:
    found = billing.balance_sheet(desk.reads, desk.catalogue, books, options.last)
    for each in found.assets:
        yield _row(_called(each.account), _money(each.closing_minor))
    yield _row("Assets", _money(found.assets_minor))
    for each in (*found.liabilities, *found.equity):
        yield _row(_called(each.account), _money(-each.closing_minor))
    yield _row("Profit", _money(found.profit_minor))
    yield _row("Liabilities and equity", _money(found.claims_minor))


def _journal(desk: Desk, books: Books, options: Options) -> Iterator[str]:
    days = {"first": options.first, "last": options.last}
    found = billing.journal(desk.reads, desk.catalogue, books, code=options.account, **days)
    for each in found:
        debit = f"{each.debit.code} {each.debit_part}".rstrip()
        credit = f"{each.credit.code} {each.credit_part}".rstrip()
        yield (
            f"{nairobi(each.at):%Y-%m-%d %H:%M}  {each.receipt}  {each.type:<18}"
            f"{debit:<14} to {credit:<14}{_money(each.amount_minor):>16}  {each.about}".rstrip()
        )


def _ageing(desk: Desk, books: Books, _options: Options) -> Iterator[str]:
    labels = [label for _, label in billing.BUCKETS]
    yield f"{'':<30}" + "".join(f"{label:>15}" for label in (*labels, "all"))
    for each in billing.ageing(desk.reads, books, business_day(desk.clock.now())):
        amounts = (*each.buckets.values(), each.total_minor)
        head = f"{each.number} {each.name}"[:30]
        yield f"{head:<30}" + "".join(f"{_money(minor):>15}" for minor in amounts)


def _invoices(desk: Desk, books: Books, _options: Options) -> Iterator[str]:
    for each in billing.invoices(desk.reads, books):
        left = f"{_money(each.open_minor):>14} of {_money(each.billed_minor):>14}"
        yield f"{each.number:<10}{each.customer:<22}{each.state:<16}{left}  due {each.due_day}"


def _customer(desk: Desk, books: Books, options: Options) -> Iterator[str]:
    with desk.reads.connect() as connection:
        whom = customers.find(connection, books.biller_id, options.account)
    yield f"{whom.number} {whom.name}"
    for each in billing.statement(desk.reads, whom.id):
        yield (
            f"{nairobi(each.at):%Y-%m-%d}  {each.receipt}  {each.type:<18}{each.part:<12}"
            f"{_money(each.amount_minor):>16}{_money(each.balance_minor):>16}"
        )


def _enter(desk: Desk, books: Books, options: Options) -> list[str]:
    minor = parse_minor(options.amount)
    if minor is None:
        raise journal.NotToBeEntered(f"{options.amount} is no amount.")
    key = f"{books.biller_id}:{options.ref}"
    given = (options.debit, options.credit, minor, options.about, key)
    return [f"{journal.make(desk, books, *given)}: KES {_money(minor)} entered."]


def _undo(desk: Desk, books: Books, options: Options) -> list[str]:
    return [f"{journal.undo(desk, books, options.receipt)}: {options.receipt} is undone."]


def _match(desk: Desk, books: Books, options: Options) -> list[str]:
    def match(_staff: str) -> str:
        return journal.match(desk, books, options.receipt, options.account)

    about = f"match {books.number} {options.receipt}"
    meant = references.plain(options.account)
    made = two_of_staff.together(desk, about, meant, options.staff, match)
    return [f"{made}: {options.receipt} is for {options.account}." if made else ONE_MORE]


def _called(account: billing.Account) -> str:
    return f"{account.code} {account.name.partition(':')[0]}"


def _row(name: str, *amounts: str) -> str:
    return (f"{name[:38]:<38}" + "".join(f"{amount:>18}" for amount in amounts)).rstrip()


def _money(minor: int) -> str:
    return format_minor(minor)


SAYINGS: dict[str, Callable[[Desk, Books, Options], Iterator[str] | list[str]]] = {
    "trial-balance": _trial,
    "income": _income,
    "balance-sheet": _sheet,
    "journal": _journal,
    "ageing": _ageing,
    "invoices": _invoices,
    "customer": _customer,
    "verify": _verify,
    "enter": _enter,
    "undo": _undo,
    "match": _match,
}
