"""What the writer must do with keys, quotes and receipts: one answer to each, always the same.

Each check is the killer of mutants too (test_mutants).
"""

from dataclasses import replace
from datetime import date

import pytest

from tests.ledger.town import NOON, Town
from ussd_app.ledger.book import (
    AnsweredByEntry,
    AnsweredOtherwise,
    BelowFloor,
    KeyConflict,
    NewHold,
    OutboxRow,
    ReceiptTaken,
    Usage,
)

DAY = date(2026, 11, 21)


def test_the_same_key_gets_the_first_answer(town: Town) -> None:
    town.fund("wallet/asha", 1000)
    draft = town.sent(500, 7, 1)
    first = town.book.post(draft)
    town.move("wallet/asha", "wallet/baraka", 100)
    again = town.book.post(draft)
    assert again == replace(first, replayed=True, usages={})
    assert town.has("wallet/asha") == 393
    with pytest.raises(KeyConflict):
        town.book.post(replace(draft, request_hash=b"another request"))


def test_a_quote_is_accepted_once_under_any_key(town: Town) -> None:
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


def test_a_refusal_leaves_nothing_and_its_key_free(town: Town) -> None:
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


def test_a_receipt_number_is_given_once(town: Town) -> None:
    town.fund("wallet/asha", 100)
    first = town.move("wallet/asha", "wallet/baraka", 5)
    draft = town.draft(("wallet/asha", "wallet/baraka", 5), receipt=first.receipt)
    with pytest.raises(ReceiptTaken):
        town.book.post(draft)
    town.book.post(draft.with_receipt("another"))
    assert town.has("wallet/baraka") == 10


def test_a_remembered_outcome_is_the_first_one(town: Town) -> None:
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


def test_a_replay_tells_what_was_told_first(town: Town) -> None:
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
