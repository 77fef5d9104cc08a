"""What the staff of a dialogue do at their desks: the same commands as on the command line."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from simulator.scene import Scene
from simulator.verbs import NAME, Table, table
from simulator.verbs.network import SECONDS
from ussd_app.domain import (
    agreements,
    amendments,
    applications,
    deposits,
    differences,
    float_back,
    guards,
    kyc,
    mpesa_back,
    mpesa_reversals,
    parties,
    verdicts,
)
from ussd_app.domain.desk import Desk
from ussd_app.domain.two_of_staff import Undecided
from ussd_app.kernel.errors import Refused
from ussd_app.kernel.money import parse_minor
from workers.errand_rows import decide

EVERYTHING: Final = "everything"
ONE_MORE: Final = "another must say so too"
SOMEBODY: Final = "joyce"
"""Who decides where a line names nobody."""


def holdings(scene: Scene, who: str, what: str, kind: str, name: str, how: str | None) -> list[str]:
    """`staff joyce approves the agency of baraka`, `… under 41001`, `… because no shop`.

    Approves or refuses an application, suspends or resumes an agreement. Shows what became of it.
    """
    desk, msisdn = _desk(scene), scene.phone(name).msisdn
    return _decided(lambda: _holding(desk, who, what, kind, msisdn, how or ""))


def _holding(desk: Desk, who: str, what: str, kind: str, msisdn: str, how: str) -> str:
    party = parties.known(desk.reads, msisdn)
    held = agreements.owned(desk.reads, party.id, kind)
    number = held.number if held else ""
    waiting = applications.waiting(desk.reads)
    wanted = next((one.id for one in waiting if (one.kind, one.msisdn) == (kind, msisdn)), 0)
    match what:
        case "approves":
            done = applications.approve(desk, wanted, who, terms={"under": how} if how else {})
        case "refuses":
            applications.refuse(desk, wanted, who, how)
            return "refused"
        case "suspends":
            done = applications.suspend(desk, kind, number, who, how)
        case _:
            done = applications.resume(desk, kind, number, who)
    return f"{kind} {done.number} is {done.state}" if done else ONE_MORE


def agrees(scene: Scene, who: str, term: str, value: str, kind: str, name: str) -> list[str]:
    """`staff joyce agrees bearer=customer for the till of asha`. Shows what became of it."""
    desk = _desk(scene)
    party = parties.known(desk.reads, scene.phone(name).msisdn)
    held = agreements.owned(desk.reads, party.id, kind)
    number = held.number if held else ""
    return _decided(
        lambda: "agreed" if amendments.amend(desk, kind, number, who, {term: value}) else ONE_MORE
    )


def returns(scene: Scene, who: str, what: str, receipt: str) -> list[str]:
    """`staff joyce grants the return of KB00001`, `… denies …`. Shows what became of it."""
    desk = _desk(scene)
    waiting = verdicts.with_staff(desk)
    dispute_id = next((one.id for one in waiting if one.receipt == receipt), 0)

    def decision() -> str:
        if what == "denies":
            verdicts.refuse(desk, dispute_id, who)
            return "denied"
        return "granted" if verdicts.grant(desk, dispute_id, who) else ONE_MORE

    return _decided(decision)


def limits(scene: Scene, who: str, what: str, name: str) -> list[str]:
    """`staff joyce raises the limits of asha`, `… leaves …`. Shows what became of it."""
    desk, msisdn = _desk(scene), scene.phone(name).msisdn
    request_id = next((one.id for one in kyc.waiting(desk) if one.msisdn == msisdn), 0)

    def decision() -> str:
        if what == "leaves":
            kyc.refuse(desk, request_id, who)
            return "left as they are"
        return "raised" if kyc.approve(desk, request_id, who) else ONE_MORE

    return _decided(decision)


def blocks(scene: Scene, who: str, name: str) -> None:
    """`staff joyce blocks the ID of asha`: in dialogues the last eight digits of her number."""
    guards.block(_desk(scene), scene.phone(name).msisdn[-8:], "court", who)


def closes(scene: Scene, who: str, what: str, count: str, unit: str) -> None:
    """`staff joyce closes send_money for 2 hours`, `… closes everything for …`."""
    desk = _desk(scene)
    now = desk.clock.now()
    types = [] if what == EVERYTHING else [what]
    until = now + timedelta(seconds=int(count) * SECONDS[unit])
    guards.close_for(desk, now, until, types, "works", who)


def gives(scene: Scene, who: str, reference: str, name: str) -> list[str]:
    """`staff joyce gives FT001 to asha`: money that was kept aside."""
    desk, msisdn = _desk(scene), scene.phone(name).msisdn
    return _decided(lambda: deposits.release(desk, reference, msisdn, who) or ONE_MORE)


def sends_back(scene: Scene, who: str, reference: str) -> list[str]:
    """`staff joyce sends FT001 back`: money that was kept aside."""
    desk = _desk(scene)
    return _decided(lambda: deposits.send_back(desk, reference, who) or ONE_MORE)


def buys_back(
    scene: Scene, who: str, amount: str, number: str, bank: str, account: str, reference: str
) -> list[str]:
    """`staff joyce buys 5,000 of float back from 41001 for 68 0180199887766 as R1`."""
    given = (number, parse_minor(amount.replace(",", "")) or 0, bank, account, reference, who)
    return _decided(lambda: float_back.buy_back(_desk(scene), *given).receipt or ONE_MORE)


def compares(scene: Scene) -> list[str]:
    """`the books are compared`: with Safaricom's, by the clock; shows the report of it."""
    scene.backstage.compare()
    scene.settle()
    return differences.report(_desk(scene))


def decides(scene: Scene, who: str, what: str, number: str) -> list[str]:
    """`staff joyce approves difference 1`, `… leaves difference 1`."""
    desk = _desk(scene)

    def decision() -> str:
        if what == "leaves":
            differences.leave(desk, int(number), who)
            return "left"
        return differences.approve(desk, int(number), who) or ONE_MORE

    return _decided(decision)


def gives_back(scene: Scene, who: str, reference: str) -> list[str]:
    """`staff joyce gives UKL… back by M-PESA`: money from there that was kept aside."""
    desk = _desk(scene)
    return _decided(lambda: "asked for" if mpesa_back.want(desk, reference, who) else ONE_MORE)


def reverses(scene: Scene, who: str, mpesa: str) -> list[str]:
    """`staff joyce wants UKL… reversed by M-PESA`: a payment that somebody was given."""
    desk = _desk(scene)
    return _decided(lambda: "asked for" if mpesa_reversals.want(desk, mpesa, who) else ONE_MORE)


def has_seen(scene: Scene, who: str, mpesa: str, theirs: str) -> list[str]:
    """`staff joyce sees UKL… reversed by UKM…`: by M-PESA itself. Shows our receipt of it."""
    desk = _desk(scene)
    return _decided(lambda: mpesa_reversals.enter_seen(desk, mpesa, theirs, who) or ONE_MORE)


def knows(scene: Scene, receipt: str, how: str) -> list[str]:
    """`staff know that KAN00001 was done`, `… was not done`: of an errand in doubt."""
    app, done = scene.backstage.app, how == "was done"
    with app.engine.begin() as connection:
        found = decide(connection, receipt, done, app.bank.desk.clock.now(), SOMEBODY)
    return ["decided" if found else "that is not in doubt"]


def _desk(scene: Scene) -> Desk:
    return scene.backstage.app.bank.desk


def _decided(decision: Callable[[], str]) -> list[str]:
    """What became of it, or why it cannot be decided so."""
    try:
        return [decision()]
    except Undecided as undecided:
        return [str(undecided)]
    except Refused as refused:
        return [f"refused: {refused.code.value}"]


VERBS: Final[Table] = table(
    (
        rf"staff {NAME} (approves|refuses|suspends|resumes) the ([a-z_]+) of {NAME}"
        "(?: (?:under|because) (.+))?",
        holdings,
    ),
    (rf"staff {NAME} agrees {NAME}=(\S*) for the ([a-z_]+) of {NAME}", agrees),
    (rf"staff {NAME} (grants|denies) the return of ([A-Z0-9]+)", returns),
    (rf"staff {NAME} (raises|leaves) the limits of {NAME}", limits),
    (rf"staff {NAME} blocks the ID of {NAME}", blocks),
    (rf"staff {NAME} closes ([a-z_]+) for ([0-9]{{1,3}}) (minute|hour)s?", closes),
    (rf"staff {NAME} gives ([A-Z0-9]+) to {NAME}", gives),
    (rf"staff {NAME} sends ([A-Z0-9]+) back", sends_back),
    (
        rf"staff {NAME} buys ([0-9.,]+) of float back from ([0-9]+) for ([0-9]{{2}}) ([0-9]+)"
        " as ([A-Z0-9]+)",
        buys_back,
    ),
    ("the books are compared", compares),
    (rf"staff {NAME} (approves|leaves) difference ([0-9]+)", decides),
    (rf"staff {NAME} gives ([A-Z0-9]+) back by M-PESA", gives_back),
    (rf"staff {NAME} wants ([A-Z0-9]+) reversed by M-PESA", reverses),
    (rf"staff {NAME} sees ([A-Z0-9]+) reversed by ([A-Z0-9]+)", has_seen),
    ("staff know that ([A-Z0-9]+) (was done|was not done)", knows),
)
