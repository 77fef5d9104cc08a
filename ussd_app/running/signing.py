"""At a terminal: whoever of the staff says something proves with their own PIN that it is they.

It is asked for and not shown; never a word of the command, where a history would keep it. A wrong
one counts as on their phone, and locks it as there.
"""

import argparse
from getpass import getpass

from ussd_app.domain import parties, pins
from ussd_app.domain.desk import Desk
from ussd_app.domain.two_of_staff import NotOfStaff, Undecided, person
from ussd_app.kernel.errors import RefusalCode, Refused

NAMED = ("staff", "second", "by")
"""The options of commands that name one of the staff."""

_NUMBER = "SELECT p.msisdn FROM staff s JOIN parties p ON p.id = s.party_id WHERE s.name = %s"


def must_be_signed(desk: Desk, options: argparse.Namespace) -> None:
    """Ask everybody whom a command names for their PIN. Raises Undecided."""
    for option in NAMED:
        by = getattr(options, option, None)
        if by is not None:
            _prove(desk, person(by))


def _prove(desk: Desk, name: str) -> None:
    with desk.reads.connect() as connection:
        msisdn = connection.exec_driver_sql(_NUMBER, (name,)).scalar_one_or_none()
    if msisdn is None:
        raise NotOfStaff(name)
    pin = getpass(f"PIN of {name}: ")
    try:
        with desk.engine.begin() as connection:
            party = parties.known(connection, msisdn)
            refused = pins.check(desk, connection, party, pin)
        if refused is not None:
            raise refused
    except Refused as refused:
        wrong = refused.code is RefusalCode.WRONG_PIN
        why = "Wrong PIN." if wrong else f"{name} cannot decide now: {refused.code.value}."
        raise Undecided(why) from None
