"""The session protocol on a real Redis: open, close, repeat, wait, forget."""

import threading
import time

import pytest
import redis as redis_py

from ussd_app.channels.sessions import (
    PREFIX,
    SESSION_LIFE_S,
    Closing,
    Opened,
    Replay,
    Sessions,
    Turned,
)

ASHA = "+254712000001"
BARAKA = "+254722000002"


@pytest.fixture
def sessions(redis: redis_py.Redis) -> Sessions:
    return Sessions(redis, b"a key of the house", per_minute=1_000)


def put_away(sessions: Sessions, opened: Opened, text: str, **changes: object) -> bool:
    closing = {
        "text": text,
        "hop": 1,
        "ended": False,
        "screen": f"screen after {len(text)}",
        "step": "home.main",
        "wire": ["home@1.main", "en", {}],
        "resume": None,
    } | changes
    return sessions.close("s1", ASHA, opened.token, Closing(**closing))  # type: ignore[arg-type]


def opened(sessions: Sessions, text: str, session_id: str = "s1", who: str = ASHA) -> Opened:
    result = sessions.open(session_id, who, text)
    assert isinstance(result, Opened)
    return result


def test_a_new_session_has_no_record_and_is_kept(sessions: Sessions) -> None:
    first = opened(sessions, "")
    assert first.record is None
    assert put_away(sessions, first, "")
    second = opened(sessions, "1")
    assert second.record is not None
    assert second.record.length == 0
    assert second.record.wire == ["home@1.main", "en", {}]


def test_the_same_hop_is_answered_with_the_same_screen(sessions: Sessions) -> None:
    put_away(sessions, opened(sessions, ""), "")
    put_away(sessions, opened(sessions, "1"), "1", ended=True)
    again = sessions.open("s1", ASHA, "1")
    assert again == Replay("screen after 1", ended=True, step="home.main")


def test_another_phone_is_a_stranger(sessions: Sessions) -> None:
    put_away(sessions, opened(sessions, ""), "")
    assert sessions.open("s1", BARAKA, "1") == Turned("stranger")


def test_a_twin_waits_for_the_first_and_gets_its_screen(sessions: Sessions) -> None:
    put_away(sessions, opened(sessions, ""), "")
    first = opened(sessions, "1")
    answers: list[object] = []
    twins = [
        threading.Thread(target=lambda: answers.append(sessions.open("s1", ASHA, "1")))
        for _ in range(4)
    ]
    for twin in twins:
        twin.start()
    time.sleep(0.1)
    assert not answers
    put_away(sessions, first, "1")
    for twin in twins:
        twin.join()
    assert answers == [Replay("screen after 1", ended=False, step="home.main")] * 4


def test_a_lock_that_passed_on_closes_nothing(sessions: Sessions, redis: redis_py.Redis) -> None:
    first = opened(sessions, "")
    redis.delete(f"{PREFIX}b:{ASHA}")
    second = opened(sessions, "")
    assert not put_away(sessions, first, "", screen="too late")
    assert put_away(sessions, second, "", screen="in time")
    assert sessions.open("s1", ASHA, "") == Replay("in time", ended=False, step="home.main")


def test_a_released_turn_can_be_taken_again(sessions: Sessions) -> None:
    first = opened(sessions, "")
    sessions.release(ASHA, first.token)
    assert opened(sessions, "").record is None


def test_the_phone_is_where_it_dropped_until_it_ends(sessions: Sessions) -> None:
    put_away(sessions, opened(sessions, ""), "", resume=["send_money@1.amount", "en", {}])
    assert opened(sessions, "", "s2").resume == ["send_money@1.amount", "en", {}]


def test_an_ended_session_leaves_nothing_to_resume(sessions: Sessions) -> None:
    put_away(sessions, opened(sessions, ""), "", resume=["send_money@1.amount", "en", {}])
    put_away(sessions, opened(sessions, "1"), "1", ended=True)
    assert opened(sessions, "", "s2").resume is None


def test_a_session_lives_two_minutes_without_an_answer(
    sessions: Sessions, redis: redis_py.Redis
) -> None:
    put_away(sessions, opened(sessions, ""), "")
    assert 0 < redis.ttl(f"{PREFIX}s:s1") <= SESSION_LIFE_S


def test_a_flood_from_one_number_is_turned_away(redis: redis_py.Redis) -> None:
    few = Sessions(redis, b"key", per_minute=3)
    for _ in range(3):
        few.open("s1", BARAKA, "")
        redis.delete(f"{PREFIX}b:{BARAKA}")
    assert few.open("s1", BARAKA, "") == Turned("flood")
    assert isinstance(few.open("s2", ASHA, ""), Opened)


def test_nothing_typed_is_kept(sessions: Sessions, redis: redis_py.Redis) -> None:
    put_away(sessions, opened(sessions, ""), "")
    put_away(sessions, opened(sessions, "1*4826"), "1*4826")
    for key in redis.scan_iter():
        kept = redis.dump(key)
        assert b"4826" not in (kept or b"")


def test_a_redis_that_lost_its_scripts_is_taught_again(
    sessions: Sessions, redis: redis_py.Redis
) -> None:
    put_away(sessions, opened(sessions, ""), "")
    redis.script_flush()
    assert opened(sessions, "1").record is not None
