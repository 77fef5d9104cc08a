"""The USSD door: one hop in, one screen out, exactly once, whatever the network does.

Speaks Africa's Talking's callback. The raw transcript holds PINs: it is never logged, stored, or
put into an exception. Knows neither prices nor sentences; the machine and the bank do.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

import redis
import structlog
from flask import Blueprint, Response, request
from sqlalchemy.exc import InterfaceError, OperationalError, TimeoutError
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from menus.machine import Facts, Machine, Refusal, Screen, State, Turn, UnreadableState
from ussd_app.channels import answers
from ussd_app.channels.answers import Answer
from ussd_app.channels.forms import read_pairs
from ussd_app.channels.sessions import Closing, Opened, Record, Replay, Sessions, Turned
from ussd_app.domain.bank import Bank
from ussd_app.kernel.errors import RefusalCode, Refused, Unavailable
from ussd_app.metrics import Metrics

FIELDS = frozenset({"sessionId", "serviceCode", "phoneNumber", "networkCode", "text"})
MOST_FIELDS = 20
MOST_BODY_BYTES = 16_384
MOST_TEXT = 2_048
MOST_ANSWERS = 120
NETWORKS = frozenset({"63902", "63903", "63907", "63999"})
SANDBOX = "99999"
FORM = "application/x-www-form-urlencoded"
LANGUAGES = ("en", "sw")
POOLS = 2
"""How many pools of connections the bank has: one that commits by itself, and one that does not."""

_TURNED_AWAY = {
    "flood": RefusalCode.TOO_MANY_REQUESTS,
    "stranger": RefusalCode.OTHER_PHONE,
    "busy": RefusalCode.STILL_WORKING,
}

_SESSION_ID = re.compile(r"[A-Za-z0-9_.:-]{1,80}", re.ASCII)
_SERVICE_CODE = re.compile(r"\*[0-9*]{1,30}#", re.ASCII)
_PHONE = re.compile(r"\+254[17][0-9]{8}", re.ASCII)

_log = structlog.get_logger("ussd")


@dataclass(frozen=True, slots=True, repr=False)
class Hop:
    """One callback of the gateway, judged. `text` is secret."""

    session_id: str
    msisdn: str
    network: str
    text: str

    def __repr__(self) -> str:
        return f"Hop({self.session_id})"


class Malformed(Exception):
    """The request is not of the gateway's form. `reason` is one of a closed list."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def read_hop(body: bytes, networks: frozenset[str]) -> Hop:
    """Judge a form body. Raises Malformed; says nothing of the content."""
    try:
        fields = read_pairs(body, MOST_FIELDS)
    except ValueError as fault:
        raise Malformed(str(fault)) from None
    try:
        session_id, phone = fields["sessionId"], fields["phoneNumber"]
        network, text, code = fields["networkCode"], fields["text"], fields["serviceCode"]
    except KeyError:
        raise Malformed("missing_field") from None
    phone = "+" + phone[1:] if phone.startswith(" ") else phone
    if not _SESSION_ID.fullmatch(session_id):
        raise Malformed("session_id")
    if not _PHONE.fullmatch(phone):
        raise Malformed("msisdn")
    if not _SERVICE_CODE.fullmatch(code):
        raise Malformed("service_code")
    if network not in networks:
        raise Malformed("network")
    if len(text) > MOST_TEXT or text.count("*") > MOST_ANSWERS:
        raise Malformed("oversized")
    return Hop(session_id, phone, network, "" if text == code else text)


class Door:
    """Walks a hop through session, machine and bank, and back."""

    def __init__(
        self,
        sessions: Sessions,
        machine: Machine,
        bank: Bank,
        metrics: Metrics,
        nudge: Callable[[], None],
        networks: frozenset[str],
    ) -> None:
        self._networks = networks
        self._sessions = sessions
        self._machine = machine
        self._bank = bank
        self._metrics = metrics
        self._nudge = nudge

    def serve(self, body: bytes) -> Answer:
        """The screen for a callback's form body, whatever is in it."""
        try:
            return self.answer(read_hop(body, self._networks))
        except Malformed as malformed:
            return self.decline(malformed)

    def decline(self, malformed: Malformed) -> Answer:
        """The screen for what is no callback."""
        self._metrics.rejected("ussd", malformed.reason)
        wrong_network = malformed.reason == "network"
        return self.farewell(RefusalCode.WRONG_NETWORK if wrong_network else RefusalCode.MALFORMED)

    def answer(self, hop: Hop) -> Answer:
        """The screen for a hop; the same screen for the same hop."""
        started = time.perf_counter()
        try:
            opened = self._sessions.open(hop.session_id, hop.msisdn, hop.text)
        except redis.RedisError as silence:
            return self._unavailable("redis", silence, started)
        if isinstance(opened, Turned):
            return self._turn_away(opened.reason)
        if isinstance(opened, Replay):
            self._metrics.hop(opened.step, "replayed", time.perf_counter() - started)
            return _respond(opened.screen, opened.ended, opened.step)
        try:
            walk = self._walked(hop, opened)
            if walk.heard is None:
                self._give_back(hop, opened.token)
            elif not self._put_away(hop, walk.heard, opened.token, walk):
                return self.answer(hop)
        except (Unavailable, OperationalError, InterfaceError, TimeoutError) as silence:
            self._give_back(hop, opened.token)
            return self._unavailable("bank", silence, started)
        except redis.RedisError as silence:
            return self._unavailable("redis", silence, started)
        except Exception:
            self._give_back(hop, opened.token)
            raise
        asked = "do" if walk.did else "find" if walk.asked else "nothing"
        self._metrics.hop(walk.screen.step, walk.outcome, time.perf_counter() - started, asked)
        if walk.did:
            self._nudge()
        return _respond(walk.screen.text, walk.screen.ends, walk.screen.step)

    def _walked(self, hop: Hop, opened: Opened) -> "_Walk":
        """Walk, and walk again when a line to the database was dead, as all of each pool are after
        it was restarted. The keys of commands make that safe."""
        for _ in range(POOLS):
            try:
                return self._walk(hop, opened)
            except (OperationalError, InterfaceError) as broken:
                if not broken.connection_invalidated:
                    raise
        return self._walk(hop, opened)

    def _walk(self, hop: Hop, opened: Opened) -> "_Walk":
        walk = _Walk(self._machine, self._bank, self._metrics, hop)
        record = opened.record
        if record is None:
            if hop.text and self._bank.has_acted(hop.session_id):
                walk.farewell(RefusalCode.SESSION_LOST)
            else:
                walk.begin(self._resumable(opened.resume) if not hop.text else None)
                walk.shortcut()
            return walk
        state = self._restore(record.wire)
        if state is None:
            walk.begin_anew(record)
        elif self._extends(hop, record):
            walk.go_on(state, record)
        else:
            walk.show_again(state, record)
        return walk

    def _extends(self, hop: Hop, record: Record) -> bool:
        """Whether the transcript is the one we know and one more answer."""
        known, more = hop.text[: record.length], hop.text[record.length :]
        if record.length:
            if not more.startswith("*"):
                return False
        elif not more:
            return False
        return self._sessions.digest(hop.session_id, known) == record.digest

    def _restore(self, wire: object) -> State | None:
        try:
            return State.from_wire(self._machine.book, wire)
        except UnreadableState:
            return None

    def _resumable(self, wire: object) -> State | None:
        return self._restore(wire) if wire else None

    def _put_away(self, hop: Hop, heard: str, token: str, walk: "_Walk") -> bool:
        screen = walk.screen
        state = walk.state
        saved = state.to_wire() if state is not None else None
        return self._sessions.close(
            hop.session_id,
            hop.msisdn,
            token,
            Closing(
                text=heard,
                hop=walk.hop_number,
                ended=screen.ends,
                screen=screen.text,
                step=screen.step,
                wire=saved,
                resume=saved if state is not None and state.resumable and not screen.ends else None,
            ),
        )

    def _give_back(self, hop: Hop, token: str) -> None:
        try:
            self._sessions.release(hop.msisdn, token)
        except redis.RedisError:
            _log.warning("session_lock_left_to_expire", session=hop.session_id)

    def _turn_away(self, reason: str) -> Answer:
        self._metrics.rejected("ussd", reason)
        return self.farewell(_TURNED_AWAY[reason])

    def farewell(self, code: RefusalCode) -> Answer:
        """Hang up before anybody knows who is there: in both languages on one screen."""
        said = [self._machine.farewell(code.value, {}, language).text for language in LANGUAGES]
        return answers.end("\n".join(said), f"farewell.{code.value}")

    def _unavailable(self, what: str, silence: Exception, started: float) -> Answer:
        _log.error("unavailable", what=what, kind=type(silence).__name__)
        self._metrics.hop(f"farewell.{what}", "unavailable", time.perf_counter() - started)
        return self.farewell(RefusalCode.UNAVAILABLE)


class _Walk:
    """One hop on its way through the machine: the state and screen it has reached.

    `heard` is the transcript that the next hop must extend; None leaves the record as it was.
    """

    state: State | None
    screen: Screen

    def __init__(self, machine: Machine, bank: Bank, metrics: Metrics, hop: Hop) -> None:
        self._machine = machine
        self._bank = bank
        self._metrics = metrics
        self._hop = hop
        self.hop_number = 0
        self.outcome = "shown"
        self.asked = False
        self.did = False
        self.heard: str | None = hop.text

    def begin(self, resume: State | None) -> None:
        """The first screen of a session."""
        self._settle(self._machine.begin(resume=resume))

    def begin_anew(self, record: Record) -> None:
        """The first screen in the middle of a session whose place is gone: a flow was retired and
        not kept. The hops are counted on, so that no command gets the key of an earlier one."""
        self.hop_number = record.hop + 1
        self.begin(None)

    def shortcut(self) -> None:
        """Feed what was dialled behind the code, answer by answer, but never past a PIN."""
        for typed in self._hop.text.split("*") if self._hop.text else ():
            assert self.state is not None
            if self.screen.ends or self.state.asks_secret:
                return
            self._hear(self.state, typed)

    def go_on(self, state: State, record: Record) -> None:
        """One more answer; all of it, also when it has a `*` in it."""
        self.hop_number = record.hop
        skip = record.length + 1 if record.length else 0
        self._hear(state, self._hop.text[skip:])

    def show_again(self, state: State, record: Record) -> None:
        """A hop was lost, or came late: the current screen once more.

        A longer transcript becomes the one to extend, since the next hop will extend it; a shorter
        one is an old delivery and changes nothing.
        """
        self.state, self.hop_number, self.outcome = state, record.hop, "lost"
        self.screen = Screen(record.screen, record.ended, record.step)
        if len(self._hop.text) < record.length:
            self.heard = None

    def farewell(self, code: RefusalCode) -> None:
        """Say a refusal in the caller's language and hang up, without a state."""
        self.state, self.outcome = None, "refused"
        try:
            language = str(self._bank.serve("caller", self._hop.msisdn, {})["language"])
        except Refused:  # a stranger in the middle of registering
            language = LANGUAGES[0]
        self.screen = self._machine.farewell(code.value, {}, language)

    def _hear(self, state: State, typed: str) -> None:
        self.hop_number += 1
        self._settle(self._machine.hear(state, typed))

    def _settle(self, turn: Turn) -> None:
        """Serve the machine's requests from the bank until there is a screen."""
        while turn.request is not None:
            turn = self._machine.answer(turn.state, self._ask(turn))
        assert turn.screen is not None
        self.state, self.screen = turn.state, turn.screen
        if self.screen.ends and self.outcome == "shown":
            self.outcome = "ended"

    def _ask(self, turn: Turn) -> Facts | Refusal:
        request_ = turn.request
        assert request_ is not None
        self.asked = True
        key = ""
        if request_.kind == "do":
            self.did = True
            key = f"{self._hop.session_id}:{request_.step}:{self.hop_number}"
        try:
            return Facts(self._bank.serve(request_.name, self._hop.msisdn, request_.args, key))
        except Refused as refused:
            self.outcome = "refused"
            self._metrics.refusal(refused.code.value)
            return Refusal(refused.code.value, refused.facts)


def _respond(text: str, ends: bool, step: str) -> Answer:
    return answers.end(text, step) if ends else answers.go_on(text, step)


def _body() -> bytes:
    try:
        return request.get_data(cache=False)
    except RequestEntityTooLarge:
        raise Malformed("oversized") from None
    except ClientDisconnected:
        raise Malformed("cut_off") from None


def path(secret: str | None) -> str:
    """Where hops are posted: under the secret, where there is one."""
    return f"/ussd/{secret}" if secret else "/ussd"


def blueprint(door: Door, metrics: Metrics, secret: str | None) -> Blueprint:
    """`POST /ussd`, or `POST /ussd/<secret>` where callbacks stand under a secret."""
    blue = Blueprint("ussd", __name__)

    def hop() -> Response:
        if request.mimetype != FORM:
            metrics.rejected("ussd", "content_type")
            return answers.say(415, f"POST {FORM}, please.")
        try:
            return door.serve(_body()).response()
        except Malformed as malformed:
            return door.decline(malformed).response()

    blue.add_url_rule(path(secret), "hop", hop, methods=["POST"])
    return blue
