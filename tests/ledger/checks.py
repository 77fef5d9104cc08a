"""What the writer must do, as short checks on a fresh town.

Each runs as a test of the real writer, and against every mutant of it (test_mutants).
"""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest

from tests.ledger.town import NOON, Town
from ussd_app.ledger import folding
from ussd_app.ledger.book import (
    AboveCeiling,
    AlreadyReversed,
    AnsweredByEntry,
    AnsweredOtherwise,
    BadDraft,
    BelowFloor,
    Ceiling,
    CrossesBooks,
    HoldNotOpen,
    KeyConflict,
    LimitPassed,
    NewHold,
    NotReversible,
    OutboxRow,
    Overflow,
    ReceiptTaken,
    UnknownAccount,
    Usage,
)

Check = Callable[[Town], None]
DAY = date(2026, 11, 21)
CHECKS: list[Check] = []


def check(function: Check) -> Check:
    CHECKS.append(function)
    return function


@check
def value_moves_from_one_to_the_other(town: Town) -> None:
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


@check
def a_floor_holds_to_the_cent(town: Town) -> None:
    town.fund("wallet/asha", 1000)
    with pytest.raises(BelowFloor) as refused:
        town.move("wallet/asha", "wallet/baraka", 1001)
    assert refused.value.account_id == town["wallet/asha"]
    town.move("wallet/asha", "wallet/baraka", 1000)
    with pytest.raises(BelowFloor):
        town.move("wallet/asha", "wallet/baraka", 1)
    assert town.has("wallet/asha") == 0


@check
def a_floor_of_a_debit_account_holds_too(town: Town) -> None:
    town.fund("capital/house", 500)
    town.move("capital/house", "drawer/house", 200)
    with pytest.raises(BelowFloor):
        town.move("capital/house", "drawer/house", 301)
    assert (town.has("drawer/house"), town.has("capital/house")) == (300, 300)
    town.must_be_clean()


@check
def the_common_case_moves_four_legs_in_two_books(town: Town) -> None:
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


@check
def the_same_key_gets_the_first_answer(town: Town) -> None:
    town.fund("wallet/asha", 1000)
    draft = town.sent(500, 7, 1)
    first = town.book.post(draft)
    town.move("wallet/asha", "wallet/baraka", 100)
    again = town.book.post(draft)
    assert again == replace(first, replayed=True, usages={})
    assert town.has("wallet/asha") == 393
    with pytest.raises(KeyConflict):
        town.book.post(replace(draft, request_hash=b"another request"))


@check
def a_quote_is_accepted_once_under_any_key(town: Town) -> None:
    town.fund("wallet/asha", 800)
    first = town.move("wallet/asha", "wallet/baraka", 500, quote="q1")
    again = town.move("wallet/asha", "wallet/baraka", 500, quote="q1")
    assert again == replace(first, replayed=True)
    other = town.draft(("wallet/asha", "wallet/baraka", 500), quote="q1")
    town.book.post(other)
    assert town.book.post(other) == replace(first, replayed=True)
    with pytest.raises(KeyConflict):
        town.book.post(replace(other, request_hash=b"another request", quote=None))
    assert town.has("wallet/asha") == 300


@check
def a_refusal_leaves_nothing_and_its_key_free(town: Town) -> None:
    town.fund("wallet/asha", 100)
    draft = town.draft(
        ("wallet/asha", "float/house", 5),
        ("wallet/asha", "wallet/baraka", 500),
        usages=(Usage("1", "sent", DAY, 500, 1, 1000, 10),),
        outbox=(OutboxRow("sms", "+254712000001", "sent", "en", {}),),
    )
    before = town.picture()
    with pytest.raises(BelowFloor):
        town.book.post(draft)
    assert town.picture() == before
    town.fund("wallet/asha", 1000)
    assert town.book.post(draft).balances[town["wallet/asha"]] == 595


@check
def a_receipt_number_is_given_once(town: Town) -> None:
    town.fund("wallet/asha", 100)
    first = town.move("wallet/asha", "wallet/baraka", 5)
    draft = town.draft(("wallet/asha", "wallet/baraka", 5), receipt=first.receipt)
    with pytest.raises(ReceiptTaken):
        town.book.post(draft)
    town.book.post(draft.with_receipt("another"))
    assert town.has("wallet/baraka") == 10


@check
def a_remembered_outcome_is_the_first_one(town: Town) -> None:
    book = town.book
    outcome: dict[str, object] = {"refused": "wrong_pin", "facts": {"left": 2}}
    assert book.recall("test", "k", b"request!") is None
    assert book.remember("test", "k", b"request!", outcome) == outcome
    assert book.remember("test", "k", b"request!", {"facts": {}}) == outcome
    assert book.recall("test", "k", b"request!") == outcome
    with pytest.raises(KeyConflict):
        book.recall("test", "k", b"another!")
    with pytest.raises(KeyConflict):
        book.remember("test", "k", b"another!", {})
    draft = town.draft(("trust/house", "wallet/asha", 5), key="k")
    with pytest.raises(AnsweredOtherwise) as answered:
        book.post(draft)
    assert answered.value.outcome == outcome
    written = book.post(replace(draft, key="m"))
    with pytest.raises(AnsweredByEntry) as by_entry:
        book.remember("test", "m", b"request!", {})
    assert by_entry.value.entry_id == written.entry_id
    assert book.recall("test", "m", b"request!") is None


@check
def a_ceiling_holds_to_the_cent(town: Town) -> None:
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


@check
def a_limit_holds_by_value_and_by_count(town: Town) -> None:
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


@check
def limits_are_said_before_ceilings_and_ceilings_before_funds(town: Town) -> None:
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


@check
def what_is_said_knows_the_balance_after(town: Town) -> None:
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


@check
def held_value_cannot_be_spent_and_comes_back(town: Town) -> None:
    asha = town["wallet/asha"]
    town.fund("wallet/asha", 1000)
    later = NOON + timedelta(minutes=5)
    with pytest.raises(BelowFloor):
        town.book.hold(town.draft(), NewHold(asha, 1001, later))
    held = town.book.hold(town.draft(), NewHold(asha, 800, later))
    assert (town.has("wallet/asha"), town.can_spend("wallet/asha")) == (1000, 200)
    with pytest.raises(BelowFloor):
        town.move("wallet/asha", "wallet/baraka", 201)
    with pytest.raises(BelowFloor):
        town.book.hold(town.draft(), NewHold(asha, 201, later))
    with pytest.raises(HoldNotOpen):
        town.book.expire(town.draft(), held.entry_id, asha)
    with pytest.raises(HoldNotOpen):
        town.book.settle(town.draft(("wallet/asha", "wallet/baraka", 801)), held.entry_id, asha)
    with pytest.raises(HoldNotOpen):
        town.book.void(town.draft(), held.entry_id, town["wallet/baraka"])
    settled = town.book.settle(
        town.draft(("wallet/asha", "wallet/baraka", 500)), held.entry_id, asha
    )
    assert settled.balances == {asha: 500, town["wallet/baraka"]: 500}
    assert town.can_spend("wallet/asha") == 500
    for end in (town.book.settle, town.book.void, town.book.expire):
        with pytest.raises(HoldNotOpen):
            end(town.draft(happened_at=later), held.entry_id, asha)
    second = town.book.hold(town.draft(), NewHold(asha, 500, later))
    town.book.expire(town.draft(happened_at=later), second.entry_id, asha)
    third = town.book.hold(town.draft(), NewHold(asha, 500, later))
    town.book.void(town.draft(), third.entry_id, asha)
    assert town.can_spend("wallet/asha") == 500
    states = "SELECT state FROM holds ORDER BY id"
    assert [row[0] for row in town.rows(states)] == ["settled", "expired", "voided"]
    town.must_be_clean()


@check
def a_hold_on_a_tallied_account_gathers_its_tail(town: Town) -> None:
    till = town["till/duka_la_juma"]
    town.fund("till/duka_la_juma", 100)
    held = town.book.hold(town.draft(), NewHold(till, 60, NOON))
    assert town.can_spend("till/duka_la_juma") == 40
    with pytest.raises(BelowFloor):
        town.move("till/duka_la_juma", "wallet/asha", 41)
    town.book.settle(town.draft(("till/duka_la_juma", "wallet/asha", 60)), held.entry_id, till)
    assert town.can_spend("till/duka_la_juma") == 40
    town.must_be_clean()


@check
def an_entry_is_undone_once_with_all_its_legs(town: Town) -> None:
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


@check
def a_tallied_account_spends_what_it_has_and_no_more(town: Town) -> None:
    for _ in range(3):
        town.fund("till/duka_la_juma", 100)
    assert town.has("till/duka_la_juma") == 300
    assert town.one("SELECT count(*) FROM tail WHERE account_id = %s", town["till/duka_la_juma"])
    written = town.move("till/duka_la_juma", "wallet/asha", 250)
    assert written.balances == {town["wallet/asha"]: 250}
    with pytest.raises(BelowFloor):
        town.move("till/duka_la_juma", "wallet/asha", 51)
    town.fund("till/duka_la_juma", 1)
    town.move("till/duka_la_juma", "wallet/asha", 51)
    assert (town.has("till/duka_la_juma"), town.has("wallet/asha")) == (0, 301)
    town.must_be_clean()


@check
def a_sharded_account_spends_what_it_has_and_no_more(town: Town) -> None:
    town.fund("float/airtime", 1000)
    folding.level(town.engine)
    assert town.has("float/airtime") == 1000
    for _ in range(3):
        town.move("float/airtime", "wallet/asha", 10)
    town.move("float/airtime", "wallet/asha", 900)
    with pytest.raises(BelowFloor):
        town.move("float/airtime", "wallet/asha", 71)
    town.move("float/airtime", "wallet/asha", 70)
    assert (town.has("float/airtime"), town.has("wallet/asha")) == (0, 1000)
    town.must_be_clean()


@check
def a_mode_changes_and_no_cent_is_lost(town: Town) -> None:
    asha = town["wallet/asha"]
    for mode in ("tallied", "sharded", "locked", "sharded", "tallied", "locked"):
        town.fund("wallet/asha", 100)
        town.book.set_mode(asha, mode)
        town.fund("wallet/asha", 11)
        town.move("wallet/asha", "wallet/baraka", 50)
    assert (town.has("wallet/asha"), town.has("wallet/baraka")) == (6 * 61, 300)
    with pytest.raises(BelowFloor):
        town.move("wallet/asha", "wallet/baraka", 6 * 61 + 1)
    town.move("wallet/asha", "wallet/baraka", 6 * 61)
    town.must_be_clean()


@check
def what_makes_no_sense_is_refused(town: Town) -> None:
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


@check
def those_who_pay_each_other_at_once_do_not_block(town: Town) -> None:
    town.fund("wallet/asha", 1000)
    town.fund("wallet/baraka", 1000)
    failures: list[BaseException] = []

    def pay(source: str, target: str) -> None:
        try:
            for _ in range(15):
                town.move(source, target, 3)
        except BaseException as failure:
            failures.append(failure)

    pairs = [("wallet/asha", "wallet/baraka"), ("wallet/baraka", "wallet/asha")] * 2
    threads = [threading.Thread(target=pay, args=pair) for pair in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert town.has("wallet/asha") + town.has("wallet/baraka") == 2000
    assert town.one("SELECT count(*) FROM entries") == 62
    town.must_be_clean()


@check
def a_replay_tells_what_was_told_first(town: Town) -> None:
    asha, till = town["wallet/asha"], town["till/duka_la_juma"]
    town.fund("wallet/asha", 1000)
    town.fund("till/duka_la_juma", 50)
    paid = town.draft(("wallet/asha", "till/duka_la_juma", 10))
    given = town.draft(("till/duka_la_juma", "wallet/asha", 5), quote="q1")
    held = replace(town.draft(), hold=NewHold(asha, 100, NOON))
    gone = replace(town.draft(), hold=NewHold(till, 5, NOON))
    told: list[dict[int, int]] = [{asha: 990}, {asha: 995}, {asha: 995}, {}]
    firsts = [town.book.post(draft) for draft in (paid, given, held, gone)]
    assert [first.balances for first in firsts] == told
    for first in firsts[:2]:
        town.book.reverse(town.draft(), first.entry_id)
    for mode in ("tallied", "sharded", "locked"):
        town.book.set_mode(asha, mode)
        town.book.set_mode(till, mode)
        town.fund("wallet/asha", 7)
        for first, draft in zip(firsts, (paid, given, held, gone), strict=True):
            assert town.book.post(draft) == replace(first, replayed=True)
        twin = replace(given, key=f"twin {mode}", receipt=f"twin {mode}")
        assert town.book.post(twin) == replace(firsts[1], replayed=True)
    town.must_be_clean()


@check
def what_is_known_of_modes_is_corrected_before_a_lock_is_taken(town: Town) -> None:
    asha, till = town["wallet/asha"], town["till/duka_la_juma"]
    town.fund("wallet/asha", 100)
    town.book._hot.clear()
    town.move("wallet/asha", "till/duka_la_juma", 10)
    assert town.book._hot == {till}
    town.book._hot.add(asha)
    written = town.move("wallet/asha", "till/duka_la_juma", 10)
    assert (town.book._hot, written.balances) == ({till}, {asha: 80})
    town.book._hot.add(asha)
    held = town.book.hold(town.draft(), NewHold(asha, 5, NOON))
    assert (town.book._hot, held.balances) == ({till}, {asha: 80})
    town.book._hot.clear()
    town.book.hold(town.draft(), NewHold(till, 5, NOON))
    assert town.book._hot == {till}


@check
def a_sharded_account_is_debited_beside_an_appended_credit(town: Town) -> None:
    town.fund("float/airtime", 100)
    town.move("float/airtime", "till/duka_la_juma", 40)
    assert (town.has("float/airtime"), town.has("till/duka_la_juma")) == (60, 40)
    town.must_be_clean()


@check
def ceilings_of_hot_accounts_are_said_before_funds_and_counted_once(town: Town) -> None:
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


@check
def a_ceiling_holds_where_a_hold_is_settled(town: Town) -> None:
    asha, baraka = town["wallet/asha"], town["wallet/baraka"]
    town.fund("wallet/asha", 100)
    held = town.book.hold(town.draft(), NewHold(asha, 60, NOON))
    capture = town.draft(
        ("wallet/asha", "wallet/baraka", 60),
        ceilings=(Ceiling(baraka, 59),),
    )
    with pytest.raises(AboveCeiling):
        town.book.settle(capture, held.entry_id, asha)
    town.book.settle(replace(capture, ceilings=(Ceiling(baraka, 60),)), held.entry_id, asha)
    town.must_be_clean()


@check
def what_is_said_of_a_reversal_knows_the_balance_after(town: Town) -> None:
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
