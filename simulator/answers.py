"""What those outside answer over HTTP, before it is put behind any server."""

import json
from dataclasses import dataclass
from typing import Final

TEXT: Final = "text/plain; charset=UTF-8"


@dataclass(frozen=True)
class ApiAnswer:
    """An HTTP answer; the content type is bare, as the provider's SDK needs it.

    `dropped` asks the server to close the line without a word.
    """

    status: int
    body: str
    content_type: str = "application/json"
    dropped: bool = False


DROPPED: Final = ApiAnswer(500, "", "text/plain", dropped=True)


def json_answer(status: int, value: object) -> ApiAnswer:
    """Compact JSON, letters as they are."""
    return ApiAnswer(status, json.dumps(value, separators=(",", ":"), ensure_ascii=False))
