"""Many entries in one commit are what the same entries one by one would be, or nothing at all."""

import random
import threading
from dataclasses import replace

import pytest

from tests.ledger.town import Town
from ussd_app.ledger.book import (
    BadDraft,
    BelowFloor,
    Ceiling,
    CrossesBooks,
    KeyConflict,
    UnknownAccount,
)

PEOPLE = ("wallet/asha", "wallet/baraka", "wallet/chege")


def test_a_batch_is_what_its_entries_are_one_by_one(town: Town) -> None:
    chance = random.Random(7)
    for name in PEOPLE:
        town.fund(name, 5000)
    before = town.balances()
    drafts = []
    for _ in range(40):
        payer, payee = chance.sample(PEOPLE, 2)
        legs = [(payer, payee, chance.randint(1, 60)), (payer, "float/house", 2)]
        legs.append(("evalue/house", "income/transfer_fees", 2))
        drafts.append(town.draft(*legs[: chance.choice((1, 3))]))
    entries = town.book.post_many(drafts)
    assert entries == sorted(entries)
    town.must_be_clean()
    after = town.balances()
    assert town.book.post_many(drafts) == entries
    assert town.balances() == after
    for entry in reversed(entries):
        town.book.reverse(town.draft(), entry)
    assert town.balances() == before
    for draft in drafts:
        town.book.post(replace(draft, key=draft.key + "again", receipt=draft.receipt + "again"))
    assert town.balances() == after
    town.must_be_clean()


def test_a_floor_holds_after_every_entry_of_a_batch(town: Town) -> None:
    town.fund("wallet/asha", 100)
    there, back = ("wallet/asha", "wallet/baraka", 100), ("wallet/baraka", "wallet/asha", 100)
    town.book.post_many([town.draft(there), town.draft(back), town.draft(there)])
    before = town.picture()
    with pytest.raises(BelowFloor) as refused:
        town.book.post_many([town.draft(there), town.draft(back)])
    assert refused.value.account_id == town["wallet/asha"]
    assert town.picture() == before
    drafts = [town.draft(back), town.draft(there)]
    entries = town.book.post_many(drafts)
    town.move("wallet/baraka", "wallet/chege", 100)
    assert town.book.post_many(drafts) == entries, "a replay needs no funds"
    town.must_be_clean()


def test_a_batch_takes_only_what_is_plain(town: Town) -> None:
    town.fund("wallet/asha", 100)
    fair = town.draft(("wallet/asha", "wallet/baraka", 1))
    town.ids["wallet/nobody"] = 10**9
    before = town.picture()
    for leg, refusal in (
        (("wallet/asha", "income/transfer_fees", 1), CrossesBooks),
        (("wallet/asha", "wallet/nobody", 1), UnknownAccount),
        (("wallet/asha", "wallet/asha", 1), BadDraft),
        (("wallet/asha", "wallet/baraka", -1), BadDraft),
        (("float/airtime", "wallet/baraka", 1), BadDraft),
        (("till/duka_la_juma", "wallet/baraka", 1), BadDraft),
    ):
        with pytest.raises(refusal):
            town.book.post_many([fair, town.draft(leg)])
    for other in (
        town.draft(),
        replace(fair, key="k", ceilings=(Ceiling(1, 1),)),
        replace(fair, key="k", quote="q"),
        replace(fair, key="k", code=7),
    ):
        with pytest.raises(BadDraft):
            town.book.post_many([fair, other])
    assert town.picture() == before
    assert town.book.post_many([]) == []
    (entry,) = town.book.post_many([fair])
    with pytest.raises(KeyConflict):
        town.book.post_many([fair, town.draft(("wallet/asha", "wallet/baraka", 1))])
    with pytest.raises(KeyConflict):
        town.book.post_many([replace(fair, request_hash=b"another request")])
    assert town.book.post(fair).entry_id == entry


def test_batches_and_single_payments_at_once_do_not_block(town: Town) -> None:
    for name in PEOPLE:
        town.fund(name, 10_000)
    failures: list[BaseException] = []

    def work(seed: int) -> None:
        chance = random.Random(seed)
        try:
            for _ in range(6):
                pairs = [chance.sample(PEOPLE, 2) for _ in range(12)]
                drafts = [town.draft((payer, payee, 3)) for payer, payee in pairs]
                if seed % 2:
                    town.book.post_many(drafts)
                else:
                    for draft in drafts:
                        town.book.post(draft)
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert sum(map(town.has, PEOPLE)) == 30_000
    town.must_be_clean()
