"""How an operator breaks a screen that is too long: pages with `98:More` and `00:Back`.

The application never learns of it. Source: Africa's Talking help article 1284096.
"""

from simulator.networks import Network
from ussd_app.kernel.gsm7 import is_gsm7, septets

FORTH = "98"
BACK_AGAIN = "00"
MORE = f"{FORTH}:More"
BACK = f"{BACK_AGAIN}:Back"


def measure(text: str) -> int:
    """What a text takes on a screen: septets, or characters when it is not GSM-7."""
    return septets(text) if is_gsm7(text) else len(text)


def room(text: str, network: Network) -> int:
    """What a screen holds, in the unit in which `measure` counts this text."""
    return network.screen_septets if is_gsm7(text) else network.screen_ucs2


def pages(text: str, network: Network) -> list[str]:
    """The screens that the phone shows for a text, one or more; each fits the network."""
    limit = room(text, network)
    if measure(text) <= limit:
        return [text]
    bodies: list[str] = []
    rest = text
    while rest:
        last = measure(rest) + _footer_room(first=not bodies, last=True) <= limit
        space = limit - _footer_room(first=not bodies, last=last)
        taken = rest if last else _fitting(rest, space)
        bodies.append(taken.rstrip("\n"))
        rest = rest[len(taken) :]
    return [
        "\n".join([body, *_footer(first=place == 0, last=place == len(bodies) - 1)])
        for place, body in enumerate(bodies)
    ]


def _footer(*, first: bool, last: bool) -> list[str]:
    return ([] if last else [MORE]) + ([] if first else [BACK])


def _footer_room(*, first: bool, last: bool) -> int:
    return sum(len(line) + 1 for line in _footer(first=first, last=last))


def _fitting(text: str, space: int) -> str:
    """The longest beginning that fits, cut after a line or a word where there is one."""
    end = min(len(text), space)
    while measure(text[:end]) > space:
        end -= 1
    for cut in (text.rfind("\n", 0, end), text.rfind(" ", 0, end)):
        if cut >= end // 2:
            return text[: cut + 1]
    return text[:end]
