"""From YAML files to a `Catalogue`, with every fault named by file and row.

A file is found by where it lies, never by its name: adding a product is adding a file. All scalars
are read as text, so 0712 stays a number somebody can dial and 'on' stays a word.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import marshmallow
import yaml

from ussd_app.domain.catalogue import (
    AccountKind,
    AgreementKind,
    Band,
    BankRow,
    Catalogue,
    Derived,
    Habit,
    LegSentence,
    Promise,
    TariffBook,
    Tier,
    Type,
)
from ussd_app.domain.keywords import Keywords
from ussd_app.domain.texts import LANGUAGES, Sentence, Texts
from ussd_app.products import schema

HERE = Path(__file__).parent
PARTS = (
    *("accounts", "agreements", "standings", "banks", "categories", "questions", "types"),
    *("keywords", "spending", "rules", "limits"),
)


class ProductsInvalid(ValueError):
    """The files do not add up; lists every fault as `file: row: sentence`."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class _TextLoader(yaml.CSafeLoader):
    """YAML with every scalar as text and a repeated key refused."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands twice", node.start_mark
                )
        return super().construct_mapping(node, deep=deep)


_TextLoader.yaml_implicit_resolvers = {}


def read_yaml(path: Path) -> dict[str, Any]:
    """One file as nested mappings of text. Raises ProductsInvalid when it is no mapping."""
    try:
        content = yaml.load(path.read_text("utf-8"), _TextLoader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as fault:
        raise ProductsInvalid([f"{path.name}: {fault}"]) from None
    if not isinstance(content, dict):
        raise ProductsInvalid([f"{path.name}: must be a mapping"])
    return content


def read_catalogue(*folders: Path) -> Catalogue:
    """Read every product file of these folders together, of ours when none is named.

    Raises ProductsInvalid with all faults of shape.
    """
    folders = folders or (HERE,)
    parts = _parts(folders)
    dated = [
        (path.stem, _one(path, schema.TariffBookSchema()))
        for path in _files(folders, "tariffs/*.yaml")
    ]
    limits = parts["limits"]
    if not limits:
        raise ProductsInvalid(["limits: no file has them"])
    content = json.dumps([parts, dated], sort_keys=True, default=str)
    return Catalogue(
        accounts={kind: AccountKind(kind=kind, **row) for kind, row in parts["accounts"].items()},
        agreements={
            kind: AgreementKind(kind=kind, **row) for kind, row in parts["agreements"].items()
        },
        standings=_standings(parts["standings"]),
        banks={code: BankRow(code=code, **row) for code, row in parts["banks"].items()},
        categories=parts["categories"],
        questions=parts["questions"],
        types={name: _type(name, row) for name, row in parts["types"].items()},
        spending=parts["spending"],
        rules=parts["rules"],
        tariff_books=_tariff_books(dated),
        tiers={int(level): Tier(**row) for level, row in limits["tiers"].items()},
        fat_finger_minor=limits["fat_finger"],
        habit=Habit(**limits["habit"]),
        quote_life_s=limits["quote_life_s"],
        digest=hashlib.sha256(content.encode()).hexdigest()[:16],
        content=content,
    )


def _standings(rows: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """In the order of their places, by language."""
    ordered = sorted(rows.items(), key=lambda row: (row[1]["place"], row[0]))
    return {name: {language: row[language] for language in LANGUAGES} for name, row in ordered}


def _files(folders: Sequence[Path], pattern: str) -> list[Path]:
    """The files of all folders, in the order of their names."""
    found = (path for folder in folders for path in folder.glob(pattern))
    return sorted(found, key=lambda path: (path.name, path))


def _parts(folders: Sequence[Path]) -> dict[str, dict[str, Any]]:
    """Each part of all files together. Raises ProductsInvalid, also for a row that stands twice."""
    parts: dict[str, dict[str, Any]] = {part: {} for part in PARTS}
    faults: list[str] = []
    for path in _files(folders, "*.yaml"):
        try:
            loaded = _one(path, schema.ProductFileSchema())
        except ProductsInvalid as invalid:
            faults += invalid.faults
            continue
        for part, rows in loaded.items():
            faults += [
                f"{path.name}: {part}: {row}: stands in another file too"
                for row in rows
                if row in parts[part]
            ]
            parts[part].update(rows)
    if faults:
        raise ProductsInvalid(faults)
    return parts


def read_texts(*folders: Path) -> Texts:
    """Read every sentence that an SMS may say. Raises ProductsInvalid."""
    rows: dict[str, dict[str, Any]] = {}
    for path in _files(folders or (HERE,), "texts/*.yaml"):
        found = _rows(path, schema.SentenceSchema())
        if set(found) & set(rows):
            twice = sorted(set(found) & set(rows))
            raise ProductsInvalid([f"{path.name}: {row}: stands twice" for row in twice])
        rows |= found
    return Texts(
        {
            template: Sentence(
                template, row["facts"], {"en": row["en"], "sw": row["sw"]}, row["parts"]
            )
            for template, row in rows.items()
        }
    )


def read_keywords(*folders: Path) -> Keywords:
    """Read what a customer may ask by SMS. Raises ProductsInvalid."""
    rows = _parts(folders or (HERE,))["keywords"]
    return Keywords(
        {word.upper(): name for name, row in rows.items() for word in row["words"]},
        {name: row["then"] for name, row in rows.items()},
    )


def _one(path: Path, shape: marshmallow.Schema) -> dict[str, Any]:
    try:
        loaded: dict[str, Any] = shape.load(read_yaml(path))
    except marshmallow.ValidationError as invalid:
        raise ProductsInvalid(list(_flat(path.name, invalid.messages))) from None
    return loaded


def _rows(path: Path, shape: marshmallow.Schema) -> dict[str, dict[str, Any]]:
    faults: list[str] = []
    rows: dict[str, dict[str, Any]] = {}
    for name, row in read_yaml(path).items():
        try:
            rows[name] = shape.load(row)
        except marshmallow.ValidationError as invalid:
            faults += _flat(f"{path.name}: {name}", invalid.messages)
    if faults:
        raise ProductsInvalid(faults)
    return rows


def _flat(where: str, messages: object) -> Iterator[str]:
    if isinstance(messages, Mapping):
        for key, inner in messages.items():
            yield from _flat(f"{where}: {key}", inner)
    elif isinstance(messages, list):
        for inner in messages:
            yield from _flat(where, inner)
    else:
        yield f"{where}: {messages}"


def parse_leg(sentence: str) -> LegSentence | None:
    """Read `fee from payer to float/house as income/transfer_fees`; None when it is no leg."""
    match = schema.LEG.match(sentence)
    return LegSentence(**match.groupdict()) if match else None


def _type(name: str, row: dict[str, Any]) -> Type:
    legs = [parse_leg(sentence) for sentence in row["post"]]
    hold = row["hold"]
    return Type(
        name=name,
        code=row["code"],
        about=row["about"],
        parties={role: way for role, way in row["parties"].items() if "." not in way},
        derived={role: _derived(way) for role, way in row["parties"].items() if "." in way},
        starts=row["starts"],
        least_minor=row["least"],
        most_minor=row["most"],
        prices=row["prices"],
        limits=row["limits"],
        promise=Promise(**hold) if hold else None,
        category=row["category"],
        legs=tuple(leg for leg in legs if leg is not None),
        receipts=row["receipts"],
        gates=tuple(row["gates"]),
        asks_twice=row["asks_twice"],
        approvals=row["approvals"],
        also=row["also"],
    )


def _derived(way: str) -> Derived:
    """`payee.parent.commission`: an account of somebody whom another role brings along."""
    role, *between, account = way.split(".")
    return Derived(role, bool(between), account)


def _tariff_books(dated: list[tuple[str, dict[str, Any]]]) -> tuple[TariffBook, ...]:
    """What is in force from each day on: a file's tariffs replace those of their names before.

    `2023-07-29.yaml` and `2023-07-29-agents.yaml` are of one day.
    """
    books: dict[date, TariffBook] = {}
    excise, tariffs = Decimal(0), dict[str, tuple[Band, ...]]()
    for stem, row in dated:
        day = date.fromisoformat(stem[:10])
        excise = Decimal(row["excise"]) if row["excise"] else excise
        for name, bands in row["tariffs"].items():
            tariffs[name] = tuple(Band(up_to, fee) for up_to, fee in bands)
        books[day] = TariffBook(day, excise, dict(tariffs))
    return tuple(books.values())
