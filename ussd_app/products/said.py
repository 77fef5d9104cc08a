"""Proves what an SMS says sound, for the linter of the products: the facts that a sentence names,
its alphabet and length in both languages, and that whatever a type tells has a sentence.
"""

from collections.abc import Iterator

from ussd_app.domain.catalogue import PAYER, Catalogue
from ussd_app.domain.texts import FACT_TYPES, LANGUAGES, Sentence, Texts
from ussd_app.kernel.gsm7 import is_gsm7, segments, unmappable


def faults(catalogue: Catalogue, texts: Texts) -> Iterator[str]:
    """Every fault of what is said."""
    for sentence in texts:
        yield from _of_sentence(sentence, texts)
    yield from _of_receipts(catalogue, texts)


def _of_sentence(sentence: Sentence, texts: Texts) -> Iterator[str]:
    where = f"text {sentence.template}"
    unknown = sorted(set(sentence.facts.values()) - set(FACT_TYPES))
    if unknown:
        yield f"{where}: facts of unknown types: {', '.join(unknown)}"
        return
    for language in LANGUAGES:
        text = sentence.text[language]
        named = Texts.facts_named(text)
        declared = set(sentence.facts)
        if named != declared:
            odd = ", ".join(sorted(named ^ declared))
            yield f"{where} ({language}): names other facts than it declares: {odd}"
            continue
        widest = texts.widest(sentence.template, language)
        if not is_gsm7(widest):
            yield f"{where} ({language}): not in the GSM alphabet: {unmappable(widest)}"
        elif segments(widest) > sentence.parts:
            parts, length = segments(widest), len(widest)
            yield f"{where} ({language}): may take {parts} parts ({length} characters)"


def _of_receipts(catalogue: Catalogue, texts: Texts) -> Iterator[str]:
    for agreement in catalogue.agreements.values():
        if agreement.welcome is not None and agreement.welcome not in texts:
            yield f"agreement {agreement.kind}: its welcome has no text: {agreement.welcome}"
    for kind in catalogue.types.values():
        promise = kind.promise
        told = {PAYER: promise.fails} if promise else {}
        waits = {PAYER: promise.waits} if promise and promise.waits else {}
        for role, template in (*kind.receipts.items(), *told.items(), *waits.items()):
            if template not in texts:
                yield f"type {kind.name}: the receipt of {role} has no text: {template}"
