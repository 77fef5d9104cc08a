"""The book: the only way in which value is written down, and the reads that a writer needs.

One draft is one call of the database's writer: one round trip, one commit. Knows neither what a
draft is for nor who asks. Every public name of the ledger's writing side can be had from here.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Engine

from ussd_app.ledger.asking import Asking
from ussd_app.ledger.drafts import (
    Balance,
    Ceiling,
    Draft,
    EndOfHold,
    Leg,
    Mode,
    NewHold,
    OutboxRow,
    Side,
    Usage,
    Written,
)
from ussd_app.ledger.refusals import (
    AboveCeiling,
    AlreadyReversed,
    AnsweredByEntry,
    AnsweredOtherwise,
    AnswerStored,
    AskAgain,
    BadDraft,
    BelowFloor,
    CrossesBooks,
    HoldNotOpen,
    KeyConflict,
    LedgerRefusal,
    LimitPassed,
    NotReversible,
    Overflow,
    ReceiptTaken,
    UnknownAccount,
)
from ussd_app.ledger.wire import (
    POST_MANY,
    STORED,
    arguments,
    batch_arguments,
    places,
    told,
    written,
)

__all__ = [
    "AboveCeiling",
    "AlreadyReversed",
    "AnsweredByEntry",
    "AnsweredOtherwise",
    "BadDraft",
    "Balance",
    "BelowFloor",
    "Book",
    "Ceiling",
    "CrossesBooks",
    "Draft",
    "EndOfHold",
    "HoldNotOpen",
    "KeyConflict",
    "LedgerRefusal",
    "Leg",
    "LimitPassed",
    "NewHold",
    "NotReversible",
    "OutboxRow",
    "Overflow",
    "ReceiptTaken",
    "UnknownAccount",
    "Usage",
    "Written",
]

MOST_HOT = 100_000
"""Of so many accounts it is remembered that they are tallied or sharded; then it is learnt anew."""


class Book:
    """The ledger behind one engine. Safe to share between threads."""

    def __init__(self, engine: Engine, commits: Engine | None = None) -> None:
        """`commits` is an engine on the same database whose connections commit by themselves."""
        self._asking = Asking(engine, commits or engine)
        self._hot: set[int] = set()

    # --- writing

    def post(self, draft: Draft) -> Written:
        """Write one entry, or give again what its key or quote was answered with.

        Raises a `LedgerRefusal` (nothing was written), or `Unavailable`: with `unknown` set the
        entry may have been written, and the same key will tell.
        """
        return self._asking.again(lambda: self._post(draft))

    def _post(self, draft: Draft) -> Written:
        order = places(draft, self._hot)
        given = arguments(draft, order)
        try:
            return written(draft, order, self._asking.write(given))
        except AskAgain as again:
            self._learn(order.accounts, again)
            raise
        except (AnswerStored, LedgerRefusal) as refusal:
            # whatever it is refused for may be its twin's doing
            stored = self.answered(draft.scope, draft.key, draft.request_hash, draft.quote)
            if stored is not None:
                return stored
            if isinstance(refusal, AnswerStored):
                raise AskAgain from None
            raise

    def _learn(self, accounts: Iterable[int], again: AskAgain) -> None:
        """Remember which accounts are hot, so that locks are taken in order the next time."""
        if again.hot is not None:
            if len(self._hot) > MOST_HOT:
                self._hot.clear()
            self._hot.difference_update(accounts)
            self._hot.update(again.hot)

    def post_many(self, drafts: Sequence[Draft]) -> list[int]:
        """Write many plain entries (legs and facts) of one type in one commit, all or none.

        Between locked accounts, and into tallied ones. Returns the entries' ids in order; asked
        again with the same keys it returns the same. Raises what `post` raises, and KeyConflict
        when only some of the keys were answered before.
        """
        if not drafts:
            return []

        def ask() -> list[int]:
            given = batch_arguments(drafts, self._hot)
            try:
                return list(self._asking.value(None, POST_MANY, given))
            except AskAgain as again:
                self._learn(
                    (end for draft in drafts for leg in draft.legs for end in leg[:2]), again
                )
                raise

        try:
            return self._asking.again(ask)
        except (AnswerStored, LedgerRefusal):
            keys = [draft.key for draft in drafts]
            found = "SELECT count(*) FROM answers WHERE scope = %s AND key = ANY (%s)"
            answered = self._asking.rows(found, (drafts[0].scope, keys))[0][0]
            if not answered:
                raise
            if answered != len(keys):
                raise KeyConflict("some of these were answered before") from None
            before = (self.answered(it.scope, it.key, it.request_hash) for it in drafts)
            return [stored.entry_id for stored in before if stored]

    def reverse(self, draft: Draft, entry_id: int) -> Written:
        """Undo all legs of an entry by a new one, once. The draft brings no legs.

        Raises AlreadyReversed, NotReversible, or whatever moving the value back raises.
        """
        if draft.legs:
            raise BadDraft("a reversal brings no legs of its own")
        return self.post(_changed(draft, reverses=entry_id))

    def hold(self, draft: Draft, hold: NewHold) -> Written:
        """Promise value of an account; the hold's id is the entry's. Raises BelowFloor."""
        return self.post(_changed(draft, hold=hold))

    def settle(self, draft: Draft, hold_id: int, account_id: int) -> Written:
        """Move held value by the draft's legs; what they do not take is released.

        Raises HoldNotOpen, also when the legs take more than was held.
        """
        return self.post(_changed(draft, ends=EndOfHold(hold_id, account_id, "settled")))

    def void(self, draft: Draft, hold_id: int, account_id: int) -> Written:
        """Release held value: the promise was called off. Raises HoldNotOpen."""
        return self.post(_changed(draft, ends=EndOfHold(hold_id, account_id, "voided")))

    def expire(self, draft: Draft, hold_id: int, account_id: int) -> Written:
        """Release held value whose time is over at `happened_at`. Raises HoldNotOpen."""
        return self.post(_changed(draft, ends=EndOfHold(hold_id, account_id, "expired")))

    def say(self, connection: Connection, row: OutboxRow, *, due_at: datetime) -> None:
        """Queue something to say that belongs to no entry, in the caller's transaction."""
        connection.exec_driver_sql(
            "INSERT INTO outbox (kind, address, template, language, facts, balance_of, due_at)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s)",
            (*row[:4], json.dumps(dict(row.facts)), row.balance_of, due_at),
        )

    # --- answers without an entry

    def remember(
        self,
        scope: str,
        key: str,
        request_hash: bytes,
        outcome: Mapping[str, object],
        connection: Connection | None = None,
    ) -> dict[str, Any]:
        """Keep the outcome of a request that moved no money; returns the first one's outcome.

        In the connection's transaction, or in its own commit. Raises KeyConflict, and
        AnsweredByEntry when the key's answer is an entry.
        """
        found = self._asking.value(
            connection,
            "SELECT ledger_remember(%s, %s, %s, %s)",
            (scope, key, request_hash, json.dumps(dict(outcome))),
        )
        assert isinstance(found, dict)
        return found

    def answered(
        self, scope: str, key: str, request_hash: bytes, quote: str | None = None
    ) -> Written | None:
        """The entry with which a key or an accepted quote was answered, which is then this key's
        answer too; None when neither was answered. Raises KeyConflict, AnsweredOtherwise."""
        named = (scope, key, request_hash, quote)
        stored = self._asking.again(lambda: self._asking.one(None, STORED, named))
        entry_id, receipt, accounts, balances = stored
        if entry_id is None:
            return None
        return Written(entry_id, receipt, told(accounts, balances), {}, True)

    def recall(
        self, scope: str, key: str, request_hash: bytes, connection: Connection | None = None
    ) -> dict[str, Any] | None:
        """The outcome remembered under a key; None when there is none or its answer is an entry.

        Given a connection, twins wait: whoever recalls the same key in a transaction does so after
        this one has ended, and sees its outcome. Raises KeyConflict when the key belongs to
        another request.
        """
        wanted = "SELECT request_hash, outcome FROM idempotency WHERE scope = %s AND key = %s"
        row: Sequence[Any] | None
        if connection is None:
            row = self._asking.row(wanted, (scope, key))
        else:
            connection.exec_driver_sql(
                "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"{scope}:{key}",)
            )
            row = connection.exec_driver_sql(wanted, (scope, key)).fetchone()
        if row is None:
            return None
        if bytes(row[0]) != request_hash:
            raise KeyConflict(f"key {key} was used for another request")
        outcome: dict[str, Any] | None = row[1]
        return outcome

    # --- accounts

    def open_account(
        self,
        *,
        kind: str,
        owner: str,
        asset: str,
        book: str,
        side: Side | str,
        mode: Mode | str,
        floor: int | None,
        connection: Connection | None = None,
    ) -> int:
        """Open the account kind/owner (or find it) and return its id. `floor` is in minor units.

        Raises BadDraft when it is open already in another book, on another side or floor.
        """
        found = self._asking.value(
            connection,
            "SELECT ledger_open_account(%s, %s, %s, %s, %s, %s, %s)",
            (kind, owner, asset, book, side, mode, floor),
        )
        return int(found)

    def set_mode(self, account_id: int, mode: Mode) -> None:
        """Keep an account's balance another way from now on; money may flow meanwhile."""
        asked = ("SELECT ledger_set_mode(%s, %s)", (account_id, mode))
        self._asking.again(lambda: self._asking.value(None, *asked))

    def accounts(self, names: Iterable[str], asset: str = "KES") -> dict[str, int]:
        """The ids of accounts by their names, kind/owner. Unknown names are left out."""
        pairs = [name.partition("/")[::2] for name in names]
        rows = self._asking.rows(
            "SELECT a.kind || '/' || a.owner, a.id"
            " FROM unnest(%s::text[], %s::text[]) n(kind, owner)"
            " JOIN accounts a ON a.kind = n.kind AND a.owner = n.owner AND a.asset = %s",
            ([kind for kind, _ in pairs], [owner for _, owner in pairs], asset),
        )
        return dict(rows)

    def balances(self, account_ids: Sequence[int]) -> dict[int, Balance]:
        """Balances of accounts, seen at one moment. Unknown ids are left out."""
        rows = self._asking.rows(
            "SELECT a.id, b.minor, b.minor - a.held_minor - coalesce(a.floor_minor, 0)"
            " FROM accounts a CROSS JOIN LATERAL (SELECT ledger_balance(a.id)) b(minor)"
            " WHERE a.id = ANY (%s)",
            (list(account_ids),),
        )
        return {account: Balance(total, available) for account, total, available in rows}

    def usage(self, owner: str, counter: str, day: date) -> tuple[int, int]:
        """What an owner has used of a limit on a day: minor units, and times."""
        row = self._asking.row(
            "SELECT amount_minor, times FROM usages WHERE owner = %s AND counter = %s AND day = %s",
            (owner, counter, day),
        )
        return (row[0], row[1]) if row else (0, 0)


def _changed(draft: Draft, **changes: Any) -> Draft:
    return Draft(**(vars(draft) | changes))
