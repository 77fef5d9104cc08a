"""Random forms at every door, right and wrong fields mixed: always an answer of the door's form.

Bounded by examples, not by time, so that a seed means the same everywhere.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.doors.conftest import DOORS, EVENT, HOP, MESSAGE, OPT_OUT, REPORT, SECRET, Doors
from tests.people import ASHA, BARAKA
from ussd_app.channels.ussd import MOST_BODY_BYTES

FIXTURES = Path(__file__).parent.parent / "fixtures" / "daraja"

bounded = settings(
    max_examples=250,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

TYPED = st.one_of(
    st.sampled_from([*"12345678", "", "0", "00", "98", "0722000002", "500", "4826", "0000"]),
    st.text(max_size=12),
    st.integers().map(str),
)
TRANSCRIPT = st.lists(TYPED, max_size=8).map("*".join)
WILD = st.one_of(
    st.text(max_size=40),
    st.text(alphabet="0123456789+*#", max_size=20),
    st.sampled_from(["\x00", " ", "\n", "٣", "é" * 90, "9" * 3_000, "1*" * 600, "%00", "\u202e"]),
)


def mixed(form: Mapping[str, str]) -> st.SearchStrategy[dict[str, str]]:
    """A door's form with each field right, wild or left out, and others added."""
    fields = {
        name: st.one_of(st.just(value), st.just(value), st.just(value), WILD, st.none())
        for name, value in form.items()
    }
    others = st.dictionaries(st.text(max_size=10), WILD, max_size=3)
    return st.builds(
        lambda known, more: {
            name: value for name, value in (more | known).items() if value is not None
        },
        st.fixed_dictionaries(fields),
        others,
    )


def encoded(form: Mapping[str, str], plainly: bool) -> str:
    """As a form; plainly: only what must be escaped is, and spaces stay."""
    if not plainly:
        return urlencode(form)
    return "&".join(f"{quote(n, safe='*#!')}={quote(v, safe='*#! ')}" for n, v in form.items())


def is_screen(text: str) -> bool:
    return text[:4] in ("CON ", "END ") and 4 < len(text) < 250


@bounded
@given(form=mixed(HOP | {"text": "1*0722000002*500"}), plainly=st.booleans())
def test_no_form_breaks_the_ussd_door(doors: Doors, form: dict[str, str], plainly: bool) -> None:
    doors.redis.flushall()
    answer = doors.post("/ussd", encoded(form, plainly))
    assert answer.status_code == 200
    assert is_screen(answer.get_data(as_text=True))
    assert "unexpected" not in doors.logged.getvalue()


@bounded
@given(
    transcripts=st.lists(TRANSCRIPT, min_size=1, max_size=6),
    session=st.sampled_from(["ATUid_a", "ATUid_b"]),
    who=st.sampled_from([ASHA.msisdn, BARAKA.msisdn, "+254733000003"]),
)
def test_no_order_of_transcripts_breaks_a_session(
    doors: Doors, transcripts: list[str], session: str, who: str
) -> None:
    doors.redis.delete(*(doors.redis.keys("kb:n:*") or ["none"]))
    for text in transcripts:
        said = doors.hop(text, sessionId=session, phoneNumber=who)
        assert is_screen(said)
        again = doors.hop(text, sessionId=session, phoneNumber=who)
        assert is_screen(again)
    assert "unexpected" not in doors.logged.getvalue()


@bounded
@given(answers=st.lists(TYPED, max_size=9))
def test_whoever_types_gets_a_screen_and_the_same_for_a_repeat(
    doors: Doors, answers: list[str]
) -> None:
    doors.redis.flushall()
    session = f"ATUid_{doors.traces().rows['idempotency']}_{len(answers)}"
    for length in range(len(answers) + 1):
        text = "*".join(answers[:length])
        if length and not text:
            return  # an empty first answer is a second begin
        said = doors.hop(text, sessionId=session)
        assert is_screen(said)
        assert doors.hop(text, sessionId=session) == said
        if said.startswith("END "):
            return
    assert "unexpected" not in doors.logged.getvalue()


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/ussd/events", EVENT | {"hopsMetadata": "home.main|send_money.amount"}),
        ("/sms/delivery", REPORT | {"failureReason": "UserInBlackList"}),
        ("/sms/incoming", MESSAGE),
        ("/sms/opt-out", OPT_OUT),
    ],
)
def test_no_form_breaks_another_door(doors: Doors, path: str, form: dict[str, str]) -> None:
    @bounded
    @given(sent=mixed(form), plainly=st.booleans())
    def post(sent: dict[str, str], plainly: bool) -> None:
        answer = doors.post(path, encoded(sent, plainly))
        assert answer.status_code in (200, 400, 413)
        assert 0 < len(answer.get_data()) < 250

    post()
    assert "unexpected" not in doors.logged.getvalue()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WILD,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=12,
)


def shaken(said: object) -> st.SearchStrategy[object]:
    """A message of Safaricom's in which any value may be another one."""
    if not isinstance(said, dict):
        return st.one_of(st.just(said), st.just(said), st.just(said), JSON)
    return st.fixed_dictionaries({name: shaken(value) for name, value in said.items()})


@pytest.mark.parametrize(
    ("path", "captured"),
    [
        ("stk", "stk/callback-0-success"),
        ("c2b/confirmation", "c2b/confirmation-v2-masked"),
        ("c2b/validation", "c2b/validation-v2-masked"),
        ("b2c/result", "b2c/result-0-success"),
        ("b2b/timeout", "b2c/result-0-success"),
    ],
)
def test_no_json_breaks_a_door_of_safaricoms(doors: Doors, path: str, captured: str) -> None:
    said = json.loads((FIXTURES / f"{captured}.json").read_text())

    @bounded
    @given(sent=st.one_of(shaken(said), JSON).map(json.dumps).map(str.encode) | st.binary())
    def post(sent: bytes) -> None:
        answer = doors.client.post(f"/daraja/{path}", data=sent)
        if len(sent) > MOST_BODY_BYTES:
            assert answer.status_code == 413
            return
        assert answer.status_code == 200
        assert "ResultCode" in answer.get_json()

    post()
    assert "unexpected" not in doors.logged.getvalue()


@bounded
@given(
    path=st.one_of(
        st.sampled_from([*DOORS, "/healthz", "/metrics", "/inspect/graph"]),
        st.lists(st.text(min_size=1, max_size=9), max_size=4).map(
            lambda parts: "/" + "/".join(quote(part, safe="") for part in parts)
        ),
    ),
    method=st.sampled_from(["GET", "POST", "PUT", "HEAD", "DELETE", "PROPFIND"]),
    body=st.binary(max_size=60),
    kind=st.sampled_from(["", "application/x-www-form-urlencoded", "application/json", "x/y; z"]),
)
def test_no_request_breaks_the_web(
    secret_doors: Doors, path: str, method: str, body: bytes, kind: str
) -> None:
    for place in (path, f"{path}/{SECRET}"):
        answer = secret_doors.client.open(place, method=method, data=body, content_type=kind)
        assert answer.status_code in (200, 400, 404, 405, 415, 503)
        assert method == "HEAD" or answer.get_data()
    assert "unexpected" not in secret_doors.logged.getvalue()
