"""The letters of the phones' screens: drawn here dot by dot, built into a font file.

`python -m simulator.lettering` writes static/handset.woff anew (fontTools, from
requirements-dev.txt). A glyph is its columns from left to right, each a byte: bit 0 is the top
row, rows 0 to 6 stand on the line, row 7 hangs below it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

DOT: Final = 100
EM: Final = 10 * DOT
BASELINE_ROW: Final = 7
FILE: Final = Path(__file__).parent / "static" / "handset.woff"

GLYPHS: Final[dict[str, str]] = {
    " ": "0000", "!": "5f", '"': "030003", "#": "147f147f14", "$": "242a7f2a12",
    "%": "2313086462", "&": "3649562050", "'": "03", "(": "1c2241", ")": "41221c",
    "*": "2a1c3e1c2a", "+": "08083e0808", ",": "8060", "-": "080808", ".": "6060",
    "/": "2010080402", "0": "3e4141413e", "1": "00427f4000", "2": "6251494946",
    "3": "2241494936", "4": "1814127f10", "5": "2745454539", "6": "3c4a494930",
    "7": "0171090503", "8": "3649494936", "9": "064949291e", ":": "3636", ";": "8076",
    "<": "081422", "=": "14141414", ">": "221408", "?": "0201590906", "@": "3e415d550e",
    "A": "7e0909097e", "B": "7f49494936", "C": "3e41414122", "D": "7f4141413e",
    "E": "7f494941", "F": "7f090901", "G": "3e41494979", "H": "7f0808087f", "I": "417f41",
    "J": "3040403f", "K": "7f08142241", "L": "7f404040", "M": "7f0204027f", "N": "7f0408107f",
    "O": "3e4141413e", "P": "7f09090906", "Q": "3e4151215e", "R": "7f09192946",
    "S": "2649494932", "T": "01017f0101", "U": "3f4040403f", "V": "1f2040201f",
    "W": "3f4038403f", "X": "6314081463", "Y": "0304780403", "Z": "6151494543",
    "[": "7f4141", "\\": "0204081020", "]": "41417f", "^": "0402010204", "_": "40404040",
    "`": "0102", "a": "2054547840", "b": "7f44443c", "c": "38444448", "d": "3844447f",
    "e": "38545418", "f": "087e0901", "g": "18a4a47c", "h": "7f040478", "i": "7d", "j": "80807d",
    "k": "7f102844", "l": "7f", "m": "7c04780478", "n": "7c040478", "o": "38444438",
    "p": "fc242418", "q": "182424fc", "r": "7c0804", "s": "48545424", "t": "043f44",
    "u": "3c40407c", "v": "1c2040201c", "w": "3c4030403c", "x": "4428102844", "y": "1ca0a07c",
    "z": "6454544c",
    "{": "083641", "|": "7f", "}": "413608", "~": "0804080402",
    "…": "4000400040", "•": "1c1c1c", "£": "487e494142", "€": "143e555541", "é": "38545519",
    "→": "08082a1c08", "▌": "7f7f7f", "–": "08080808", "’": "03", "✉": "7f45495149457f",
}  # fmt: skip


def columns(glyph: str) -> list[int]:
    """The columns of a glyph, a byte each."""
    return list(bytes.fromhex(glyph))


def boxes(glyph: str) -> Iterator[tuple[int, int, int, int]]:
    """The glyph's dots as boxes (left, bottom, right, top) in font units, runs joined."""
    lines = columns(glyph)
    for row in range(8):
        yield from _runs([bool(line >> row & 1) for line in lines], row, across=True)
    for place, line in enumerate(lines):
        yield from _runs([bool(line >> row & 1) for row in range(8)], place, across=False)


def _runs(dots: list[bool], where: int, *, across: bool) -> Iterator[tuple[int, int, int, int]]:
    start = None
    for place, dot in enumerate([*dots, False]):
        if dot and start is None:
            start = place
        elif not dot and start is not None:
            if across:
                top = (BASELINE_ROW - where) * DOT
                yield start * DOT, top - DOT, place * DOT, top
            else:
                bottom = (BASELINE_ROW - place) * DOT
                top = (BASELINE_ROW - start) * DOT
                yield where * DOT, bottom, where * DOT + DOT, top
            start = None


def build(path: Path = FILE) -> None:
    """Write the font file."""
    from fontTools.fontBuilder import FontBuilder  # type: ignore[import-untyped]
    from fontTools.pens.ttGlyphPen import TTGlyphPen  # type: ignore[import-untyped]

    names = {character: f"u{ord(character):04X}" for character in GLYPHS}
    outlines: dict[str, Any] = {".notdef": TTGlyphPen(None).glyph()}
    metrics = {".notdef": (4 * DOT, 0)}
    for character, glyph in GLYPHS.items():
        pen = TTGlyphPen(None)
        for left, bottom, right, top in boxes(glyph):
            pen.moveTo((left, bottom))
            for corner in ((left, top), (right, top), (right, bottom)):
                pen.lineTo(corner)
            pen.closePath()
        outlines[names[character]] = pen.glyph()
        metrics[names[character]] = ((len(columns(glyph)) + 1) * DOT, 0)
    font = FontBuilder(EM, isTTF=True)
    font.setupGlyphOrder([".notdef", *names.values()])
    font.setupCharacterMap({ord(character): name for character, name in names.items()})
    font.setupGlyf(outlines)
    font.setupHorizontalMetrics(metrics)
    font.setupHorizontalHeader(ascent=7 * DOT, descent=-2 * DOT)
    font.setupNameTable({"familyName": "Kabambe Handset", "styleName": "Regular"})
    font.setupOS2(sTypoAscender=7 * DOT, usWinAscent=7 * DOT, usWinDescent=2 * DOT)
    font.setupPost()
    font.font["head"].created = font.font["head"].modified = 0
    font.font.flavor = "woff"
    font.font.recalcTimestamp = False
    font.save(path)


if __name__ == "__main__":
    build()
    print(f"{FILE} written, {FILE.stat().st_size} bytes")
