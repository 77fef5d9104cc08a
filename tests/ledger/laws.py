"""The laws of the book once more.

`faults` reads the bare tables and does its sums in Python. It knows neither the audit nor the view
`postings`: two ways of reading that agree prove more than one.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Engine

MONEY = ("accounts", "shards", "tail", "tallies", "answers", "reversals", "legs", "holds")
"""The tables in which the book is kept."""

Row = Mapping[str, Any]
Tables = dict[str, list[Row]]
Parts = dict[tuple[int, int], dict[int, "Change"]]

TAIL = -1


class Change(NamedTuple):
    """What one entry or tally did to one part of an account, in the account's own direction."""

    by: str
    delta: int
    after: int


def tables(engine: Engine) -> Tables:
    """Every row of the book, seen at one moment."""
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as moment:
        book = {
            name: [*map(dict, moment.exec_driver_sql(f"SELECT * FROM {name}").mappings())]
            for name in MONEY
        }
    return book | {"entries": [row for row in book["answers"] if row["legs"] >= 0]}


def faults(engine: Engine) -> list[str]:
    """Whatever breaks a law of the book, as sentences; an empty list is a clean book."""
    return [*faults_of(tables(engine))]


def faults_of(book: Tables) -> Iterator[str]:
    """`faults` of rows that were read before."""
    accounts = {row["id"]: row for row in book["accounts"]}
    yield from _entries(book, accounts)
    changes, appended, twins = _changes(book, accounts)
    yield from twins
    parts = {(row["id"], 0): row for row in book["accounts"]}
    parts |= {(row["account_id"], row["shard"]): row for row in book["shards"]}
    for part in changes.keys() - parts.keys():
        yield f"part {part} changed and is not there"
    for part, row in parts.items():
        yield from _chain(part, row, changes[part], accounts[part[0]]["floor_minor"])
    yield from _totals(book, accounts, appended)
    yield from _holds(book, accounts)


def _sign(account: Row, side: str) -> int:
    return 1 if account["side"] == side else -1


def _pot(account: Row) -> str:
    """Whose books an account stands in, and of which asset: no leg leaves them."""
    biller = account["owner"].partition(".")[0] if account["book"] == "billing" else ""
    return f"{account['book']}/{account['asset']}/{biller}"


def _entries(book: Tables, accounts: Mapping[int, Row]) -> Iterator[str]:
    sums: dict[tuple[int, str], int] = defaultdict(int)
    legs: dict[int, int] = defaultdict(int)
    for leg in book["legs"]:
        legs[leg["entry_id"]] += 1
        if leg["amount_minor"] <= 0:
            yield f"{leg} moves nothing"
        for end, sign in (("from_id", -1), ("to_id", 1)):
            account = accounts[leg[end]]
            sums[leg["entry_id"], _pot(account)] += sign * leg["amount_minor"]
    yield from (f"entry, pot {where} is off by {off}" for where, off in sums.items() if off)
    said = {row["id"]: row["legs"] for row in book["entries"]}
    if {entry: n for entry, n in said.items() if n} != legs:
        yield "entries and legs disagree"
    twins = {row["twin_of"] for row in book["answers"] if row["legs"] < 0} - {None}
    yield from (f"entry {entry} answers a twin and is not there" for entry in twins - set(said))
    undone = {row["reverses"]: row["id"] for row in book["entries"] if row["reverses"]}
    if undone != {row["reversed_id"]: row["entry_id"] for row in book["reversals"]}:
        yield "entries and reversals disagree"


def _changes(book: Tables, accounts: Mapping[int, Row]) -> tuple[Parts, dict[int, int], list[str]]:
    """By part and version what changed it; by account what was appended to its tail; twins."""
    changes: Parts = defaultdict(dict)
    appended: dict[int, int] = defaultdict(int)
    twins: list[str] = []

    def note(part: tuple[int, int], version: int, change: Change) -> None:
        before = changes[part].get(version)
        if before is None:
            changes[part][version] = change
        elif before.by != change.by or before.after != change.after:
            twins.append(f"part {part} version {version}: {before} and {change}")
        else:
            changes[part][version] = change._replace(delta=before.delta + change.delta)

    for leg in book["legs"]:
        for end, side in (("from", "debit"), ("to", "credit")):
            account = leg[f"{end}_id"]
            delta = _sign(accounts[account], side) * leg["amount_minor"]
            if leg[f"{end}_shard"] == TAIL:
                appended[account] += delta
            else:
                change = Change(f"entry {leg['entry_id']}", delta, leg[f"{end}_balance"])
                note((account, leg[f"{end}_shard"]), leg[f"{end}_version"], change)
    for tally in book["tallies"]:
        part = (tally["account_id"], tally["shard"])
        by = f"tally {part} {tally['version']}"
        note(part, tally["version"], Change(by, tally["delta_minor"], tally["balance_after"]))
    return changes, appended, twins


def _chain(
    part: tuple[int, int], row: Row, changes: Mapping[int, Change], floor: int | None
) -> Iterator[str]:
    """Versions without gaps, each balance from the one before, none below the floor."""
    if sorted(changes) != list(range(1, row["version"] + 1)):
        yield f"part {part} is at version {row['version']}, its changes are {sorted(changes)}"
        return
    balance = 0
    least = None if floor is None else (floor if part[1] == 0 else 0)
    for version in sorted(changes):
        balance += changes[version].delta
        if changes[version].after != balance:
            yield f"part {part} version {version}: {changes[version]}, {balance} follows"
        if least is not None and balance < least:
            yield f"part {part} was {balance} at version {version}"
    if row["balance_minor"] != balance:
        yield f"part {part} holds {row['balance_minor']}, its changes make {balance}"


def totals(book: Tables) -> dict[int, int]:
    """What every account holds: its row, its tail and its shards."""
    sums = {row["id"]: row["balance_minor"] for row in book["accounts"]}
    for row in book["tail"]:
        sums[row["account_id"]] += row["delta_minor"]
    for row in book["shards"]:
        sums[row["account_id"]] += row["balance_minor"]
    return sums


def _totals(
    book: Tables, accounts: Mapping[int, Row], appended: Mapping[int, int]
) -> Iterator[str]:
    posted: dict[int, int] = defaultdict(int)
    for leg in book["legs"]:
        posted[leg["from_id"]] += _sign(accounts[leg["from_id"]], "debit") * leg["amount_minor"]
        posted[leg["to_id"]] += _sign(accounts[leg["to_id"]], "credit") * leg["amount_minor"]
    waiting: dict[int, int] = defaultdict(int)
    for row in book["tail"]:
        waiting[row["account_id"]] += row["delta_minor"]
    moved: dict[int, int] = defaultdict(int)
    for tally in book["tallies"]:
        if tally["rows"]:
            waiting[tally["account_id"]] += tally["delta_minor"]
        else:
            moved[tally["account_id"]] += tally["delta_minor"]
    backing: dict[str, int] = defaultdict(int)
    for account, total in totals(book).items():
        row = accounts[account]
        name = f"{row['kind']}/{row['owner']}"
        if total != posted[account]:
            yield f"{name} holds {total}, its postings make {posted[account]}"
        if waiting[account] != appended.get(account, 0):
            yield f"{name}: not all that was appended is folded or waiting"
        if moved[account]:
            yield f"{name}: moving between its parts made {moved[account]}"
        backing[_pot(row)] += _sign(row, "debit") * total
    yield from (f"{pot}: backed by {off} more than is owed" for pot, off in backing.items() if off)


def _holds(book: Tables, accounts: Mapping[int, Row]) -> Iterator[str]:
    promised: dict[int, int] = defaultdict(int)
    ends = {row["id"]: row["settles"] for row in book["entries"]}
    for hold in book["holds"]:
        if hold["state"] == "open":
            promised[hold["account_id"]] += hold["amount_minor"]
        elif ends.get(hold["ended_by"]) != hold["id"]:
            yield f"hold {hold['id']} was ended by an entry that does not know"
    for account, row in accounts.items():
        if row["held_minor"] != promised[account]:
            yield f"account {account} holds back {row['held_minor']} for {promised[account]}"
        if row["floor_minor"] is not None:
            spare = row["balance_minor"] - row["held_minor"] - row["floor_minor"]
            if spare < 0:
                yield f"account {account} is {-spare} short of its floor and its holds"
