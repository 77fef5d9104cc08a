"""Whose menu a caller sees: who they are, in what they act, and whether they may."""

import pytest

from tests.domain.trade import JUMA, NJERI, TRADERS, WAKUU, change, operate, put
from tests.people import ASHA, BARAKA, CAST
from ussd_app.bootstrap import App
from ussd_app.domain.callers import STANDINGS
from ussd_app.domain.seeds import Seed, plant
from ussd_app.kernel.errors import RefusalCode, Refused


@pytest.fixture(autouse=True)
def _cast(app: App) -> None:
    plant(app.bank.desk, CAST + TRADERS)


def standing(app: App, seed: Seed) -> object:
    return app.bank.serve("caller", seed.msisdn, {})["standing"]


@pytest.mark.parametrize(
    ("seed", "expected"),
    [(ASHA, "customer"), (WAKUU, "agent"), (NJERI, "agent"), (JUMA, "merchant")],
    ids=lambda value: getattr(value, "name", value),
)
def test_an_agreement_gives_its_owner_a_menu(app: App, seed: Seed, expected: str) -> None:
    assert standing(app, seed) == expected


def test_who_operates_a_till_sees_its_menu_until_it_is_suspended(app: App) -> None:
    operate(app, "520001", BARAKA)
    assert standing(app, BARAKA) == "merchant"
    put(app, "520001", "suspended")
    assert [standing(app, seed) for seed in (BARAKA, JUMA)] == ["customer", "customer"]
    put(app, "520001", "active")
    change(app, "DELETE FROM operators")
    assert [standing(app, seed) for seed in (BARAKA, JUMA)] == ["customer", "merchant"]


def test_who_is_both_has_the_first_standing_in_order(app: App) -> None:
    operate(app, "520001", NJERI)
    operate(app, "41001", JUMA)
    assert STANDINGS.index("agent") < STANDINGS.index("merchant")
    assert [standing(app, seed) for seed in (NJERI, JUMA)] == ["agent", "agent"]


def test_who_is_frozen_is_nothing_else(app: App) -> None:
    with app.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE parties SET status = 'frozen'")
    assert [standing(app, seed) for seed in (ASHA, NJERI, JUMA)] == ["frozen"] * 3


def test_a_stranger_has_no_standing(app: App) -> None:
    with pytest.raises(Refused) as refusal:
        app.bank.serve("caller", "+254799999999", {})
    assert refusal.value.code is RefusalCode.NOT_REGISTERED


def test_a_name_is_shown_by_two_words_and_in_their_language(app: App) -> None:
    facts = app.bank.serve("caller", BARAKA.msisdn, {})
    assert (facts["language"], facts["name"]) == ("sw", "BARAKA OTIENO")
