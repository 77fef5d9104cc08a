"""Many phones on one gateway: plays prepared conversations against a server and times each hop.

One process, one thread, keep-alive connections, requests put together beforehand: on one core it
asks several times faster than any server here answers. What comes back is compared, so that a fast
apology is not taken for an answer.
"""

import heapq
import multiprocessing
import os
import random
import select
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urlencode

PATIENCE_S = 10.0


class Hop(NamedTuple):
    """One request, ready to be sent, and what its answer must contain."""

    request: bytes
    expected: bytes


Conversation = Sequence[Hop]


@dataclass
class Played:
    """What came of it: times of hops in seconds, conversations completed, wrong answers."""

    seconds: float = 0.0
    hops: list[float] = field(default_factory=list)
    conversations: int = 0
    wrong: list[bytes] = field(default_factory=list)

    @property
    def hops_per_s(self) -> float:
        """Hops answered a second."""
        return len(self.hops) / self.seconds

    def percentile_ms(self, share: float) -> float:
        """The time within which that share of the hops was answered, in milliseconds."""
        ordered = sorted(self.hops)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def ussd(
    session_id: str, msisdn: str, typed: Sequence[str], expected: Sequence[str], path: str = "/ussd"
) -> list[Hop]:
    """The hops of one session as the gateway posts them: the dial, then each answer, cumulative."""
    hops = []
    for count, sentence in enumerate(expected):
        form = {
            "sessionId": session_id,
            "serviceCode": "*383#",
            "phoneNumber": msisdn,
            "networkCode": "63902",
            "text": "*".join(typed[:count]),
        }
        hops.append(Hop(_post(path, urlencode(form)), sentence.encode()))
    return hops


def _post(path: str, body: str) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\nUser-Agent: at-ussd-gw/1\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return (head + body).encode()


class _Phone:
    """One connection and the conversation that it is in."""

    __slots__ = ("at", "conversation", "heard", "sent_at", "socket")

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.conversation: Conversation = ()
        self.at = 0
        self.heard = b""
        self.sent_at = 0.0

    def say(self) -> None:
        self.heard = b""
        self.sent_at = time.perf_counter()
        self.socket.sendall(self.conversation[self.at].request)

    def listen(self) -> bool:
        """Read what is there. True when the answer is complete."""
        more = self.socket.recv(65_536)
        if not more:
            raise ConnectionError("the server hung up")
        self.heard += more
        head, found, body = self.heard.partition(b"\r\n\r\n")
        if not found:
            return False
        _, _, after = head.lower().partition(b"content-length:")
        return len(body) >= int(after.split(b"\r\n", 1)[0])


def play(
    port: int,
    conversations: Iterator[Conversation],
    phones: int,
    seconds: float,
    think: Callable[[], float] | None = None,
) -> Played:
    """Let so many phones play conversations, one after another, until the time or they run out.

    `think` gives the seconds before each answer; without it every phone answers at once. A
    conversation that was begun is not finished when the time is up.
    """
    played = Played()
    poll = select.epoll()
    live: dict[int, _Phone] = {}
    waiting: list[tuple[float, int]] = []
    started = time.perf_counter()
    for _ in range(phones):
        conversation = next(conversations, None)
        if conversation is None:
            break
        phone = _Phone(port)
        phone.conversation = conversation
        live[phone.socket.fileno()] = phone
        poll.register(phone.socket, select.EPOLLIN)
    for number, phone in live.items():
        if think is None:
            phone.say()
        else:
            heapq.heappush(waiting, (time.perf_counter() + think(), number))
    now = started
    try:
        while live and (now := time.perf_counter()) - started < seconds:
            while waiting and waiting[0][0] <= now:
                live[heapq.heappop(waiting)[1]].say()
            pause = min(1.0, waiting[0][0] - now) if waiting else 1.0
            for number, _ in poll.poll(max(0.0, pause)):
                phone = live[number]
                if not phone.listen():
                    continue
                now = time.perf_counter()
                _note(played, phone, now)
                if not _next(played, phone, conversations):
                    poll.unregister(phone.socket)
                    live.pop(number).socket.close()
                elif think is None:
                    phone.say()
                else:
                    heapq.heappush(waiting, (now + think(), number))
    finally:
        played.seconds = now - started
        poll.close()
        for phone in live.values():
            phone.socket.close()
    return played


def _note(played: Played, phone: _Phone, now: float) -> None:
    played.hops.append(now - phone.sent_at)
    if phone.conversation[phone.at].expected not in phone.heard and len(played.wrong) < 20:
        played.wrong.append(phone.heard)


def _next(played: Played, phone: _Phone, conversations: Iterator[Conversation]) -> bool:
    """Go to the phone's next hop; False when there is nothing left to say."""
    phone.at += 1
    if phone.at < len(phone.conversation):
        return True
    played.conversations += 1
    following = next(conversations, None)
    if following is None:
        return False
    phone.conversation, phone.at = following, 0
    return True


def exponential(mean_s: float, seed: int) -> Callable[[], float]:
    """Think times around a mean, as people have them; the same ones for the same seed."""
    drawn = random.Random(seed)
    return lambda: min(drawn.expovariate(1 / mean_s), 6 * mean_s)


def beside(
    core: int | None,
    port: int,
    conversations: Sequence[Conversation],
    phones: int,
    seconds: float,
    mean_think_s: float | None = None,
) -> Played:
    """`play` in a process of its own, on a core of its own when one is named.

    Raises RuntimeError when it did not come back, or when an answer was wrong.
    """
    context = multiprocessing.get_context("fork")
    theirs, ours = context.Pipe()
    arguments = (theirs, core, port, conversations, phones, seconds, mean_think_s)
    process = context.Process(target=_beside, args=arguments, daemon=True)
    process.start()
    theirs.close()
    try:
        if not ours.poll(seconds + 30 + (mean_think_s or 0)):
            raise RuntimeError("the phones fell silent")
        played: Played = ours.recv()
    except EOFError:
        raise RuntimeError("the phones failed; see above") from None
    finally:
        process.join(5)
        process.kill()
    if played.wrong:
        raise RuntimeError(f"{len(played.wrong)} wrong answers, such as {played.wrong[0]!r}")
    return played


def _beside(
    pipe: "multiprocessing.connection.Connection[Played, Played]",
    core: int | None,
    port: int,
    conversations: Sequence[Conversation],
    phones: int,
    seconds: float,
    mean_think_s: float | None,
) -> None:
    if core is not None:
        os.sched_setaffinity(0, {core})
    think = exponential(mean_think_s, phones) if mean_think_s else None
    pipe.send(play(port, iter(conversations), phones, seconds, think))
