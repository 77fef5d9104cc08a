"""The shape of the files: what YAML may say before it becomes a flow.

Every scalar stays a string (YAML 1.1 would read the key `on` as True and `0712000001` as a
number); unknown and doubled keys are faults. Knows shapes only; `menus.reader` makes the book.
"""

import re
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import yaml
from marshmallow import Schema, ValidationError, fields, validate

from menus.book import HOLE, Fault, Fork, Misread
from menus.slots import ASKABLE, LANGUAGES

_NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_TARGET = re.compile(r"(?:flow:)?[a-z][a-z0-9_]*", re.ASCII)


class _Loader(yaml.CBaseLoader):
    """Every scalar a string, no key twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            mark = key_node.start_mark
            if not isinstance(key, str):
                raise yaml.MarkedYAMLError(problem="a key that is no word", problem_mark=mark)
            if key in seen:
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


class _ListsSchema(Schema):
    menu = _SayField()
    lists = _name()


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


class _ListedSchema(Schema):
    name = fields.String(data_key="in", required=True, validate=validate.Regexp(_whole(_NAME)))
    place = fields.Integer(required=True, validate=validate.Range(min=1, max=99))


class _Listed(fields.Field[Any]):
    """A place in a list, or several such: place by list."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Any, **kwargs: Any
    ) -> dict[str, int]:
        places: dict[str, int] = {}
        for one in value if isinstance(value, list) else [value]:
            loaded = _ListedSchema().load(one)
            if loaded["name"] in places:
                raise ValidationError(f"twice in the list {loaded['name']}")
            places[loaded["name"]] = loaded["place"]
        return places


class FlowSchema(Schema):
    """One version of one flow; its steps are loaded one by one."""

    flow = _name()
    version = fields.Integer(required=True, validate=validate.Range(min=1))
    about = fields.String(required=True, validate=validate.Length(min=1))
    title = _SayField()
    resumes = fields.String(load_default="yes", validate=validate.OneOf(["yes", "no"]))
    start = _name()
    listed = _Listed(load_default=dict)
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


class MachineSchema(Schema):
    """What the machine itself says."""

    nav = fields.Nested(_NavSchema, required=True)
    offer = fields.Nested(_OfferSchema, required=True)
    nonsense = fields.Dict(
        keys=fields.String(validate=validate.OneOf([*ASKABLE, "choice"])),
        values=_SayField(),
        required=True,
    )


class RefusalSchema(Schema):
    """What is said for one refusal."""

    facts = _words(load_default=dict)
    en = fields.String(required=True, validate=_no_stray_braces)
    sw = fields.String(required=True, validate=_no_stray_braces)


_STEPS: Mapping[str, type[Schema]] = {
    "ask": _AskSchema,
    "find": _CallSchema,
    "do": _CallSchema,
    "end": _EndSchema,
}


def schema_for(raw: Mapping[str, Any]) -> type[Schema]:
    """The schema of a step, by its first key. Raises ValidationError."""
    first = next(iter(raw), "")
    if first == "menu":
        if "rows" in raw:
            return _ListingSchema
        return _ListsSchema if "lists" in raw else _MenuSchema
    if first not in _STEPS:
        raise ValidationError("the first key must be menu, ask, find, do or end")
    if {"find", "do"} <= set(raw):
        raise ValidationError("a step is a find or a do, not both")
    return _STEPS[first]


def sentences(messages: Any, path: str = "") -> list[str]:
    """Marshmallow's nested messages as one sentence each."""
    if isinstance(messages, Mapping):
        found: list[str] = []
        for key, inner in messages.items():
            inside = path if key in ("_schema", "value") else f"{path}.{key}".lstrip(".")
            found += sentences(inner, inside)
        return found
    return [f"{path}: {message}" if path else str(message) for message in messages]
