"""Proof 4: one key, one effect, and the same answer for everybody, however many ask at once."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from tests.ledger.hands import all_well, failures, successes, together
from tests.ledger.town import NOON, Town, wide_engine
from ussd_app.ledger.book import (
    AnsweredByEntry,
    AnsweredOtherwise,
    BelowFloor,
    Book,
    KeyConflict,
    NewHold,
    OutboxRow,
    Usage,
)

STORM = 50


def test_fifty_ask_with_one_key(town: Town) -> None:
    town.fund("wallet/asha", 2_000)
    draft = town.sent(
        500,
        7,
        1,
        usages=(Usage("1", "sent", NOON.date(), 500, 1, 1_000, 10),),
        outbox=(OutboxRow("sms", "+254712000001", "sent", "en", {}, town["wallet/asha"]),),
    )
    answers = all_well(together(*[partial(town.book.post, draft)] * STORM))
    assert sorted(answer.replayed for answer in answers) == [False] + [True] * (STORM - 1)
    assert len({(a.entry_id, a.receipt, *sorted(a.balances.items())) for a in answers}) == 1
    assert (town.has("wallet/asha"), town.has("wallet/baraka")) == (1_493, 500)
    assert town.book.usage("1", "sent", NOON.date()) == (500, 1)
    assert town.one("SELECT count(*) FROM outbox") == 1
    town.must_be_clean()


def test_two_requests_under_one_key(town: Town) -> None:
    """Whoever comes first is answered; all who ask for something else are told."""
    town.fund("wallet/asha", 1_000)
    one = town.draft(("wallet/asha", "wallet/baraka", 100))
    other = replace(
        town.draft(("wallet/asha", "wallet/chege", 300)), key=one.key, request_hash=b"another!"
    )
    results = together(*[partial(town.book.post, draft) for draft in (one, other) * (STORM // 2)])
    assert [type(lost) for lost in failures(results)] == [KeyConflict] * (STORM // 2)
    assert len({answer.entry_id for answer in successes(results)}) == 1
    assert town.has("wallet/asha") in (900, 700)
    town.must_be_clean()


def test_one_quote_under_fifty_keys(town: Town) -> None:
    """The purse bears one: a twin who finds it empty is given the answer, not a refusal."""
    town.fund("wallet/asha", 100)
    drafts = [
        town.draft(("wallet/asha", "wallet/baraka", 100), quote="q1", receipt=f"R{number}")
        for number in range(STORM)
    ]
    answers = all_well(together(*[partial(town.book.post, draft) for draft in drafts]))
    assert len({(answer.entry_id, answer.receipt) for answer in answers}) == 1
    assert town.has("wallet/baraka") == 100
    town.must_be_clean()


def test_an_entry_against_a_remembered_refusal(town: Town) -> None:
    town.fund("wallet/asha", 1_000)
    for _ in range(8):
        draft = town.draft(("wallet/asha", "wallet/baraka", 10))
        named = (draft.scope, draft.key, draft.request_hash)
        wrote, kept = together(
            partial(town.book.post, draft),
            partial(town.book.remember, *named, {"refused": "wrong_pin"}),
        )
        assert isinstance(wrote, AnsweredOtherwise) != isinstance(kept, AnsweredByEntry)
    town.must_be_clean()


def test_a_refused_key_may_be_asked_again(town: Town) -> None:
    draft = town.draft(("wallet/asha", "wallet/baraka", 100))
    refused = together(*[partial(town.book.post, draft)] * 10)
    assert {type(failure) for failure in failures(refused)} == {BelowFloor}
    town.fund("wallet/asha", 100)
    assert not town.book.post(draft).replayed


def test_keys_outlive_connections_and_time(town: Town, database_url: str) -> None:
    town.fund("wallet/asha", 1_000)
    draft = town.draft(("wallet/asha", "wallet/baraka", 100))
    first = town.book.post(draft)
    town.engine.dispose()
    elsewhere = wide_engine(database_url)
    later = replace(draft, happened_at=NOON + timedelta(days=4_000), receipt="another")
    assert Book(elsewhere).post(later) == replace(first, replayed=True)
    elsewhere.dispose()
    assert town.has("wallet/baraka") == 100


@pytest.mark.parametrize("ending", ["settle", "void"])
def test_holds_and_their_ends_happen_once(town: Town, ending: str) -> None:
    town.fund("wallet/asha", 100)
    asha, draft = town["wallet/asha"], town.draft()
    holding = partial(town.book.hold, draft, NewHold(asha, 60, NOON))
    held = {answer.entry_id for answer in all_well(together(*[holding] * 20))}
    assert len(held) == 1
    legs = [("wallet/asha", "wallet/baraka", 60)] if ending == "settle" else []
    end = partial(getattr(town.book, ending), town.draft(*legs), held.pop(), asha)
    assert len({answer.entry_id for answer in all_well(together(*[end] * 20))}) == 1
    assert town.can_spend("wallet/asha") == (40 if legs else 100)
    town.must_be_clean()


def test_a_reversal_happens_once_under_one_key(town: Town) -> None:
    town.fund("wallet/asha", 100)
    sent = town.move("wallet/asha", "wallet/baraka", 100).entry_id
    undo = partial(town.book.reverse, town.draft(), sent)
    assert len({answer.entry_id for answer in all_well(together(*[undo] * 20))}) == 1
    assert town.has("wallet/asha") == 100
    town.must_be_clean()
