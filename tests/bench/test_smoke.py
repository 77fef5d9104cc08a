"""Every measurement runs, with tiny numbers. How fast anything is is nobody's business here."""

import pytest

from bench import day, dialogue, domain_accept, front_door, paybill
from bench.figures import Figure, interleaved, table
from bench.phones import ussd


def test_the_front_door_is_measured() -> None:
    (figure,) = front_door.run(seconds=0.3, turns=1)
    assert figure.ours > 0
    assert figure.yardstick
    assert figure.met is not None


def test_accept_is_measured_with_its_yardstick_and_contrast() -> None:
    figures = domain_accept.run(seconds=0.5, turns=1, wallets=40, processes=2)
    assert [bool(figure.ours and figure.yardstick) for figure in figures] == [True] * 3


@pytest.mark.faults
def test_a_whole_dialogue_is_measured_on_a_running_server() -> None:
    figures = {
        figure.name: figure
        for figure in dialogue.run(seconds=0.5, crowd_seconds=1, wallets=60, sessions=10)
    }
    assert figures["whole dialogues, 5 hops"].ours > 0
    assert figures["a web process, RSS"].met
    assert figures["all of ours, PSS"].met


@pytest.mark.faults
def test_confirmations_are_counted_on_a_running_server() -> None:
    figures = paybill.run(confirmations=300, minute_s=5, seconds=0.5, turns=1, customers=10)
    met = {figure.name.strip(): figure.met for figure in figures}
    assert met["lost"], "each was entered"
    assert met["doubled"], "and once"
    assert met["not on an invoice or in credit"], "in the biller's books too"
    assert met["not told just once"]
    assert met["faults that the audit found"]


@pytest.mark.faults
def test_a_mixed_day_is_measured_on_a_running_server() -> None:
    figures = {each.name.strip(): each for each in day.run(seconds=3, turns=1, people_most=60)}
    assert figures["a mixed day, visits"].ours > 0
    assert figures["screens nobody expected"].met
    assert figures["faults that the audit found"].met


def test_a_session_is_posted_as_the_gateway_posts_it() -> None:
    dial, first, second = ussd("s1", "+254712000001", ["1", "500"], ["CON a", "CON b", "END c"])
    assert b"&text=\r\n" not in dial.request
    assert dial.request.endswith(b"&text=")
    assert first.request.endswith(b"&text=1")
    assert second.request.endswith(b"phoneNumber=%2B254712000001&networkCode=63902&text=1%2A500")
    assert second.expected == b"END c"


def test_a_figure_knows_whether_its_target_was_met() -> None:
    assert interleaved("x", "/s", [(30, 10), (10, 10), (20, 10)], 1.9).met
    assert interleaved("x", "/s", [(18, 10)], 1.9).met is False
    assert Figure("x", 99, "ms", most=100).met
    assert Figure("x", 1, "/s").met is None
    head, row = table([Figure("x", 2, "/s", 1, least_ratio=1.5)]).splitlines()
    assert head.split() == ["figure", "ours", "yardstick", "unit", "ratio", "target", "met"]
    assert row.split() == ["x", "2.0", "1.0", "/s", "2.00", ">=", "1.5x", "yes"]
