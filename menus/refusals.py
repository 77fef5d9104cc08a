"""Every refusal in order of precedence: its sentences, and which questions to the bank may end in
it: docs/refusals.md, for whoever answers customers' calls.
"""

from collections.abc import Mapping

from menus.book import Book, RefusalText, SignatureLike
from menus.slots import LANGUAGES
from ussd_app.kernel.errors import RefusalCode

_HEAD = """# Every refusal

Written by `python -m menus refusals`; edit `menus/text/refusals.yaml`, not this page. In order of
precedence: when several hold, the first is said. A refusal leaves the books as they were. Each is
shown by a dialogue in `tests/dialogues`, in both languages, or named in
`tests/test_dialogue_coverage.py` with the test that shows it.
"""
_BY_DOORS = "a door, by itself"


def refusals(book: Book, signatures: Mapping[str, SignatureLike]) -> str:
    """The page as Markdown."""
    head = ["| code | said when asked for | " + " | ".join(LANGUAGES.values()) + " |"]
    head.append("|---|---|" + "---|" * len(LANGUAGES))
    rows = [_row(code.value, book.texts.refusals[code.value], signatures) for code in RefusalCode]
    return "\n".join([_HEAD, *head, *rows, ""])


def _row(code: str, text: RefusalText, signatures: Mapping[str, SignatureLike]) -> str:
    asked = sorted(name for name, one in signatures.items() if code in one.refuses)
    where = ", ".join(f"`{name}`" for name in asked) or _BY_DOORS
    said = (text.say[language].text.replace("\n", "<br>") for language in LANGUAGES)
    return f"| `{code}` | {where} | " + " | ".join(said) + " |"
