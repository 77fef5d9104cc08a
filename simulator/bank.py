"""A bank switch: account names, transfers, results late or said twice, money that comes in.

Speaks the switch's wire (docs/decisions/0010-banks.md); `gateway` puts it behind HTTP. Knows
Kabambe only by two callbacks and the key that both sign with.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from simulator import wire
from simulator.agenda import Agenda
from simulator.answers import DROPPED, ApiAnswer, json_answer
from simulator.post import NoAnswer, Poster
from ussd_app.kernel.clock import Clock
from ussd_app.kernel.signing import is_signed, sign

LATE_S: Final = 60
MOST_KEPT: Final = 20_000
SILENCE_S: Final = 4.0
"""Longer than anybody waits for a name."""

ACCOUNTS: Final[Mapping[tuple[str, str], str]] = {
    ("01", "1100223344"): "Asha Wanjiku",
    ("68", "0180199887766"): "Baraka Otieno",
    ("11", "01109987654321"): "Upendo Chama",
    ("03", "2040607080"): "Juma Hassan",
}
"""Every account there is: bank and number, and who holds it."""

Callback = tuple[str, wire.Fields]


@dataclass
class BankFaults:
    """What goes wrong for every request from here on."""

    rejects: str = ""
    silent: bool = False
    slow_ms: int = 0
    drop: bool = False
    taken_anyway: bool = True
    pending: bool = False
    twice: bool = False
    returns: bool = False


@dataclass(frozen=True)
class Transfer:
    """What was asked for, and what became of it."""

    bank: str
    account: str
    amount: str
    status: str
    reason: str = ""


@dataclass
class Switch:
    """One switch and the banks behind it. `base` is where the callbacks of a Kabambe are.

    `later` runs what the switch does in its own time.
    """

    clock: Clock
    key: str
    base: str = ""
    secret: str | None = None
    poster: Poster = field(default_factory=Poster)
    later: Callable[[Callable[[], object]], None] = lambda job: None
    faults: BankFaults = field(default_factory=BankFaults)
    transfers: dict[str, Transfer] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.agenda = Agenda(self.clock)

    # what we are asked

    def name(self, body: bytes, form: Mapping[str, str], signature: str) -> ApiAnswer:
        """`POST /names`: whose account it is."""
        refused = self._refused(body, signature)
        if refused:
            return refused
        holder = ACCOUNTS.get((form.get("bank", ""), form.get("account", "")))
        if holder is None:
            return json_answer(404, {"error": "unknown_account"})
        return json_answer(200, {"holder": holder})

    def transfer(self, body: bytes, form: Mapping[str, str], signature: str) -> ApiAnswer:
        """`POST /transfers`: the same reference twice is one transfer."""
        faults = self.faults
        if faults.drop and not faults.taken_anyway:
            return DROPPED
        refused = self._refused(body, signature)
        if refused:
            return refused
        reference = form.get("reference", "")
        if not reference or not form.get("amount"):
            return json_answer(400, {"error": "malformed"})
        with self._lock:
            known = self.transfers.get(reference)
            made = known or self._judge(form)
            self.transfers[reference] = made
            while len(self.transfers) > MOST_KEPT:
                self.transfers.pop(next(iter(self.transfers)))
        if known is None:
            self._call_back(reference, made)
        if faults.drop:
            return DROPPED
        return _standing(reference, made)

    def standing(self, path: bytes, reference: str, signature: str) -> ApiAnswer:
        """`GET /transfers/<reference>`: what became of it."""
        refused = self._refused(path, signature)
        if refused:
            return refused
        made = self.transfers.get(reference)
        if made is None:
            return json_answer(404, {"error": "unknown_reference"})
        return _standing(reference, made)

    def _refused(self, body: bytes, signature: str) -> ApiAnswer | None:
        """Silence, slowness, and a signature that is not ours."""
        if self.faults.slow_ms:
            time.sleep(self.faults.slow_ms / 1000)
        if self.faults.silent:
            time.sleep(SILENCE_S)
            return DROPPED
        if not is_signed(self.key, body, signature):
            return json_answer(401, {"error": "signature"})
        return None

    def _judge(self, form: Mapping[str, str]) -> Transfer:
        faults = self.faults
        asked = (form.get("bank", ""), form.get("account", ""))
        amount = form["amount"]
        if faults.rejects or asked not in ACCOUNTS:
            return Transfer(*asked, amount, "rejected", faults.rejects or "unknown account")
        return Transfer(*asked, amount, "pending" if faults.pending else "accepted")

    # what we say by ourselves

    def _call_back(self, reference: str, made: Transfer) -> None:
        if made.status == "pending":
            self.agenda.at(LATE_S, lambda: self._resolve(reference, "accepted"))
        elif self.faults.returns:
            self.agenda.at(
                LATE_S, lambda: self._resolve(reference, "rejected", "returned by the bank")
            )
        elif self.faults.twice:
            for _ in range(2):
                self.later(lambda: self._result(reference))

    def _resolve(self, reference: str, status: str, reason: str = "") -> None:
        with self._lock:
            made = self.transfers.get(reference)
            if made is None:
                return
            self.transfers[reference] = replace(made, status=status, reason=reason)
        for _ in range(2 if self.faults.twice else 1):
            self._result(reference)

    def _result(self, reference: str) -> None:
        made = self.transfers.get(reference)
        if made is None:
            return
        fields = [("reference", reference), ("status", made.status)]
        self._tell("/bank/results", [*fields, ("reason", made.reason)] if made.reason else fields)

    def credit(
        self, reference: str, msisdn: str, amount: str, bank: str = "01", sender: str = "Upendo"
    ) -> int:
        """Money comes for a customer; the status with which Kabambe took the notice, 0 for none."""
        fields = [
            ("reference", reference),
            ("phoneNumber", msisdn),
            ("amount", amount),
            ("currency", "KES"),
            ("bank", bank),
            ("sender", sender),
        ]
        return self._tell("/bank/credits", fields)

    def _tell(self, path: str, fields: wire.Fields) -> int:
        tail = f"/{self.secret}" if self.secret else ""
        body = wire.encode(fields)
        headers = {"X-Signature": sign(self.key, body)}
        try:
            return self.poster.post(self.base + path + tail, body, headers, 10.0).status
        except NoAnswer:
            return 0


def _standing(reference: str, made: Transfer) -> ApiAnswer:
    said = {"reference": reference, "status": made.status}
    return json_answer(200, said | ({"reason": made.reason} if made.reason else {}))
