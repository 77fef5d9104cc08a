"""The GSM 03.38 seven-bit alphabet: what a basic phone shows, and what it costs in septets.

Source: 3GPP TS 23.038 sections 6.2.1 and 6.2.1.1. Extension characters take two septets. Text with
any other character is sent as UCS-2, which holds less than half as much.
"""

_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = "\f^{}\\[~]|€"

_WIDTH = dict.fromkeys(_BASIC, 1) | dict.fromkeys(_EXTENSION, 2)

ONE_PART = 160
EACH_PART = 153
ONE_PART_UCS2 = 70
EACH_PART_UCS2 = 67


def is_gsm7(text: str) -> bool:
    """Whether every character can be shown in the seven-bit alphabet."""
    return all(character in _WIDTH for character in text)


def unmappable(text: str) -> str:
    """The characters outside the alphabet, each once, in order of appearance."""
    return "".join(dict.fromkeys(character for character in text if character not in _WIDTH))


def septets(text: str) -> int:
    """Septets that the text takes. Raises ValueError when it is not GSM-7."""
    try:
        return sum(_WIDTH[character] for character in text)
    except KeyError as missing:
        raise ValueError(f"not in the GSM alphabet: {missing.args[0]!r}") from None


def segments(text: str) -> int:
    """How many SMS parts the text is billed as; a two-septet character is never split."""
    if not text:
        return 1
    if is_gsm7(text):
        return _parts([_WIDTH[character] for character in text], ONE_PART, EACH_PART)
    widths = [2 if ord(character) > 0xFFFF else 1 for character in text]
    return _parts(widths, ONE_PART_UCS2, EACH_PART_UCS2)


def _parts(widths: list[int], whole: int, each: int) -> int:
    if sum(widths) <= whole:
        return 1
    parts, used = 1, 0
    for width in widths:
        if used + width > each:
            parts, used = parts + 1, 0
        used += width
    return parts
