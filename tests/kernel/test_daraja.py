"""What Safaricom says: every fixture is read by its reader, and nothing hostile harms any."""

import json
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kernel.said import FIXTURES
from ussd_app.kernel import daraja
from ussd_app.kernel.daraja import NotUnderstood

READERS = (
    daraja.read_c2b,
    daraja.read_stk,
    daraja.read_result,
    daraja.conversation_of,
    daraja.read_token,
    daraja.read_error,
    daraja.read_accepted,
    daraja.read_stk_accepted,
    daraja.read_stk_standing,
    daraja.read_pulled,
    daraja.read_pull_registered,
    daraja.read_swapped,
)


# every fixture that Safaricom says has one reader

READ = {
    "ack.json": None,
    "b2b-express/*.json": None,
    "b2b/response-*.json": daraja.read_accepted,
    "b2b/result-*.json": daraja.read_result,
    "b2c/response-*.json": daraja.read_accepted,
    "b2c/result-*.json": daraja.read_result,
    "b2c/timeout.unverified.json": daraja.read_result,
    "balance/response-*.json": daraja.read_accepted,
    "balance/result-*.json": daraja.read_result,
    "c2b/confirmation-ack.json": None,
    "c2b/confirmation-*.json": daraja.read_c2b,
    "c2b/register-*.http500.json": daraja.read_error,
    "c2b/register-response.json": daraja.read_accepted,
    "c2b/simulate-response.json": daraja.read_accepted,
    "c2b/validation-reply-*.json": None,
    "c2b/validation-*.json": daraja.read_c2b,
    "errors/*.json": daraja.read_error,
    "oauth/error-*.json": daraja.read_error,
    "oauth/error-wrong-environment.http400.txt": None,
    "oauth/ok-*.json": daraja.read_token,
    "pull/query-response.unverified.json": daraja.read_pulled,
    "pull/register-response.json": daraja.read_pull_registered,
    "reversal/response-*.json": daraja.read_accepted,
    "reversal/result-*.json": daraja.read_result,
    "sim-swap/response-*.json": daraja.read_swapped,
    "status/response-*.json": daraja.read_accepted,
    "status/result-*.json": daraja.read_result,
    "stk/callback-*.json": daraja.read_stk,
    "stk/query-request.json": None,
    "stk/query-*.json": daraja.read_stk_standing,
    "stk/response-*.json": daraja.read_stk_accepted,
}
"""By pattern, the first that fits; None is what we say, what has nothing in it to read, and all of
B2B express, which is not built."""


def _reader_of(path: Path) -> Any:
    name = path.relative_to(FIXTURES)
    if "request" in path.stem.split("-"):
        return None
    return next(reader for pattern, reader in READ.items() if name.match(pattern))


@pytest.mark.parametrize(
    "path", sorted(FIXTURES.rglob("*.*")), ids=lambda path: str(path.relative_to(FIXTURES))
)
def test_every_fixture_is_read_by_its_reader_and_harms_no_other(path: Path) -> None:
    reader = _reader_of(path)
    if reader is not None:
        assert reader(path.read_bytes()) == reader(path.read_text())
    for other in READERS:
        if other is not reader:
            with suppress(NotUnderstood):
                other(path.read_bytes())


# the hostile

HOSTILE: list[bytes] = [
    b"", b" ", b"null", b"7", b'"x"', b"[]", b"{", b"{}", b"\xff\xfe", b"\x00", b"{]", b"{'a':1}",
    b'{"a": NaN}', b'{"a": Infinity}', b'{"a": -Infinity}', b'{"a": 1, "a": 2}',
    b'{"a": {"b": 1, "b": 1}}', b"[" * 100_000, b'{"a":' * 9_000 + b"1" + b"}" * 9_000,
    b'{"a":' * 20 + b"1" + b"}" * 20, b'{"a": ' + b"9" * 5_000 + b"}",
    b'{"a": 1.' + b"0" * 5_000 + b"}", b'{"a": 1e9999999999999999999}',
    b'{"a": 1e' + b"9" * 50 + b"}",
    b'{"a": "' + b"x" * 70_000 + b'"}', b"TransID=UKK51ZDR4F", b"<xml/>", b'{"a": "\\ud800"} x',
]  # fmt: skip


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: str(reader.__name__))
@pytest.mark.parametrize("body", HOSTILE, ids=lambda body: repr(body[:20]))
def test_a_hostile_body_is_not_understood_and_nothing_else(reader: Any, body: bytes) -> None:
    harmless = reader is daraja.conversation_of and body == b"{}"
    if harmless:
        assert reader(body) == ("", "")
        return
    with pytest.raises(NotUnderstood):
        reader(body)
    with pytest.raises(NotUnderstood):
        reader(body.decode("latin-1"))


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=True, allow_infinity=True),
    st.text(max_size=30),
    st.sampled_from(["", "0", "-1", "5.00", "20261120084531", "\ud800", "\u0000", "1e5", "NaN"]),
    st.just([]),
    st.just({}),
    st.just([[{"Key": 1}]]),
    st.just({"Key": "Amount"}),
)
SAMPLES = [path for path in sorted(FIXTURES.rglob("*.json")) if _reader_of(path) is not None]


@given(st.sampled_from(SAMPLES), st.data())
def test_any_value_in_any_place_is_read_or_not_understood(path: Path, data: st.DataObject) -> None:
    said = json.loads(path.read_text())
    for _ in range(data.draw(st.integers(1, 3))):
        inner: Any = said
        while True:
            step = data.draw(
                st.sampled_from(sorted(inner) if isinstance(inner, dict) else range(len(inner)))
            )
            deeper = inner[step]
            if not isinstance(deeper, dict | list) or not deeper or data.draw(st.booleans()):
                break
            inner = deeper
        inner[step] = deepcopy(data.draw(ODD))
    try:
        read = _reader_of(path)(json.dumps(said))
        if isinstance(read, daraja.Result):
            for reader in (daraja.moved, daraja.status_of, daraja.balances_of):
                try:
                    reader(read)
                except NotUnderstood:
                    continue
    except NotUnderstood:
        return
    _holds_no_float(read)


def _holds_no_float(read: object) -> None:
    assert not isinstance(read, float)
    for value in getattr(read, "__dict__", {}).values():
        _holds_no_float(value)


@given(st.binary(max_size=300), st.sampled_from(READERS))
def test_any_bytes_are_read_or_not_understood(body: bytes, reader: Any) -> None:
    with suppress(NotUnderstood):
        reader(body)
