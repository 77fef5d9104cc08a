"""What was seen inside the application, phone by phone: where sessions stand, and new entries.

Looks only through `inside`, and sees nothing of an application that shows nothing.
"""

import threading
from collections.abc import Mapping
from typing import Any, Final

from simulator.inside import Entry, Inside
from simulator.phones import Phone
from simulator.recorder import Recorder
from simulator.telco import Telco

MOST_ENTRIES: Final = 20
OFTEN: Final = 60
SELDOM: Final = 30


class Insight:
    """Asks after each hop and remembers the answers."""

    def __init__(self, inside: Inside, telco: Telco, recorder: Recorder) -> None:
        self.inside = inside
        self._telco = telco
        self._recorder = recorder
        self._seen: dict[str, Mapping[str, Any]] = {}
        self._last_entry: int | None = None
        self._looks = 0
        self._reading = threading.Lock()

    def of(self, phone: Phone) -> Mapping[str, Any] | None:
        """What was seen last of a phone's session."""
        return self._seen.get(phone.msisdn)

    def forget(self, msisdn: str | None = None) -> None:
        """What was seen holds no longer, of one phone or of all."""
        if msisdn is None:
            self._seen.clear()
        else:
            self._seen.pop(msisdn, None)

    def look(self, phone: Phone) -> None:
        """Learn where the phone's session stands and what the last hop wrote in the ledger."""
        session = phone.session
        seen = self.inside.session(session.id) if session else None
        with phone.lock:
            self._seen[phone.msisdn] = seen or {}
            if seen is not None and "asks_secret" in seen:
                phone.asks_secret = bool(seen["asks_secret"])
        entries = self._new_entries()
        self._recorder.entries(entries)
        for entry in entries:
            what, sentences = f"{entry.receipt} {entry.type}", "\n".join(entry.sentences)
            self._telco.note(phone, "ledger", what, "", sentences, 0)

    def _new_entries(self) -> list[Entry]:
        """The entries since the last look; only the newest of them when somebody is in a hurry."""
        with self._reading:
            if self._last_entry is None:
                return []
            entries = self.inside.entries(self._last_entry, most_batches=1)
            if len(entries) > MOST_ENTRIES:
                self._last_entry = self.inside.last_entry()
            elif entries:
                self._last_entry = entries[-1].id
        return entries[-MOST_ENTRIES:]

    def catch_up(self) -> bool:
        """Until the application has been met once, look for it; True when it is met now.

        Called every second, it looks every second for a while and then seldom: the application may
        be somebody else's, who has no such doors.
        """
        if self._last_entry is not None:
            return False
        self._looks += 1
        often = self._looks <= OFTEN
        if not (often or self._looks % SELDOM == 0) or not self.inside.graph():
            return False
        self.begin()
        return True

    def begin(self) -> None:
        """Remember where the ledger ends now: only what follows is shown."""
        with self._reading:
            self._last_entry = self.inside.last_entry()
