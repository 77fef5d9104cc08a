"""The bank's counter as channels meet it: every question (`find`) and every command (`do`).

`counter` holds the whole vocabulary. The menu linter holds every flow against it, so a flow that
asks for something else, or forgets a refusal, does not ship.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from ussd_app.domain.counter import COMMANDS
from ussd_app.domain.desk import SCOPE, Ask, Desk, Facts


class Bank:
    """Serves one request at a time, from any channel, in the same words."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def has_acted(self, session_id: str) -> bool:
        """Whether a command was answered in a session: what Redis forgot, the ledger knows."""
        with self.desk.reads.connect() as connection:
            found = connection.exec_driver_sql(
                "SELECT EXISTS (SELECT FROM idempotency"
                " WHERE scope = %s AND key >= %s AND key < %s)",
                (SCOPE, f"{session_id}:", f"{session_id};"),
            )
            return bool(found.scalar_one())

    def serve(self, name: str, msisdn: str, args: Mapping[str, object], key: str = "") -> Facts:
        """Answer a `find`, or do a `do` exactly once under its key.

        Raises Refused with a code that the command declares, or Unavailable.
        """
        return COMMANDS[name].serve(self.desk, Ask(msisdn, key, args))


@dataclass(frozen=True)
class Signature:
    """What a flow must know about a command to use it rightly."""

    kind: str
    name: str
    args: Mapping[str, str]
    gives: Mapping[str, str]
    refuses: frozenset[str]


def signatures() -> dict[str, Signature]:
    """The vocabulary as data, for the menu linter."""
    return {
        name: Signature(
            command.kind,
            name,
            command.args,
            command.gives,
            frozenset(code.value for code in command.refuses),
        )
        for name, command in COMMANDS.items()
    }
