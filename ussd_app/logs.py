"""Structured logs that can be handed to anybody: nothing a customer typed or was told is in them.

JSON lines in production, short lines in development; the standard library's loggers (of the web
server, the queue, the drivers) pass through the same processors. Redaction is by name of the field
and, for what others put into their exceptions, by shape: quoted text and runs of digits are dots.
Knows neither the web nor the database.
"""

import logging
import re
import sys
import traceback
from collections.abc import Mapping
from types import TracebackType
from typing import TextIO

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

from ussd_app.kernel.msisdn import mask

SECRET_NAMES = frozenset(
    {
        "text", "input", "inputs", "pin", "old_pin", "new_pin", "message", "sms", "body", "form",
        "national_id", "id_tail", "code", "otp", "facts", "args", "slots", "screen", "transcript",
        "answer", "answers", "password", "passwd", "passkey", "securitycredential",
        "security_credential", "secret", "callback_secret", "token", "authorization", "cookie",
        "api_key", "apikey", "database_url", "redis_url", "params", "parameters",
    }
)  # fmt: skip
"""Fields, in lower case, whose values never reach a log."""

MSISDN_NAMES = frozenset(
    {"msisdn", "phone", "phonenumber", "phone_number", "address", "to", "from"}
)
"""Fields that hold a number: printed masked, as on another person's receipt."""

DOTS = "…"
DEEPEST = 4

_QUOTED = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"|\([^()\n]*\)=\([^()\n]*\)")
_DIGITS = re.compile(r"\+?\d{4,}")
_MSISDN = re.compile(r"\+254\d{9}")
_OURS = ("ussd_app.", "menus.", "workers.", "simulator.", "migrations.")

_Excinfo = tuple[type[BaseException], BaseException, TracebackType | None]


def scrub(text: str) -> str:
    """The first line of somebody else's sentence, with quoted text and long numbers as dots."""
    lines = text.strip().splitlines()
    return _DIGITS.sub(DOTS, _QUOTED.sub(DOTS, lines[0]))[:300] if lines else ""


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A structlog processor: empty every field with a secret name, at any depth."""
    return {name: _clean(name, value, DEEPEST) for name, value in event.items()}


def _clean(name: str, value: object, depth: int) -> object:
    lowered = name.lower()
    if lowered in SECRET_NAMES:
        return DOTS
    if depth == 0:
        return DOTS
    if isinstance(value, Mapping):
        return {str(key): _clean(str(key), inner, depth - 1) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(name, inner, depth - 1) for inner in value]
    if isinstance(value, str) and lowered in MSISDN_NAMES and _MSISDN.fullmatch(value):
        return mask(value)
    return value


def explain(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A structlog processor: an exception as its type and frames, never with a local variable.

    Sentences of our own exceptions are codes and names, and stay; those of drivers quote values
    and rows, and are scrubbed.
    """
    found = _exception(event.pop("exc_info", None))
    if found is None:
        return event
    kind, raised, trace = found
    name = f"{kind.__module__}.{kind.__qualname__}"
    event["raised"] = name.removeprefix("builtins.")
    said = str(raised) if name.startswith(_OURS) else scrub(str(raised))
    if said:
        event["said"] = said
    event["frames"] = [
        f"{frame.filename.rpartition('site-packages/')[2]}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(trace, limit=-12)
    ]
    cause = raised.__cause__ or raised.__context__
    if cause is not None:
        event["because"] = f"{type(cause).__name__}: {scrub(str(cause))}"
    return event


def _exception(given: object) -> _Excinfo | None:
    if not given:
        return None
    if isinstance(given, BaseException):
        return type(given), given, given.__traceback__
    found = given if isinstance(given, tuple) else sys.exc_info()
    kind, raised, trace = found
    return None if kind is None or raised is None else (kind, raised, trace)


def _name_foreign(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A line of another library: say whose it is, and trust its sentence as little as its data."""
    record = event.get("_record")
    if isinstance(record, logging.LogRecord):
        event["logger"] = record.name
        event["event"] = scrub(str(event.get("event", "")))
    return event


def configure(production: bool, *, stream: TextIO | None = None, level: int = logging.INFO) -> None:
    """Send every log of this process to `stream` (default stderr) in the form that is wanted.

    In production that is one JSON object a line, elsewhere one short line.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        explain,
        redact,
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False, default=_print_unknown)
        if production
        else structlog.dev.ConsoleRenderer(colors=False, exception_formatter=_no_traceback)
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_name_foreign, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    sys.excepthook = _last_words


def _last_words(kind: type[BaseException], raised: BaseException, trace: object) -> None:
    """What ends a process is logged like everything else; Ctrl-C is nobody's fault."""
    if not issubclass(kind, KeyboardInterrupt):
        get(__name__).error("the process ends", exc_info=raised)


def _print_unknown(value: object) -> str:
    return f"<{type(value).__name__}>"


def _no_traceback(_stream: TextIO, _found: object) -> None:
    """Nothing: `explain` has said it already, without locals."""


def get(name: str) -> structlog.stdlib.BoundLogger:
    """A logger; `name` is the module that speaks. Say what happened and give facts as fields."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger
