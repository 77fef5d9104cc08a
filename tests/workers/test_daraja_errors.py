"""Whatever Safaricom or something before it answers: what is in doubt stays in doubt."""

import json

from hypothesis import given
from hypothesis import strategies as st

from ussd_app.kernel.daraja import codes, read_error
from workers.gateways.daraja_errors import CERTAIN, ROWS, judge, not_accepted
from workers.gateways.errands import Declined, Open, Postponed

CODES = st.one_of(
    st.sampled_from([code for code, _, _ in ROWS]),
    st.from_regex(r"[1-9][0-9]{2}(\.[0-9]{1,4}){1,2}", fullmatch=True),
)
KNOWN = codes.FAILED | codes.OPERATOR | codes.LATER
MESSAGES = st.one_of(st.sampled_from([words for _, words, _ in ROWS]), st.text(max_size=120))


@given(st.integers(100, 599), st.binary(max_size=200))
def test_no_bytes_are_more_certain_than_their_status(status: int, body: bytes) -> None:
    verdict = judge(status, body)
    assert (verdict is None) == (200 <= status < 300)
    if status >= 500 and verdict is not None:
        assert isinstance(verdict.outcome(), Open)


@given(st.integers(200, 599), CODES, MESSAGES)
def test_an_envelope_that_no_row_knows_is_open(status: int, code: str, message: str) -> None:
    said = {"requestId": "1", "errorCode": code, "errorMessage": message}
    body = json.dumps(said).encode()
    error, verdict = read_error(body), judge(status, body)
    assert verdict is not None
    assert len(verdict.reason) <= 80
    known = any(
        error.code.startswith(code) and words in error.message.lower() for code, words, _ in ROWS
    )
    assert known or isinstance(verdict.outcome(), Open)


@given(st.sampled_from(sorted(KNOWN)) | st.text(max_size=12), st.text(max_size=200))
def test_only_codes_of_the_lists_are_certain(code: str, said: str) -> None:
    outcome = not_accepted(code, said)
    assert isinstance(outcome, Declined) == (code in CERTAIN)
    assert isinstance(outcome, Postponed) == (code in codes.OVERLOADED)
