"""Who takes part in a payment, and with which account: a type's roles, filled.

The payer is whoever consents. The payee is somebody they dialled: a customer's number, or the
number of a till, an agent, a biller. Others come along with one of these two. Between a wallet and
a private agreement (a savings pot) both sides are the caller's, and the number says which pot.
"""

from dataclasses import dataclass, replace

from ussd_app.domain import agreements, parties
from ussd_app.domain.agreements import Agreement
from ussd_app.domain.catalogue import PAYEE, PAYER, Catalogue, Derived, Type
from ussd_app.domain.desk import Desk
from ussd_app.domain.house import open_account
from ussd_app.domain.parties import Party
from ussd_app.kernel.errors import RefusalCode, Refused

CUSTOMER = "customer"
WALLET = "wallet"


@dataclass(frozen=True)
class Side:
    """Somebody who takes part: the party behind it, the account, and what others may see."""

    party: Party
    account_id: int
    name: str
    number: str
    agreement: Agreement | None = None


def is_private(catalogue: Catalogue, account_kind: str) -> bool:
    """Whether accounts of a kind belong to agreements with which only their owner deals."""
    agreement = catalogue.agreements.get(catalogue.accounts[account_kind].owner)
    return agreement is not None and agreement.private


def payer(desk: Desk, kind: Type, party: Party, number: str, chosen: str = "") -> Side:
    """The caller as the payer of a type, out of the agreement that they chose, by its id, where
    they act in several. Raises Refused(not_yours)."""
    if is_private(desk.catalogue, kind.parties[PAYER]):
        return _mine(desk, kind.parties[PAYER], party, number)
    return own(desk, kind.parties[PAYER], party, chosen)


def payee(desk: Desk, kind: Type, party: Party, number: str) -> Side | None:
    """Whoever was dialled as the payee; None when the type has none to dial.

    Raises Refused(not_yours | unknown_payee | unknown_number | payee_is_payer | payee_frozen).
    """
    if PAYEE not in kind.parties:
        return None
    account_kind = kind.parties[PAYEE]
    if is_private(desk.catalogue, account_kind):
        return _mine(desk, account_kind, party, number)
    if PAYER in kind.parties and is_private(desk.catalogue, kind.parties[PAYER]):
        return own(desk, account_kind, party)
    side = dialled(desk, account_kind, number)
    if side.party.id == party.id and not _between_agreements(desk.catalogue, kind):
        raise Refused(RefusalCode.PAYEE_IS_PAYER)
    return side


def _between_agreements(catalogue: Catalogue, kind: Type) -> bool:
    """Whether a type goes from one agreement to another of its kind: both may be one party's."""
    source, target = (kind.parties.get(role) for role in (PAYER, PAYEE))
    return source == target and catalogue.accounts[str(target)].owner != CUSTOMER


def _mine(desk: Desk, account_kind: str, party: Party, number: str) -> Side:
    """The caller's own agreement of that number. Raises Refused(not_yours)."""
    owner = desk.catalogue.accounts[account_kind].owner
    agreement = agreements.by_number(desk.reads, owner, number)
    if agreement is None or agreement.party_id != party.id or agreement.state != "active":
        raise Refused(RefusalCode.NOT_YOURS)
    return of(desk, account_kind, agreement, party)


def dialled(desk: Desk, account_kind: str, number: str) -> Side:
    """Somebody else's account, by the number that was dialled."""
    owner = desk.catalogue.accounts[account_kind].owner
    if owner == CUSTOMER:
        found = parties.find(desk.reads, number)
        if found is None:
            raise Refused(RefusalCode.UNKNOWN_PAYEE)
        found.must_be_active(RefusalCode.PAYEE_FROZEN)
        return own(desk, account_kind, found)
    agreement = agreements.by_number(desk.reads, owner, number)
    if agreement is None:
        raise Refused(RefusalCode.UNKNOWN_NUMBER)
    behind = parties.by_id(desk.reads, agreement.party_id)
    if agreement.state != "active" or behind.status != "active":
        raise Refused(RefusalCode.PAYEE_FROZEN)
    return of(desk, account_kind, agreement, behind)


def derived(desk: Desk, way: Derived, base: Side) -> Side | None:
    """The role that another one brings along; None when there is nobody above it, or nobody whose
    agreement is in force."""
    if desk.catalogue.accounts[way.account].owner == CUSTOMER:
        return own(desk, way.account, base.party)
    agreement = base.agreement
    if way.parent and agreement is not None:
        above = agreements.by_id(desk.reads, agreement.parent_id or 0)
        agreement = above if above is not None and above.state == "active" else None
    if agreement is None:
        return None
    return of(desk, way.account, agreement, parties.by_id(desk.reads, agreement.party_id))


def all_of(desk: Desk, kind: Type, party: Party, number: str, chosen: str = "") -> dict[str, Side]:
    """Every role of a type that somebody fills. Raises Refused."""
    sides = {PAYER: payer(desk, kind, party, number, chosen)}
    paid = payee(desk, kind, party, number)
    if paid is not None:
        if paid.account_id == sides[PAYER].account_id:
            raise Refused(RefusalCode.PAYEE_IS_PAYER)
        sides[PAYEE] = paid
    return with_derived(desk, kind, sides)


def with_derived(desk: Desk, kind: Type, sides: dict[str, Side]) -> dict[str, Side]:
    """The sides, and those that come along with them."""
    for role, way in kind.derived.items():
        side = derived(desk, way, sides[way.of])
        if side is not None:
            sides[role] = side
    return sides


def own(desk: Desk, account_kind: str, party: Party, chosen: str = "") -> Side:
    """A party with their own account of a kind, or that of the agreement in which they act: the one
    that they chose, by its id, or the first.

    Raises Refused(not_yours).
    """
    owner = desk.catalogue.accounts[account_kind].owner
    if owner != CUSTOMER:
        agreement = agreements.of_party(desk.reads, party.id, (owner,), chosen)
        return of(desk, account_kind, agreement, party)
    if account_kind == WALLET:
        account_id = party.wallet_id
    else:
        account_id = open_account(desk.catalogue, desk.book, f"{account_kind}/{party.owner}")
    return Side(party, account_id, party.name, party.msisdn)


def of(desk: Desk, account_kind: str, agreement: Agreement, party: Party) -> Side:
    """An agreement with its account of a kind; `party` is who stands behind it."""
    side = Side(party, 0, agreement.name, agreement.number, agreement)
    return replace(side, account_id=agreements.account(desk, agreement, account_kind))
