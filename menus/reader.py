"""From files to a book. All faults of all files are found in one go.

The shape is `menus.schema`'s business and soundness is `menus.lint`'s; a book that reads may still
be unsound.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from marshmallow import Schema, ValidationError

from menus.book import (
    Ask,
    Book,
    Call,
    End,
    Fault,
    Flow,
    Listing,
    Misread,
    Option,
    RefusalText,
    Say,
    Step,
    Texts,
    say,
)
from menus.options import numbered, with_lists
from menus.schema import (
    FlowSchema,
    MachineSchema,
    RefusalSchema,
    read_yaml,
    schema_for,
    sentences,
)
from menus.slot_base import SlotType
from menus.slots import ASKABLE, LANGUAGES, slot_type


class _Reader:
    """Collects the faults of one file while it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.faults: list[Fault] = []

    def fault(self, place: str, sentence: str) -> None:
        self.faults.append(Fault(self.path.name, place, "schema", sentence))

    def load(self, schema: type[Schema], raw: Any, place: str) -> dict[str, Any]:
        """The validated data; empty, and faults noted, when it is not valid."""
        if not isinstance(raw, Mapping):
            self.fault(place, "not a mapping")
            return {}
        try:
            return dict(schema().load(raw))
        except ValidationError as wrong:
            for sentence in sentences(wrong.messages):
                self.fault(place, sentence)
            return {}

    def types(self, declared: Mapping[str, str], place: str) -> dict[str, SlotType]:
        """Slot types by name; a fault for each that is none."""
        types: dict[str, SlotType] = {}
        for slot, text in declared.items():
            try:
                types[slot] = slot_type(text)
            except ValueError as wrong:
                self.fault(place, f"{slot}: {wrong}")
        return types


def read_flow(path: Path, data: Any) -> Flow:
    """One flow from its file's data. Raises Misread."""
    reader = _Reader(path)
    top = reader.load(FlowSchema, data, path.stem)
    if reader.faults:
        raise Misread(reader.faults)
    name, version = top["flow"], top["version"]
    types = reader.types(top["slots"], name)
    screens: dict[str, Step] = {}
    for screen, raw in top["screens"].items():
        place = f"{name}.{screen}"
        try:
            loaded = reader.load(schema_for(raw), raw, place)
        except ValidationError as wrong:
            reader.fault(place, str(wrong.messages[0]))
            continue
        if loaded:
            base = (screen, f"{place}@{version}", place)
            screens[screen] = _step(base, loaded, types, reader)
    if reader.faults:
        raise Misread(reader.faults)
    return Flow(
        name=name,
        version=version,
        about=top["about"],
        title=say(top["title"], {}),
        resumes=top["resumes"] == "yes",
        start=top["start"],
        slots=types,
        screens=screens,
        listed=top["listed"],
        file=path.name,
        secrets=frozenset(slot for slot, type_ in types.items() if type_.secret),
        langs=frozenset(slot for slot, type_ in types.items() if type_.kind == "lang"),
    )


def _step(
    base: tuple[str, str, str], raw: dict[str, Any], types: dict[str, SlotType], reader: _Reader
) -> Step:
    if "ask" in raw:
        return Ask(*base, say(raw["say"], types), raw["ask"], types.get(raw["ask"]), raw["to"])
    if "end" in raw:
        return End(*base, say(raw["end"], types))
    if "rows" in raw:
        title = say(raw["menu"], types)
        return Listing(*base, title, raw["rows"][1:], raw["pick"], raw["to"], raw["empty"])
    if "menu" in raw:
        options = [_option(base[2], option, types, reader) for option in raw.get("options", ())]
        return numbered(base, say(raw["menu"], types), options, types, raw.get("lists", ""))
    return _call(base, raw, types)


def _option(place: str, raw: dict[str, Any], types: dict[str, SlotType], reader: _Reader) -> Option:
    values: dict[str, Any] = {}
    for slot, literal in raw["set"].items():
        value = types[slot].parse(literal) if slot in types else literal
        if value is None:
            reader.fault(place, f"{literal!r} is no value for the slot {slot}")
        values[slot] = value
    label = say({language: raw[language] for language in LANGUAGES}, types)
    return Option(label, raw["to"], raw["set"], values)


def _call(base: tuple[str, str, str], raw: dict[str, Any], types: dict[str, SlotType]) -> Call:
    slot_args = {arg: word[1:] for arg, word in raw["args"].items() if word.startswith("$")}
    return Call(
        *base,
        verb="do" if "do" in raw else "find",
        command=raw["do"] if "do" in raw else raw["find"],
        slot_args=slot_args,
        literal_args={arg: word for arg, word in raw["args"].items() if arg not in slot_args},
        secret_args=frozenset(
            arg for arg, slot in slot_args.items() if slot in types and types[slot].secret
        ),
        gives=tuple(raw["gives"]),
        to=raw["to"],
        refused=raw["refused"],
        quiet=frozenset(raw["quiet"]),
    )


def read_texts(texts_dir: Path) -> Texts:
    """The machine's own sentences and the refusals'. Raises Misread."""
    path = texts_dir / "machine.yaml"
    machine = _Reader(path)
    own = machine.load(MachineSchema, read_yaml(path), "machine")
    if own:
        for kind in (*ASKABLE, "choice"):
            if kind not in own["nonsense"]:
                machine.fault("machine", f"nonsense.{kind}: no sentence")
    refusals, faults = _read_refusals(texts_dir / "refusals.yaml")
    if machine.faults or faults:
        raise Misread([*machine.faults, *faults])
    title = {"title": slot_type("text(30)")}
    return Texts(
        back=say(own["nav"]["back"], {}),
        home=say(own["nav"]["home"], {}),
        more=say(own["nav"]["more"], {}),
        offer=say(own["offer"]["say"], title),
        offer_yes=say(own["offer"]["go_on"], title),
        offer_no=say(own["offer"]["anew"], {}),
        nonsense={kind: say(texts, {}) for kind, texts in own["nonsense"].items()},
        refusals=refusals,
    )


def _read_refusals(path: Path) -> tuple[dict[str, RefusalText], list[Fault]]:
    reader = _Reader(path)
    texts: dict[str, RefusalText] = {}
    data = read_yaml(path)
    if not isinstance(data, Mapping):
        reader.fault("refusals", "not a mapping")
        return {}, reader.faults
    for code, raw in data.items():
        place = f"refusals.{code}"
        loaded = reader.load(RefusalSchema, raw, place)
        if loaded:
            types = reader.types(loaded["facts"], place)
            said: Say = say({language: loaded[language] for language in LANGUAGES}, types)
            texts[code] = RefusalText(types, said)
    return texts, reader.faults


def read_book(texts_dir: Path, *flows_dirs: Path) -> Book:
    """All flows, current and retired, and all sentences. Raises Misread with every fault."""
    faults: list[Fault] = []
    flows: list[Flow] = []
    retired: list[Flow] = []
    for path in (
        path
        for flows_dir in flows_dirs
        for pattern in ("*.yaml", "retired/*.yaml")
        for path in sorted(flows_dir.glob(pattern))
    ):
        old = path.parent.name == "retired"
        try:
            flow = read_flow(path, read_yaml(path))
            _check_file_name(path, flow, old=old)
            (retired if old else flows).append(flow)
        except Misread as wrong:
            faults += wrong.faults
    faults += _clashes(flows, retired)
    try:
        texts = read_texts(texts_dir)
    except Misread as wrong:
        raise Misread([*faults, *wrong.faults]) from None
    if not flows and not faults:
        faults.append(Fault(flows_dirs[0].name, "book", "schema", "there is no flow"))
    if faults:
        raise Misread(faults)
    return Book.of(
        [with_lists(flow, flows) for flow in flows],
        [with_lists(flow, flows) for flow in retired],
        texts,
    )


def _check_file_name(path: Path, flow: Flow, *, old: bool) -> None:
    promised = f"{flow.name}.v{flow.version}" if old else flow.name
    if path.stem != promised:
        sentence = f"the file should be called {promised}.yaml"
        raise Misread([Fault(path.name, flow.name, "schema", sentence)])


def _clashes(flows: list[Flow], retired: list[Flow]) -> list[Fault]:
    current = {flow.name: flow.version for flow in flows}
    names = [flow.name for flow in flows]
    return [
        Fault(flow.file, flow.name, "schema", "another flow has that name already")
        for number, flow in enumerate(flows)
        if flow.name in names[:number]
    ] + [
        Fault(flow.file, flow.name, "schema", "a retired version must be older than the current")
        for flow in retired
        if flow.name in current and flow.version >= current[flow.name]
    ]
