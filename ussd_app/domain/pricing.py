"""`quote`: what would it cost, and to whom does it go. Moves nothing.

A quote is binding on the price and the parties until it expires; limits and funds are looked at
here to say no early, and once more by the ledger when it is accepted.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from ussd_app.domain import parties
from ussd_app.domain.catalogue import Catalogue, Tier, Type
from ussd_app.domain.desk import Ask, Desk, Facts
from ussd_app.domain.parties import Party
from ussd_app.domain.texts import two_names
from ussd_app.kernel.clock import business_day
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.kernel.money import share_of

SENT = "sent"
"""The counter of what a party has sent on a Nairobi day."""


@dataclass(frozen=True)
class Price:
    """What one use of a type moves, in minor units."""

    amount: int
    fee: int
    excise: int

    @property
    def total(self) -> int:
        """What leaves the payer."""
        return self.amount + self.fee


def price(catalogue: Catalogue, kind: Type, amount_minor: int, day: date) -> Price:
    """Price a type by the tariff of a day. Raises Refused(amount_too_small | amount_too_large)."""
    if amount_minor < kind.least_minor:
        raise Refused(RefusalCode.AMOUNT_TOO_SMALL, least=kind.least_minor)
    if kind.fee is None:
        return Price(amount_minor, 0, 0)
    tariffs = catalogue.tariffs_on(day)
    fee = tariffs.fee_minor(kind.fee, amount_minor)
    if fee is None:
        most = tariffs.tariffs[kind.fee][-1].up_to_minor
        raise Refused(RefusalCode.AMOUNT_TOO_LARGE, most=most)
    return Price(amount_minor, fee, share_of(fee, tariffs.excise))


def quote(desk: Desk, ask: Ask) -> Facts:
    """Price a payment to another customer, check what can be checked, and remember the offer."""
    kind = desk.catalogue.types[ask.text("type")]
    amount = int(ask.text("amount"))
    payer = parties.known(desk.reads, ask.msisdn)
    if payer.pin_locked_at is not None:
        raise Refused(RefusalCode.PIN_LOCKED)
    payee = _payee(desk, payer, ask.text("payee"))
    if amount > desk.catalogue.fat_finger_minor:
        raise Refused(RefusalCode.FAT_FINGER, most=desk.catalogue.fat_finger_minor)
    tier = desk.catalogue.tiers[payer.tier]
    if amount > tier.per_transaction_minor:
        raise Refused(RefusalCode.AMOUNT_TOO_LARGE, most=tier.per_transaction_minor)
    now = desk.clock.now()
    offer = price(desk.catalogue, kind, amount, business_day(now))
    _check_limits(desk, payer, payee, offer, tier)
    quote_id = desk.ids.token()
    with desk.reads.connect() as connection:
        connection.exec_driver_sql(
            "WITH soon AS (SELECT set_config('synchronous_commit', 'off', true))"
            " INSERT INTO quotes (id, type, payer_id, payee_id, amount, fee, excise, catalogue,"
            " expires_at) SELECT %s, %s, %s, %s, %s, %s, %s, %s, %s FROM soon",
            (
                quote_id,
                kind.name,
                payer.id,
                payee.id,
                offer.amount,
                offer.fee,
                offer.excise,
                desk.catalogue.digest,
                now + timedelta(seconds=desk.catalogue.quote_life_s),
            ),
        )
    return {"quote_id": quote_id, "payee_name": two_names(payee.name), "fee": offer.fee}


def _payee(desk: Desk, payer: Party, msisdn: str) -> Party:
    if msisdn == payer.msisdn:
        raise Refused(RefusalCode.PAYEE_IS_PAYER)
    payee = parties.find(desk.reads, msisdn)
    if payee is None:
        raise Refused(RefusalCode.UNKNOWN_PAYEE)
    payee.must_be_active(RefusalCode.PAYEE_FROZEN)
    return payee


def _check_limits(desk: Desk, payer: Party, payee: Party, offer: Price, tier: Tier) -> None:
    """Say no early where the ledger would say no later. In order of precedence."""
    left_minor, left_count = allowance(desk, payer)
    if offer.amount > left_minor:
        raise Refused(RefusalCode.DAILY_LIMIT, left=left_minor)
    if not left_count:
        raise Refused(RefusalCode.DAILY_COUNT, most=tier.daily_count)
    balances = desk.book.balances([payer.wallet_id, payee.wallet_id])
    most = desk.catalogue.tiers[payee.tier].balance_minor
    if balances[payee.wallet_id].total + offer.amount > most:
        raise Refused(RefusalCode.PAYEE_BALANCE_LIMIT)
    if balances[payer.wallet_id].available < offer.total:
        raise Refused(RefusalCode.INSUFFICIENT_FUNDS)


def spendable_today(desk: Desk, party: Party) -> int:
    """What a party may still send today, in minor units; nothing once the count is used up."""
    left_minor, left_count = allowance(desk, party)
    return left_minor if left_count else 0


def allowance(desk: Desk, party: Party) -> tuple[int, int]:
    """What a party may still send today: minor units, and number of times."""
    tier = desk.catalogue.tiers[party.tier]
    used_minor, used_count = desk.book.usage(party.owner, SENT, business_day(desk.clock.now()))
    return max(0, tier.daily_value_minor - used_minor), max(0, tier.daily_count - used_count)
