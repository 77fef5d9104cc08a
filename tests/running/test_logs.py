"""Logs: nothing that a customer typed or was told, in either form, from us or from others."""

import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest
import structlog

from ussd_app import logs

PIN = "4826"


@pytest.fixture(autouse=True)
def _put_logging_back() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, hook = root.handlers, root.level, sys.excepthook
    yield
    sys.excepthook = hook
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture(params=[True, False], ids=["production", "development"])
def stream(request: pytest.FixtureRequest) -> io.StringIO:
    stream = io.StringIO()
    logs.configure(request.param, stream=stream)
    return stream


SECRETS: list[dict[str, object]] = [
    {"text": f"1*500*{PIN}"},
    {"pin": PIN},
    {"form": {"text": PIN, "sessionId": "ATUid_1"}},
    {"request": {"slots": {"pin": PIN}}},
    {"many": [{"national_id": PIN}]},
    {"Password": PIN},
    {"one": {"two": {"three": {"four": {"five": PIN}}}}},
]


@pytest.mark.parametrize("fields", SECRETS)
def test_secret_fields_are_dots(stream: io.StringIO, fields: dict[str, object]) -> None:
    logs.get("tests").info("a thing happened", **fields)
    assert "a thing happened" in stream.getvalue()
    assert PIN not in stream.getvalue()


def test_a_msisdn_is_masked(stream: io.StringIO) -> None:
    logs.get("tests").info("said", msisdn="+254712000001")
    assert "0712***001" in stream.getvalue()
    assert "712000001" not in stream.getvalue()


def test_a_traceback_shows_frames_and_neither_locals_nor_values(stream: io.StringIO) -> None:
    typed = f"{PIN}x"
    try:
        int(typed)
    except ValueError:
        logs.get("tests").exception("a hop failed")
    said = stream.getvalue()
    assert "ValueError" in said
    assert "test_a_traceback_shows_frames" in said
    assert PIN not in said


def test_other_libraries_pass_the_same_gate(stream: io.StringIO) -> None:
    logging.getLogger("rq.worker").warning("job %s of '%s' failed", "relay", "secret text")
    try:
        raise RuntimeError(f'Key (national_id)=({PIN}) already exists, "{PIN}"')
    except RuntimeError:
        logging.getLogger("sqlalchemy").exception("it broke with %s", PIN)
    said = stream.getvalue()
    assert "job relay of" in said
    assert "secret text" not in said
    assert PIN not in said
    assert "Traceback" not in said


def test_the_last_words_of_a_process_pass_the_same_gate(stream: io.StringIO) -> None:
    raised = RuntimeError(f"somebody typed {PIN}")
    sys.excepthook(RuntimeError, raised, None)
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    said = stream.getvalue()
    assert "the process ends" in said
    assert "RuntimeError" in said
    assert PIN not in said
    assert "KeyboardInterrupt" not in said


def test_production_writes_one_json_object_a_line() -> None:
    stream = io.StringIO()
    logs.configure(True, stream=stream)
    structlog.contextvars.bind_contextvars(request_id="r-1")
    try:
        logs.get("tests").info("hop", flow="home", seconds=0.002)
        logging.getLogger("granian").info("started")
    finally:
        structlog.contextvars.clear_contextvars()
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert first["event"] == "hop"
    assert first["request_id"] == "r-1"
    assert first["level"] == "info"
    assert first["timestamp"].endswith("Z")
    assert second["logger"] == "granian"
