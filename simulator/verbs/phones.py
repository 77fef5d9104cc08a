"""What people do with their phones, what reaches them, and what the books say of it."""

from typing import Final

from simulator.backstage import SHORTCODE
from simulator.dialogue import NOTHING
from simulator.phones import on_the_wire
from simulator.scene import Scene
from simulator.verbs import NAME, Table, table
from ussd_app.kernel.money import format_minor


def dials(scene: Scene, name: str, dialled: str) -> list[str]:
    """`asha dials *383#`, also with answers behind the code: `*383*1*0722000002#`."""
    phone = scene.turn(name)
    scene.telco.dial(phone, dialled)
    return on_the_wire(phone.display.kind, phone.display.screen)


def answers(scene: Scene, name: str, typed: str | None) -> list[str]:
    """`asha > 500`; nothing behind the mark is an empty answer."""
    phone = scene.turn(name)
    scene.telco.answer(phone, typed or "")
    return on_the_wire(phone.display.kind, phone.display.screen)


def hangs_up(scene: Scene, name: str) -> None:
    """`asha hangs up`: the session ends, and Kabambe is told so."""
    scene.telco.hang_up(scene.phone(name))


def texts(scene: Scene, name: str, text: str) -> None:
    """`asha texts BAL`: an SMS to Kabambe's short code."""
    scene.centre.text(scene.phone(name), text, SHORTCODE)


def gets(scene: Scene, name: str) -> list[str]:
    """`asha gets`: the SMS that came since the last such line, `--` between two."""
    inbox = scene.centre.inbox(scene.phone(name).msisdn)
    return scene.unread("SMS", name, [message.text for message in inbox])


def mail_to(scene: Scene, name: str) -> list[str]:
    """`Mail to asha`: what came to asha@… since the last such line, subject first."""
    letters = scene.mailroom.to(name)
    return scene.unread("mail", name, [f"{each.subject}\n{each.body}" for each in letters])


def ledger(scene: Scene) -> list[str]:
    """`Ledger`: the entries since the last such line, as sentences."""
    return scene.backstage.ledger() or [NOTHING]


def balances(scene: Scene) -> list[str]:
    """`Balances`: what everybody has."""
    minor = scene.backstage.balances()
    width = max(map(len, scene.people), default=0)
    return [
        f"{name:<{width}} {format_minor(minor[phone.msisdn]):>12}"
        for name, phone in scene.people.items()
        if phone.msisdn in minor
    ]


def bills(scene: Scene) -> list[str]:
    """`Bills`: what became of each invoice and sale, and who has paid ahead."""
    return scene.backstage.bills() or [NOTHING]


VERBS: Final[Table] = table(
    (rf"{NAME} dials ([0-9*#+]+)", dials),
    (rf"{NAME} >(?: (.*))?", answers),
    (rf"{NAME} hangs up", hangs_up),
    (rf"{NAME} texts (.+)", texts),
    (rf"{NAME} gets", gets),
    (rf"Mail to {NAME}", mail_to),
    ("Ledger", ledger),
    ("Balances", balances),
    ("Bills", bills),
)
