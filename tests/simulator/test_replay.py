"""A dialogue on a running simulator: played through its page, compared as far as it can be."""

from collections.abc import Iterator

import pytest

from simulator.dialogue import DialogueInvalid, parse
from simulator.phones import Service
from simulator.replay import Player
from simulator.server import Plan, Simulator
from simulator.serving import Served
from tests.simulator.plain_app import PlainApp

TEXT = """\
Given
    asha   0712000001  pin 4826  en
    chris  0733000003

chris dials *383#
    CON Hello
    1 Go
chris > 1
    CON Enter a number
the network repeats
    CON Enter a number
chris hangs up
chris texts hello
"""


@pytest.fixture
def url() -> Iterator[str]:
    with Served(PlainApp().flask) as app:
        service = Service.at(app.url, "*383#", "22383")
        simulator = Simulator(Plan(app.url, service, "127.0.0.1", 0, None))
        simulator.start()
        with Served(simulator.flask) as page:
            yield page.url
        simulator.stop()


def test_what_goes_as_written(url: str) -> None:
    said: list[str] = []
    assert Player(url, 0, said.append).play(parse(TEXT)) == 0
    assert "    CON Enter a number" in said


def test_what_goes_otherwise_is_counted_and_shown(url: str) -> None:
    said: list[str] = []
    other = TEXT.replace("1 Go", "1 Stay")
    assert Player(url, 0, said.append).play(parse(other)) == 1
    assert "    ≠ 1 Stay" in said


def test_what_a_running_server_cannot_do(url: str) -> None:
    with pytest.raises(DialogueInvalid, match="clock"):
        Player(url, 0, print).play(parse("3 hours pass\n"))
    with pytest.raises(DialogueInvalid, match="cannot do"):
        Player(url, 0, print).play(parse("the gateway works\n"))
