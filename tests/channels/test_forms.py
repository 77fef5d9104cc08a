"""Form bodies, judged strictly: what parses is what any decoder reads; what is wrong is named."""

from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ussd_app.channels import ussd
from ussd_app.channels.forms import read_pairs

FIXTURES = Path(__file__).parent.parent / "fixtures"


@given(st.dictionaries(st.text(min_size=1, max_size=20), st.text(max_size=60), max_size=8))
def test_every_form_is_read_as_the_standard_decoder_reads_it(fields: dict[str, str]) -> None:
    body = urlencode(fields, errors="surrogatepass").encode()
    try:
        expected = dict(parse_qsl(body.decode(), keep_blank_values=True, errors="strict"))
    except UnicodeDecodeError:
        with pytest.raises(ValueError, match="encoding"):
            read_pairs(body, 20)
        return
    assert read_pairs(body, 20) == expected


@given(st.binary(max_size=200))
def test_no_body_breaks_the_reader(body: bytes) -> None:
    with suppress(ValueError):
        assert all(name for name in read_pairs(body, 20))


@pytest.mark.parametrize("form", sorted((FIXTURES / "at-ussd").glob("[01]*.form")), ids=str)
def test_every_captured_hop_is_understood(form: Path) -> None:
    body = form.read_bytes()
    hop = ussd.read_hop(body, ussd.NETWORKS | {ussd.SANDBOX})
    fields = dict(parse_qsl(body.decode(), keep_blank_values=True))
    assert hop.session_id == fields["sessionId"]
    assert hop.msisdn == fields["phoneNumber"]
    assert hop.text == fields["text"]


GOOD = {
    "phoneNumber": "+254712000001",
    "serviceCode": "*383#",
    "text": "1",
    "sessionId": "ATUid_1",
    "networkCode": "63902",
}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"phoneNumber": "0712000001"}, "msisdn"),
        ({"phoneNumber": "+255712000001"}, "msisdn"),
        ({"phoneNumber": "+2547120000011"}, "msisdn"),
        ({"phoneNumber": "+25471200000\u0661"}, "msisdn"),
        ({"sessionId": ""}, "session_id"),
        ({"sessionId": "a b"}, "session_id"),
        ({"sessionId": "x" * 81}, "session_id"),
        ({"sessionId": "x\n"}, "session_id"),
        ({"networkCode": "99999"}, "network"),
        ({"networkCode": ""}, "network"),
        ({"serviceCode": "383"}, "service_code"),
        ({"text": "1" * 2_049}, "oversized"),
        ({"text": "1*" * 121}, "oversized"),
    ],
)
def test_a_malformed_hop_is_refused_by_name(changes: dict[str, str], reason: str) -> None:
    with pytest.raises(ussd.Malformed) as refusal:
        ussd.read_hop(urlencode(GOOD | changes).encode(), ussd.NETWORKS)
    assert refusal.value.reason == reason


@pytest.mark.parametrize("missing", sorted(GOOD))
def test_every_field_must_be_there(missing: str) -> None:
    fields = {name: value for name, value in GOOD.items() if name != missing}
    with pytest.raises(ussd.Malformed, match="missing_field"):
        ussd.read_hop(urlencode(fields).encode(), ussd.NETWORKS)


def test_a_doubled_field_is_refused() -> None:
    with pytest.raises(ussd.Malformed, match="doubled_field"):
        ussd.read_hop(urlencode(GOOD).encode() + b"&text=2", ussd.NETWORKS)


def test_an_unknown_field_is_ignored() -> None:
    assert ussd.read_hop(urlencode(GOOD | {"new": "x"}).encode(), ussd.NETWORKS).text == "1"


def test_a_plus_that_came_as_a_space_is_forgiven() -> None:
    body = urlencode(GOOD).replace("%2B", "+").encode()
    assert ussd.read_hop(body, ussd.NETWORKS).msisdn == "+254712000001"


def test_a_dialled_code_in_the_text_is_no_answer() -> None:
    assert ussd.read_hop(urlencode(GOOD | {"text": "*383#"}).encode(), ussd.NETWORKS).text == ""


def test_a_hop_never_prints_what_was_typed() -> None:
    assert "4826" not in repr(
        ussd.read_hop(urlencode(GOOD | {"text": "4826"}).encode(), ussd.NETWORKS)
    )
