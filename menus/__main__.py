"""`python -m menus lint | draw | words | refusals`: prove the flows, draw them, list sentences.

The last three write pages under docs/; with `--check` they write nothing and fail when the page is
stale. The only module of the menus that knows the bank, and that only for
its signatures.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from menus.book import Book, Misread
from menus.draw import draw
from menus.lint import lint
from menus.refusals import refusals
from menus.words import words

_ROOT = Path(__file__).resolve().parent
FLOWS_DIR = _ROOT / "flows"
TEXTS_DIR = _ROOT / "text"
DOCS_DIR = _ROOT.parent / "docs"


def _refusals(book: Book) -> str:
    from ussd_app.domain.bank import signatures

    return refusals(book, signatures())


_PAGES: dict[str, tuple[str, Callable[[Book], str]]] = {
    "draw": ("menus.md", draw),
    "words": ("words.md", words),
    "refusals": ("refusals.md", _refusals),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status is 1 when there is a fault or a stale page."""
    parser = argparse.ArgumentParser(prog="python -m menus", description=__doc__)
    parser.add_argument("command", choices=["lint", *_PAGES])
    parser.add_argument("folders", nargs="*", type=Path, help="further folders with flows/")
    parser.add_argument("--check", action="store_true", help="fail when the page is stale")
    chosen = parser.parse_args(arguments)
    try:
        book = Book.load(FLOWS_DIR, TEXTS_DIR, *(each / "flows" for each in chosen.folders))
    except Misread as wrong:
        print(wrong)
        return 1
    if chosen.command == "lint":
        return _lint(book)
    name, make = _PAGES[chosen.command]
    return _page(DOCS_DIR / name, make(book), check=chosen.check)


def _lint(book: Book) -> int:
    from ussd_app.domain.bank import signatures

    faults = lint(book, signatures())
    for fault in faults:
        print(fault)
    screens = sum(len(flow.screens) for flow in book.versions.values())
    print(f"{len(book.versions)} flows, {screens} steps: {len(faults)} faults")
    return 1 if faults else 0


def _page(path: Path, text: str, *, check: bool) -> int:
    if check:
        fresh = path.exists() and path.read_text("utf-8") == text
        if not fresh:
            print(f"{path.name} is stale: run make docs")
        return 0 if fresh else 1
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
