"""Safaricom in dialogues: prompts on phones, payments by M-PESA, and its books.

How it behaves is said by the words of all who are outside.
"""

from typing import Final

from simulator.dialogue import NOTHING, DialogueInvalid, block
from simulator.given import holding
from simulator.safaricom.books import Order
from simulator.safaricom.lipa import pay
from simulator.safaricom.model import PIN, WRONG_PIN
from simulator.safaricom.paying_out import in_portal
from simulator.safaricom.prompts import Prompt
from simulator.scene import Scene
from simulator.verbs import NAME, Table, table
from ussd_app.kernel.money import format_minor, parse_minor

MPESA: Final = "M-PESA"
"""Where a customer's messages from M-PESA are read."""


def holds(scene: Scene, line: str) -> None:
    """`M-PESA of asha holds 2000`, `M-PESA of 174379 holds 50000`. Raises DialogueInvalid."""
    who, minor = holding(line)
    account = who if who.isdigit() else scene.number(who)
    scene.safaricom.books.put(account, minor)


def asks(scene: Scene, name: str) -> list[str]:
    """`asha's phone asks for the M-PESA PIN`: shows the prompt, `(nothing)` for none."""
    prompt = scene.outside.prompts.on(scene.number(name))
    return block([prompt.text] if prompt else [])


def enters(scene: Scene, name: str, how: str) -> list[str]:
    """`asha enters her M-PESA PIN`, `asha enters a wrong M-PESA PIN`: shows what M-PESA says."""
    prompt = _prompt(scene, name)
    before = _messages(scene, name)
    said = scene.outside.prompts.enter(prompt, WRONG_PIN if how == "a wrong" else PIN)
    _shown(scene, name, before)
    scene.safaricom.flush()
    return said.split("\n")


def leaves(scene: Scene, name: str, how: str) -> None:
    """`asha cancels the prompt`, `asha ignores the prompt`."""
    prompts, prompt = scene.outside.prompts, _prompt(scene, name)
    (prompts.cancel if how == "cancels" else prompts.ignore)(prompt)
    scene.safaricom.flush()


def pays(
    scene: Scene, name: str, amount: str, till: str | None, shortcode: str, account: str | None
) -> list[str]:
    """`asha pays 500 by M-PESA to 174379 account 0712000001`, `… to till 5600001`: shows what
    M-PESA says."""
    if bool(till) is bool(account):
        raise DialogueInvalid("a pay bill is paid with an account, a till without")
    minor = parse_minor(amount)
    if minor is None:
        raise DialogueInvalid(f"{amount!r} is no amount")
    order = Order(scene.number(name), shortcode, minor, account or "", goods=bool(till))
    before = _messages(scene, name)
    said = pay(scene.safaricom, order, PIN)
    _shown(scene, name, before)
    return said.split("\n")


def gets(scene: Scene, name: str) -> list[str]:
    """`asha gets from M-PESA`: its messages since the last such line."""
    return scene.unread(MPESA, name, scene.safaricom.customer(scene.number(name)).messages)


def switches(scene: Scene, name: str, how: str) -> None:
    """`asha's phone is off`, `asha's phone is on`: for M-PESA's prompts."""
    scene.safaricom.customer(scene.number(name)).reachable = how == "on"


def swaps(scene: Scene, name: str) -> None:
    """`asha swaps her SIM`."""
    scene.safaricom.customer(scene.number(name)).swapped = scene.safaricom.clock.now()


def asks_nobody(scene: Scene) -> None:
    """`Safaricom asks nobody before a payment`: as where validation was never switched on."""
    for business in scene.safaricom.businesses.values():
        business.validation_url = ""


def reverses(scene: Scene, receipt: str) -> None:
    """`Safaricom reverses UKL…`: in its own portal; it tells us nothing. Raises DialogueInvalid."""
    try:
        in_portal(scene.safaricom, receipt)
    except KeyError:
        raise DialogueInvalid(f"there is no payment {receipt}") from None


def names_payers(scene: Scene) -> None:
    """`Safaricom names payers by digest`: as where C2B is registered in its first version."""
    for business in scene.safaricom.businesses.values():
        business.form = "v1"


def books(scene: Scene) -> list[str]:
    """`Safaricom`: what M-PESA's accounts hold, of businesses and then of people."""
    names = {scene.number(name): name for name in scene.people}
    minor = scene.safaricom.books.balances
    rows = sorted((account in names, account) for account in minor)
    shown = [(names.get(account, account), minor[account]) for _, account in rows]
    width = max((len(name) for name, _ in shown), default=0)
    return [f"{name:<{width}} {format_minor(held):>12}" for name, held in shown] or [NOTHING]


def _prompt(scene: Scene, name: str) -> Prompt:
    prompt = scene.outside.prompts.on(scene.number(name))
    if prompt is None:
        raise DialogueInvalid(f"M-PESA asks nothing on {name}'s phone")
    return prompt


def _messages(scene: Scene, name: str) -> int:
    return len(scene.safaricom.customer(scene.number(name)).messages)


def _shown(scene: Scene, name: str, before: int) -> None:
    """The message that came as the answer is shown as the answer, and so is read."""
    if _messages(scene, name) > before:
        scene.read[MPESA, name] = before + 1


_OWN: Final = "(?:her|his|their)"
VERBS: Final[Table] = table(
    ("(M-PESA of [a-z0-9_]+ holds [0-9.,]+)", holds),
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
    ("Safaricom reverses ([A-Z0-9]+)", reverses),
)
