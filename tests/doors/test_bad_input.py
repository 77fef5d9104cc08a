"""Bad input: a short honest answer in a form that the caller can use, and not a trace of it."""

import gzip
import itertools
from urllib.parse import urlencode

import pytest

from tests.doors.conftest import DOORS, FORM, HOP, Doors
from tests.people import ASHA
from ussd_app.channels import ussd

MARK = "4826139507"
"""Stands in what is sent, and must stand nowhere else."""

OTHERS = [path for path in DOORS if path != "/ussd"]
LONGEST_ANSWER = 250
OTHER_KINDS = ("", "text/plain", "application/json", "multipart/form-data")
OTHER_METHODS = ("GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW")


def quoted(changes: dict[str, str], path: str = "/ussd") -> str:
    return urlencode({**DOORS[path], **changes})


def raw(name: str, value: str, path: str = "/ussd") -> str:
    """The form of a door with one field written as it is, escapes and all."""
    others = {key: given for key, given in DOORS[path].items() if key != name}
    return f"{urlencode(others)}&{name}={value}"


HOPS_OF_NO_GATEWAY: dict[str, str | bytes] = {
    "no field at all": "",
    "another language": '{"text": "' + MARK + '"}',
    "a field doubled": quoted({"text": MARK}) + "&text=" + MARK,
    "a field doubled in disguise": quoted({"text": MARK}) + "&te%78t=" + MARK,
    "many fields": quoted({"text": MARK}) + "".join(f"&f{n}=1" for n in range(40)),
    "many empty fields": quoted({"text": MARK}) + "&" * 5_000,
    "no session id": quoted({"sessionId": ""}),
    "a session id with a space": quoted({"sessionId": f"ATUid {MARK}"}),
    "a session id of two lines": quoted({"sessionId": f"ATUid_1\n{MARK}"}),
    "a session id without end": quoted({"sessionId": MARK * 9}),
    "a session id of other digits": quoted({"sessionId": "ATUid_٣"}),
    "a session id with NUL": quoted({"sessionId": f"A\x00{MARK}"}),
    "a local number": quoted({"phoneNumber": "0712000001"}),
    "a number of another country": quoted({"phoneNumber": "+255712000001"}),
    "a number too long": quoted({"phoneNumber": "+2547120000011"}),
    "a number of other digits": quoted({"phoneNumber": "+25471200000١"}),
    "a number that is none": quoted({"phoneNumber": MARK}),
    "a number with a tail": quoted({"phoneNumber": f"{ASHA.msisdn}\n"}),
    "a network nobody knows": quoted({"networkCode": "63901"}),
    "no network": quoted({"networkCode": ""}),
    "a network that is none": quoted({"networkCode": MARK}),
    "a code that is none": quoted({"serviceCode": MARK}),
    "a code of other digits": quoted({"serviceCode": "*٣٨٣#"}),
    "a text too long": quoted({"text": MARK * 210}),
    "a transcript of thousands of segments": quoted({"text": "1*" * 3_000 + MARK}),
    "a transcript of a hundred thousand": quoted({"text": "1*" * 100_000 + MARK}),
    "megabytes": quoted({"text": MARK * 400_000}),
    "escapes that decode to nothing": raw("text", f"%C3%28{MARK}"),
    "a lone surrogate": raw("text", f"%ED%A0%80{MARK}"),
    "an overlong form": raw("text", f"%C0%AF{MARK}"),
    "raw bytes": quoted({"text": MARK}).encode() + b"\xff\xfe",
    "UTF-16": quoted({"text": MARK}).encode("utf-16"),
    "compressed": gzip.compress(quoted({"text": MARK}).encode()),
    "semicolons": quoted({"text": MARK}).replace("&", ";"),
    "a dictionary in names": urlencode({f"hop[{name}]": value for name, value in HOP.items()}),
}


def test_a_hop_of_no_gateway_is_ended_and_forgotten(
    doors: Doors, subtests: pytest.Subtests
) -> None:
    for name, body in HOPS_OF_NO_GATEWAY.items():
        with subtests.test(name):
            before, counted = doors.traces(), doors.rejected()
            answer = doors.post("/ussd", body)
            assert answer.status_code == 200
            assert answer.mimetype == "text/plain"
            text = answer.get_data(as_text=True)
            assert text.startswith("END ")
            assert len(text) < LONGEST_ANSWER
            assert MARK not in text + str(answer.headers)
            assert MARK not in doors.logged.getvalue()
            assert doors.traces() == before
            assert doors.rejected() == counted + 1


STRANGE_ANSWERS = {
    "NUL": "%00",
    "control characters": "%01%02%1b%7f%08",
    "lines": "%0d%0a1%0a2",
    "an emoji": "%F0%9F%A4%91",
    "a text from right to left": "%E2%80%AE0722000002",
    "digits of another alphabet": "%D9%A1",
    "an escape that is none": "%zz%1",
    "a percent sign": "%25s%25d",
    "a placeholder": "%7Bpin%7D%7B0.__class__%7D",
    "SQL": "%27%3B+DROP+TABLE+parties%3B--",
    "markup": "%3Cscript%3E",
    "a space": "+",
    "hashes": "%23%23%23",
    "the longest line": "9" * 182,
    "more than a line": "9" * 400,
    "asterisks": "*****",
    "minus": "-1",
    "an exponent": "1e9",
    "a great number": "9" * 19,
}


WALKS = {
    ASHA.msisdn: ["", "1", "1*0722000002", "1*0722000002*500"],
    "+254733000003": ["", "1", "1*Juma Ali", "1*Juma Ali*4826", "1*Juma Ali*4826*4826"],
}
"""A menu, a number, an amount and a PIN; a stranger's language, name, PIN and ID."""


def test_a_strange_answer_is_asked_again_on_every_screen(
    doors: Doors, subtests: pytest.Subtests
) -> None:
    for number, (name, strange) in enumerate(STRANGE_ANSWERS.items()):
        for who, walk in WALKS.items():
            doors.redis.flushall()
            for place, transcript in enumerate(walk):
                session = {"phoneNumber": who, "sessionId": f"ATUid_{who[-4:]}_{number}_{place}"}
                for text in walk[: place + 1]:
                    assert doors.hop(text, **session).startswith("CON ")
                with subtests.test(name, transcript=transcript):
                    typed = transcript.replace(" ", "+") + ("*" if transcript else "") + strange
                    body = urlencode(HOP | session | {"text": "HERE"}).replace("HERE", typed)
                    answer = doors.post("/ussd", body).get_data(as_text=True)
                    assert answer.startswith("CON ")
                    assert len(answer) <= 164
    assert "unexpected" not in doors.logged.getvalue()


def test_another_content_type_is_named(doors: Doors, subtests: pytest.Subtests) -> None:
    for path, kind in itertools.product(DOORS, OTHER_KINDS):
        with subtests.test(path, kind=kind):
            before, counted = doors.traces(), doors.rejected()
            answer = doors.post(path, DOORS[path], kind=kind)
            assert answer.status_code == 415
            assert FORM in answer.get_data(as_text=True)
            assert doors.traces() == before
            assert doors.rejected() == counted + 1


def test_another_method_is_named(doors: Doors, subtests: pytest.Subtests) -> None:
    for path, method in itertools.product(DOORS, OTHER_METHODS):
        with subtests.test(path, method=method):
            before, counted = doors.traces(), doors.rejected()
            answer = doors.client.open(
                path, method=method, data=urlencode(DOORS[path]), content_type=FORM
            )
            assert answer.status_code == 405
            assert answer.headers["Allow"] == "POST"
            assert method == "HEAD" or answer.get_data()
            assert doors.traces() == before
            assert doors.rejected() == counted + 1


def test_doors_that_only_tell_take_nothing(doors: Doors) -> None:
    for path in ("/healthz", "/readyz", "/metrics"):
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            assert doors.client.open(path, method=method, data=b"x" * 9).status_code == 405


NOWHERE = (
    *("/nothing", "//ussd", "/ussd/", "/ussd//events", "/USSD", "/ussd%2Fevents%2F", "/ussd.json"),
    *("/../ussd", "/ussd/%00", "/%2e%2e/etc/passwd", "/ussd;x", "/static/x", "/" + "a" * 4_000),
)


def test_where_nothing_is_it_is_said_so(doors: Doors, subtests: pytest.Subtests) -> None:
    for path in NOWHERE:
        with subtests.test(path[:40]):
            before, counted = doors.traces(), doors.rejected()
            answer = doors.post(path, HOP)
            assert answer.status_code == 404
            assert answer.get_data(as_text=True) == "There is nothing here.\n"
            assert "Location" not in answer.headers
            assert doors.traces() == before
            assert doors.rejected() == counted + 1


BAD_FORMS: list[tuple[str, str, str | bytes]] = [
    ("/ussd/events", "no session", quoted({"sessionId": ""}, "/ussd/events")),
    ("/ussd/events", "no status", quoted({"status": ""}, "/ussd/events")),
    ("/ussd/events", "hops that are no number", quoted({"hopsCount": "-1"}, "/ussd/events")),
    ("/ussd/events", "endless hops", quoted({"hopsCount": "9" * 30}, "/ussd/events")),
    ("/ussd/events", "other digits", quoted({"durationInMillis": "٣"}, "/ussd/events")),
    ("/ussd/events", "NUL", quoted({"cost": f"\x00{MARK}"}, "/ussd/events")),
    ("/ussd/events", "an endless network", quoted({"networkCode": MARK * 3}, "/ussd/events")),
    ("/sms/delivery", "no id", quoted({"id": ""}, "/sms/delivery")),
    ("/sms/delivery", "an endless id", quoted({"id": MARK * 20}, "/sms/delivery")),
    ("/sms/delivery", "an endless status", quoted({"status": MARK * 9}, "/sms/delivery")),
    ("/sms/delivery", "retries", quoted({"retryCount": "1.5"}, "/sms/delivery")),
    ("/sms/incoming", "no number", quoted({"from": "KABAMBE"}, "/sms/incoming")),
    (
        "/sms/incoming",
        "a number with a tail",
        quoted({"from": ASHA.msisdn + "\n"}, "/sms/incoming"),
    ),
    ("/sms/incoming", "NUL", quoted({"text": f"BAL\x00{MARK}"}, "/sms/incoming")),
    ("/sms/incoming", "an endless text", quoted({"text": MARK * 201}, "/sms/incoming")),
    ("/sms/opt-out", "no sender", quoted({"senderId": ""}, "/sms/opt-out")),
    ("/sms/opt-out", "no number", quoted({"phoneNumber": MARK}, "/sms/opt-out")),
    *((path, "nothing", "") for path in OTHERS),
    *((path, "a field doubled", quoted({}, path) + "&id=1&id=" + MARK) for path in OTHERS),
    *((path, "many fields", quoted({}, path) + "&a=1" * 60) for path in OTHERS),
    *((path, "a lone surrogate", quoted({}, path) + "&x=%ED%A0%80" + MARK) for path in OTHERS),
    *((path, "raw bytes", quoted({}, path).encode() + b"\xff") for path in OTHERS),
]


def test_a_bad_form_gets_a_status_and_a_sentence(doors: Doors, subtests: pytest.Subtests) -> None:
    for path, what, body in BAD_FORMS:
        with subtests.test(path, what=what):
            before, counted = doors.traces(), doors.rejected()
            answer = doors.post(path, body)
            assert answer.status_code == 400
            text = answer.get_data(as_text=True)
            assert text.endswith(".\n")
            assert len(text) < LONGEST_ANSWER
            assert MARK not in text
            assert MARK not in doors.logged.getvalue()
            assert doors.traces() == before
            assert doors.rejected() == counted + 1


def test_megabytes_are_not_taken(doors: Doors, subtests: pytest.Subtests) -> None:
    for path in OTHERS:
        with subtests.test(path):
            before, counted = doors.traces(), doors.rejected()
            answer = doors.post(path, f"text={MARK * 400_000}")
            assert answer.status_code == 413
            assert answer.get_data(as_text=True) == "That is more than this door takes.\n"
            assert doors.traces() == before
            assert doors.rejected() == counted + 1


def test_what_providers_add_is_ignored(doors: Doors) -> None:
    for path, form in DOORS.items():
        answer = doors.post(path, {**form, "addedLater": MARK, "": "x"})
        assert answer.status_code == 200, path
    assert MARK not in doors.logged.getvalue()


def test_the_order_of_fields_means_nothing(doors: Doors) -> None:
    first = doors.hop("")
    backwards = urlencode(dict(reversed(HOP.items())))
    assert doors.post("/ussd", backwards).get_data(as_text=True) == first


def test_a_charset_may_be_named(doors: Doors) -> None:
    answer = doors.post("/ussd", HOP, kind=f"{FORM}; charset=UTF-8")
    assert answer.get_data(as_text=True).startswith("CON ")


def test_the_longest_transcript_that_is_taken(doors: Doors) -> None:
    assert doors.hop("*".join("1" * ussd.MOST_ANSWERS)).startswith("CON ")
    assert doors.hop("1" * ussd.MOST_TEXT, sessionId="other").startswith("CON ")


FAULTS: tuple[tuple[bytes, str, int], ...] = (
    (b'{"redis": "forget"}', "application/json", 200),
    (b"", "application/json", 400),
    (b"[1]", "application/json", 400),
    (b'"redis"', "application/json", 400),
    (b"{", "application/json", 400),
    (b'{"redis": "crash"}', "application/json", 400),
    (b'{"redis": "forget", "and": "more"}', "application/json", 400),
    (b'{"redis": "forget"}', "text/plain", 400),
    (b"[" * 9_000, "application/json", 400),
    (b'"' + b"x" * 99_000 + b'"', "application/json", 413),
)


def test_the_simulators_fault_door(doors: Doors, subtests: pytest.Subtests) -> None:
    for body, kind, status in FAULTS:
        with subtests.test(body[:40].decode(), kind=kind):
            doors.hop("")
            answer = doors.client.post("/inspect/faults", data=body, content_type=kind)
            assert answer.status_code == status
            assert bool(doors.traces().keys) == (status != 200)


def test_the_simulators_other_doors(doors: Doors) -> None:
    for after in ("", "x", "-1", "1e9", "٣", "9" * 15, "9" * 40, "1 OR 1=1"):
        answer = doors.client.get("/inspect/entries", query_string={"after": after})
        assert answer.status_code == 200
        assert doors.client.get(f"/inspect/session/{after or 'x'}").status_code == 404
        assert doors.client.get("/inspect/session/%00").status_code == 404
