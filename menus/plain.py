"""Text that somebody else wrote, made fit for a screen: GSM alphabet, one line, a width."""

import re
import unicodedata

from ussd_app.kernel import gsm7

_PLAIN = re.compile(r"[A-Za-z0-9 .,'/:+&()-]*", re.ASCII)
_CURLY = str.maketrans({"\u2018": "'", "\u2019": "'", "\u02bc": "'", "`": "'"})


def fold(text: str) -> str:
    """The text in the GSM alphabet on one line: accents it lacks fall off, the rest is '?'."""
    if _PLAIN.fullmatch(text):
        return text
    composed = unicodedata.normalize("NFC", text.translate(_CURLY))
    folded = []
    for character in " ".join(composed.split()):
        if gsm7.is_gsm7(character):
            folded.append(character)
        else:
            base = unicodedata.normalize("NFKD", character)[0]
            folded.append(base if gsm7.is_gsm7(base) else "?")
    return " ".join("".join(folded).split())


def fit(text: str, width: int) -> str:
    """The text in the GSM alphabet on one line, cut to a number of septets."""
    if len(text) <= width and _PLAIN.fullmatch(text):
        return text
    kept, used = [], 0
    for character in fold(text[: width * 2]):
        used += gsm7.septets(character)
        if used > width:
            break
        kept.append(character)
    return "".join(kept).rstrip()
