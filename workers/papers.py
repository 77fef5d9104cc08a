"""Makes the statements that customers asked for, one after the other.

Whoever waits is found in the database, so a lost ring is a delay. One that cannot be made leaves
the others to theirs, and waits itself for the next ring until its time is over.
"""

from ussd_app import logs
from ussd_app.bootstrap import App
from ussd_app.domain import papers
from ussd_app.domain.papers import Account
from ussd_app.reports.statements import printed

log = logs.get(__name__)


def make(app: App) -> int:
    """Make every statement that waits. Returns how many were made."""
    made = last = 0
    while True:
        tried = papers.next_waiting(app.bank.desk, last)
        if tried is None:
            return made
        last = tried
        try:
            made += papers.make(app.bank.desk, app.settings.public_url, _press(app), tried)
        except Exception:
            log.exception("a statement could not be made", id=tried)


def _press(app: App) -> papers.Press:
    def press(account: Account, code: str) -> bytes:
        return printed(app.catalogue, account, code, app.clock.now())

    return press
