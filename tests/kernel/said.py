"""What Safaricom says, for tests of its readers: the fixtures, and fixtures that were changed."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FIXTURES = Path(__file__).parent.parent / "fixtures" / "daraja"
JANE = "+254700000001"


def fixture(name: str) -> bytes:
    return (FIXTURES / name).read_bytes()


def changed(name: str, *path: str | int, **values: object) -> str:
    """A fixture with other values in one of its objects."""
    said = json.loads(fixture(name))
    inner: Any = said
    for step in path:
        inner = inner[step]
    inner.update(values)
    return json.dumps(said)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
