"""Which screens say no: those that begin with the sentence of a refusal, in either language.

Whatever else a load did not expect is a fault of its own: a menu line that is called otherwise, a
flow that asks something new.
"""

import re
from functools import cache
from pathlib import Path
from typing import Final

import menus
from menus.schema import read_yaml

SENTENCES: Final = Path(menus.__file__).parent / "text" / "refusals.yaml"
LANGUAGES: Final = ("en", "sw")
_FACT: Final = re.compile(r"\\\{[a-z_]+\\\}")


def is_refusal(screen: str) -> bool:
    """Whether a screen begins with what is said when the bank declines."""
    return _any().match(screen) is not None


@cache
def _any() -> re.Pattern[str]:
    rows = read_yaml(SENTENCES).values()
    said = (re.escape(row[language].strip()) for row in rows for language in LANGUAGES)
    return re.compile("|".join(_FACT.sub("[^\n]+", sentence) for sentence in said))
