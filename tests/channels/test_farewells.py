"""What a door says before it knows who is there: both languages, on one screen of a basic phone."""

from pathlib import Path

import pytest

from menus.book import Book
from menus.machine import Machine
from ussd_app.channels.ussd import LANGUAGES
from ussd_app.kernel.errors import RefusalCode
from ussd_app.kernel.gsm7 import septets

MENUS = Path(__file__).parents[2] / "menus"
SAID_BY_DOORS = (
    RefusalCode.TOO_MANY_REQUESTS,
    RefusalCode.MALFORMED,
    RefusalCode.WRONG_NETWORK,
    RefusalCode.OTHER_PHONE,
    RefusalCode.STILL_WORKING,
    RefusalCode.UNAVAILABLE,
)


@pytest.mark.parametrize("code", SAID_BY_DOORS)
def test_both_languages_fit_one_screen(code: RefusalCode) -> None:
    machine = Machine(Book.load(MENUS / "flows", MENUS / "text"))
    said = [machine.farewell(code.value, {}, language).text for language in LANGUAGES]
    assert said[0] != said[1]
    assert septets("\n".join(said)) <= 160
