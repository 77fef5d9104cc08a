"""What the tests of the menus share: the shipped book, small books, and somebody on the phone."""

import json
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

from menus.book import Book
from menus.machine import Facts, Machine, Refusal, Request, Screen, State, Turn
from tests.ways import MENUS, shipped
from ussd_app.kernel.gsm7 import septets

__all__ = [
    "ASHA",
    "CUSTOMER",
    "FIRST",
    "HOME",
    "HOME_MENU",
    "KEYS",
    "MENUS",
    "TEXTS",
    "Phone",
    "asha",
    "shipped",
    "small",
    "write",
]

KEYS = "0 Back 00 Home"
HOME_MENU = shipped().flows["home"].screens["main"].place

TEXTS = MENUS / "text"

FIRST = """
    flow: home
    version: 1
    about: Where a session begins.
    title: {en: Main menu, sw: Menyu kuu}
    start: main
    screens:
      main:
        menu: {en: Kabambe, sw: Kabambe}
"""
"""The first menu of a small book, but for what stands in it."""

HOME = f"""{FIRST}
        options:
          - {{en: Try, sw: Jaribu, to: flow:trial}}
"""


def write(folder: Path, **flows: str) -> Path:
    """Put flow files into a folder; a name such as `retired__trial_v1` goes into `retired/`."""
    for name, text in {"home": HOME, **flows}.items():
        path = folder / f"{name}.yaml"
        if name.startswith("retired__"):
            path = folder / "retired" / f"{name.removeprefix('retired__').replace('_v', '.v')}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), "utf-8")
    return folder


def small(folder: Path, **flows: str) -> Book:
    """A book of a few flows with the shipped sentences."""
    return Book.load(write(folder, **flows), TEXTS)


class Phone:
    """Somebody on the phone, and a bank that says what the test tells it to.

    `answers` maps a command to Facts, a Refusal, or a list of them, used up in turn. Every state is
    put away and read back between hops, as the channel does.
    """

    def __init__(
        self, book: Book, answers: Mapping[str, object] | None = None, language: str = "en"
    ) -> None:
        self.book = book
        self.machine = Machine(book)
        self.answers = dict(answers or {})
        self.language = language
        self.asked: list[Request] = []
        self.state: State
        self.screen: Screen

    def dials(self, resume: State | None = None) -> str:
        return self._settle(self.machine.begin(language=self.language, resume=resume))

    def says(self, *typed: str) -> str:
        for text in typed:
            self._settle(self.machine.hear(self.state, text))
        return self.screen.text

    @property
    def lines(self) -> list[str]:
        return self.screen.text.split("\n")

    def _settle(self, turn: Turn) -> str:
        while turn.request is not None:
            assert turn.screen is None
            self.asked.append(turn.request)
            turn = self.machine.answer(turn.state, self._bank(turn.request))
        assert turn.screen is not None
        wire = json.loads(json.dumps(turn.state.to_wire()))
        self.state, self.screen = State.from_wire(self.book, wire), turn.screen
        assert self.machine.show(self.state) == turn.screen
        assert septets(turn.screen.text) <= 160
        return turn.screen.text

    def _bank(self, request: Request) -> Facts | Refusal:
        answer = self.answers[request.name]
        if isinstance(answer, list):
            answer = answer.pop(0)
        if isinstance(answer, str):
            return Refusal(answer, {"left": 2, "least": 1_000, "most": 50_000_000})
        assert isinstance(answer, dict | Facts | Refusal)
        return Facts(answer) if isinstance(answer, dict) else answer


CUSTOMER = {"language": "en", "standing": "customer"}
ASHA = {
    "caller": {"name": "ASHA", **CUSTOMER},
    "quote": {"quote_id": "quote-1", "payee_name": "BARAKA", "fee": 700},
    "accept_quote": {"receipt": "KB00001", "balance": 99_300},
    "balance": {"balance": 150_000, "spendable_today": 15_000_000},
    "mini_statement": {"lines": [{"key": "1", "label": "21/11 Sent 500.00 BARAKA"}]},
    "choose_pin": {"draft": "draft-1"},
    "confirm_pin": {"chosen": "chosen-1"},
    "register": {"name": "Asha Wanjiru"},
    "prove_pin": {"proof": "proof-1"},
    "change_pin": {},
    "set_language": {},
    "request_unlock": {},
    "unlock": {},
}
"""A bank that says yes to asha."""


def asha(**answers: object) -> Phone:
    """asha's phone at the shipped book, with other answers of the bank where they are given."""
    return Phone(shipped(), {**ASHA, **answers})
