"""Safaricom's Daraja as its client sees it: every request, and what was answered at once.

What a request came to is said later, at a door: here it is only taken, refused, put off or in
doubt. Amounts are minor units and must be whole shillings; numbers are ours, +2547…. An account
number that M-PESA has no room for is never cut.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from ussd_app.kernel import daraja as wire
from ussd_app.kernel.daraja import TOO_LONG, Accepted, NotUnderstood, Pulled, StkStanding
from workers.gateways.daraja_errors import PENDING, not_accepted
from workers.gateways.daraja_keys import Account, NoCertificate
from workers.gateways.daraja_line import Alarm, Answer, Failed, Line, Payload
from workers.gateways.daraja_token import Shelf
from workers.gateways.errands import Open, Postponed

SHORT_CODE, TILL, REVERSED_PARTY = "4", "2", "11"
"""What an identifier is."""
LONGEST_REFERENCE = 12
LONGEST_BILL = 13
LONGEST_DESCRIPTION = 13
LONGEST_REMARK = 100
OTHER_ANSWER = "an answer of another form"


@dataclass(frozen=True)
class Pushed:
    """The customer's phone is asked for the PIN; how it ends comes to the door, by these ids."""

    merchant_request_id: str
    checkout_request_id: str


class NoRoom(ValueError):
    """What M-PESA's requests have no room for: cents, or so long an account number."""


class Daraja:
    """One application at Safaricom. Used from many threads at once; never raises for what Safaricom
    or the network does."""

    def __init__(
        self,
        account: Account,
        shelf: Shelf,
        now: Callable[[], datetime],
        alarm: Alarm = lambda what: None,
    ) -> None:
        self._account = account
        self._line = Line(account, shelf, alarm)
        self._now = now

    # money in

    def push(
        self, msisdn: str, amount_minor: int, reference: str, description: str, till: str = ""
    ) -> Pushed | Failed:
        """Ask a customer's phone for a payment to our pay bill, or to a till of ours."""
        code, phone = self._account.shortcode, wire.abroad(msisdn)
        kind = "CustomerBuyGoodsOnline" if till else "CustomerPayBillOnline"
        answer = self._line.ask(
            "/mpesa/stkpush/v1/processrequest",
            {
                "BusinessShortCode": code,
                **self._account.password(self._now()),
                "TransactionType": kind,
                "Amount": shillings(amount_minor),
                "PartyA": phone,
                "PartyB": till or code,
                "PhoneNumber": phone,
                "CallBackURL": f"{self._account.callbacks}/stk",
                "AccountReference": _whole(reference, LONGEST_REFERENCE),
                "TransactionDesc": description[:LONGEST_DESCRIPTION],
            },
        )
        if not isinstance(answer, Answer):
            return answer
        try:
            said = wire.read_stk_accepted(answer.body)
        except NotUnderstood:
            return Open(OTHER_ANSWER)
        if said.code != "0":
            return not_accepted(said.code, said.said)
        return Pushed(said.merchant_request_id, said.checkout_request_id)

    def push_standing(self, checkout_request_id: str) -> StkStanding | Failed:
        """How a push stands; Open(PENDING) while the customer may still answer."""
        asked = {
            "BusinessShortCode": self._account.shortcode,
            **self._account.password(self._now()),
            "CheckoutRequestID": checkout_request_id,
        }
        answer = self._line.ask("/mpesa/stkpushquery/v1/query", asked)
        if not isinstance(answer, Answer):
            return answer
        try:
            said = wire.read_stk_standing(answer.body)
        except NotUnderstood:
            return Open(OTHER_ANSWER)
        return Open(PENDING) if said.pending else said

    def register(self, version: int = 2, unanswered: str = "Completed") -> Accepted | Failed:
        """Say where payments to our shortcode are told. In production this works once.
        `unanswered` is what becomes of a payment whose validation nobody answers."""
        urls = {
            "ShortCode": self._account.shortcode,
            "ResponseType": unanswered,
            "ConfirmationURL": f"{self._account.callbacks}/c2b/confirmation",
            "ValidationURL": f"{self._account.callbacks}/c2b/validation",
        }
        return self._accepted(f"/mpesa/c2b/v{version}/registerurl", urls)

    def simulate(
        self, msisdn: str, amount_minor: int, reference: str, version: int = 2
    ) -> Accepted | Failed:
        """Pay into our shortcode as a customer would; the sandbox only."""
        paid: Payload = {
            "ShortCode": int(self._account.shortcode),
            "CommandID": "CustomerPayBillOnline",
            "Amount": shillings(amount_minor),
            "Msisdn": int(wire.abroad(msisdn)),
            "BillRefNumber": reference,
        }
        return self._accepted(f"/mpesa/c2b/v{version}/simulate", paid)

    def register_pull(self, msisdn: str) -> bool | Failed:
        """Ask for leave to list payments; `msisdn` is told of it. True when we may."""
        asked = {
            "ShortCode": self._account.shortcode,
            "RequestType": "Pull",
            "NominatedNumber": wire.abroad(msisdn),
            "CallBackURL": f"{self._account.callbacks}/pull",
        }
        answer = self._line.ask("/pulltransactions/v1/register", asked)
        if not isinstance(answer, Answer):
            return answer
        try:
            return wire.read_pull_registered(answer.body)
        except NotUnderstood:
            return Open(OTHER_ANSWER)

    def pull(
        self, since: datetime, until: datetime, offset: int = 0
    ) -> tuple[Pulled, ...] | Failed:
        """Payments of a period, at most the last 48 hours; further ones from `offset` on. A period
        of which more comes at once than is read is Open(TOO_LONG)."""
        asked = {
            "ShortCode": self._account.shortcode,
            "StartDate": wire.pull_stamp(since),
            "EndDate": wire.pull_stamp(until),
            "OffSetValue": str(offset),
        }
        answer = self._line.ask("/pulltransactions/v1/query", asked)
        if not isinstance(answer, Answer):
            return answer
        try:
            return wire.read_pulled(answer.body)
        except NotUnderstood as strange:
            return Open(TOO_LONG if strange.why == TOO_LONG else OTHER_ANSWER)

    # money out

    def b2c(
        self, name: str, msisdn: str, amount_minor: int, remarks: str, version: int = 3
    ) -> Accepted | Failed:
        """Pay a customer. The name is ours and guards against paying twice; v1 takes none."""
        guard = {"OriginatorConversationID": name} if version == 3 else {}
        return self._initiated(
            f"/mpesa/b2c/v{version}/paymentrequest",
            "b2c",
            {
                **guard,
                "InitiatorName": self._account.initiator,
                "CommandID": "BusinessPayment",
                "Amount": str(shillings(amount_minor)),
                "PartyA": self._account.shortcode,
                "PartyB": wire.abroad(msisdn),
                "Remarks": remarks[:LONGEST_REMARK],
                "Occassion": name,
            },
        )

    def b2b(
        self, name: str, shortcode: str, account: str, amount_minor: int, remarks: str
    ) -> Accepted | Failed:
        """Pay a pay bill, or a till when there is no account. That the name guards here too is
        documented for B2C only."""
        return self._initiated(
            "/mpesa/b2b/v1/paymentrequest",
            "b2b",
            {
                "OriginatorConversationID": name,
                "Initiator": self._account.initiator,
                "CommandID": "BusinessPayBill" if account else "BusinessBuyGoods",
                "SenderIdentifierType": SHORT_CODE,
                "RecieverIdentifierType": SHORT_CODE,
                "Amount": str(shillings(amount_minor)),
                "PartyA": self._account.shortcode,
                "PartyB": shortcode,
                "AccountReference": _whole(account or name, LONGEST_BILL),
                "Remarks": remarks[:LONGEST_REMARK],
                "Occassion": name,
            },
        )

    def reverse(
        self, name: str, receipt: str, amount_minor: int, remarks: str
    ) -> Accepted | Failed:
        """Give money back that came to our shortcode, by its receipt: it goes back once."""
        return self._initiated(
            "/mpesa/reversal/v1/request",
            "reversal",
            {
                "Initiator": self._account.initiator,
                "CommandID": "TransactionReversal",
                "TransactionID": receipt,
                "Amount": str(shillings(amount_minor)),
                "ReceiverParty": self._account.shortcode,
                "RecieverIdentifierType": REVERSED_PARTY,
                "Remarks": remarks[:LONGEST_REMARK],
                "Occasion": name,
            },
        )

    # questions

    def status(self, *, receipt: str = "", name: str = "") -> Accepted | Failed:
        """Ask what became of a payment, by its receipt, by the conversation, or by both."""
        by = {"TransactionID": receipt, "OriginalConversationID": name}
        return self._initiated(
            "/mpesa/transactionstatus/v1/query",
            "status",
            {
                "Initiator": self._account.initiator,
                "CommandID": "TransactionStatusQuery",
                **{field: value for field, value in by.items() if value},
                "PartyA": self._account.shortcode,
                "IdentifierType": SHORT_CODE,
                "Remarks": "Status",
                "Occasion": (name or receipt)[:LONGEST_REMARK],
            },
        )

    def balance(self) -> Accepted | Failed:
        """Ask how much is in our organisation's accounts."""
        return self._initiated(
            "/mpesa/accountbalance/v1/query",
            "balance",
            {
                "Initiator": self._account.initiator,
                "CommandID": "AccountBalance",
                "PartyA": self._account.shortcode,
                "IdentifierType": SHORT_CODE,
                "Remarks": "Balance",
            },
        )

    def swapped(self, msisdn: str) -> datetime | Failed | None:
        """When a number's SIM was last replaced; None when it never was."""
        answer = self._line.ask("/imsi/v1/checkATI", {"customerNumber": wire.abroad(msisdn)})
        if not isinstance(answer, Answer):
            return answer
        try:
            return wire.read_swapped(answer.body)
        except NotUnderstood:
            return Open(OTHER_ANSWER)

    def _initiated(self, path: str, door: str, payload: Payload) -> Accepted | Failed:
        """Ask as the shortcode's operator; the result comes to the door."""
        try:
            credential = self._account.credential()
        except NoCertificate as why:
            return Postponed(f"no certificate: {why}")
        callbacks = f"{self._account.callbacks}/{door}"
        return self._accepted(
            path,
            {
                **payload,
                "SecurityCredential": credential,
                "QueueTimeOutURL": f"{callbacks}/timeout",
                "ResultURL": f"{callbacks}/result",
            },
        )

    def _accepted(self, path: str, payload: Payload) -> Accepted | Failed:
        answer = self._line.ask(path, payload)
        if not isinstance(answer, Answer):
            return answer
        try:
            said = wire.read_accepted(answer.body)
        except NotUnderstood:
            return Open(OTHER_ANSWER)
        return said if said.code == "0" else not_accepted(said.code, said.said)


def shillings(amount_minor: int) -> int:
    """An amount as M-PESA takes it. Raises NoRoom."""
    whole, cents = divmod(amount_minor, 100)
    if cents or whole <= 0:
        raise NoRoom("M-PESA takes whole shillings")
    return whole


def _whole(account: str, longest: int) -> str:
    """An account number that fits; a part of one is somebody else's. Raises NoRoom."""
    if len(account) > longest:
        raise NoRoom("M-PESA takes no account number that long")
    return account
