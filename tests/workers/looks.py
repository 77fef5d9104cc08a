"""What tests of workers look at in the database."""

from collections import Counter
from typing import Any

from sqlalchemy import Row

from ussd_app.bootstrap import App


def rows(app: App, statement: str, *given: object) -> list[Row[Any]]:
    with app.engine.connect() as connection:
        return list(connection.exec_driver_sql(statement, given))


def one(app: App, statement: str, *given: object) -> Any:
    """The one value of the one row."""
    ((value,),) = rows(app, statement, *given)
    return value


def states(app: App, table: str) -> Counter[str]:
    """How many errands or pushes are in each state."""
    return Counter(row.state for row in rows(app, f"SELECT state FROM {table}"))


def state(app: App, reference: str) -> str:
    """How an errand stands; nothing before there is one."""
    found = rows(app, "SELECT state FROM errands WHERE reference = %s", reference)
    return str(found[0].state) if found else ""


def wallet(app: App, msisdn: str) -> int:
    """What somebody has, also what is held of it."""
    return int(one(app, "SELECT ledger_balance(wallet_id) FROM parties WHERE msisdn = %s", msisdn))


def available(app: App, msisdn: str) -> int:
    """What somebody may spend."""
    return int(
        one(
            app,
            "SELECT a.balance_minor - a.held_minor FROM parties p"
            " JOIN accounts a ON a.id = p.wallet_id WHERE p.msisdn = %s",
            msisdn,
        )
    )


def open_holds(app: App) -> int:
    return int(one(app, "SELECT count(*) FROM holds WHERE state = 'open'"))
