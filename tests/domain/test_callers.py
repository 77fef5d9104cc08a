"""Whose menu a caller sees: who they are, in what they act, and whether they may."""

import pytest

from tests.domain.trade import JUMA, NJERI, TRADERS, WAKUU, change, operate, put
from tests.people import ASHA, BARAKA, CAST
from ussd_app.bootstrap import App
from ussd_app.domain.seeds import Planted, Seed, plant
from ussd_app.kernel.errors import RefusalCode, Refused

BUSY = Seed(
    *("+254766000006", "Busy Wanjiru", "en", "6677", "22000006", 0),
    (Planted("agency", "41009", "Busy Agent"), Planted("till", "520009", "Busy Shop")),
    staff="busy",
)


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


def menus(app: App, seed: Seed, **args: str) -> list[object]:
    rows = app.bank.serve("caller", seed.msisdn, args)["menus"]
    assert isinstance(rows, list)
    return [row["key"] for row in rows]


def test_who_has_several_trades_chooses_among_all_their_menus(app: App) -> None:
    operate(app, "520001", NJERI)
    plant(app.bank.desk, [BUSY])
    assert [standing(app, seed) for seed in (NJERI, BUSY, WAKUU)] == ["several", "several", "agent"]
    assert menus(app, NJERI) == ["agent", "merchant", "customer"]
    assert menus(app, BUSY) == ["agent", "merchant", "staff", "customer"]
    assert menus(app, WAKUU) == []
    put(app, "520001", "suspended")
    assert standing(app, NJERI) == "agent"


@pytest.mark.parametrize("menu", ["agent", "merchant", "staff", "customer"])
def test_who_has_several_sees_the_one_that_they_choose(app: App, menu: str) -> None:
    plant(app.bank.desk, [BUSY])
    facts = app.bank.serve("caller", BUSY.msisdn, {"question": "later", "menu": menu})
    assert facts["standing"] == menu


def test_nobody_chooses_a_menu_that_is_not_theirs(app: App) -> None:
    for menu, seed, own in (("staff", WAKUU, "agent"), ("agent", ASHA, "customer")):
        facts = app.bank.serve("caller", seed.msisdn, {"question": "later", "menu": menu})
        assert facts["standing"] == own


def test_each_menu_is_named_in_the_callers_language(app: App) -> None:
    operate(app, "520001", NJERI)
    assert app.bank.serve("caller", NJERI.msisdn, {})["menus"] == [
        {"key": "agent", "label": "Menyu ya wakala"},
        {"key": "merchant", "label": "Menyu ya biashara"},
        {"key": "customer", "label": "Mkoba wangu"},
    ]


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
