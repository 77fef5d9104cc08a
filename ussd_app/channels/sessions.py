"""USSD sessions in Redis: one round trip to open a hop, one to close it.

The protocol is in docs/decisions/0004-sessions.md. A record holds where the session stands and the
last screen; of what was typed only the length and a keyed digest, so nothing of a PIN is ever here.
A phone has one hop at a time (a lock by number), whatever sessions it claims to have. Redis is for
speed: when it forgets, money's truth is in the ledger. Knows neither menus nor money.
"""

import hashlib
import json
import secrets
import time
from dataclasses import dataclass
from typing import Any, Final

import redis

from ussd_app.channels.lines import Lines, Script

SESSION_LIFE_S: Final = 120
RESUME_LIFE_S: Final = 300
LOCK_LIFE_MS: Final = 6_000
WAIT_FOR_TWIN_S: Final = 8.0
POLL_S: Final = 0.03
WINDOW_S: Final = 60

PREFIX: Final = "kb:"

_encode = json.JSONEncoder(separators=(",", ":")).encode

# A record is one string: `msisdn digest length hop ended step`, a line with the state, the screen.
# The first two are where the script can compare them without reading the rest.
_OPEN = """
if ARGV[5] ~= '0' then
  local calls = redis.call('INCR', KEYS[4])
  if calls == 1 then redis.call('EXPIRE', KEYS[4], ARGV[6]) end
  if calls > tonumber(ARGV[5]) then return {'flood'} end
end
local record = redis.call('GET', KEYS[1])
if record then
  if string.sub(record, 1, #ARGV[1]) ~= ARGV[1] then return {'stranger'} end
  if string.sub(record, 1, #ARGV[1] + #ARGV[2]) == ARGV[1] .. ARGV[2] then
    return {'again', record}
  end
end
if not redis.call('SET', KEYS[2], ARGV[3], 'NX', 'PX', ARGV[4]) then
  if redis.call('GET', KEYS[2]) ~= ARGV[3] then return {'busy'} end
end
if record then return {'open', record} end
return {'new', redis.call('GET', KEYS[3])}
"""

_CLOSE = """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
if ARGV[4] == '' then redis.call('DEL', KEYS[2], KEYS[3])
else
  redis.call('SET', KEYS[3], ARGV[4], 'EX', ARGV[5])
  redis.call('DEL', KEYS[2])
end
return 1
"""

_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"


@dataclass(frozen=True, slots=True)
class Record:
    """A session as it was put away after its last hop."""

    length: int
    digest: str
    hop: int
    ended: bool
    screen: str
    step: str
    wire: Any


@dataclass(frozen=True, slots=True)
class Replay:
    """The same hop once more: say the same."""

    screen: str
    ended: bool
    step: str


@dataclass(frozen=True, slots=True)
class Opened:
    """Our turn. `record` is None in a new session; `resume` is where the phone last dropped."""

    token: str
    record: Record | None
    resume: Any


@dataclass(frozen=True, slots=True)
class Turned:
    """No: 'flood', 'stranger' or 'busy'."""

    reason: str


@dataclass(frozen=True, slots=True)
class Closing:
    """What is put away at the end of a hop. `resume` None: nothing to come back to."""

    text: str
    hop: int
    ended: bool
    screen: str
    step: str
    wire: Any
    resume: Any


class Sessions:
    """The session store. `key` digests transcripts; `per_minute` limits hops of one phone."""

    def __init__(self, client: redis.Redis, key: bytes, per_minute: int) -> None:
        self._client = client
        self._key = key
        self._per_minute = per_minute
        lines = Lines(client)
        self._open = Script(lines, _OPEN)
        self._close = Script(lines, _CLOSE)
        self._release = Script(lines, _RELEASE)

    def digest(self, session_id: str, text: str) -> str:
        """A keyed digest of a transcript: it tells equal from different, and nothing else."""
        keyed = hashlib.blake2b(f"{session_id}\n{text}".encode(), key=self._key, digest_size=16)
        return keyed.hexdigest()

    def open(self, session_id: str, msisdn: str, text: str) -> Opened | Replay | Turned:
        """Begin a hop, wait for a twin that is still running, or learn that it was answered.

        Raises redis.RedisError when Redis does not answer.
        """
        token = secrets.token_hex(8)
        digest = self.digest(session_id, text)
        deadline = time.monotonic() + WAIT_FOR_TWIN_S
        most = self._per_minute
        while True:
            reply = self._open(
                4,
                f"{PREFIX}s:{session_id}",
                f"{PREFIX}b:{msisdn}",
                f"{PREFIX}r:{msisdn}",
                f"{PREFIX}n:{msisdn}",
                f"{msisdn} ",
                f"{digest} ",
                token,
                LOCK_LIFE_MS,
                most,
                WINDOW_S,
            )
            said = reply[0]
            if said == b"open":
                return Opened(token, _read(reply[1]), None)
            if said == b"again":
                last = _read(reply[1])
                return Replay(last.screen, last.ended, last.step)
            if said == b"new":
                return Opened(token, None, json.loads(reply[1]) if reply[1] else None)
            if said != b"busy" or time.monotonic() > deadline:
                return Turned(said.decode())
            time.sleep(POLL_S)
            most = 0  # a delivery is counted once, however often it asks

    def close(self, session_id: str, msisdn: str, token: str, closing: Closing) -> bool:
        """Put the hop's outcome away. False when our lock had passed to a twin meanwhile."""
        wire, resume = _encode(closing.wire), ""
        if closing.resume:
            resume = wire if closing.resume is closing.wire else _encode(closing.resume)
        digest, ended = self.digest(session_id, closing.text), int(closing.ended)
        kept = self._close(
            3,
            f"{PREFIX}s:{session_id}",
            f"{PREFIX}b:{msisdn}",
            f"{PREFIX}r:{msisdn}",
            token,
            f"{msisdn} {digest} {len(closing.text)} {closing.hop} {ended} {closing.step}"
            f"\n{wire}\n{closing.screen}",
            SESSION_LIFE_S,
            resume,
            RESUME_LIFE_S,
        )
        return bool(kept)

    def release(self, msisdn: str, token: str) -> None:
        """Give the phone's turn back without an outcome: the next delivery tries again."""
        self._release(1, f"{PREFIX}b:{msisdn}", token)

    def peek(self, session_id: str) -> tuple[int, bool, str, Any] | None:
        """Hop number, whether it ended, step and state of a live session; for events."""
        found = self._client.get(f"{PREFIX}s:{session_id}")
        if found is None:
            return None
        record = _read(found)  # type: ignore[arg-type]
        return record.hop, record.ended, record.step, record.wire

    def forget_all(self) -> None:
        """Lose every session, as a flushed Redis would."""
        for key in self._client.scan_iter(match=f"{PREFIX}*", count=1000):
            self._client.delete(key)


def _read(kept: bytes) -> Record:
    head, wire, screen = kept.decode().split("\n", 2)
    _, digest, length, hop, ended, step = head.split(" ")
    return Record(int(length), digest, int(hop), ended == "1", screen, step, json.loads(wire))
