"""Safaricom in dialogues: prompts on phones, payments by M-PESA, its faults and its books."""

import re
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from simulator.dialogue import NAME, NOTHING, DialogueInvalid, block
from simulator.outside import safaricom_is
from simulator.phones import Phone
from simulator.safaricom.books import Order
from simulator.safaricom.lipa import pay
from simulator.safaricom.model import PIN, Safaricom
from simulator.safaricom.prompts import Prompt, Prompts
from ussd_app.kernel.money import format_minor, parse_minor

WRONG_PIN: Final = "0000"
HOLDS: Final = re.compile(r"M-PESA of ([a-z0-9_]+) holds ([0-9.,]+)", re.ASCII)


class Stage(Protocol):
    """What a dialogue's world has, as far as these words need it."""

    prompts: Prompts
    people: dict[str, Phone]
    read_mpesa: dict[str, int]


def is_holding(line: str) -> bool:
    """Whether a line of `Given` says what an M-PESA account holds."""
    return line.startswith("M-PESA of ")


def holds(stage: Stage, line: str) -> None:
    """`M-PESA of asha holds 2000`, `M-PESA of 174379 holds 50000`. Raises DialogueInvalid."""
    match = HOLDS.fullmatch(line.strip())
    if match is None:
        raise DialogueInvalid(f"{line!r}: say `M-PESA of asha holds 2000`")
    account = match[1] if match[1].isdigit() else _number(stage, match[1])
    stage.prompts.safaricom.books.put(account, _minor(match[2]))


def holds_now(stage: Stage, name: str, amount: str) -> None:
    """The same, in the middle of a dialogue."""
    holds(stage, f"M-PESA of {name} holds {amount}")


def asks(stage: Stage, name: str) -> list[str]:
    """`asha's phone asks for the M-PESA PIN`: shows the prompt, `(nothing)` for none."""
    prompt = stage.prompts.on(_number(stage, name))
    return block([prompt.text] if prompt else [])


def enters(stage: Stage, name: str, how: str) -> list[str]:
    """`asha enters her M-PESA PIN`, `asha enters a wrong M-PESA PIN`: shows what M-PESA says."""
    prompt = _prompt(stage, name)
    number = _number(stage, name)
    before = len(_safaricom(stage).customer(number).messages)
    said = stage.prompts.enter(prompt, WRONG_PIN if how == "a wrong" else PIN)
    if len(_safaricom(stage).customer(number).messages) > before:
        stage.read_mpesa[name] = before + 1
    _safaricom(stage).flush()
    return said.split("\n")


def leaves(stage: Stage, name: str, how: str) -> None:
    """`asha cancels the prompt`, `asha ignores the prompt`."""
    prompt = _prompt(stage, name)
    (stage.prompts.cancel if how == "cancels" else stage.prompts.ignore)(prompt)
    _safaricom(stage).flush()


def pays(
    stage: Stage, name: str, amount: str, till: str | None, shortcode: str, account: str | None
) -> list[str]:
    """`asha pays 500 by M-PESA to 174379 account 0712000001`, `… to till 5600001`: shows what
    M-PESA says."""
    if bool(till) is bool(account):
        raise DialogueInvalid("a pay bill is paid with an account, a till without")
    number = _number(stage, name)
    order = Order(number, shortcode, _minor(amount), account or "", goods=bool(till))
    before = len(_safaricom(stage).customer(number).messages)
    said = pay(_safaricom(stage), order, PIN)
    if len(_safaricom(stage).customer(number).messages) > before:
        stage.read_mpesa[name] = before + 1
    return said.split("\n")


def gets(stage: Stage, name: str) -> list[str]:
    """`asha gets from M-PESA`: its messages since the last such line."""
    messages = _safaricom(stage).customer(_number(stage, name)).messages
    new = messages[stage.read_mpesa.get(name, 0) :]
    stage.read_mpesa[name] = len(messages)
    return block(new)


def switches(stage: Stage, name: str, how: str) -> None:
    """`asha's phone is off`, `asha's phone is on`: for M-PESA's prompts."""
    _safaricom(stage).customer(_number(stage, name)).reachable = how == "on"


def swaps(stage: Stage, name: str) -> None:
    """`asha swaps her SIM`."""
    safaricom = _safaricom(stage)
    safaricom.customer(_number(stage, name)).swapped = safaricom.clock.now()


def asks_nobody(stage: Stage) -> None:
    """`Safaricom asks nobody before a payment`: as where validation was never switched on."""
    safaricom = _safaricom(stage)
    for business in safaricom.businesses.values():
        business.validation_url = ""


def names_payers(stage: Stage) -> None:
    """`Safaricom names payers by digest`: as where C2B is registered in its first version."""
    for business in _safaricom(stage).businesses.values():
        business.form = "v1"


def behaves(stage: Stage, how: str) -> None:
    """`Safaricom …`: how it behaves from here on."""
    if not safaricom_is(stage.prompts, how):
        raise DialogueInvalid(f"no Safaricom behaves like {how!r}")


def books(stage: Stage) -> list[str]:
    """`Safaricom`: what M-PESA's accounts hold, of businesses and then of people."""
    names = {_number(stage, name): name for name in stage.people}
    minor = _safaricom(stage).books.balances
    rows = sorted((account in names, account) for account in minor)
    shown = [(names.get(account, account), minor[account]) for _, account in rows]
    width = max((len(name) for name, _ in shown), default=0)
    return [f"{name:<{width}} {format_minor(held):>12}" for name, held in shown] or [NOTHING]


def _safaricom(stage: Stage) -> Safaricom:
    return stage.prompts.safaricom


def _prompt(stage: Stage, name: str) -> Prompt:
    prompt = stage.prompts.on(_number(stage, name))
    if prompt is None:
        raise DialogueInvalid(f"M-PESA asks nothing on {name}'s phone")
    return prompt


def _number(stage: Stage, name: str) -> str:
    if name not in stage.people:
        raise DialogueInvalid(f"{name} is not in the Given block")
    return stage.people[name].msisdn.removeprefix("+")


def _minor(amount: str) -> int:
    minor = 0 if amount == "0" else parse_minor(amount)
    if minor is None:
        raise DialogueInvalid(f"{amount!r} is no amount")
    return minor


_OWN: Final = "(?:her|his|their)"
VERBS: Final[Sequence[tuple[re.Pattern[str], Callable[..., list[str] | None]]]] = [
    (re.compile(pattern, re.ASCII), verb)
    for pattern, verb in (
        (r"M-PESA of ([a-z0-9_]+) holds ([0-9.,]+)", holds_now),
        (rf"{NAME}'s phone asks for the M-PESA PIN", asks),
        (rf"{NAME} enters ({_OWN}|a wrong) M-PESA PIN", enters),
        (rf"{NAME} (cancels|ignores) the prompt", leaves),
        (
            rf"{NAME} pays ([0-9.,]+) by M-PESA to (till )?([0-9]{{5,7}})(?: account (.+))?",
            pays,
        ),
        (rf"{NAME} gets from M-PESA", gets),
        (rf"{NAME}'s phone is (off|on)", switches),
        (rf"{NAME} swaps {_OWN} SIM", swaps),
        ("Safaricom", books),
        ("Safaricom asks nobody before a payment", asks_nobody),
        ("Safaricom names payers by digest", names_payers),
        ("Safaricom (.+)", behaves),
    )
]
