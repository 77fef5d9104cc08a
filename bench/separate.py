"""A contrast: the book's rows written by separate SQLAlchemy Core statements in one transaction.

What an application without a posting function does: the same rows in tables of the same shape (in
a schema of their own), with the same reads before. It checks less than the book. Never a part of
the server.
"""

import psycopg2
from sqlalchemy import Connection, Engine, MetaData, Table, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from ussd_app.bootstrap import APPLICATION_ROLE
from ussd_app.embedded import Postgres
from ussd_app.ledger.book import BelowFloor, Book, Draft, Written

SCHEMA = "separate"
TABLES = ("accounts", "answers", "legs", "tail", "usages", "outbox")


def prepare(postgres: Postgres) -> None:
    """Make the tables anew, with the accounts as they stand."""
    connection = psycopg2.connect(postgres.dsn("kabambe"))
    with connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA {SCHEMA}")
        for name in TABLES:
            cursor.execute(f"CREATE TABLE {SCHEMA}.{name} (LIKE public.{name} INCLUDING ALL)")
        cursor.execute(f"INSERT INTO {SCHEMA}.accounts SELECT * FROM public.accounts")
        cursor.execute(f"CREATE SEQUENCE {SCHEMA}.ids")
        cursor.execute(f"GRANT USAGE ON SEQUENCE {SCHEMA}.ids TO {APPLICATION_ROLE}")
        cursor.execute(f"GRANT USAGE ON SCHEMA {SCHEMA} TO {APPLICATION_ROLE}")
        cursor.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA {SCHEMA} TO {APPLICATION_ROLE}")
    connection.close()


class SeparateBook(Book):
    """Posts a payment between wallets statement by statement."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._engine = engine

    def _tables(self) -> dict[str, Table]:
        if not hasattr(self, "_read"):
            metadata = MetaData(SCHEMA)
            metadata.reflect(self._engine, only=TABLES)
            self._read = {name: metadata.tables[f"{SCHEMA}.{name}"] for name in TABLES}
        return self._read

    def post(self, draft: Draft) -> Written:
        """Write one entry. Raises BelowFloor."""
        table = self._tables()
        accounts = table["accounts"]
        change: dict[int, int] = {}
        for leg in draft.legs:
            change[leg.from_id] = change.get(leg.from_id, 0) - leg.amount_minor
            change[leg.to_id] = change.get(leg.to_id, 0) + leg.amount_minor
        with self._engine.begin() as connection:
            entry = connection.execute(select(func.nextval(f"{SCHEMA}.ids"))).scalar_one()
            found = connection.execute(
                select(accounts.c.id, accounts.c.mode, accounts.c.balance_minor)
                .where(accounts.c.id.in_(change))
                .order_by(accounts.c.id)
            ).all()
            locked, balances = [row.id for row in found if row.mode == "locked"], {}
            rows = connection.execute(
                select(accounts.c.id, accounts.c.balance_minor, accounts.c.version)
                .where(accounts.c.id.in_(locked))
                .order_by(accounts.c.id)
                .with_for_update()
            ).all()
            for row in rows:
                balances[row.id] = row.balance_minor + change[row.id]
                if balances[row.id] < 0:
                    raise BelowFloor(row.id)
                connection.execute(
                    update(accounts)
                    .where(accounts.c.id == row.id)
                    .values(balance_minor=balances[row.id], version=row.version + 1)
                )
            tails = [
                {"account_id": row.id, "entry_id": entry, "delta_minor": change[row.id]}
                for row in found
                if row.mode != "locked"
            ]
            if tails:
                connection.execute(insert(table["tail"]), tails)
            self._tell(connection, draft, entry, balances)
        return Written(entry, draft.receipt, balances, {}, False)

    def _tell(
        self, connection: Connection, draft: Draft, entry: int, after: dict[int, int]
    ) -> None:
        """The rows that nobody waits for: entry, legs, limits, receipts."""
        table = self._tables()
        connection.execute(
            insert(table["answers"]).values(
                id=entry,
                scope=draft.scope,
                key=draft.key,
                request_hash=draft.request_hash,
                happened_at=draft.happened_at,
                code=draft.code,
                legs=len(draft.legs),
                receipt=draft.receipt,
                type=draft.type,
                catalogue=draft.catalogue,
                quote=draft.quote,
                facts=dict(draft.facts),
            )
        )
        connection.execute(
            insert(table["legs"]),
            [
                {
                    "entry_id": entry,
                    "leg": number,
                    "from_id": leg.from_id,
                    "to_id": leg.to_id,
                    "amount_minor": leg.amount_minor,
                    "from_version": entry,
                    "to_version": entry,
                    "from_balance": after.get(leg.from_id),
                    "to_balance": after.get(leg.to_id),
                    "from_shard": 0,
                    "to_shard": 0,
                }
                for number, leg in enumerate(draft.legs, 1)
            ],
        )
        for usage in draft.usages:
            usages = table["usages"]
            new = upsert(usages).values(
                owner=usage.owner,
                counter=usage.counter,
                day=usage.day,
                amount_minor=usage.amount_minor,
                times=usage.count,
            )
            connection.execute(
                new.on_conflict_do_update(
                    index_elements=["owner", "counter", "day"],
                    set_={
                        "amount_minor": usages.c.amount_minor + new.excluded.amount_minor,
                        "times": usages.c.times + new.excluded.times,
                    },
                )
            )
        connection.execute(
            insert(table["outbox"]),
            [
                {
                    "entry_id": entry,
                    "balance_of": row.balance_of,
                    "due_at": draft.happened_at,
                    "kind": row.kind,
                    "address": row.address,
                    "template": row.template,
                    "language": row.language,
                    "facts": {**row.facts, "balance": after.get(row.balance_of or 0)},
                }
                for row in draft.outbox
            ],
        )
