"""Accounts by the chart's rules: any that is opened, and the house's own, known by name."""

import json

from sqlalchemy import Connection, Engine

from ussd_app.domain.catalogue import HOUSE, Catalogue
from ussd_app.ledger.book import Book

FLOAT = "float/house"
EVALUE = "evalue/house"


def house_accounts(catalogue: Catalogue, book: Book, engine: Engine) -> dict[str, int]:
    """Open every account of the house that the chart or a type names, in one commit.

    Returns ids by name.
    """
    names = [
        f"{kind.kind}/{HOUSE}"
        for kind in catalogue.accounts.values()
        if kind.owner == HOUSE or kind.house_mode
    ]
    for type_ in catalogue.types.values():
        for leg in type_.legs:
            ends = (leg.source, leg.target, leg.meaning or "")
            names += [end for end in ends if "/" in end]
    with engine.begin() as connection:
        return {
            name: open_account(catalogue, book, name, connection)
            for name in sorted(dict.fromkeys(names))
        }


def open_account(
    catalogue: Catalogue, book: Book, name: str, connection: Connection | None = None
) -> int:
    """Open the account `kind/owner` as the chart has its kind (or find it). Returns its id."""
    kind, _, owner = name.partition("/")
    row = catalogue.accounts[kind]
    mode = row.house_mode if owner == HOUSE and row.house_mode else row.mode
    return book.open_account(
        kind=kind,
        owner=owner,
        asset=row.asset,
        book=row.book,
        side=row.side,
        mode=mode,
        floor=row.floor_minor,
        connection=connection,
    )


def remember_catalogue(engine: Engine, catalogue: Catalogue) -> None:
    """Keep the catalogue that will price from now on, so that an old fee can be explained."""
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO catalogues (digest, content) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            (catalogue.digest, json.dumps(json.loads(catalogue.content))),
        )
