"""How those outside behave from here on, by the words that the page has for it too."""

from typing import Final

from simulator.dialogue import DialogueInvalid
from simulator.phones import DELIVERIES
from simulator.scene import Scene
from simulator.sms import STATUSES, TAKEN
from simulator.verbs import Table, table
from simulator.verbs.network import TIMES
from ussd_app.kernel.msisdn import parse as parse_msisdn

REFUSALS: Final = {name: code for code, name in STATUSES.items() if code not in TAKEN}


def gateway_is(scene: Scene, how: str) -> None:
    """`the gateway …`: how the SMS API behaves from here on; `works` ends all of it."""
    faults = scene.centre.faults
    faults.http_status, faults.drop, faults.taken_anyway = 0, False, True
    statuses, deliveries = None, "normal"
    match how.split(" ", 1):
        case ["works"]:
            pass
        case ["says", refusal] if refusal in REFUSALS:
            statuses = REFUSALS[refusal]
        case ["answers", status] if status.isdigit():
            faults.http_status = int(status)
        case ["drops", "the answer" | "the message" as what]:
            faults.drop, faults.taken_anyway = True, what == "the answer"
        case ["reports", delivery] if delivery in DELIVERIES:
            deliveries = delivery
        case _:
            raise DialogueInvalid(f"no gateway behaves like {how!r}")
    for phone in scene.people.values():
        phone.faults.sms_status, phone.faults.delivery = statuses, deliveries


def mail_is(scene: Scene, how: str) -> None:
    """`the mail server …`: how it takes letters from here on."""
    if not scene.mailroom.behave(how):
        raise DialogueInvalid(f"no mail server behaves like {how!r}")


def feed_is(scene: Scene, how: str) -> None:
    """`the feed falls silent`: nobody says what coins are worth; `works` ends it."""
    scene.backstage.feed.silent = how == "falls silent"


def bank_sends(scene: Scene, amount: str, number: str, reference: str, times: str | None) -> None:
    """`the bank sends 500 to 0712000001 as FT001`, `… twice`: money comes for somebody."""
    msisdn = parse_msisdn(number) or number
    for _ in range(TIMES[times or ""]):
        scene.outside.switch.credit(reference, msisdn, amount)


def behaves(scene: Scene, who: str, how: str) -> None:
    """`the bank …`, `the airtime gateway …`, `Safaricom …`: how each behaves from here on."""
    if not scene.outside.behave(who, how):
        raise DialogueInvalid(f"{who} never behaves like {how!r}")


VERBS: Final[Table] = table(
    ("the gateway (.+)", gateway_is),
    ("the mail server (.+)", mail_is),
    ("the feed (falls silent|works)", feed_is),
    ("the bank sends ([0-9.,]+) to ([+0-9]+) as ([A-Z0-9]+)(?: (twice))?", bank_sends),
    ("(Safaricom|the airtime gateway|the bank) (.+)", behaves),
)
