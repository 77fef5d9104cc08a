"""What the writer must do at limits and ceilings: to the cent, and in their order.

Each check is the killer of mutants too (test_mutants).
"""

from dataclasses import replace
from datetime import date

import pytest

from tests.ledger.town import Town
from ussd_app.ledger.book import (
    AboveCeiling,
    BelowFloor,
    Ceiling,
    LimitPassed,
    Usage,
)

DAY = date(2026, 11, 21)


def test_a_ceiling_holds_to_the_cent(town: Town) -> None:
    town.fund("wallet/asha", 1000)
    top = (Ceiling(town["wallet/baraka"], 600),)
    town.move("wallet/asha", "wallet/baraka", 600, ceilings=top)
    with pytest.raises(AboveCeiling) as refused:
        town.move("wallet/asha", "wallet/baraka", 1, ceilings=top)
    assert refused.value.account_id == town["wallet/baraka"]
    town.move("wallet/baraka", "wallet/asha", 100, ceilings=top)
    till = (Ceiling(town["till/duka_la_juma"], 50),)
    town.move("wallet/asha", "till/duka_la_juma", 50, ceilings=till)
    with pytest.raises(AboveCeiling):
        town.move("wallet/asha", "till/duka_la_juma", 1, ceilings=till)


def test_a_limit_holds_by_value_and_by_count(town: Town) -> None:
    town.fund("wallet/asha", 1000)

    def use(amount: int, most: int | None, times: int | None) -> None:
        usage = Usage("1", "sent", DAY, amount, 1, most, times)
        written = town.move("wallet/asha", "wallet/baraka", 1, usages=(usage,))
        assert written.usages == {("1", "sent"): town.book.usage("1", "sent", DAY)}

    with pytest.raises(LimitPassed) as refused:
        use(101, 100, None)
    assert (refused.value.by, refused.value.used) == ("value", 0)
    use(60, 100, 3)
    use(40, 100, 3)
    with pytest.raises(LimitPassed) as refused:
        use(1, 100, None)
    assert (refused.value.counter, refused.value.by, refused.value.used) == ("sent", "value", 100)
    use(1, None, 3)
    with pytest.raises(LimitPassed) as refused:
        use(1, None, 3)
    assert (refused.value.by, refused.value.used) == ("count", 3)
    with pytest.raises(LimitPassed):
        town.move(
            "wallet/asha", "wallet/baraka", 1, usages=(Usage("2", "sent", DAY, 1, 1, None, 0),)
        )
    back = Usage("1", "sent", DAY, -1000, -1, None, None)
    assert town.move("wallet/asha", "wallet/baraka", 1, usages=(back,)).usages == {
        ("1", "sent"): (0, 2)
    }


def test_limits_are_said_before_ceilings_and_ceilings_before_funds(town: Town) -> None:
    town.fund("wallet/chege", 10)
    over = {
        "usages": (Usage("1", "sent", DAY, 500, 1, 100, 10),),
        "ceilings": (Ceiling(town["wallet/chege"], 20), Ceiling(town["wallet/baraka"], 20)),
    }
    for payer, payee in (("wallet/asha", "wallet/baraka"), ("wallet/chege", "wallet/asha")):
        with pytest.raises(LimitPassed):
            town.move(payer, payee, 500, **over)
    del over["usages"]
    with pytest.raises(AboveCeiling):
        town.move("wallet/asha", "wallet/baraka", 500, **over)
    town.fund("wallet/asha", 600)
    with pytest.raises(LimitPassed):
        town.move(
            "wallet/asha",
            "wallet/baraka",
            500,
            ceilings=over["ceilings"],
            usages=(Usage("1", "sent", DAY, 500, 1, 100, 10),),
        )


def test_ceilings_of_hot_accounts_are_said_before_funds_and_counted_once(town: Town) -> None:
    till, airtime = town["till/duka_la_juma"], town["float/airtime"]
    ceilings = (Ceiling(airtime, 100), Ceiling(till, 50))
    both = town.draft(
        ("trust/house", "float/airtime", 100), ("trust/house", "till/duka_la_juma", 50)
    )
    town.book.post(replace(both, ceilings=ceilings))
    for payer, payee in (
        ("till/duka_la_juma", "float/airtime"),
        ("float/airtime", "till/duka_la_juma"),
        ("wallet/asha", "till/duka_la_juma"),
    ):
        with pytest.raises(AboveCeiling):
            town.move(payer, payee, 500, ceilings=ceilings)
        with pytest.raises(BelowFloor):
            town.move(payer, payee, 500)
    town.must_be_clean()
