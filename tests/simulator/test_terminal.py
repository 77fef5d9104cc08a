"""The phone in the terminal: screens in frames, a PIN heard in secret."""

from collections.abc import Iterator

import pytest

from simulator.inside import Inside
from simulator.phones import Service
from simulator.serving import Served
from simulator.terminal import dial
from tests.simulator.plain_app import PlainApp


@pytest.fixture
def plain() -> PlainApp:
    return PlainApp()


@pytest.fixture
def base(plain: PlainApp) -> Iterator[str]:
    with Served(plain.flask) as served:
        yield served.url


def test_a_session_from_dial_to_end(base: str, plain: PlainApp) -> None:
    said: list[str] = []
    open_answers, secret_answers = iter(["1", "0722000002"]), iter(["4826"])
    status = dial(
        Service.at(base, "*383#", "22383"),
        Inside(base),
        "+254712000001",
        "*383#",
        say=said.append,
        hear=lambda _: next(open_answers),
        hear_secret=lambda _: next(secret_answers),
    )
    assert status == 0
    assert "Hello" in said[0]
    assert "│ Bye" in said[-1]
    assert "/160" in said[-1]
    assert plain.told[-1][1]["status"] == "Success"


def test_ctrl_d_hangs_up(base: str, plain: PlainApp) -> None:
    def gone(_: str) -> str:
        raise EOFError

    service = Service.at(base, "*383#", "22383")
    status = dial(service, Inside(base), "+254712000001", "*383#", say=lambda _: None, hear=gone)
    assert status == 1
    assert plain.told[-1][1]["status"] == "Incomplete"


def test_another_code_is_no_service(base: str) -> None:
    said: list[str] = []
    service = Service.at(base, "*383#", "22383")
    assert dial(service, Inside(base), "+254712000001", "*999#", say=said.append) == 1
    assert "invalid MMI" in said[0]
