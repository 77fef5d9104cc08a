"""A dialogue played on a running simulator, whose page shows it happening.

A running server has its own time, receipt numbers and balances: those are held to be the same
whatever they are, and everything else is compared.
"""

import re
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import requests

from simulator import given
from simulator.dialogue import GIVEN, NOTHING, DialogueInvalid, Step, block, follows
from simulator.inside import Inside
from simulator.phones import on_the_wire
from simulator.recorder import MPESA
from simulator.safaricom.model import WRONG_PIN
from simulator.verbs import NAME, Table, table, understood
from ussd_app.kernel.money import format_minor
from ussd_app.kernel.msisdn import local

WITHIN_S: Final = 15.0
SMS_PATIENCE_S: Final = 6.0
BALANCES: Final = "Balances"
SAFARICOM: Final = "Safaricom"
UNCOMPARED: Final = (BALANCES, SAFARICOM)
OWN: Final = (
    (re.compile(r"\bK[A-Z0-9]{6,9}\b"), "<receipt>"),
    (re.compile(r"\bU[A-L][1-9A-V][A-Z0-9]{7}\b"), "<M-PESA's receipt>"),
    (re.compile(r"(balance is|Your balance is) Ksh[0-9,.]*[0-9]"), r"\1 <balance>"),
    (re.compile(r"\d{1,2}/\d{1,2}/\d{2} (at )?\d{1,2}:\d{2} [AP]M"), "<time>"),
    (re.compile(r"(Balance|Salio) KES [0-9,.]*[0-9]"), r"\1 <balance>"),
)


class Player:
    """Plays on the simulator at `url`; `say` prints what happens."""

    def __init__(self, url: str, pause_s: float, say: Callable[[str], None]) -> None:
        self._url = url.rstrip("/")
        self._pause_s = pause_s
        self._say = say
        self._session = requests.Session()
        self._session.trust_env = False
        self._people: dict[str, str] = {}
        self._read: dict[str, int] = {}
        self._last = ""
        state = self._get("/api/state")
        ussd_url: str = state["desk"]["service"]["ussd_url"]
        self._inside = Inside(ussd_url.split("/ussd")[0])
        self._entry = self._inside.last_entry()

    def play(self, steps: Sequence[Step]) -> int:
        """Play all steps; how many of them went differently. Raises DialogueInvalid."""
        differences = 0
        for step in steps:
            shown = self._perform(step)
            self._say(step.line)
            for line in shown or ():
                self._say(f"    {line}")
            compared = not step.is_given and step.line not in UNCOMPARED
            if compared and not follows(_plain(step.block), self._plain(shown or [])):
                differences += 1
                self._say("    ≠ in the file:")
                for line in step.block:
                    self._say(f"    ≠ {line}")
            time.sleep(self._pause_s)
        return differences

    def _perform(self, step: Step) -> list[str] | None:
        if step.line == GIVEN:
            self._given(step.block)
            return None
        found = understood(step.line, _VERBS)
        if found is None:
            raise DialogueInvalid(f"line {step.number}: a running server cannot do {step.line!r}")
        verb, words = found
        return verb(self, *words)

    def _plain(self, lines: Sequence[str]) -> list[str]:
        """What a dialogue would have shown: its people have first names only."""
        for customer in self._inside.customers():
            full, first = customer.name.upper(), customer.name.upper().split()[0]
            lines = [line.replace(full, first) for line in lines]
        return _plain(lines)

    def _given(self, lines: Sequence[str]) -> None:
        """Phones for those who are named; what they have is the running server's business."""
        for line in lines:
            if not line.strip() or given.is_vault(line) or given.is_holding(line):
                continue
            name, msisdn, _ = given.beginning(line)
            self._post("/api/phones", {"name": name, "number": local(msisdn)})
            self._people[name] = msisdn
            self._read[name] = len(self._incoming(name))

    def dials(self, name: str, code: str) -> list[str]:
        return self._act(name, "dial", {"code": code})

    def answers(self, name: str, typed: str | None) -> list[str]:
        return self._act(name, "answer", {"text": typed or ""})

    def hangs_up(self, name: str) -> None:
        self._act(name, "hang-up", {})

    def texts(self, name: str, text: str) -> None:
        self._act(name, "text", {"text": text})

    def gets(self, name: str) -> list[str]:
        """The SMS that came since; waits a little for them, since workers work when they can."""
        self._wait(lambda: len(self._incoming(name)) > self._read[name])
        new = self._incoming(name)[self._read[name] :]
        self._read[name] += len(new)
        return block([message["text"] for message in new])

    def ledger(self) -> list[str]:
        lines: list[str] = []
        for entry in self._inside.entries(self._entry):
            self._entry = entry.id
            lines += entry.lines
        return lines or [NOTHING]

    def balances(self) -> list[str]:
        """Shown, not compared."""
        minor = {each.msisdn: each.balance_minor for each in self._inside.customers()}
        return [
            f"{name} {format_minor(minor[msisdn]):>12}"
            for name, msisdn in self._people.items()
            if msisdn in minor
        ]

    def repeats(self) -> list[str]:
        self._post(f"/api/phones/{self._msisdn(self._last)}/repeat", {})
        hops = [each for each in self._view(self._last)["traffic"] if each["kind"] == "hop"]
        answer: str = hops[-1]["answer"]
        return answer.split("\n")

    def redis_forgets(self) -> None:
        self._post("/api/desk/redis-forgets", {})

    def time_passes(self, count: str, unit: str) -> None:
        seconds = {"second": 1, "minute": 60}.get(unit)
        if seconds is None:
            raise DialogueInvalid(f"a running server's clock cannot be moved by {count} {unit}s")
        time.sleep((1 if count in ("a", "an") else int(count)) * seconds)

    # M-PESA

    def asks(self, name: str) -> list[str]:
        """The prompt, which a worker asks for when it can."""
        self._wait(lambda: self._view(name)["mpesa"]["prompt"])
        prompt: str | None = self._view(name)["mpesa"]["prompt"]
        return block([prompt] if prompt else [])

    def enters(self, name: str, how: str) -> list[str]:
        self.asks(name)
        pin = WRONG_PIN if how == "a wrong" else self._view(name)["mpesa"]["pin"]
        return self._said(name, "mpesa-pin", {"pin": pin})

    def leaves(self, name: str, how: str) -> None:
        self.asks(name)
        self._act(name, "mpesa-leave", {"how": how})

    def pays(
        self, name: str, amount: str, till: str | None, business: str, account: str | None
    ) -> list[str]:
        order = {"business": business, "account": account or "", "amount": amount}
        pin = self._view(name)["mpesa"]["pin"]
        return self._said(name, "mpesa-pay", {**order, "goods": bool(till), "pin": pin})

    def switches(self, name: str, how: str) -> None:
        self._act(name, "mpesa-reach", {"on": how == "on"})

    def behaves(self, who: str, how: str) -> None:
        self._post("/api/desk/outside", {"who": who, "how": how})

    def books(self) -> list[str]:
        """Shown, not compared."""
        safaricom = self._get("/api/state")["safaricom"]
        rows = [(each["shortcode"], each["balance"]) for each in safaricom["businesses"]]
        rows += [(each["name"], each["balance"]) for each in safaricom["people"]]
        return [f"{name} {balance:>12}" for name, balance in rows]

    def _said(self, name: str, action: str, body: dict[str, Any]) -> list[str]:
        answer: str = self._post(f"/api/phones/{self._msisdn(name)}/{action}", body)["answer"]
        return answer.split("\n")

    def _wait(self, holds: Callable[[], object]) -> None:
        deadline = time.monotonic() + SMS_PATIENCE_S
        while not holds() and time.monotonic() < deadline:
            time.sleep(0.2)

    def _act(self, name: str, action: str, body: dict[str, Any]) -> list[str]:
        self._last = name
        view = self._post(f"/api/phones/{self._msisdn(name)}/{action}", body)
        return on_the_wire(view["display"]["kind"], view["display"]["screen"])

    def _msisdn(self, name: str) -> str:
        try:
            return self._people[name]
        except KeyError:
            raise DialogueInvalid(f"{name} is not in the Given block") from None

    def _view(self, name: str) -> dict[str, Any]:
        phones = self._get("/api/state")["phones"]
        view: dict[str, Any] = next(p for p in phones if p["msisdn"] == self._msisdn(name))
        return view

    def _incoming(self, name: str) -> list[dict[str, Any]]:
        return [
            message
            for message in self._view(name)["inbox"]
            if not message["outgoing"] and message["sender"] != MPESA
        ]

    def _get(self, path: str) -> Any:
        answer = self._session.get(self._url + path, timeout=WITHIN_S)
        answer.raise_for_status()
        return answer.json()

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        answer = self._session.post(self._url + path, json=body, timeout=WITHIN_S)
        if answer.status_code == 409:
            raise DialogueInvalid(answer.json()["error"])
        answer.raise_for_status()
        return answer.json()


def _plain(lines: Sequence[str]) -> list[str]:
    """Lines without what is a running server's own."""
    plain = list(lines)
    for pattern, word in OWN:
        plain = [pattern.sub(word, line) for line in plain]
    return plain


_VERBS: Final[Table] = table(
    (rf"{NAME} dials ([0-9*#+]+)", Player.dials),
    (rf"{NAME} >(?: (.*))?", Player.answers),
    (rf"{NAME} hangs up", Player.hangs_up),
    (rf"{NAME} texts (.+)", Player.texts),
    (rf"{NAME} gets", Player.gets),
    (rf"{NAME}'s phone asks for the M-PESA PIN", Player.asks),
    (rf"{NAME} enters (her|his|their|a wrong) M-PESA PIN", Player.enters),
    (rf"{NAME} (cancels|ignores) the prompt", Player.leaves),
    (
        rf"{NAME} pays ([0-9.,]+) by M-PESA to (till )?([0-9]{{5,7}})(?: account (.+))?",
        Player.pays,
    ),
    (rf"{NAME}'s phone is (off|on)", Player.switches),
    (SAFARICOM, Player.books),
    ("(Safaricom|the airtime gateway|the bank) (.+)", Player.behaves),
    ("Ledger", Player.ledger),
    (BALANCES, Player.balances),
    ("the network repeats", Player.repeats),
    ("Redis forgets", Player.redis_forgets),
    ("(an?|[0-9]{1,5}) (second|minute|hour|day)s? pass(?:es)?", Player.time_passes),
)
