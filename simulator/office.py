"""What the staff of a dialogue do at their desks: the same commands as on the command line."""

from datetime import timedelta

from ussd_app.domain import guards
from ussd_app.domain.desk import Desk

EVERYTHING = "everything"


def blocks(desk: Desk, who: str, msisdn: str) -> None:
    """Put the national ID of a dialogue's person (the last eight digits) on the list."""
    guards.block(desk, msisdn[-8:], "court", who)


def closes(desk: Desk, who: str, what: str, for_s: int) -> None:
    """Close a type, or everything, from now on."""
    now = desk.clock.now()
    types = [] if what == EVERYTHING else [what]
    guards.close_for(desk, now, now + timedelta(seconds=for_s), types, "works", who)
