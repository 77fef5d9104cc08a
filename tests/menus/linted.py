"""What the tests of lint share: a sound flow to be broken piece by piece, and a bank for it."""

from menus.book import Book, Fault, Signature
from menus.lint import lint
from tests.menus.people import shipped

SOUND = """
flow: trial
version: 1
about: A sound flow, to be broken one piece at a time.
title: {en: Trial, sw: Jaribio}
start: role
slots:
  role: choice(customer, agent)
  amount: money
  pin: pin
  loans: rows(5, 20)
  loan: ref
  fee: money
screens:
  role:
    menu: {en: Who, sw: Nani}
    options:
      - {en: Customer, sw: Mteja, to: amount, set: {role: customer}}
      - {en: Agent, sw: Wakala, to: amount, set: {role: agent}}
  amount:
    ask: amount
    say: {en: How much, sw: Kiasi gani}
    to: look
  look:
    find: loans
    with: {kind: plain, role: $role, amount: $amount}
    gives: [loans, fee]
    to: {by: role, customer: pick, agent: pick}
    refused: {amount_too_small: amount}
  pick:
    menu: {en: Pick one, sw: Chagua}
    rows: $loans
    pick: loan
    to: pin
    empty: none
  pin:
    ask: pin
    say: {en: "Pay {fee}, enter PIN", sw: "Lipa {fee}, weka PIN"}
    to: pay
  pay:
    do: pay_loan
    with: {loan: $loan, pin: $pin}
    to: paid
    refused: {wrong_pin: pin}
  paid:
    end: {en: "Paid {amount}", sw: "Umelipa {amount}"}
  none:
    end: {en: No loans, sw: Huna mkopo}
"""

BANK = {
    "loans": Signature(
        "find",
        "loans",
        {"kind": "text(10)", "role": "choice(customer, agent)", "amount": "money", "note?": "text"},
        {"loans": "rows(5, 20)", "fee": "money"},
        frozenset({"amount_too_small", "account_frozen"}),
    ),
    "pay_loan": Signature(
        "do",
        "pay_loan",
        {"loan": "ref", "pin": "pin"},
        {"loans": "rows(9, 20)"},
        frozenset({"wrong_pin", "pin_locked"}),
    ),
}


def refusal_facts() -> dict[str, dict[str, str]]:
    """What each refusal's sentence says of it, as the shipped texts declare it."""
    return {
        code: {fact: kind.declared for fact, kind in text.facts.items()}
        for code, text in shipped().texts.refusals.items()
    }


def found(book: Book) -> list[Fault]:
    return lint(book, BANK)


def longer(prefix: str, times: int) -> str:
    """A sentence made too long by so many words."""
    return prefix + " word" * times
