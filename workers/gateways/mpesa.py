"""Errands that M-PESA does: paying a number, a pay bill or a till, and giving a payment back.

Each is only taken here; what became of it comes to a door, and so does the answer to a question.
The errand's reference is the name by which Safaricom knows it, and which it takes once.
"""

from abc import ABC, abstractmethod

from ussd_app.kernel.daraja import Accepted
from ussd_app.kernel.msisdn import parse
from workers.gateways.daraja import Daraja, NoRoom
from workers.gateways.daraja_line import Failed
from workers.gateways.errands import Declined, Errand, Look, Open, Outcome

ACCEPTED, ASKED = "accepted", "asked"
REMARKS = "Kabambe"


class Paying(ABC):
    """What every kind does: ask, and ask what became of it."""

    def __init__(self, daraja: Daraja) -> None:
        self._daraja = daraja

    def ask(self, errand: Errand) -> Outcome:
        """Ask for it; see `Carrier`. Taken, it is open until the result comes."""
        try:
            answer = self._request(errand)
        except NoRoom as why:
            return Declined(str(why))
        if isinstance(answer, Accepted):
            return Open(ACCEPTED, answer.conversation_id or None)
        return answer

    def look(self, errand: Errand) -> Look | None:
        """Ask what became of it. Open with the question's name: the answer comes to a door."""
        answer = self._daraja.status(name=errand.reference)
        if isinstance(answer, Accepted):
            return Open(ASKED, answer.conversation_id or None)
        return answer if isinstance(answer, Open) else Open(f"cannot ask: {answer.reason}")

    @abstractmethod
    def _request(self, errand: Errand) -> Accepted | Failed:
        """The request that this errand is at Safaricom. Raises NoRoom."""


class ToNumber(Paying):
    """Money to a number on M-PESA: `reference` is the number as it is dialled at home."""

    def _request(self, errand: Errand) -> Accepted | Failed:
        msisdn = parse(str(errand.facts["reference"]))
        if msisdn is None:
            return Declined("no number of M-PESA")
        return self._daraja.b2c(errand.reference, msisdn, _amount(errand), REMARKS)


class ToBusiness(Paying):
    """Money to a pay bill, or without a `reference` to a till."""

    def _request(self, errand: Errand) -> Accepted | Failed:
        shortcode = str(errand.facts["shortcode"])
        account = str(errand.facts.get("reference") or "")
        return self._daraja.b2b(errand.reference, shortcode, account, _amount(errand), REMARKS)


class Back(Paying):
    """A payment that came to us, given back by its receipt."""

    def _request(self, errand: Errand) -> Accepted | Failed:
        receipt = str(errand.facts["mpesa_receipt"])
        return self._daraja.reverse(errand.reference, receipt, _amount(errand), REMARKS)


def _amount(errand: Errand) -> int:
    return int(str(errand.facts["amount"]))
