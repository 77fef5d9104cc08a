"""USSD sessions in Redis: one round trip to open a hop, one to close it.

The protocol is in docs/decisions/0004-sessions.md. A record holds where the session stands and the
last screen; of what was typed only the length and a keyed digest, so nothing of a PIN is ever here.
A phone has one hop at a time (a lock by number), whatever sessions it claims to have. Redis is for
speed: when it forgets, money's truth is in the ledger. Knows neither menus nor money.
"""

import hashlib
import json
import secrets
import threading
import time
from dataclasses import dataclass
from typing import Any, Final

import hiredis
import redis

SESSION_LIFE_S: Final = 120
RESUME_LIFE_S: Final = 300
LOCK_LIFE_MS: Final = 6_000
WAIT_FOR_TWIN_S: Final = 8.0
POLL_S: Final = 0.03
WINDOW_S: Final = 60

PREFIX: Final = "kb:"

_OPEN = """
if ARGV[6] ~= '0' then
  local calls = redis.call('INCR', KEYS[4])
  if calls == 1 then redis.call('EXPIRE', KEYS[4], ARGV[7]) end
  if calls > tonumber(ARGV[6]) then return {'flood'} end
end
local record = redis.call('HMGET', KEYS[1], 'm', 'l', 'd', 'h', 'e', 'x', 'w', 's')
if record[1] then
  if record[1] ~= ARGV[1] then return {'stranger'} end
  if record[2] == ARGV[2] and record[3] == ARGV[3] then
    return {'again', record[5], record[6], record[8]}
  end
end
if not redis.call('SET', KEYS[2], ARGV[4], 'NX', 'PX', ARGV[5]) then
  if redis.call('GET', KEYS[2]) ~= ARGV[4] then return {'busy'} end
end
if record[1] then
  return {'open', record[2], record[3], record[4], record[5], record[6], record[7], record[8]}
end
return {'new', redis.call('GET', KEYS[3])}
"""

_CLOSE = """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'm', ARGV[3], 'l', ARGV[4], 'd', ARGV[5], 'h', ARGV[6], 'e', ARGV[7],
  'x', ARGV[8], 'w', ARGV[9], 's', ARGV[10])
redis.call('EXPIRE', KEYS[1], ARGV[2])
if ARGV[11] == '' then redis.call('DEL', KEYS[2], KEYS[3])
else
  redis.call('SET', KEYS[3], ARGV[11], 'EX', ARGV[12])
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


class _Script:
    """A Lua script called by its digest over a connection of the calling thread.

    redis-py's own command path costs several times the round trip; its connection, parser and
    packer are used as they are.
    """

    def __init__(self, client: redis.Redis, source: str) -> None:
        self._client = client
        self._source = source
        self._sha = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()
        self._threads = threading.local()

    def __call__(self, keys: int, *args: str | int | float | bytes | memoryview) -> Any:
        """Run the script. Raises redis.ConnectionError when Redis does not answer."""
        try:
            return self._run("EVALSHA", self._sha, keys, *args)
        except redis.exceptions.NoScriptError:
            return self._run("EVAL", self._source, keys, *args)
        except (redis.ConnectionError, BrokenPipeError):
            return self._run("EVAL", self._source, keys, *args)

    def _run(self, *command: str | int | float | bytes | memoryview) -> Any:
        connection = getattr(self._threads, "connection", None)
        if connection is None:
            connection = self._client.connection_pool.make_connection()
            self._threads.connection = connection
        try:
            packed = hiredis.pack_command(command)  # type: ignore[arg-type]  # a tuple of any length
            connection.send_packed_command([packed])
            return connection.read_response()
        except (redis.ConnectionError, redis.TimeoutError, OSError):
            connection.disconnect()
            raise


class Sessions:
    """The session store. `key` digests transcripts; `per_minute` limits hops of one phone."""

    def __init__(self, client: redis.Redis, key: bytes, per_minute: int) -> None:
        self._client = client
        self._key = key
        self._per_minute = per_minute
        self._open = _Script(client, _OPEN)
        self._close = _Script(client, _CLOSE)
        self._release = _Script(client, _RELEASE)

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
                msisdn,
                len(text),
                digest,
                token,
                LOCK_LIFE_MS,
                most,
                WINDOW_S,
            )
            said = reply[0]
            if said == b"open":
                return Opened(token, _record(reply), None)
            if said == b"again":
                return Replay(reply[2].decode(), reply[1] == b"1", reply[3].decode())
            if said == b"new":
                return Opened(token, None, json.loads(reply[1]) if reply[1] else None)
            if said != b"busy" or time.monotonic() > deadline:
                return Turned(said.decode())
            time.sleep(POLL_S)
            most = 0  # a delivery is counted once, however often it asks

    def close(self, session_id: str, msisdn: str, token: str, closing: Closing) -> bool:
        """Put the hop's outcome away. False when our lock had passed to a twin meanwhile."""
        resume = json.dumps(closing.resume, separators=(",", ":")) if closing.resume else ""
        kept = self._close(
            3,
            f"{PREFIX}s:{session_id}",
            f"{PREFIX}b:{msisdn}",
            f"{PREFIX}r:{msisdn}",
            token,
            SESSION_LIFE_S,
            msisdn,
            len(closing.text),
            self.digest(session_id, closing.text),
            closing.hop,
            1 if closing.ended else 0,
            closing.screen,
            json.dumps(closing.wire, separators=(",", ":")),
            closing.step,
            resume,
            RESUME_LIFE_S,
        )
        return bool(kept)

    def release(self, msisdn: str, token: str) -> None:
        """Give the phone's turn back without an outcome: the next delivery tries again."""
        self._release(1, f"{PREFIX}b:{msisdn}", token)

    def peek(self, session_id: str) -> tuple[int, bool, str, Any] | None:
        """Hop number, whether it ended, step and state of a live session; for events."""
        found = self._client.hmget(f"{PREFIX}s:{session_id}", "h", "e", "s", "w")
        hop, ended, step, wire = found
        if hop is None or step is None or wire is None:
            return None
        return int(hop), ended == b"1", step.decode(), json.loads(wire)

    def forget_all(self) -> None:
        """Lose every session, as a flushed Redis would."""
        for key in self._client.scan_iter(match=f"{PREFIX}*", count=1000):
            self._client.delete(key)


def _record(reply: list[Any]) -> Record:
    return Record(
        length=int(reply[1]),
        digest=reply[2].decode(),
        hop=int(reply[3]),
        ended=reply[4] == b"1",
        screen=reply[5].decode(),
        wire=json.loads(reply[6]),
        step=reply[7].decode(),
    )
