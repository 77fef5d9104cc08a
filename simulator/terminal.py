"""A phone in the terminal: `python -m simulator dial '*383#'`. A PIN is not shown while typed."""

import getpass
from collections.abc import Callable

from simulator import networks, paging, wire
from simulator.inside import Inside
from simulator.phones import Phone, Service
from simulator.telco import NotNow, Telco
from ussd_app.kernel.clock import SystemClock

WIDTH = 40


def dial(
    service: Service,
    inside: Inside,
    msisdn: str,
    code: str,
    say: Callable[[str], None] = print,
    hear: Callable[[str], str] = input,
    hear_secret: Callable[[str], str] = getpass.getpass,
) -> int:
    """Talk until the session ends; exit status 0 when it reached its END."""
    telco = Telco(SystemClock(), service)
    phone = telco.add("you", msisdn, networks.of(msisdn))
    telco.dial(phone, code)
    try:
        while True:
            say(_drawn(phone))
            telco.tick()
            if not phone.display.takes_answer:
                return 0 if phone.display.kind == "end" else 1
            ask = hear_secret if _asks_secret(phone, inside) else hear
            try:
                telco.answer(phone, ask("> "))
            except NotNow as refusal:
                say(str(refusal))
    except (EOFError, KeyboardInterrupt):
        telco.hang_up(phone)
        say("")
        return 1


def _asks_secret(phone: Phone, inside: Inside) -> bool:
    """As the application says, or as its words suggest."""
    seen = inside.session(phone.session.id) if phone.session else None
    if seen is not None and "asks_secret" in seen:
        phone.asks_secret = bool(seen["asks_secret"])
        return phone.asks_secret
    return wire.asks_secret(phone.display.text)


def _drawn(phone: Phone) -> str:
    """The screen in a frame, with the room that it takes below."""
    text = phone.display.screen
    lines = [piece for line in text.split("\n") for piece in _wrapped(line)]
    measure = f" {paging.measure(text)}/{paging.room(text, phone.network)} "
    body = [f"│ {line:<{WIDTH}} │" for line in lines]
    top = f"╭{'─' * (WIDTH + 2)}╮"
    bottom = f"╰{measure:─>{WIDTH + 1}}─╯"
    return "\n".join([top, *body, bottom])


def _wrapped(line: str) -> list[str]:
    pieces = []
    while len(line) > WIDTH:
        cut = line.rfind(" ", 1, WIDTH + 1)
        cut = cut if cut > 0 else WIDTH
        pieces.append(line[:cut])
        line = line[cut:].lstrip()
    return [*pieces, line]
