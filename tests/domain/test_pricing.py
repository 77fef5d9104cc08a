"""Prices: by tariff, by a term of the payee's agreement, as a share, by a policy; and the duty."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from ussd_app.domain import pricing
from ussd_app.domain.catalogue import ByPolicy, ByTariff, ByTerm, Catalogue, PriceRule, ShareOf
from ussd_app.domain.policies import POLICIES
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.products.read import read_catalogue

CATALOGUE = read_catalogue()
DAY = date(2026, 11, 20)


def price(
    rules: dict[str, PriceRule],
    amount_minor: int = 500_00,
    terms: dict[str, object] | None = None,
    catalogue: Catalogue = CATALOGUE,
) -> dict[str, int]:
    kind = replace(CATALOGUE.types["send_money"], prices=rules)
    return dict(pricing.price(catalogue, kind, amount_minor, DAY, terms))


def test_a_fee_by_tariff_and_the_duty_on_it() -> None:
    assert price({"fee": ByTariff("p2p")}) == {"amount": 500_00, "fee": 7_00, "excise": 1_05}
    assert price({"fee": ByTariff(None)}) == {"amount": 500_00, "fee": 0, "excise": 0}


def test_the_duty_is_on_what_both_sides_bear_together() -> None:
    rules: dict[str, PriceRule] = {
        "fee": ByTariff("p2p"),
        "charge": ShareOf(Decimal("0.01"), "amount"),
    }
    assert price(rules)["excise"] == 1_80


def test_a_band_ends_at_its_last_cent() -> None:
    fees = [price({"fee": ByTariff("p2p")}, amount)["fee"] for amount in (100_00, 100_01, 500_00)]
    assert fees == [0, 7_00, 7_00]
    with pytest.raises(Refused) as refusal:
        price({"fee": ByTariff("p2p")}, 250_000_01)
    assert refusal.value.code is RefusalCode.AMOUNT_TOO_LARGE
    assert refusal.value.facts == {"most": 250_000_00}


@pytest.mark.parametrize(
    ("terms", "fee"),
    [({"bearer": "customer"}, 7_00), ({"bearer": "business"}, 0), ({}, 7_00), (None, 7_00)],
)
def test_a_term_of_the_agreement_chooses_the_tariff_and_the_first_is_the_default(
    terms: dict[str, object] | None, fee: int
) -> None:
    rule = ByTerm("bearer", {"customer": "p2p", "business": None})
    assert price({"fee": rule}, terms=terms)["fee"] == fee


@pytest.mark.parametrize(
    ("amount", "share", "part"),
    [(10_00, "0.20", 2_00), (3, "0.5", 2), (1, "0.5", 1), (1, "0.49", 0), (333, "0.333", 111)],
)
def test_a_share_is_rounded_to_a_cent_halves_up(amount: int, share: str, part: int) -> None:
    rules: dict[str, PriceRule] = {"part": ShareOf(Decimal(share), "amount")}
    catalogue_minimum = replace(CATALOGUE.types["send_money"], prices=rules, least_minor=1)
    assert pricing.price(CATALOGUE, catalogue_minimum, amount, DAY)["part"] == part


def test_a_share_may_be_of_what_was_priced_before() -> None:
    rules: dict[str, PriceRule] = {
        "commission": ByTariff("agent_deposit"),
        "override": ShareOf(Decimal("0.20"), "commission"),
    }
    priced = price(rules)
    assert (priced["commission"], priced["override"]) == (8_00, 1_60)


def test_a_policy_is_told_what_is_priced_and_the_terms(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[tuple[dict[str, int], dict[str, object]]] = []

    def work_out(parts: dict[str, int], terms: dict[str, object]) -> int:
        heard.append((dict(parts), dict(terms)))
        return 42

    monkeypatch.setattr(pricing, "POLICIES", {**POLICIES, "odd": work_out})
    rules: dict[str, PriceRule] = {"fee": ByTariff("p2p"), "gift": ByPolicy("odd")}
    assert price(rules, terms={"town": "Thika"})["gift"] == 42
    assert heard == [({"amount": 500_00, "fee": 7_00}, {"town": "Thika"})]


def test_a_price_is_that_of_its_day() -> None:
    first = CATALOGUE.tariff_books[0].valid_from
    with pytest.raises(LookupError):
        CATALOGUE.tariffs_on(date(first.year - 1, 1, 1))
    cheaper = replace(
        CATALOGUE.tariff_books[0],
        valid_from=DAY,
        tariffs={**CATALOGUE.tariff_books[0].tariffs, "p2p": ()},
    )
    later = replace(CATALOGUE, tariff_books=(*CATALOGUE.tariff_books, cheaper))
    assert later.tariffs_on(DAY) is cheaper
    assert later.tariffs_on(date(2026, 11, 19)) is CATALOGUE.tariff_books[-1]


def test_what_leaves_the_payer_is_what_the_legs_say() -> None:
    for name, leaves, comes in (("send_money", 507_00, 500_00), ("cash_in", 500_00, 500_00)):
        kind = CATALOGUE.types[name]
        priced = pricing.price(CATALOGUE, kind, 500_00, DAY)
        assert (pricing.outgo(kind, priced), pricing.income(kind, priced)) == (leaves, comes)
