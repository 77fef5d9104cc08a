"""Every flow, command, type and refusal is shown by a dialogue, in both languages.

What no conversation can show is named here, with the test that shows it instead.
"""

import re
from functools import cache
from pathlib import Path

import pytest

from menus.book import Book, End
from ussd_app.domain.counter import COMMANDS
from ussd_app.kernel.errors import RefusalCode
from ussd_app.products.read import read_catalogue

ROOT = Path(__file__).parent
MENUS = ROOT.parent / "menus"
LANGUAGES = ("en", "sw")

SHOWN_ELSEWHERE = {
    RefusalCode.ALREADY_REGISTERED: "tests/domain: two registrations of one number that race",
    RefusalCode.NOT_REGISTERED: "a stranger is welcomed by the flow, not turned away",
    RefusalCode.KEY_CONFLICT: "tests/domain/test_money_moves.py",
    RefusalCode.DAILY_COUNT: "tests/domain: two hundred transfers a day",
    RefusalCode.MONTHLY_COUNT: "tests/domain/test_limits.py: two thousand transfers a month",
    RefusalCode.NUMBER_TAKEN: "tests/domain/test_merchants.py: two pochis on one number at once",
    RefusalCode.MALFORMED: "tests/doors",
    RefusalCode.WRONG_NETWORK: "tests/doors",
    RefusalCode.STILL_WORKING: "tests/channels",
    RefusalCode.UNAVAILABLE: "tests/channels, tests/faults",
}


@cache
def everything_said() -> str:
    return "\n".join(path.read_text("utf-8") for path in sorted(ROOT.glob("dialogues/**/*.txt")))


@cache
def book() -> Book:
    return Book.load(MENUS / "flows", MENUS / "text")


def is_shown(text: str) -> bool:
    """Whether the sentence's first line, with any facts in it, stands in a dialogue."""
    first = text.strip().splitlines()[0]
    pattern = re.sub(r"\\{\w+\\}", ".+", re.escape(first))
    return re.search(pattern, everything_said()) is not None


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", [code for code in RefusalCode if code not in SHOWN_ELSEWHERE])
def test_every_refusal_is_shown(code: RefusalCode, language: str) -> None:
    assert is_shown(book().texts.refusals[code.value].say[language].text)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("flow", sorted(book().flows))
def test_every_flow_comes_to_its_ends(flow: str, language: str) -> None:
    for step in book().flows[flow].screens.values():
        if isinstance(step, End) and not step.title[language].text.startswith("{lines}"):
            assert is_shown(step.title[language].text), step.name


def test_every_command_is_asked_by_a_flow() -> None:
    asked = {
        getattr(step, "command", None)
        for flow in book().flows.values()
        for step in flow.screens.values()
    }
    assert set(COMMANDS) <= asked


def test_every_type_that_a_customer_starts_is_booked() -> None:
    for name, kind in read_catalogue().types.items():
        if kind.starts == "customer":
            assert re.search(rf"^    \S+ {name}$", everything_said(), re.MULTILINE), name


@pytest.mark.parametrize("path", sorted(ROOT.glob("dialogues/**/*.txt")), ids=lambda p: p.stem)
def test_every_dialogue_looks_into_the_ledger(path: Path) -> None:
    assert re.search(r"^Ledger$", path.read_text("utf-8"), re.MULTILINE)
