"""A mixed day at a busy service: what people dial for, in what shares, as visits that a load plays.

A visit names menu lines by their words, so it finds its way whatever number they have, and types a
PIN only at a screen that names what the visit meant. Knows no sockets.
"""

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from ussd_app.kernel.msisdn import local

AMOUNTS: Final = (50, 120, 300, 750, 1_500)
"""Shillings: within a generated person's means for a while, and over several bands."""


@dataclass(frozen=True)
class Outlet:
    """An agent's phone, number and store."""

    msisdn: str
    number: str
    store: str


@dataclass(frozen=True)
class Town:
    """Who a day needs beside its people: outlets, tills by number, and the one biller that takes
    half of all payments, by its number and an account there that it accepts."""

    outlets: Sequence[Outlet]
    tills: Sequence[str]
    biller: str
    account: str


@dataclass(frozen=True)
class Pick:
    """A line of a menu, by its words."""

    label: str

    def number(self, screen: str) -> str | None:
        """What to type for it; None when the screen has no such line."""
        found = re.search(rf"^(\d) {re.escape(self.label)}$", screen, re.MULTILINE)
        return found and found[1]


Answer = str | Pick


@dataclass(frozen=True)
class Visit:
    """One session: who dials, what is answered, and what the last screen says when all went well.
    `meant` must stand on the screen at which the PIN is typed; a visit without it pays nothing."""

    name: str
    msisdn: str
    answers: Sequence[Answer]
    pin: str
    ends: re.Pattern[str]
    meant: str = ""


_RECEIPT: Final = re.compile(r"K[A-Z0-9]{6,9} confirmed\b", re.ASCII)
_MAIN_MENU: Final = re.compile("Kabambe\n")
_BALANCE: Final = re.compile("Your balance is KES ")
_LINES: Final = re.compile(r"(?s).*All sent by SMS|You have not sent or received money yet")
_AIRTIME: Final = re.compile(r"K[A-Z0-9]{6,9}: KES [0-9.,]+ of airtime is on its way", re.ASCII)

Chooser = Callable[[random.Random, Sequence[str], Town, str], Visit]
"""From dice, people, the town and their PIN to a visit."""


def _balance(dice: random.Random, people: Sequence[str], town: Town, pin: str) -> Visit:
    return Visit("balance", dice.choice(people), [Pick("Balance")], pin, _BALANCE)


def _menus(dice: random.Random, people: Sequence[str], town: Town, pin: str) -> Visit:
    answers: list[Answer] = [Pick("My account"), "0", Pick("Pay"), "0"]
    return Visit("menus", dice.choice(people), answers, "", _MAIN_MENU)


def _mini(dice: random.Random, people: Sequence[str], town: Town, pin: str) -> Visit:
    answers: list[Answer] = [Pick("My account"), Pick("Mini statement")]
    return Visit("mini statement", dice.choice(people), answers, pin, _LINES)


def _send(dice: random.Random, people: Sequence[str], town: Town, pin: str) -> Visit:
    payer, payee = dice.sample(people, 2)
    answers: list[Answer] = [Pick("Send money"), local(payee), _amount(dice)]
    return Visit("send", payer, answers, pin, _RECEIPT, local(payee))


def _till(dice: random.Random, people: Sequence[str], town: Town, pin: str) -> Visit:
    till = dice.choice(town.tills)
    answers: list[Answer] = [Pick("Pay"), Pick("Buy goods (till)"), till, _amount(dice)]
    return Visit("till", dice.choice(people), answers, pin, _RECEIPT, till)


def _bill(dice: random.Random, people: Sequence[str], town: Town, pin: str) -> Visit:
    answers: list[Answer] = [
        Pick("Pay"),
        Pick("Pay bill"),
        town.biller,
        town.account,
        _amount(dice),
    ]
    return Visit("bill", dice.choice(people), answers, pin, _RECEIPT, town.account)


def _withdraw(dice: random.Random, people: Sequence[str], town: Town, pin: str) -> Visit:
    outlet = dice.choice(town.outlets)
    answers: list[Answer] = [Pick("Withdraw cash"), outlet.number, outlet.store, _amount(dice)]
    return Visit("withdraw", dice.choice(people), answers, pin, _RECEIPT, outlet.number)


def _deposit(dice: random.Random, people: Sequence[str], town: Town, pin: str) -> Visit:
    outlet, customer = dice.choice(town.outlets), dice.choice(people)
    answers: list[Answer] = [
        Pick("Deposit for customer"),
        local(customer),
        customer[-4:],
        _amount(dice),
    ]
    return Visit("deposit", outlet.msisdn, answers, pin, _RECEIPT, local(customer))


def _airtime(dice: random.Random, people: Sequence[str], town: Town, pin: str) -> Visit:
    answers: list[Answer] = [Pick("Airtime"), Pick("My number"), _amount(dice)]
    return Visit("airtime", dice.choice(people), answers, pin, _AIRTIME, "airtime")


def _amount(dice: random.Random) -> str:
    return str(dice.choice(AMOUNTS))


DAY: Final[Sequence[tuple[float, Chooser]]] = (
    (0.35, _balance),
    (0.25, _menus),
    (0.0625, _send),
    (0.0625, _till),
    (0.125, _bill),
    (0.05, _withdraw),
    (0.05, _deposit),
    (0.03, _mini),
    (0.02, _airtime),
)
"""Shares of a day: six in ten look, a quarter pays (half of it to one biller), a tenth is cash."""


def visit(dice: random.Random, people: Sequence[str], town: Town, pin: str) -> Visit:
    """The next visit of a day."""
    chooser = dice.choices([chooser for _, chooser in DAY], [share for share, _ in DAY])[0]
    return chooser(dice, people, town, pin)
