"""Holds a book against the bank: every question is one that the bank understands, every refusal has
a sentence. The part of lint that looks outside the files.
"""

from collections.abc import Iterator, Mapping

from menus.book import Book, Call, Fault, Flow, SignatureLike
from menus.slot_base import SlotType
from menus.slots import slot_type
from ussd_app.kernel.errors import RefusalCode

_CODES = frozenset(code.value for code in RefusalCode)


def bank_faults(book: Book, signatures: Mapping[str, SignatureLike]) -> Iterator[Fault]:
    """Where a `find` or a `do` asks what the bank does not offer."""
    for flow in book.versions.values():
        for step in flow.screens.values():
            if isinstance(step, Call):
                for sentence in _call_faults(flow, step, signatures.get(step.command)):
                    yield Fault(flow.file, step.metric, "bank", sentence)


def _call_faults(flow: Flow, step: Call, signature: SignatureLike | None) -> Iterator[str]:
    if signature is None:
        yield f"the bank knows no {step.command}"
        return
    if signature.kind != step.verb:
        yield f"{step.command} is a {signature.kind}, not a {step.verb}"
    yield from _arg_faults(flow, step, signature)
    for slot in step.gives:
        if slot not in signature.gives:
            yield f"{step.command} gives no {slot}"
        elif slot in flow.slots:
            given = slot_type(signature.gives[slot])
            if not flow.slots[slot].accepts(given):
                yield f"{slot} is a {flow.slots[slot].declared}, given is a {given.declared}"
    for code in sorted({*step.refused} - set(signature.refuses)):
        yield f"{step.command} never refuses with {code}"
    for code in sorted(step.quiet - set(step.refused)):
        yield f"{code} is quiet but leads nowhere"


def _arg_faults(flow: Flow, step: Call, signature: SignatureLike) -> Iterator[str]:
    wanted = {name.removesuffix("?"): slot_type(text) for name, text in signature.args.items()}
    needed = {name for name in signature.args if not name.endswith("?")}
    given = {**step.slot_args, **step.literal_args}
    for arg in sorted(needed - set(given)):
        yield f"{step.command} needs {arg}"
    for arg in sorted(set(given) - set(wanted)):
        yield f"{step.command} takes no {arg}"
    for arg, slot in step.slot_args.items():
        if arg in wanted and slot in flow.slots and not wanted[arg].accepts(flow.slots[slot]):
            yield f"{arg} is a {wanted[arg].declared}, {slot} is a {flow.slots[slot].declared}"
    for arg, literal in step.literal_args.items():
        if arg in wanted and not _literal_fits(wanted[arg], literal):
            yield f"{literal!r} cannot be {arg}, which is a {wanted[arg].declared}"


def _literal_fits(wanted: SlotType, literal: str) -> bool:
    """Whether a word of the flow file is a value as it stands: words and choices are."""
    return wanted.kind in ("text", "choice", "lang") and wanted.parse(literal) == literal


def refusal_faults(
    book: Book,
    signatures: Mapping[str, SignatureLike],
    refusal_facts: Mapping[str, Mapping[str, str]] | None,
) -> Iterator[Fault]:
    """Refusals without a sentence, sentences without a refusal, facts that nobody brings."""
    texts = book.texts.refusals
    for code in sorted(_CODES - set(texts)):
        yield _refusal_fault(code, "no sentence")
    for code in sorted(set(texts) - _CODES):
        yield _refusal_fault(code, "no such refusal: an unused sentence")
    for name, signature in signatures.items():
        for code in sorted(set(signature.refuses) - _CODES):
            yield Fault("bank", name, "refusal", f"no such refusal: {code}")
    for code, text in texts.items():
        named = {name for sentence in text.say.values() for name in sentence.names}
        for fact in sorted(named - set(text.facts)):
            yield _refusal_fault(code, f"{fact} is no fact of it")
        for fact in sorted(set(text.facts) - named):
            yield _refusal_fault(code, f"{fact} is never said")
        if refusal_facts is not None:
            yield from _unbrought(code, text.facts, refusal_facts.get(code, {}))


def _unbrought(
    code: str, said: Mapping[str, SlotType], brought: Mapping[str, str]
) -> Iterator[Fault]:
    for fact, type_ in said.items():
        if fact not in brought:
            yield _refusal_fault(code, f"the bank does not bring {fact}")
        elif not type_.accepts(slot_type(brought[fact])):
            sentence = f"{fact} is a {type_.declared}, the bank brings a {brought[fact]}"
            yield _refusal_fault(code, sentence)


def _refusal_fault(code: str, sentence: str) -> Fault:
    return Fault("refusals.yaml", f"refusals.{code}", "refusal", sentence)
