"""From YAML to a book: the one place where outside text becomes flows.

Every scalar stays a string (YAML 1.1 would read the key `on` as True and `0712000001` as a
number); unknown and doubled keys are faults. All faults of all files are found in one go.
"""

import re
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import yaml
from marshmallow import Schema, ValidationError, fields, validate

from menus.book import (
    FLOW_PREFIX,
    HOLE,
    Ask,
    Book,
    Call,
    End,
    Fault,
    Flow,
    Fork,
    Listing,
    Menu,
    Misread,
    Option,
    RefusalText,
    Say,
    Step,
    Texts,
    say,
)
from menus.slots import ASKABLE, LANGUAGES, SlotType, slot_type

_NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_TARGET = re.compile(r"(?:flow:)?[a-z][a-z0-9_]*", re.ASCII)


class _Loader(yaml.BaseLoader):
    """Every scalar a string, no key twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)  # type: ignore[no-untyped-call]
            if key in seen:
                mark = key_node.start_mark
                raise yaml.MarkedYAMLError(problem=f"the key {key!r} twice", problem_mark=mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> Any:
    """The file's data with every scalar a string. Raises Misread."""
    try:
        return yaml.load(path.read_text("utf-8"), Loader=_Loader)  # noqa: S506 - strings only
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as wrong:
        sentence = " ".join(str(wrong).split())
        raise Misread([Fault(path.name, path.stem, "schema", sentence)]) from None


def _name() -> fields.String:
    return fields.String(required=True, validate=validate.Regexp(_whole(_NAME)))


def _target() -> fields.String:
    return fields.String(required=True, validate=validate.Regexp(_whole(_TARGET)))


def _whole(pattern: re.Pattern[str]) -> re.Pattern[str]:
    return re.compile(rf"(?:{pattern.pattern})\Z", pattern.flags)


def _no_stray_braces(text: str) -> None:
    if not text.strip():
        raise ValidationError("nothing is said")
    if set("{}") & set(HOLE.sub("", text)):
        raise ValidationError("a brace that is not around a slot's name")


class _SayField(fields.Dict):
    """Both languages, nothing else."""

    def __init__(self, **more: Any) -> None:
        super().__init__(
            keys=fields.String(validate=validate.OneOf(list(LANGUAGES))),
            values=fields.String(validate=_no_stray_braces),
            validate=_both_languages,
            **{"required": True, **more},
        )


def _both_languages(texts: Mapping[str, str]) -> None:
    missing = [language for language in LANGUAGES if language not in texts]
    if missing:
        raise ValidationError(f"not said in {', '.join(missing)}")


def _words(**more: Any) -> fields.Dict:
    return fields.Dict(
        keys=fields.String(validate=validate.Regexp(_whole(_NAME))), values=fields.String(), **more
    )


class _To(fields.Field[Any]):
    """A target, or a table by a choice."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str | Fork:
        if isinstance(value, str):
            return str(_target().deserialize(value, attr, data))
        table = dict(_words().deserialize(value, attr, data))
        by = table.pop("by", "")
        if not by or not table:
            raise ValidationError("a table needs `by` and at least one value")
        return Fork(by, {key: str(_target().deserialize(to)) for key, to in table.items()})


class _OptionSchema(Schema):
    en = fields.String(required=True, validate=_no_stray_braces)
    sw = fields.String(required=True, validate=_no_stray_braces)
    to = _target()
    set = _words(load_default=dict)


class _MenuSchema(Schema):
    menu = _SayField()
    options = fields.List(
        fields.Nested(_OptionSchema), required=True, validate=validate.Length(min=1)
    )


class _ListingSchema(Schema):
    menu = _SayField()
    rows = fields.String(
        required=True, validate=validate.Regexp(re.compile(r"\$[a-z][a-z0-9_]*\Z"))
    )
    pick = _name()
    to = _target()
    empty = _target()


class _AskSchema(Schema):
    ask = _name()
    say = _SayField()
    to = _target()


class _CallSchema(Schema):
    find = fields.String(validate=validate.Regexp(_whole(_NAME)))
    do = fields.String(validate=validate.Regexp(_whole(_NAME)))
    args = _words(data_key="with", load_default=dict)
    gives = fields.List(_name(), load_default=list)
    to = _To(required=True)
    refused = fields.Dict(
        keys=fields.String(validate=validate.Regexp(_whole(_NAME))),
        values=_target(),
        load_default=dict,
    )
    quiet = fields.List(fields.String(), load_default=list)


class _EndSchema(Schema):
    end = _SayField()


class _FlowSchema(Schema):
    flow = _name()
    version = fields.Integer(required=True, validate=validate.Range(min=1))
    about = fields.String(required=True, validate=validate.Length(min=1))
    title = _SayField()
    resumes = fields.String(load_default="yes", validate=validate.OneOf(["yes", "no"]))
    start = _name()
    slots = _words(load_default=dict)
    screens = fields.Dict(
        keys=fields.String(validate=validate.Regexp(_whole(_NAME))),
        values=fields.Dict(keys=fields.String()),
        required=True,
        validate=validate.Length(min=1),
    )


class _NavSchema(Schema):
    back = _SayField()
    home = _SayField()
    more = _SayField()


class _OfferSchema(Schema):
    say = _SayField()
    go_on = _SayField()
    anew = _SayField()


class _MachineSchema(Schema):
    nav = fields.Nested(_NavSchema, required=True)
    offer = fields.Nested(_OfferSchema, required=True)
    nonsense = fields.Dict(
        keys=fields.String(validate=validate.OneOf([*ASKABLE, "choice"])),
        values=_SayField(),
        required=True,
    )


class _RefusalSchema(Schema):
    facts = _words(load_default=dict)
    en = fields.String(required=True, validate=_no_stray_braces)
    sw = fields.String(required=True, validate=_no_stray_braces)


_STEPS: Mapping[str, type[Schema]] = {
    "ask": _AskSchema,
    "find": _CallSchema,
    "do": _CallSchema,
    "end": _EndSchema,
}


def _schema_for(raw: Mapping[str, Any]) -> type[Schema]:
    first = next(iter(raw), "")
    if first == "menu":
        return _ListingSchema if "rows" in raw else _MenuSchema
    if first not in _STEPS:
        raise ValidationError("the first key must be menu, ask, find, do or end")
    if {"find", "do"} <= set(raw):
        raise ValidationError("a step is a find or a do, not both")
    return _STEPS[first]


def _sentences(messages: Any, path: str = "") -> list[str]:
    """Marshmallow's nested messages as one sentence each."""
    if isinstance(messages, Mapping):
        found: list[str] = []
        for key, inner in messages.items():
            inside = path if key in ("_schema", "value") else f"{path}.{key}".lstrip(".")
            found += _sentences(inner, inside)
        return found
    return [f"{path}: {message}" if path else str(message) for message in messages]


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
            for sentence in _sentences(wrong.messages):
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
    top = reader.load(_FlowSchema, data, path.stem)
    if reader.faults:
        raise Misread(reader.faults)
    name, version = top["flow"], top["version"]
    types = reader.types(top["slots"], name)
    screens: dict[str, Step] = {}
    for screen, raw in top["screens"].items():
        place = f"{name}.{screen}"
        try:
            loaded = reader.load(_schema_for(raw), raw, place)
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
    if "options" in raw:
        return _menu(base, raw, types, reader)
    return _call(base, raw, types)


def _menu(
    base: tuple[str, str, str], raw: dict[str, Any], types: dict[str, SlotType], reader: _Reader
) -> Menu:
    options = tuple(_option(base[2], option, types, reader) for option in raw["options"])
    body = {
        language: "\n".join(
            [raw["menu"][language].strip()]
            + [f"{n} {option[language].strip()}" for n, option in enumerate(raw["options"], 1)]
        )
        for language in LANGUAGES
    }
    by_number = {str(number): option for number, option in enumerate(options, 1)}
    return Menu(*base, say(raw["menu"], types), say(body, types), options, by_number)


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
    own = machine.load(_MachineSchema, read_yaml(path), "machine")
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
        loaded = reader.load(_RefusalSchema, raw, place)
        if loaded:
            types = reader.types(loaded["facts"], place)
            sentences: Say = say({language: loaded[language] for language in LANGUAGES}, types)
            texts[code] = RefusalText(types, sentences)
    return texts, reader.faults


def read_book(flows_dir: Path, texts_dir: Path) -> Book:
    """All flows, current and retired, and all sentences. Raises Misread with every fault."""
    faults: list[Fault] = []
    flows: list[Flow] = []
    retired: list[Flow] = []
    for path in sorted(flows_dir.glob("*.yaml")) + sorted(flows_dir.glob("retired/*.yaml")):
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
        faults.append(Fault(flows_dir.name, "book", "schema", "there is no flow"))
    if faults:
        raise Misread(faults)
    return Book.of(flows, retired, texts)


def _check_file_name(path: Path, flow: Flow, *, old: bool) -> None:
    promised = f"{flow.name}.v{flow.version}" if old else flow.name
    if path.stem != promised:
        sentence = f"the file should be called {promised}.yaml"
        raise Misread([Fault(path.name, flow.name, "schema", sentence)])


def _clashes(flows: list[Flow], retired: list[Flow]) -> list[Fault]:
    current = {flow.name: flow.version for flow in flows}
    return [
        Fault(flow.file, flow.name, "schema", "a retired version must be older than the current")
        for flow in retired
        if flow.name in current and flow.version >= current[flow.name]
    ]


def is_flow(target: str) -> bool:
    """Whether a target is another flow's start."""
    return target.startswith(FLOW_PREFIX)
