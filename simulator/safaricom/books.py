"""M-PESA's own accounts: of phones, of businesses by short code, of pochis. Whole cents.

Payments are looked up by receipt and by conversation. Knows no wire and no application.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from simulator.safaricom.codes import Declined
from ussd_app.kernel.clock import business_day

LEAST_MINOR: Final = 1_00
MOST_MINOR: Final = 250_000_00
MOST_A_DAY_MINOR: Final = 500_000_00
FULL_MINOR: Final = 500_000_00
MOST_KEPT: Final = 200_000
POCHI: Final = "pochi "
"""Begins the name of a pochi's account; the number follows."""


@dataclass(frozen=True)
class Order:
    """What a customer pays, and to whom: a pay bill with an account, or a till (`goods`)."""

    msisdn: str
    shortcode: str
    amount_minor: int
    account: str = ""
    goods: bool = False

    @property
    def kind(self) -> str:
        """As confirmations name it."""
        return "Buy Goods" if self.goods else "Pay Bill"


@dataclass
class Payment:
    """One movement of money, or one that was asked for and is not (or not yet) done."""

    kind: str
    debit: str
    credit: str
    amount_minor: int
    at: datetime
    receipt: str = ""
    reference: str = ""
    originator: str = ""
    conversation: str = ""
    status: str = "Initiated"
    finished: datetime | None = None
    reversed: bool = False


@dataclass
class Books:
    """Balances and payments. What is not named yet holds `opening` when it is met first."""

    opening_phone_minor: int = 0
    opening_business_minor: int = 0
    balances: dict[str, int] = field(default_factory=dict)
    payments: dict[str, Payment] = field(default_factory=dict)
    """By receipt, oldest first."""
    asked: dict[str, Payment] = field(default_factory=dict)
    """By the merchant's OriginatorConversationID, and by ours."""
    _spent: Counter[str] = field(default_factory=Counter)
    """By customers, on the day that is `_today`."""
    _today: date | None = None

    def balance(self, account: str) -> int:
        """What an account holds; it is opened when nobody knew it."""
        opening = self.opening_phone_minor if is_phone(account) else self.opening_business_minor
        return self.balances.setdefault(account, opening)

    def put(self, account: str, minor: int) -> None:
        """Say what an account holds, from nowhere."""
        self.balances[account] = minor

    def check(self, debit: str, credit: str, minor: int, now: datetime) -> None:
        """Whether this much may go. Raises Declined."""
        if minor < LEAST_MINOR:
            raise Declined("2")
        if minor > MOST_MINOR and (is_phone(debit) or is_phone(credit)):
            raise Declined("3")
        if self.balance(debit) < minor:
            raise Declined("1")
        spent = self._spent[debit] if business_day(now) == self._today else 0
        if is_phone(debit) and spent + minor > MOST_A_DAY_MINOR:
            raise Declined("4")
        if is_phone(credit) and self.balance(credit) + minor > FULL_MINOR:
            raise Declined("8")

    def move(self, payment: Payment, receipt: str, now: datetime) -> None:
        """Do a payment that was checked."""
        self.balances[payment.debit] -= payment.amount_minor
        self.balances[payment.credit] = self.balance(payment.credit) + payment.amount_minor
        self._spend(payment, business_day(now))
        payment.receipt, payment.status, payment.finished = receipt, "Completed", now
        self.payments[receipt] = payment
        while len(self.payments) > MOST_KEPT:
            self.payments.pop(next(iter(self.payments)))

    def _spend(self, payment: Payment, day: date) -> None:
        if day != self._today:
            self._today = day
            self._spent.clear()
        if is_phone(payment.debit):
            self._spent[payment.debit] += payment.amount_minor

    def remember(self, payment: Payment) -> None:
        """Know a payment that was asked for by both of its conversations."""
        self.asked |= {name: payment for name in (payment.originator, payment.conversation) if name}
        while len(self.asked) > 2 * MOST_KEPT:
            self.asked.pop(next(iter(self.asked)))

    def to_business(self, shortcode: str, since: datetime) -> Iterator[Payment]:
        """What customers have paid to a business since then, newest first."""
        for payment in reversed(self.payments.values()):
            if payment.finished is not None and payment.finished < since:
                return
            if payment.credit == shortcode and is_phone(payment.debit):
                yield payment


def is_phone(account: str) -> bool:
    """Whether an account is a customer's."""
    return len(account) == 12


def pochi(msisdn: str) -> str:
    """The account of a customer's pochi."""
    return POCHI + msisdn
