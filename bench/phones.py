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

FORM = "application/x-www-form-urlencoded"
PATIENCE_S = 10.0
MOST_WRONG = 20


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
        hops.append(Hop(post(path, urlencode(form), FORM), sentence.encode()))
    return hops


def post(path: str, body: str, content_type: str) -> bytes:
    """A request as it goes over the wire."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\nUser-Agent: at-ussd-gw/1\r\n"
        f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return (head + body).encode()


class _Phone:
    """One connection and the conversation that it is in. A server may close an idle connection;
    like any gateway, the phone then opens another."""

    __slots__ = ("at", "conversation", "heard", "poll", "port", "sent_at", "socket")

    def __init__(self, port: int, poll: select.epoll, conversation: Conversation) -> None:
        self.port = port
        self.poll = poll
        self.socket: socket.socket | None = None
        self.conversation = conversation
        self.at = 0
        self.heard = b""
        self.sent_at = 0.0

    def connect(self) -> int:
        self.socket = socket.create_connection(("127.0.0.1", self.port), PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.poll.register(self.socket, select.EPOLLIN)
        return self.socket.fileno()

    def say(self) -> None:
        assert self.socket is not None
        self.heard = b""
        self.socket.sendall(self.conversation[self.at].request)

    def listen(self) -> bool:
        """Read what is there. True when the answer is complete. Raises ConnectionError."""
        assert self.socket is not None
        more = self.socket.recv(65_536)
        if not more:
            if self.sent_at:
                raise ConnectionError("the server hung up")
            self.close()
            return False
        self.heard += more
        head, found, body = self.heard.partition(b"\r\n\r\n")
        if not found:
            return False
        _, _, after = head.lower().partition(b"content-length:")
        return len(body) >= int(after.split(b"\r\n", 1)[0])

    def close(self) -> None:
        if self.socket is not None:
            self.poll.unregister(self.socket)
            self.socket.close()
            self.socket = None


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
    gateway = _Gateway(conversations, think)
    try:
        gateway.connect(port, phones)
        return gateway.play(seconds)
    finally:
        gateway.close()


class _Gateway:
    """The phones and what they wait for: an answer (the poll), or their owners' thoughts."""

    def __init__(
        self, conversations: Iterator[Conversation], think: Callable[[], float] | None
    ) -> None:
        self._conversations = conversations
        self._think = think
        self._phones: list[_Phone] = []
        self._lines: dict[int, int] = {}
        self._live = 0
        self._thinking: list[tuple[float, int]] = []
        self._poll = select.epoll()
        self._played = Played()

    def connect(self, port: int, phones: int) -> None:
        for _, conversation in zip(range(phones), self._conversations, strict=False):
            self._phones.append(_Phone(port, self._poll, conversation))

    def play(self, seconds: float) -> Played:
        started = now = time.perf_counter()
        self._live = len(self._phones)
        for number in range(self._live):
            self._go_on(number, now)
        while self._live and (now := time.perf_counter()) - started < seconds:
            thinking = self._thinking
            while thinking and thinking[0][0] <= now:
                self._say(heapq.heappop(thinking)[1])
            pause = min(1.0, thinking[0][0] - now) if thinking else 1.0
            for line, _ in self._poll.poll(max(0.0, pause)):
                number = self._lines[line]
                if self._phones[number].listen():
                    self._heard(number)
        self._played.seconds = now - started
        return self._played

    def _say(self, number: int) -> None:
        phone = self._phones[number]
        phone.sent_at = time.perf_counter()
        if phone.socket is None:
            self._lines[phone.connect()] = number
        phone.say()

    def _heard(self, number: int) -> None:
        phone, now = self._phones[number], time.perf_counter()
        self._played.hops.append(now - phone.sent_at)
        phone.sent_at = 0.0
        wrong = self._played.wrong
        if phone.conversation[phone.at].expected not in phone.heard and len(wrong) < MOST_WRONG:
            wrong.append(phone.heard)
        phone.at += 1
        if phone.at == len(phone.conversation):
            self._played.conversations += 1
            phone.conversation, phone.at = next(self._conversations, ()), 0
        if phone.conversation:
            self._go_on(number, now)
        else:
            self._live -= 1
            phone.close()

    def _go_on(self, number: int, now: float) -> None:
        if self._think is None:
            self._say(number)
        else:
            heapq.heappush(self._thinking, (now + self._think(), number))

    def close(self) -> None:
        for phone in self._phones:
            phone.close()
        self._poll.close()


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
