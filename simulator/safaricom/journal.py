"""What was asked of Safaricom and what it said by itself, with what was wrong in plain words.

No secret is kept: passwords, credentials and tokens are dots.
"""

import json
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from simulator.wire import MASK

MOST_KEPT: Final = 200
MOST_SHOWN: Final = 4_000
SECRETS: Final = ("Password", "SecurityCredential", "access_token")


@dataclass(frozen=True)
class Exchange:
    """One request to Safaricom (`asked`), or one message from it (`told`).

    `wrong` says plainly what a developer has to mend; `note` what is worth knowing.
    """

    number: int
    at: datetime
    way: str
    what: str
    request: str
    status: str
    answer: str
    wrong: str = ""
    note: str = ""


@dataclass
class Journal:
    """The newest exchanges, oldest first."""

    changed: Callable[[], None] = lambda: None
    exchanges: deque[Exchange] = field(default_factory=lambda: deque(maxlen=MOST_KEPT))
    _count: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(
        self,
        at: datetime,
        way: str,
        what: str,
        request: str,
        status: str,
        answer: str,
        wrong: str = "",
        note: str = "",
    ) -> None:
        """Write one down."""
        with self._lock:
            self._count += 1
            self.exchanges.append(
                Exchange(
                    self._count,
                    at,
                    way,
                    what,
                    shown(request),
                    status,
                    shown(answer),
                    wrong,
                    note,
                )
            )
        self.changed()


def shown(body: str) -> str:
    """JSON laid out for reading, secrets as dots; what cannot be read as JSON as it came."""
    try:
        said = _without_secrets(json.loads(body, parse_float=str))
        laid_out = json.dumps(said, indent=2, ensure_ascii=False)
    except RecursionError:
        laid_out = "(nested too deeply to be shown)"
    except ValueError:
        laid_out = body
    return laid_out[:MOST_SHOWN].encode(errors="replace").decode()


def _without_secrets(said: Any) -> Any:
    if isinstance(said, list):
        return [_without_secrets(each) for each in said]
    if not isinstance(said, dict):
        return said
    return {
        name: MASK if name in SECRETS else _without_secrets(value) for name, value in said.items()
    }
