"""Africa's Talking's SMS side: messages in, statuses and delivery reports out, inboxes filled.

Speaks `/version1/messaging` and `/version1/user` as at-sms recordings show them; `server` puts it
behind HTTP. Knows phones only through the telco.
"""

import re
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Final

from simulator import networks, wire
from simulator.agenda import Agenda
from simulator.answers import DROPPED, TEXT, ApiAnswer, json_answer
from simulator.mailroom import Letter
from simulator.phones import Message, Phone, new_message_id
from simulator.telco import Telco
from ussd_app.kernel.gsm7 import segments

PART_COST: Final = Decimal("0.8000")
FIRST_BALANCE: Final = Decimal("12500.4068")
LATE_REPORT_S: Final = 60
REDELIVER_EVERY_S: Final = 30
REDELIVER_FOR_S: Final = 12 * 3600
SILENCE_S: Final = 30.0
MOST_RECIPIENTS: Final = 1_000
MOST_STRANGERS: Final = 5_000
MOST_KEPT: Final = 20
"""Messages kept of somebody whose phone is not on the page."""

STATUSES: Final[Mapping[int, str]] = {
    100: "Success",
    101: "Success",
    102: "Success",
    401: "RiskHold",
    402: "InvalidSenderId",
    403: "InvalidPhoneNumber",
    404: "UnsupportedNumberType",
    405: "InsufficientBalance",
    406: "UserInBlacklist",
    407: "CouldNotRoute",
    500: "InternalServerError",
    501: "GatewayError",
    502: "RejectedByGateway",
}
TAKEN: Final = (100, 101, 102)

_MSISDN: Final = re.compile(r"\+[0-9]{7,15}", re.ASCII)
_SENDER: Final = re.compile(r"[A-Za-z0-9 ._-]{1,11}", re.ASCII)

BAD_KEY: Final = "The supplied authentication is invalid"


@dataclass
class GatewayFaults:
    """What goes wrong for every message: the answer is slow, silent, an HTTP error, a refusal.

    `drop` closes the line instead of answering. With `taken_anyway` a message whose answer was lost
    arrives all the same: the case that nobody can tell from the other.
    """

    slow_ms: int = 0
    silent: bool = False
    drop: bool = False
    http_status: int = 0
    batch_error: str = ""
    taken_anyway: bool = True


MAIL: Final = "E-mail"
"""From whom a mail is, on a phone."""


@dataclass
class SmsCentre:
    """The SMS side of one provider account. `api_key` None takes any key that is not empty.

    `arrived` is called with the number and the text of each message that was taken.
    """

    telco: Telco
    api_key: str | None = None
    faults: GatewayFaults = field(default_factory=GatewayFaults)
    arrived: Callable[[str, str], None] = lambda msisdn, text: None
    balance: Decimal = FIRST_BALANCE
    sent: int = 0
    _strangers: dict[str, Phone] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.agenda = Agenda(self.telco.clock)

    def mailed(self, letter: Letter) -> None:
        """A mail to asha@… lies among asha's messages, where her phone shows it."""
        name = letter.to.partition("@")[0].lower()
        phone = next((each for each in list(self.telco.phones.values()) if each.name == name), None)
        if phone is not None:
            text = f"{letter.subject}\n{letter.body}"
            with phone.lock:
                now = self.telco.clock.now()
                phone.inbox.append(Message(new_message_id(), MAIL, text, now, 0, ""))
                phone.unread += 1

    # the API

    def send(self, form: Mapping[str, str], key: str | None) -> ApiAnswer:
        """`POST /version1/messaging`."""
        if self.faults.slow_ms:
            time.sleep(self.faults.slow_ms / 1000)
        if self.faults.http_status:
            return ApiAnswer(self.faults.http_status, "Service unavailable", "text/plain")
        if not self.knows(key):
            return ApiAnswer(401, BAD_KEY, TEXT)
        missing = next((name for name in ("username", "to", "message") if not form.get(name)), None)
        if missing:
            said = f"Request is missing required form field '{missing}'"
            return ApiAnswer(400, said, TEXT)
        broken = self.faults.silent or self.faults.drop
        if broken and not self.faults.taken_anyway:
            return self._broken()
        answer = self._batch(form)
        return self._broken() if broken else answer

    def user(self, key: str | None) -> ApiAnswer:
        """`GET /version1/user`."""
        if not self.knows(key):
            return ApiAnswer(401, BAD_KEY, TEXT)
        return json_answer(200, {"UserData": {"balance": f"KES {self.balance}"}})

    def _broken(self) -> ApiAnswer:
        if self.faults.silent:
            time.sleep(SILENCE_S)
        return DROPPED

    def knows(self, key: str | None) -> bool:
        """Whether a key is that of the account."""
        if not key:
            return False
        return self.api_key is None or secrets.compare_digest(key.encode(), self.api_key.encode())

    def _batch(self, form: Mapping[str, str]) -> ApiAnswer:
        sender, text = form.get("from") or "AFRICASTKNG", form["message"]
        numbers = [number.strip() for number in form["to"].split(",") if number.strip()]
        error = self.faults.batch_error or (
            "InvalidSenderId" if not _SENDER.fullmatch(sender) else ""
        )
        if len(numbers) > MOST_RECIPIENTS:
            error = error or "TooManyRecipients"
        if error:
            return json_answer(201, {"SMSMessageData": {"Message": error, "Recipients": []}})
        premium = form.get("bulkSMSMode") == "0"
        queued = premium or form.get("enqueue") == "1"
        parts = segments(text)
        said = [self._one(number, sender, text, parts, queued, premium) for number in numbers]
        return json_answer(201, {"SMSMessageData": self._summary(said, parts, premium)})

    def _summary(
        self, said: list[dict[str, object]], parts: int, premium: bool
    ) -> dict[str, object]:
        taken = sum(1 for each in said if each["statusCode"] in TAKEN)
        message = f"Sent to {taken}/{len(said)}"
        if not premium:
            total = f"KES {PART_COST * parts * taken}" if taken else "0"
            message += f" Total Cost: {total} Message parts: {parts}"
        return {"Message": message, "Recipients": said}

    def _one(
        self, number: str, sender: str, text: str, parts: int, queued: bool, premium: bool
    ) -> dict[str, object]:
        """One recipient's line of the answer; a taken message is in the inbox when it returns."""
        phone = self.phone(number)
        cost = PART_COST * parts
        code = self._status(number, phone, cost, 102 if queued else 101)
        said: dict[str, object] = {
            "cost": "0",
            "messageId": "None",
            "number": number,
            "status": STATUSES[code],
            "statusCode": code,
        }
        if code not in TAKEN or phone is None:
            return said
        said["messageId"] = message_id = new_message_id()
        if not premium:
            said["cost"] = f"KES {cost}"
        if parts > 1:
            said["messageParts"] = parts
        with self._lock:
            self.sent += 1
            self.balance -= cost
        self._receive(phone, message_id, sender, text, parts, str(said["cost"]))
        return said

    def _status(self, number: str, phone: Phone | None, cost: Decimal, taken: int) -> int:
        if phone is None:
            return 403 if not _MSISDN.fullmatch(number) else 404
        if phone.faults.sms_status is not None:
            return phone.faults.sms_status
        return 405 if self.balance < cost else taken

    def phone(self, number: str) -> Phone | None:
        """Who has this number: a phone of the telco's, or a stranger whose inbox is kept too."""
        phone = self.telco.phones.get(number) or self._strangers.get(number)
        if phone is not None:
            return phone
        if not _MSISDN.fullmatch(number) or not number.startswith("+254"):
            return None
        with self._lock:
            if len(self._strangers) >= MOST_STRANGERS:
                self._strangers.pop(next(iter(self._strangers)))
            stranger = Phone("", number, networks.of(number), self.telco.service)
            stranger.inbox = deque(maxlen=MOST_KEPT)
            return self._strangers.setdefault(number, stranger)

    # what becomes of a message

    def _receive(
        self, phone: Phone, message_id: str, sender: str, text: str, parts: int, cost: str
    ) -> None:
        self.arrived(phone.msisdn, text)
        how = phone.faults.delivery
        if how == "first":
            self._report(phone, message_id, "Success")
        with phone.lock:
            if how != "failed":
                now = self.telco.clock.now()
                phone.inbox.append(Message(message_id, sender, text, now, parts, cost))
                phone.unread += 1
        if phone.msisdn in self.telco.phones:
            fields = [("from", sender), ("to", phone.msisdn), ("message", text)]
            note = f"{parts} {'segment' if parts == 1 else 'segments'}, {cost}"
            shown = wire.encode(fields).decode()
            self.telco.note(phone, "SMS", shown, "201", message_id, 0, note)
        if how in ("normal", "twice"):
            for _ in range(2 if how == "twice" else 1):
                self.telco.later(lambda: self._report(phone, message_id, "Success"))
        elif how == "failed":
            self.telco.later(lambda: self._report(phone, message_id, "Failed", "DeliveryFailure"))
        elif how == "late":
            self.agenda.at(LATE_REPORT_S, lambda: self._report(phone, message_id, "Success"))

    def _report(self, phone: Phone, message_id: str, status: str, reason: str = "") -> None:
        url = phone.service.delivery_url
        if not url:
            return
        fields = wire.delivery_report(
            message_id, status, phone.msisdn, phone.network.code, reason=reason
        )
        self.telco.tell(phone, "delivery report", url, fields, fields)

    # what customers send

    def text(self, phone: Phone, text: str, to: str) -> None:
        """A customer sends an SMS to a short code; it is redelivered until the answer is 200."""
        message_id = secrets.token_hex(16)
        now = self.telco.clock.now()
        with phone.lock:
            sent = Message(message_id, to, text, now, segments(text), "", outgoing=True)
            phone.inbox.append(sent)
        fields = wire.incoming_sms(now, phone.msisdn, message_id, text, to, phone.network.code)
        url = phone.service.incoming_url
        if not url:
            return

        until = now + timedelta(seconds=REDELIVER_FOR_S)

        def deliver() -> None:
            taken = self.telco.tell(phone, "incoming SMS", url, fields, fields)
            if not taken and self.telco.clock.now() < until:
                self.agenda.at(REDELIVER_EVERY_S, deliver)

        deliver()

    def opt_out(self, phone: Phone, sender: str) -> None:
        """A customer has the provider stop a sender; later messages of it are refused with 406."""
        phone.faults.sms_status = 406
        fields = wire.opt_out(sender, phone.msisdn)
        self.telco.tell(phone, "opt-out", phone.service.opt_out_url, fields, fields)

    def forget(self) -> None:
        """Empty every inbox that no phone shows; for long loads."""
        with self._lock:
            self._strangers.clear()

    def inbox(self, msisdn: str) -> list[Message]:
        """What has reached a number, oldest first."""
        phone = self.telco.phones.get(msisdn) or self._strangers.get(msisdn)
        return [] if phone is None else [each for each in phone.inbox if not each.outgoing]
