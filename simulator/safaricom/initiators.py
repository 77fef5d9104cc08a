"""What all requests of an initiator have in common: two ids, who may, and a result said later.

Knows no account and no kind of payment: what was asked for is the business of `paying_out` and
`asking`.
"""

from dataclasses import dataclass
from typing import Any

from simulator.safaricom.checks import Body
from simulator.safaricom.codes import ACCEPTED, DUPLICATE, Declined, Refused
from simulator.safaricom.faults import Faults
from simulator.safaricom.keys import password
from simulator.safaricom.messages import Outcome, Pairs
from simulator.safaricom.model import Business, Safaricom


@dataclass(frozen=True)
class Asked:
    """A request of an initiator: which API, its two ids, what it said, and what is aimed at it."""

    api: str
    originator: str
    conversation: str
    body: Body
    aimed: Faults | None

    def text(self, name: str, also: str = "") -> str:
        """A field as a text; empty when it is absent."""
        return str(self.body.get(name) or self.body.get(also) or "")


def accept(safaricom: Safaricom, api: str, body: Body) -> tuple[Asked, dict[str, Any]]:
    """Take a request: its ids, and the answer to it. Raises Refused for an id used before."""
    given = str(body.get("OriginatorConversationID") or "") if api != "status" else ""
    if given and given in safaricom.books.asked:
        why = f"a payment with OriginatorConversationID {given} was asked for before"
        raise Refused("500.002.1001", why, DUPLICATE)
    originator = given or safaricom.names.originator()
    conversation = safaricom.names.conversation(safaricom.clock.now())
    answer = {
        "ConversationID": conversation,
        "OriginatorConversationID": originator,
        "ResponseCode": "0",
        "ResponseDescription": ACCEPTED,
    }
    return Asked(api, originator, conversation, body, safaricom.aimed), answer


def initiated(safaricom: Safaricom, asked: Asked, shortcode: str) -> None:
    """Whether the initiator may: wrong credentials are a result, no error. Raises Declined."""
    refuses = (asked.aimed or safaricom.faults).refuses
    if refuses and "." not in refuses:
        raise Declined(refuses)
    business = safaricom.business(shortcode)
    name, opened = _credentials(asked.body)
    if opened is None or _trouble(business, name, opened):
        raise Declined("2001")
    business.initiator = (name, opened)


def trouble(safaricom: Safaricom, shortcode: str, body: Body) -> str:
    """Plainly, what the result will say is wrong with an initiator; empty when nothing is."""
    return _trouble(safaricom.business(shortcode), *_credentials(body))


def _credentials(body: Body) -> tuple[str, str | None]:
    """Whose request it is, and the password that the credential holds if it holds any."""
    name = str(body.get("Initiator") or body.get("InitiatorName") or "")
    return name, password(str(body.get("SecurityCredential") or ""))


def _trouble(business: Business, name: str, opened: str | None) -> str:
    if opened is None:
        return (
            "SecurityCredential was not made with this Safaricom's certificate "
            "(/safaricom/certificate.pem), RSA with PKCS#1 v1.5; the result will say 2001"
        )
    if business.initiator is not None and business.initiator[0] != name:
        return f"{name} is no initiator of {business.shortcode}; the result will say 2001"
    if business.initiator is not None and business.initiator[1] != opened:
        return "SecurityCredential holds another password than the initiator's; 2001 will follow"
    return ""


def tell(
    safaricom: Safaricom,
    asked: Asked,
    code: str,
    said: str,
    *,
    receipt: str = "",
    parameters: Pairs = (),
    references: Pairs = (),
) -> None:
    """Have said what became of a request, where it wants to hear it."""
    outcome = Outcome(
        code,
        said,
        asked.originator,
        asked.conversation,
        safaricom.clock.now(),
        receipt=receipt,
        parameters=parameters,
        references=references,
    )
    urls = (asked.text("ResultURL"), asked.text("QueueTimeOutURL"))
    safaricom.say_result(f"{asked.api} result", *urls, outcome, asked.aimed)
