"""Floods: from one number, from one address; each is told so, counted, and stops nobody else."""

import time
from dataclasses import replace
from urllib.parse import urlencode

import pytest

from tests.doors.conftest import FORM, HOP, MESSAGE, OPT_OUT, Doors
from tests.people import BARAKA
from ussd_app.channels.limits import MOST_ADDRESSES, WINDOW_S, AddressLimit
from ussd_app.kernel.clock import FrozenClock
from ussd_app.web import create_app


@pytest.fixture
def narrow(doors: Doors) -> Doors:
    """Doors that take five hops or messages a minute from a number."""
    settings = replace(doors.app.settings, rate_msisdn_per_minute=5)
    doors.client = create_app(replace(doors.app, settings=settings)).test_client()
    return doors


def test_a_flood_of_hops_from_one_number(narrow: Doors) -> None:
    for number in range(5):
        assert narrow.hop("", sessionId=f"ATUid_{number}").startswith("CON ")
    before, counted = narrow.traces(), narrow.rejected()
    for number in range(20):
        assert narrow.hop("", sessionId=f"ATUid_9{number}").startswith("END Too many tries.")
    assert narrow.traces() == before
    assert narrow.rejected() == counted + 20
    other = {"phoneNumber": BARAKA.msisdn, "sessionId": "ATUid_b"}
    assert narrow.hop("", **other).startswith("CON ")


def test_a_repeat_counts_as_a_hop_too(narrow: Doors) -> None:
    said = [narrow.hop("") for _ in range(7)]
    assert said[:5] == [said[0]] * 5
    assert said[6].startswith("END Too many tries.")


def test_a_flood_is_forgotten_after_a_minute(narrow: Doors) -> None:
    for number in range(7):
        narrow.hop("", sessionId=f"ATUid_{number}")
    (counter,) = narrow.redis.scan_iter("kb:n:*")
    assert 0 < narrow.redis.ttl(counter) <= WINDOW_S
    narrow.redis.delete(counter)
    assert narrow.hop("").startswith("CON ")


def test_a_flood_of_messages_is_received_and_not_kept(narrow: Doors) -> None:
    for number in range(5):
        narrow.post("/sms/incoming", MESSAGE | {"id": f"m{number}"})
    before, counted = narrow.traces(), narrow.rejected()
    answer = narrow.post("/sms/incoming", MESSAGE | {"id": "m9"})
    assert answer.status_code == 200, "anything else is delivered again for twelve hours"
    assert answer.get_data(as_text=True).startswith("Too many messages")
    assert narrow.traces() == before
    assert narrow.rejected() == counted + 1
    (counter,) = narrow.redis.scan_iter("kb:t:*")
    assert 0 < narrow.redis.ttl(counter) <= WINDOW_S
    narrow.post("/sms/incoming", MESSAGE | {"id": "m10", "from": BARAKA.msisdn})
    assert narrow.traces().rows["inbox"] == before.rows["inbox"] + 1


def test_a_flood_from_one_address(doors: Doors) -> None:
    settings = replace(doors.app.settings, rate_address_per_minute=10)
    client = create_app(replace(doors.app, settings=settings)).test_client()

    def post(address: str) -> tuple[int, str]:
        answer = client.post(
            "/ussd",
            data=urlencode(HOP),
            content_type=FORM,
            environ_overrides={"REMOTE_ADDR": address},
        )
        return answer.status_code, answer.get_data(as_text=True)

    before = doors.rejected()
    answers = [post("192.0.2.1") for _ in range(15)]
    assert [status for status, _ in answers].count(429) >= 3, "a window may have turned once"
    assert answers[-1] == (429, "Too many requests from your address. Please slow down.\n")
    assert doors.rejected() > before
    assert post("192.0.2.2")[0] == 200


def test_a_flood_of_what_nobody_knows_is_kept_within_the_limit(doors: Doors) -> None:
    settings = replace(doors.app.settings, rate_address_per_minute=10)
    client = create_app(replace(doors.app, settings=settings)).test_client()
    answers = [client.post("/daraja/stk", json={"n": n}).status_code for n in range(30)]
    assert answers.count(429) >= 10, "a window may have turned once"
    assert doors.traces().rows["inbox"] == answers.count(200)


def test_addresses_are_counted_in_bounded_memory() -> None:
    now = 0.0
    limit = AddressLimit(2, clock=lambda: now)
    for number in range(MOST_ADDRESSES):
        assert limit.allows(f"address {number}")
    assert limit.allows("one more")
    assert limit.allows("and one")
    assert not limit.allows("the newcomers share a count")
    assert limit.allows("address 7"), "who was there before has a count of their own"
    now = WINDOW_S
    assert limit.allows("the newcomers share a count")


def test_opting_out_again_after_coming_back_is_heard(doors: Doors, clock: FrozenClock) -> None:
    for _ in range(3):
        doors.post("/sms/opt-out", OPT_OUT)
    assert doors.traces().rows["inbox"] == 1
    clock.advance(seconds=7_200)
    doors.post("/sms/opt-out", OPT_OUT)
    assert doors.traces().rows["inbox"] == 2


def test_repeats_are_answered_from_memory(doors: Doors) -> None:
    first = doors.hop("", sessionId="ATUid_many")
    doors.redis.delete(*doors.redis.scan_iter("kb:n:*"))
    began = time.monotonic()
    for _ in range(50):
        assert doors.hop("", sessionId="ATUid_many") == first
    assert time.monotonic() - began < 5
