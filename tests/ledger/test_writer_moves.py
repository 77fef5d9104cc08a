"""What the writer must do when value moves: legs, floors, undoing, and what is said of it.

Each check is the killer of mutants too (test_mutants).
"""

from functools import partial

import pytest

from tests.ledger.hands import all_well, together
from tests.ledger.town import NOON, Town
from ussd_app.ledger import folding
from ussd_app.ledger.book import (
    AlreadyReversed,
    BadDraft,
    BelowFloor,
    CrossesBooks,
    NotReversible,
    OutboxRow,
    Overflow,
    UnknownAccount,
)


def test_value_moves_from_one_to_the_other(town: Town) -> None:
    town.fund("wallet/asha", 1000)
    asha, baraka = town["wallet/asha"], town["wallet/baraka"]
    written = town.move("wallet/asha", "wallet/baraka", 300)
    assert written.balances == {asha: 700, baraka: 300}
    assert not written.replayed
    assert (town.has("wallet/asha"), town.has("wallet/baraka")) == (700, 300)
    assert town.rows(
        "SELECT account_id, side, amount_minor, shard, version, balance_after, other_id"
        " FROM postings WHERE entry_id = %s ORDER BY side DESC",
        written.entry_id,
    ) == [(asha, "debit", 300, 0, 2, 700, baraka), (baraka, "credit", 300, 0, 1, 300, asha)]
    town.must_be_clean()


def test_a_floor_holds_to_the_cent(town: Town) -> None:
    town.fund("wallet/asha", 1000)
    with pytest.raises(BelowFloor) as refused:
        town.move("wallet/asha", "wallet/baraka", 1001)
    assert refused.value.account_id == town["wallet/asha"]
    town.move("wallet/asha", "wallet/baraka", 1000)
    with pytest.raises(BelowFloor):
        town.move("wallet/asha", "wallet/baraka", 1)
    assert town.has("wallet/asha") == 0


def test_a_floor_of_a_debit_account_holds_too(town: Town) -> None:
    town.fund("capital/house", 500)
    town.move("capital/house", "drawer/house", 200)
    with pytest.raises(BelowFloor):
        town.move("capital/house", "drawer/house", 301)
    assert (town.has("drawer/house"), town.has("capital/house")) == (300, 300)
    town.must_be_clean()


def test_the_common_case_moves_four_legs_in_two_books(town: Town) -> None:
    town.fund("wallet/asha", 2000)
    written = town.book.post(town.sent(500, 7, 1))
    assert written.balances[town["wallet/asha"]] == 1493
    assert written.balances[town["wallet/baraka"]] == 500
    assert town.balances() == dict.fromkeys(town.ids, 0) | {
        "wallet/asha": 1493,
        "wallet/baraka": 500,
        "float/house": 7,
        "trust/house": 2000,
        "evalue/house": 7,
        "income/transfer_fees": 6,
        "tax/excise_duty": 1,
    }
    town.must_be_clean()
    folding.fold(town.engine)
    assert town.has("income/transfer_fees") == 6
    assert town.one("SELECT count(*) FROM tail") == 0
    town.must_be_clean()


def test_an_entry_is_undone_once_with_all_its_legs(town: Town) -> None:
    town.fund("wallet/asha", 1000)
    before = town.balances()
    written = town.book.post(town.sent(500, 7, 1))
    undone = town.book.reverse(town.draft(), written.entry_id)
    assert undone.balances[town["wallet/asha"]] == 1000
    assert town.balances() == before
    with pytest.raises(AlreadyReversed):
        town.book.reverse(town.draft(), written.entry_id)
    with pytest.raises(NotReversible):
        town.book.reverse(town.draft(), undone.entry_id)
    with pytest.raises(NotReversible):
        town.book.reverse(town.draft(), 10**12)
    spent = town.move("wallet/asha", "wallet/baraka", 700)
    town.move("wallet/baraka", "wallet/chege", 100)
    with pytest.raises(BelowFloor):
        town.book.reverse(town.draft(), spent.entry_id)
    town.fund("wallet/baraka", 100)
    town.book.reverse(town.draft(), spent.entry_id)
    town.must_be_clean()


def test_what_makes_no_sense_is_refused(town: Town) -> None:
    town.fund("wallet/asha", 1000)
    before = town.picture()
    with pytest.raises(CrossesBooks):
        town.move("wallet/asha", "income/transfer_fees", 5)
    with pytest.raises(CrossesBooks):
        town.book.post(
            town.draft(
                ("wallet/asha", "wallet/baraka", 5), ("wallet/asha", "income/transfer_fees", 5)
            )
        )
    town.ids["wallet/bitcoin"] = town.open("wallet/b", "emoney", "credit", "locked", 0, "BTC")
    town.ids["wallet/nobody"] = 10**9
    opened = town.picture()
    with pytest.raises(CrossesBooks):
        town.move("wallet/asha", "wallet/bitcoin", 5)
    town.ids["wallet/nobody_hot"] = 10**9 + 1
    town.book._hot.add(10**9 + 1)
    for nobody in ("wallet/nobody", "wallet/nobody_hot"):
        with pytest.raises(UnknownAccount):
            town.move("wallet/asha", nobody, 5)
    for nonsense in (("wallet/asha", "wallet/asha", 5), ("wallet/asha", "wallet/baraka", 0)):
        with pytest.raises(BadDraft):
            town.book.post(town.draft(nonsense))
    with pytest.raises(BadDraft):
        town.book.post(town.draft(("wallet/baraka", "wallet/asha", -5)))
    with pytest.raises(BadDraft):
        town.book.post(town.draft())
    with pytest.raises(Overflow):
        town.move("trust/house", "wallet/asha", 2**63)
    with pytest.raises(Overflow):
        town.move("trust/house", "wallet/asha", 2**63 - 1)
    assert before != opened == town.picture()


def test_those_who_pay_each_other_at_once_do_not_block(town: Town) -> None:
    town.fund("wallet/asha", 1000)
    town.fund("wallet/baraka", 1000)

    def pay(source: str, target: str) -> None:
        for _ in range(15):
            town.move(source, target, 3)

    pairs = [("wallet/asha", "wallet/baraka"), ("wallet/baraka", "wallet/asha")] * 2
    all_well(together(*[partial(pay, *pair) for pair in pairs]))
    assert town.has("wallet/asha") + town.has("wallet/baraka") == 2000
    assert town.one("SELECT count(*) FROM entries") == 62
    town.must_be_clean()


def test_what_is_said_knows_the_balance_after(town: Town) -> None:
    town.fund("wallet/asha", 1000)
    rows = (
        OutboxRow("sms", "+254712000001", "sent", "en", {"q": 'a "b" \\c {}'}, town["wallet/asha"]),
        OutboxRow("sms", "+254722000002", "received", "sw", {"n": 1}, town["wallet/baraka"]),
        OutboxRow("sms", "+254733000003", "till", "sw", {"n": 1}, town["till/duka_la_juma"]),
    )
    draft = town.draft(
        ("wallet/asha", "wallet/baraka", 300), ("wallet/asha", "till/duka_la_juma", 1), outbox=rows
    )
    written = town.book.post(draft)
    town.book.post(draft)
    assert town.rows(
        "SELECT entry_id, kind, address, template, language, facts, balance_of, due_at, state"
        " FROM outbox ORDER BY id"
    ) == [
        (written.entry_id, *row[:4], facts, row.balance_of, NOON, "queued")
        for row, facts in zip(
            rows,
            ({**rows[0].facts, "balance": 699}, {"n": 1, "balance": 300}, {"n": 1}),
            strict=True,
        )
    ]


def test_what_is_said_of_a_reversal_knows_the_balance_after(town: Town) -> None:
    asha, till = town["wallet/asha"], town["till/duka_la_juma"]
    town.fund("wallet/asha", 100)
    paid = town.move("wallet/asha", "till/duka_la_juma", 30)
    rows = (
        OutboxRow("sms", "+254712000001", "reversed", "en", {"n": 1}, asha),
        OutboxRow("sms", "+254733000003", "reversed", "sw", {"n": 1}, till),
        OutboxRow("sms", "+254733000004", "reversed", "sw", {"n": 1}, town["wallet/chege"]),
    )
    town.book.reverse(town.draft(outbox=rows), paid.entry_id)
    assert town.rows("SELECT balance_of, facts FROM outbox ORDER BY id") == [
        (asha, {"n": 1, "balance": 100}),
        (till, {"n": 1}),
        (town["wallet/chege"], {"n": 1}),
    ]
