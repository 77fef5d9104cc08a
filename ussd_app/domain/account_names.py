"""Who holds an account at a bank: a question that only the world outside can answer.

What answers it is handed in; nothing here knows how, or waits by itself.
"""

from typing import Protocol

from ussd_app.kernel.errors import Unavailable


class AccountNames(Protocol):
    """Somebody who can look into the banks' books. Called from many threads at once."""

    def holder(self, bank: str, account: str) -> str | None:
        """The name on an account; None when that bank has no such account.

        Answers within the time that a hop has for it. Raises Unavailable when nobody answers.
        """


class Nobody:
    """No switch is connected."""

    def holder(self, bank: str, account: str) -> str | None:
        """Raises Unavailable."""
        raise Unavailable("bank")
