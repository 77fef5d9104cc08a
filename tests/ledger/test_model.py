"""Proof 1: the book does what a page of Python says, whatever the order of commands.

After each step balances, holds and limits equal the model's, a refusal has changed nothing and a
repeat got its first answer; at the end of each life the audit is clean.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.ledger.page import Legs, Page, Refusal
from tests.ledger.town import CHART, NOON, Town, wiped
from ussd_app.ledger import folding, seals
from ussd_app.ledger.book import Ceiling, Draft, KeyConflict, LedgerRefusal, NewHold, Usage, Written
from ussd_app.ledger.drafts import Mode

DAY = date(2026, 11, 21)
PEOPLE = [name for name in CHART if name.startswith(("wallet", "till", "float/airtime"))]
EMONEY = [name for name, nature in CHART.items() if nature[0] == "emoney" and name != "float/house"]
amounts = st.integers(1, 60) | st.sampled_from([1, 100, 1000])
people = st.sampled_from(PEOPLE)
modes: st.SearchStrategy[Mode] = st.sampled_from(["locked", "tallied", "sharded"])


class Life(RuleBasedStateMachine):
    """A random life of the town, beside the page that says what it should be."""

    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.town: Town = wiped(self.url, reload=False)
        self.page = Page()
        self.known: list[tuple[Draft, Written]] = []

    def _try(
        self, draft: Draft, post: Callable[[Draft], Written], expect: Callable[[int], Refusal]
    ) -> None:
        """Run a command on both; they must agree. The model needs the entry's number."""
        before = self.town.picture()
        written, refused = None, None
        try:
            written = post(draft)
        except LedgerRefusal as refusal:
            refused = type(refusal)
        assert refused is expect(written.entry_id if written else 0)
        if written:
            self.known.append((draft, written))
        else:
            assert self.town.picture() == before, "a refusal changed something"

    def _move(self, *legs: tuple[str, str, int]) -> None:
        draft = self.town.draft(*legs)
        self._try(draft, self.town.book.post, lambda entry: self.page.post(entry, legs))

    @rule(pair=st.permutations(EMONEY), amount=amounts)
    def move(self, pair: list[str], amount: int) -> None:
        self._move((pair[0], pair[1], amount))

    @rule(name=people, amount=amounts)
    def fund(self, name: str, amount: int) -> None:
        self._move(("trust/house", name, amount))

    @rule(amount=amounts, fee=st.integers(1, 9), most=st.integers(0, 2000))
    def send(self, amount: int, fee: int, most: int) -> None:
        legs: Legs = (
            ("wallet/asha", "wallet/baraka", amount),
            ("wallet/asha", "float/house", fee),
            ("evalue/house", "income/transfer_fees", fee),
            ("income/transfer_fees", "tax/excise_duty", 1),
        )
        draft = self.town.draft(
            *legs,
            usages=(Usage("1", "sent", DAY, amount, 1, 1500, 12),),
            ceilings=(Ceiling(self.town["wallet/baraka"], most),),
        )
        self._try(
            draft,
            self.town.book.post,
            lambda entry: self.page.post(
                entry, legs, limit=(amount, 1500, 12), ceiling=("wallet/baraka", most)
            ),
        )

    @rule(name=people, amount=amounts)
    def hold(self, name: str, amount: int) -> None:
        hold = NewHold(self.town[name], amount, NOON + timedelta(hours=1))
        self._try(
            self.town.draft(),
            lambda draft: self.town.book.hold(draft, hold),
            lambda entry: self.page.hold(entry, name, amount),
        )

    @precondition(lambda self: self.page.holds)
    @rule(data=st.data(), how=st.sampled_from(["settle", "void", "expire"]), amount=amounts)
    def end(self, data: st.DataObject, how: str, amount: int) -> None:
        hold = data.draw(st.sampled_from(sorted(self.page.holds)))
        name, _ = self.page.holds[hold]
        target = "wallet/chege" if name != "wallet/chege" else "wallet/asha"
        legs: Legs = ((name, target, amount),) if how == "settle" else ()
        self._try(
            self.town.draft(*legs, happened_at=NOON + timedelta(hours=1)),
            lambda draft: getattr(self.town.book, how)(draft, hold, self.town[name]),
            lambda entry: self.page.end(entry, hold, legs),
        )

    @precondition(lambda self: self.page.entries)
    @rule(data=st.data())
    def reverse(self, data: st.DataObject) -> None:
        entry = data.draw(st.sampled_from(sorted(self.page.entries)))
        self._try(
            self.town.draft(),
            lambda draft: self.town.book.reverse(draft, entry),
            lambda _: self.page.reverse(entry),
        )

    @precondition(lambda self: self.known)
    @rule(data=st.data(), other=st.booleans())
    def repeat(self, data: st.DataObject, other: bool) -> None:
        draft, first = data.draw(st.sampled_from(self.known))
        before = self.town.picture()
        if other:
            with pytest.raises(KeyConflict):
                self.town.book.post(replace(draft, request_hash=b"another request"))
        else:
            again = self.town.book.post(draft)
            assert (again.entry_id, again.replayed) == (first.entry_id, True)
        assert self.town.picture() == before

    @rule(name=people, mode=modes)
    def change_mode(self, name: str, mode: Mode) -> None:
        self.town.book.set_mode(self.town[name], mode)

    @rule(what=st.sampled_from([folding.fold, folding.level, seals.seal]))
    def tidy(self, what: Callable[[object], object]) -> None:
        what(self.town.engine)

    @invariant()
    def both_agree(self) -> None:
        found = self.town.book.balances(list(self.town.ids.values()))
        assert {name: found[id_].total for name, id_ in self.town.ids.items()} == self.page.total
        free = {name: self.page.total[name] - self.page.held[name] for name in CHART}
        assert {name: found[id_].available for name, id_ in self.town.ids.items()} == free
        assert self.town.book.usage("1", "sent", DAY) == (self.page.used, self.page.times)

    def teardown(self) -> None:
        self.town.must_be_clean()
        self.town.engine.dispose()


def live(url: str, lives: int, steps: int) -> None:
    machine = type("LifeHere", (Life,), {"url": url})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=lives,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_book_does_what_the_page_says(scratch: str) -> None:
    live(scratch, lives=20, steps=30)


@pytest.mark.soak
def test_the_book_does_what_the_page_says_for_long(scratch: str) -> None:
    live(scratch, lives=300, steps=60)


def test_the_model_itself_is_no_yes_man() -> None:
    page = Page()
    assert page.post(1, (("wallet/asha", "wallet/baraka", 1),)) is not None
    assert page.post(1, (("trust/house", "wallet/asha", 1),)) is None
