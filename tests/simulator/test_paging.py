"""Pages as an operator cuts them: nothing lost, nothing too wide."""

from hypothesis import given
from hypothesis import strategies as st

from simulator import networks
from simulator.paging import BACK, MORE, measure, pages, room

ALPHABET = "abcdefgh 0123456789\n€[]é"


@given(st.text(ALPHABET, max_size=900), st.sampled_from([networks.SAFARICOM, networks.AIRTEL]))
def test_every_page_fits_and_nothing_is_lost(text: str, network: networks.Network) -> None:
    cut = pages(text, network)
    assert all(measure(page) <= room(text, network) for page in cut)
    lines = [line for page in cut for line in page.split("\n") if line not in (MORE, BACK)]
    assert "".join(lines).replace(" ", "") == text.replace("\n", "").replace(" ", "")


@given(st.text(min_size=81, max_size=400))
def test_other_alphabets_have_less_room(text: str) -> None:
    for page in pages(text, networks.SAFARICOM):
        assert measure(page) <= 160


def test_a_screen_at_the_limit_is_one_page() -> None:
    assert pages("x" * 160, networks.SAFARICOM) == ["x" * 160]
    assert len(pages("x" * 161, networks.SAFARICOM)) == 2
    assert pages("x" * 184, networks.AIRTEL) == ["x" * 184]
    assert len(pages("ж" * 71, networks.SAFARICOM)) == 2
    assert pages("ж" * 70, networks.SAFARICOM) == ["ж" * 70]
