"""Proves a book sound: no path of it can surprise a customer. Run in CI by `python -m menus lint`.

It proves and does not sample: reachability, ways out, the slots that are certainly filled, the
worst case of every screen in both languages. What the bank understands is handed in as signatures.

The rules: schema (found while reading), start, target, unreachable, dead end, restless, undeclared,
unused, unfilled, secret, type, fork, shadowed, languages, alphabet, width, list, refusal, bank.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from menus.book import (
    HOME,
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
    Say,
    SignatureLike,
    Step,
)
from menus.lint_bank import bank_faults, refusal_faults
from menus.lint_lists import list_faults
from menus.proofs import (
    Edge,
    backward,
    certain,
    edges,
    forward,
    offer_width,
    pending,
    reachable,
    resolve,
    restless,
    tallest,
    worst,
)
from menus.screens import BACK, BUDGET, HOME_KEY, MORE, words
from menus.slots import LANGUAGES, Choice, Lang, Rows
from ussd_app.kernel.gsm7 import unmappable

REFUSAL_MOST = 60
"""Septets of a refusal that can stand above a screen."""

_Rule = Callable[[Book, list[Edge]], Iterator[Fault]]


def lint(
    book: Book,
    signatures: Mapping[str, SignatureLike],
    refusal_facts: Mapping[str, Mapping[str, str]] | None = None,
) -> list[Fault]:
    """All faults of a book, sorted; none means that it is sound.

    `refusal_facts` says which facts (by slot type) come with which code; None asks for no proof of
    that.
    """
    ways = edges(book)
    faults = [fault for rule in _RULES for fault in rule(book, ways)]
    faults += list_faults(book)
    faults += bank_faults(book, signatures)
    faults += refusal_faults(book, signatures, refusal_facts)
    return sorted(set(faults))


def lint_files(
    flows_dir: Path,
    texts_dir: Path,
    signatures: Mapping[str, SignatureLike],
    refusal_facts: Mapping[str, Mapping[str, str]] | None = None,
) -> list[Fault]:
    """As `lint`, with what makes the files unreadable as faults too."""
    try:
        return lint(Book.load(flows_dir, texts_dir), signatures, refusal_facts)
    except Misread as wrong:
        return sorted(wrong.faults)


def _steps(book: Book) -> Iterator[tuple[Flow, Step]]:
    for flow in book.versions.values():
        for step in flow.screens.values():
            yield flow, step


def _fault(flow: Flow, step: Step | None, rule: str, sentence: str) -> Fault:
    return Fault(flow.file, step.metric if step else flow.name, rule, sentence)


# -- where one can go


def _targets(book: Book, ways: list[Edge]) -> Iterator[Fault]:
    if HOME not in book.flows:
        yield Fault("flows", "book", "start", f"there is no flow called {HOME}")
    for flow in book.versions.values():
        if flow.start not in flow.screens:
            yield _fault(flow, None, "start", f"there is no screen {flow.start}")
    for flow, step in _steps(book):
        for target, _ in step.targets():
            if resolve(book, flow, target) is None:
                yield _fault(flow, step, "target", f"there is no {target}")


def _unreachable(book: Book, ways: list[Edge]) -> Iterator[Fault]:
    onward = forward(ways)
    starts = {
        flow.screens[flow.start].place
        for flow in book.versions.values()
        if flow.start in flow.screens
        and (flow.name == HOME or book.flows.get(flow.name) is not flow)
    }
    seen = reachable(starts, onward)
    for flow in book.flows.values():
        start = flow.screens.get(flow.start)
        if start is not None and start.place not in seen:
            yield _fault(flow, None, "unreachable", f"no way leads here from {HOME}")
            seen |= reachable({start.place}, onward)
    for flow, step in _steps(book):
        if step.place not in seen:
            yield _fault(flow, step, "unreachable", f"no way leads here from {flow.start}")


def _ways_out(book: Book, ways: list[Edge]) -> Iterator[Fault]:
    ends = {step.place for _, step in _steps(book) if isinstance(step, End)}
    finishing = reachable(ends, backward(ways))
    asking_forever = restless(book, ways)
    for flow, step in _steps(book):
        if step.place not in finishing:
            yield _fault(flow, step, "dead end", "no end can be reached from here")
        if step.place in asking_forever:
            sentence = "a loop on which nobody waits for the customer"
            yield _fault(flow, step, "restless", sentence)


# -- slots


def _reads(step: Step) -> Iterator[str]:
    """The slots that a step needs filled when it is reached."""
    for said in _sayings(step):
        for language in LANGUAGES:
            yield from said[language].names
    if isinstance(step, Call):
        yield from step.slot_args.values()
    if isinstance(step, Listing):
        yield step.rows


def _fills(step: Step) -> Iterator[str]:
    if isinstance(step, Menu):
        for option in step.options:
            yield from option.literals
    elif isinstance(step, Ask):
        yield step.slot
    elif isinstance(step, Listing):
        yield step.pick
    elif isinstance(step, Call):
        yield from step.gives


def _forks(step: Step) -> Iterator[Fork]:
    if isinstance(step, Call) and isinstance(step.to, Fork):
        yield step.to


def _sayings(step: Step) -> Iterator[Say]:
    if isinstance(step, Menu):
        yield step.body
    elif said := words(step):
        yield said


def _declared(book: Book, ways: list[Edge]) -> Iterator[Fault]:
    for flow in book.versions.values():
        used: set[str] = set()
        for step in flow.screens.values():
            read = {*_reads(step), *(fork.by for fork in _forks(step))}
            used |= read
            for slot in sorted((read | {*_fills(step)}) - set(flow.slots)):
                yield _fault(flow, step, "undeclared", f"the flow has no slot {slot}")
        for slot in sorted(set(flow.slots) - used - flow.langs):
            yield _fault(flow, None, "unused", f"nothing reads the slot {slot}")
        filled = {slot for step in flow.screens.values() for slot in _fills(step)}
        for slot in sorted(flow.langs - used - filled):
            yield _fault(flow, None, "unused", f"nothing fills or reads the slot {slot}")


def _filled(book: Book, ways: list[Edge]) -> Iterator[Fault]:
    for flow in book.versions.values():
        sure = certain(flow, ways)
        for step in flow.screens.values():
            if step.place not in sure:
                continue
            there = sure[step.place]
            for slot in sorted(set(_reads(step)) & set(flow.slots) - there):
                sentence = f"{slot} is not filled on every path to here"
                yield _fault(flow, step, "unfilled", sentence)
            for fork in _forks(step):
                after = there | {*_fills(step)}
                if fork.by in flow.slots and fork.by not in after:
                    sentence = f"{fork.by} is not filled on every path to here"
                    yield _fault(flow, step, "unfilled", sentence)


def _secrets(book: Book, ways: list[Edge]) -> Iterator[Fault]:
    for flow, step in _steps(book):
        if isinstance(step, Ask):
            if step.slot in flow.secrets and not _used_next(flow, step):
                sentence = f"the very next step must use the secret {step.slot}"
                yield _fault(flow, step, "secret", sentence)
        else:
            for slot in sorted(set(_fills(step)) & flow.secrets):
                sentence = f"the secret {slot} can only come from the customer"
                yield _fault(flow, step, "secret", sentence)
        if isinstance(step, Call) and step.verb == "find" and step.secret_args:
            yield _fault(flow, step, "secret", "a wrong secret must count, so it goes to a do")


def _used_next(flow: Flow, step: Ask) -> bool:
    after = flow.screens.get(step.to)
    return isinstance(after, Call) and step.slot in after.slot_args.values()


def _types(book: Book, ways: list[Edge]) -> Iterator[Fault]:
    for flow, step in _steps(book):
        for sentence in _misfits(flow, step):
            yield _fault(flow, step, "type", sentence)
        printed = {name for said in _sayings(step) for key in LANGUAGES for name in said[key].names}
        for slot in sorted(printed & set(flow.slots)):
            if not flow.slots[slot].printable:
                rule = "secret" if slot in flow.secrets else "type"
                yield _fault(flow, step, rule, f"{slot} must never be printed")


def _misfits(flow: Flow, step: Step) -> Iterator[str]:
    if isinstance(step, Ask) and step.type is not None and not step.type.askable:
        yield f"nobody can type a {step.type.declared}"
    if isinstance(step, Listing):
        if step.rows in flow.slots and not isinstance(flow.slots[step.rows], Rows):
            yield f"{step.rows} holds no rows"
        if step.pick in flow.slots and flow.slots[step.pick].kind not in ("ref", "text"):
            yield "a row's key goes into a ref or a text"


def _forked(book: Book, ways: list[Edge]) -> Iterator[Fault]:
    for flow, step in _steps(book):
        for fork in _forks(step):
            type_ = flow.slots.get(fork.by)
            if isinstance(type_, Choice | Lang):
                values = set(type_.words)
            elif isinstance(type_, Rows):
                values = {"some", "none"}
            elif type_ is None:
                continue
            else:
                yield _fault(flow, step, "fork", f"{fork.by} is neither a choice nor rows")
                continue
            for value in sorted(values - set(fork.table)):
                yield _fault(flow, step, "fork", f"{value} leads nowhere")
            for value in sorted(set(fork.table) - values):
                yield _fault(flow, step, "fork", f"{fork.by} is never {value}")


def _shadowed(book: Book, ways: list[Edge]) -> Iterator[Fault]:
    for flow, step in _steps(book):
        if isinstance(step, Ask) and step.type is not None:
            for key in (BACK, HOME_KEY):
                if step.type.parse(key) is not None:
                    yield _fault(flow, step, "shadowed", f"{key} would be an answer and a key")
        if isinstance(step, Menu):
            for sentence in _doubles(step):
                yield _fault(flow, step, "shadowed", sentence)


def _doubles(menu: Menu) -> Iterator[str]:
    for key in (BACK, HOME_KEY, MORE):
        if key in menu.by_number:
            yield f"{key} would be an option and a key"
    for language in LANGUAGES:
        seen: dict[str, str] = {}
        for number, option in menu.by_number.items():
            label = option.label[language].text.casefold()
            if label in seen:
                yield f"{seen[label]} and {number} read the same in {language}"
            seen.setdefault(label, number)


# -- sentences


def _everything_said(book: Book) -> Iterator[tuple[str, str, Say]]:
    """File, place and sentence of all that can be read on a phone."""
    for flow in book.versions.values():
        yield flow.file, flow.name, flow.title
        for step in flow.screens.values():
            if isinstance(step, Menu):
                yield flow.file, step.metric, step.title
                for number, option in step.by_number.items():
                    yield flow.file, f"{step.metric}.{number}", option.label
            else:
                for said in _sayings(step):
                    yield flow.file, step.metric, said
    texts = book.texts
    own = {
        "nav.back": texts.back,
        "nav.home": texts.home,
        "nav.more": texts.more,
        "offer.say": texts.offer,
        "offer.go_on": texts.offer_yes,
        "offer.anew": texts.offer_no,
        **{f"nonsense.{kind}": said for kind, said in texts.nonsense.items()},
    }
    for place, said in own.items():
        yield "machine.yaml", place, said
    for code, text in texts.refusals.items():
        yield "refusals.yaml", f"refusals.{code}", text.say


def _languages(book: Book, ways: list[Edge]) -> Iterator[Fault]:
    for file, place, said in _everything_said(book):
        named = {language: set(said[language].names) for language in LANGUAGES}
        everywhere = set.intersection(*named.values())
        for language, names in named.items():
            for name in sorted(names - everywhere):
                yield Fault(file, place, "languages", f"{name} is named in {language} only")
            if strange := unmappable(said[language].text):
                sentence = f"{language} has {strange!r}, which is not in the GSM alphabet"
                yield Fault(file, place, "alphabet", sentence)


def _widths(book: Book, ways: list[Edge]) -> Iterator[Fault]:
    above = pending(ways)
    for flow, step in _steps(book):
        if isinstance(step, Call):
            continue
        for language in LANGUAGES:
            septets = tallest(book, flow, step, above.get(step.place, set()), language)
            if septets > BUDGET:
                sentence = f"up to {septets} septets in {language}, {septets - BUDGET} too many"
                yield _fault(flow, step, "width", sentence)
    for language in LANGUAGES:
        septets = offer_width(book, language)
        if septets > BUDGET:
            yield Fault("machine.yaml", "offer", "width", f"up to {septets} septets in {language}")
    yield from _refusal_widths(book, {code for codes in above.values() for code in codes})


def _refusal_widths(book: Book, standing: set[str]) -> Iterator[Fault]:
    for code, text in book.texts.refusals.items():
        room = REFUSAL_MOST if code in standing else BUDGET
        for language in LANGUAGES:
            septets = worst(text.say, language, text.facts)
            if septets > room:
                sentence = f"up to {septets} septets in {language}, the most is {room}"
                yield Fault("refusals.yaml", f"refusals.{code}", "width", sentence)


_RULES: tuple[_Rule, ...] = (
    _targets,
    _unreachable,
    _ways_out,
    _declared,
    _filled,
    _secrets,
    _types,
    _forked,
    _shadowed,
    _languages,
    _widths,
)
