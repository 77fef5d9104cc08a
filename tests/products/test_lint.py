"""The products are sound, and each fault that could be in them is found."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ussd_app.domain.catalogue import (
    AgreementKind,
    Band,
    ByPolicy,
    ByTariff,
    Catalogue,
    Derived,
    ShareOf,
)
from ussd_app.domain.texts import Sentence, Texts
from ussd_app.domain.two_of_staff import Unsigned, must_be_signed
from ussd_app.products.lint import lint
from ussd_app.products.read import (
    HERE,
    ProductsInvalid,
    parse_leg,
    read_catalogue,
    read_keywords,
    read_texts,
)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return read_catalogue()


@pytest.fixture(scope="module")
def texts() -> Texts:
    return read_texts()


def test_ours_are_sound(catalogue: Catalogue, texts: Texts) -> None:
    assert lint(catalogue, texts) == []


def test_the_tariff_is_the_published_one(catalogue: Catalogue) -> None:
    tariffs = catalogue.tariff_books[0]
    fees = {49: 0, 50: 0, 100: 0, 101: 7, 500: 7, 501: 13, 5_000: 57, 5_001: 78, 250_000: 108}
    assert {up: tariffs.fee_minor("p2p", up * 100) for up in fees} == {
        up: fee * 100 for up, fee in fees.items()
    }
    assert tariffs.fee_minor("p2p", 250_000_01) is None


def test_keywords_are_read_in_both_languages() -> None:
    keywords = read_keywords()
    assert keywords.read("bal") == ("balance", None, "")
    assert keywords.read("  Salio?  ") == ("balance", None, "")
    assert keywords.read("LUGHA kiingereza sasa") == ("language", "en", "kiingereza sasa")
    assert keywords.read("lang xx") == ("language", None, "xx")
    assert keywords.read("hello there") == (None, None, "there")
    assert keywords.read("") == (None, None, "")


def broken(catalogue: Catalogue, sentence: str, **changes: Any) -> Catalogue:
    """The catalogue with send_money's legs replaced by one sentence, and other changes to it."""
    leg = parse_leg(sentence)
    assert leg is not None
    kind = replace(catalogue.types["send_money"], legs=(leg,), **changes)
    return replace(catalogue, types={**catalogue.types, "send_money": kind})


@pytest.mark.parametrize(
    ("sentence", "fault"),
    [
        ("tip from payer to payee", "nobody computes tip"),
        ("amount from payer to nobody", "nobody is neither a party nor an account"),
        ("amount from payer to income/transfer_fees", "crosses from one book to the other"),
        ("amount from payer to payer", "goes nowhere"),
        ("fee from payer to house", "nothing says as what"),
        ("fee from payer to payee as income/tips", "the house takes no part"),
        ("fee from payer to house as wallet/tips", "no account of the house's own book"),
    ],
)
def test_a_leg_that_cannot_be_is_found(
    catalogue: Catalogue, texts: Texts, sentence: str, fault: str
) -> None:
    assert any(fault in found for found in lint(broken(catalogue, sentence), texts))


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"parties": {"payer": "purse"}}, "payer has an account of no kind: purse"),
        ({"parties": {"giver": "wallet"}}, "giver is neither payer nor payee"),
        ({"parties": {"payee": "wallet"}}, "a customer starts it and nobody pays"),
        ({"derived": {"above": Derived("friend", True, "wallet")}}, "comes with friend, who takes"),
        (
            {"prices": {"share": ShareOf(Decimal("0.2"), "tip")}},
            "share of tip, which is not priced",
        ),
        ({"prices": {"fee": ByPolicy("astrology")}}, "there is no policy astrology"),
        ({"gates": ("pearly",)}, "there is no gate pearly"),
        ({"also": "everything"}, "there is no also everything"),
        ({"prices": {"fee": ByTariff("p2p_moon")}}, "tariffs: p2p_moon is missing"),
        ({"receipts": {"uncle": "sent"}}, "a receipt for uncle, who takes no part"),
    ],
)
def test_a_role_or_price_that_cannot_be_is_found(
    catalogue: Catalogue, texts: Texts, changes: dict[str, Any], fault: str
) -> None:
    crooked = broken(catalogue, "amount from payer to payee", **changes)
    assert any(fault in found for found in lint(crooked, texts))


def test_excise_on_nothing_is_found(catalogue: Catalogue, texts: Texts) -> None:
    crooked = broken(catalogue, "excise from payer to payee", prices={})
    assert "type send_money: moves excise and nothing is charged" in lint(crooked, texts)


def test_an_agreement_without_its_account_is_found(catalogue: Catalogue, texts: Texts) -> None:
    kind = AgreementKind("stall", "wallet", 5, None, "send_money", "a market stall")
    faults = lint(replace(catalogue, agreements={"stall": kind}), texts)
    assert "agreement stall: its main account wallet is not owned by it" in faults


def test_tariffs_of_a_day_replace_those_of_the_same_name_before(tmp_path: Path) -> None:
    _copy_to(tmp_path)
    later = "tariffs: {p2p: [[250000, 1]]}\n"
    (tmp_path / "tariffs" / "2027-01-01-cheap.yaml").write_text(later)
    catalogue = read_catalogue(tmp_path)
    assert catalogue.tariffs_on(date(2026, 12, 31)).fee_minor("p2p", 500_00) == 7_00
    after = catalogue.tariffs_on(date(2027, 1, 1))
    assert (after.fee_minor("p2p", 500_00), after.excise) == (1_00, Decimal("0.15"))


def test_a_row_in_two_files_is_found(tmp_path: Path) -> None:
    _copy_to(tmp_path)
    (tmp_path / "zebra.yaml").write_text("agreements: {}\nkeywords: {balance: {words: [ZEBRA]}}\n")
    with pytest.raises(ProductsInvalid, match=r"zebra\.yaml: keywords: balance: stands in another"):
        read_catalogue(tmp_path)


def _copy_to(folder: Path) -> None:
    for source in HERE.rglob("*.yaml"):
        copy = folder / source.relative_to(HERE)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(source.read_text())


def test_a_code_used_twice_is_found(catalogue: Catalogue, texts: Texts) -> None:
    twin = broken(catalogue, "amount from payer to payee", code=1001)
    assert "code 1001: used by 2 types" in lint(twin, texts)


def test_a_receipt_without_a_text_is_found(catalogue: Catalogue, texts: Texts) -> None:
    mute = broken(catalogue, "amount from payer to payee", receipts={"payer": "silence"})
    assert "type send_money: the receipt of payer has no text: silence" in lint(mute, texts)


@pytest.mark.parametrize(
    ("bands", "fault"),
    [
        ([Band(100, 5), Band(100, 6), Band(25_000_000, 9)], "overlaps"),
        ([Band(100_00, 50_00), Band(25_000_000, 9)], "steps down"),
        ([Band(10, 50), Band(25_000_000, 90)], "a fee above the amount"),
        ([Band(100_00, 5)], "ends below what a tier may send"),
    ],
)
def test_a_crooked_tariff_is_found(
    catalogue: Catalogue, texts: Texts, bands: list[Band], fault: str
) -> None:
    book = replace(catalogue.tariff_books[0], tariffs={"p2p": tuple(bands)})
    crooked = replace(catalogue, tariff_books=(book,))
    assert any(fault in found for found in lint(crooked, texts))


@pytest.mark.parametrize(
    ("english", "fault"),
    [
        ("It’s {amount}", "not in the GSM alphabet: ’"),
        ("{amount} {fee}", "other facts than it declares: fee"),
        ("Nothing", "other facts than it declares: amount"),
        ("x" * 160 + "{amount}", "may take 2 parts"),
    ],
)
def test_a_sentence_over_its_budget_is_found(
    catalogue: Catalogue, english: str, fault: str
) -> None:
    sentence = Sentence("odd", {"amount": "money"}, {"en": english, "sw": "{amount}"}, 1)
    texts = Texts({one.template: one for one in (*read_texts(), sentence)})
    assert any(fault in found for found in lint(catalogue, texts))


@pytest.mark.parametrize(
    ("file", "old", "new", "fault"),
    [
        ("house.yaml", "book: emoney", "book: mattress", "Must be one of: emoney, house"),
        ("wallet.yaml", "code: 1101", "code: cash", "Not a valid integer"),
        ("wallet.yaml", "starts: customer", "begins: customer", "Unknown field"),
        ("wallet.yaml", "amount from payer to payee", "pay the payee", "is no sentence"),
        (
            "wallet.yaml",
            "amount from payer to payee",
            '"amount from payer to payee\\n"',
            "no sentence",
        ),
        ("limits.yaml", "fat_finger: 500,000", "fat_finger: lots", "an amount of shillings"),
        ("limits.yaml", "  tiers:", "  fat_finger: 1\n  tiers:", "stands twice"),
        ("keywords.yaml", "keywords:", "keywords: {balance: {words: [X]}}\nmore:", "Unknown field"),
        ("tariffs/2023-07-29.yaml", "[49, 0]", "[49]", "must be [up to, fee]"),
    ],
)
def test_a_file_that_cannot_be_read_names_the_row(
    tmp_path: Path, file: str, old: str, new: str, fault: str
) -> None:
    _copy_to(tmp_path)
    target = tmp_path / file
    text = target.read_text()
    assert old in text
    target.write_text(text.replace(old, new, 1))
    with pytest.raises(ProductsInvalid) as invalid:
        read_catalogue(tmp_path)
    assert any(fault in found for found in invalid.value.faults), invalid.value.faults


def test_what_can_be_reversed_is_a_payment_and_says_who_decides(
    catalogue: Catalogue, texts: Texts
) -> None:
    rules = {"reversal_within_s": {"opening": 1, "sendmoney": 1, "send_money": 1}}
    faults = lint(replace(catalogue, rules={**catalogue.rules, **rules}), texts)
    assert "reversals: opening is no type between a payer and a payee" in faults
    assert "reversals: sendmoney is no type between a payer and a payee" in faults
    assert "reversals: pay_till must say how late, and whether staff may decide" in faults


def test_what_moves_a_billers_money_tells_their_books(catalogue: Catalogue, texts: Texts) -> None:
    silent = replace(catalogue.types["pay_bill"], also=None)
    mute = replace(catalogue, types={**catalogue.types, "pay_bill": silent})
    fault = "type pay_bill: moves what a biller holds, and their books hear nothing of it"
    assert lint(mute, texts) == [fault]


def test_what_staff_start_without_two_approvals_is_found(
    catalogue: Catalogue, texts: Texts
) -> None:
    sale = replace(catalogue.types["sell_float"], approvals=1)
    sent = replace(catalogue.types["send_money"], approvals=2)
    crooked = replace(catalogue, types={**catalogue.types, "sell_float": sale, "send_money": sent})
    assert sorted(lint(crooked, texts)) == [
        "type sell_float: staff start it without 2 approvals",
        "type send_money: has approvals, and no staff start it",
    ]


def test_nothing_of_staff_is_written_with_one_name() -> None:
    with pytest.raises(Unsigned):
        must_be_signed(2, "joyce, Joyce ")
    with pytest.raises(Unsigned):
        must_be_signed(2, None)
    must_be_signed(2, "joyce, peter")
    must_be_signed(0, None)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"agrees": {}}, "type pay_till: not priced by what till agrees as bearer"),
        (
            {"agrees": {"bearer": "choice(house, business, customer, mgao)"}},
            "type pay_till: not priced by what till agrees as bearer",
        ),
        (
            {"terms": {"bearer": "nobody", "settle": "none", "refund_days": "3"}},
            "agreement till: bearer is nobody where nothing is agreed",
        ),
        ({"standing": "baker"}, "agreement till: nobody has the standing baker"),
    ],
)
def test_terms_that_no_price_knows_are_found(
    catalogue: Catalogue, texts: Texts, change: dict[str, Any], fault: str
) -> None:
    till = replace(catalogue.agreements["till"], **change)
    odd = replace(catalogue, agreements={**catalogue.agreements, "till": till})
    assert fault in lint(odd, texts)


def test_menus_that_nobody_shows_are_found(catalogue: Catalogue, texts: Texts) -> None:
    baker = {"en": "Baker’s", "sw": "Mwokaji"}
    odd = replace(catalogue, standings={"baker": baker})
    assert {
        "standing baker: no menu is for it",
        "standing baker: not in the GSM alphabet: ’",
        "standing staff: has no row",
    } <= set(lint(odd, texts))
