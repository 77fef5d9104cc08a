"""Form-encoded bodies as mappings of text, judged strictly and cheaply.

The USSD door reads one on every hop, so the three escapes that its fields always have are undone
before the general decoder is asked. Says what is wrong and never what stood there.
"""

from urllib.parse import unquote_plus


def read_pairs(body: bytes, most: int) -> dict[str, str]:
    """The fields of `application/x-www-form-urlencoded`, blank ones kept.

    Raises ValueError('encoding' | 'too_many_fields' | 'doubled_field').
    """
    try:
        parts = body.decode("ascii").split("&")
    except UnicodeDecodeError:
        raise ValueError("encoding") from None
    if len(parts) > most:
        raise ValueError("too_many_fields")
    fields: dict[str, str] = {}
    for part in parts:
        name, _, value = part.partition("=")
        if not name:
            continue
        name = _decoded(name)
        if name in fields:
            raise ValueError("doubled_field")
        fields[name] = _decoded(value)
    return fields


def _decoded(text: str) -> str:
    plain = text.replace("%2B", "\x00").replace("%2A", "*").replace("%23", "#").replace("+", " ")
    if "%" not in plain and "\x00" not in text:
        return plain.replace("\x00", "+")
    try:
        return unquote_plus(text, errors="strict")
    except UnicodeDecodeError:
        raise ValueError("encoding") from None
