"""Our client before the simulator's Safaricom, which holds every request against the wire."""

import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis as redis_py

from simulator.safaricom import faults
from tests.workers.mpesa.stage import MILLION_MINOR, Stage, stage
from ussd_app.bootstrap import App, build
from ussd_app.kernel.daraja import Accepted, StkStanding
from ussd_app.kernel.errors import Unavailable
from ussd_app.running import daraja as terminal
from ussd_app.settings import Settings
from workers.answering import daraja, sim_swaps
from workers.gateways import sim_swaps as sim_swaps_of
from workers.gateways.daraja import Daraja, Pushed
from workers.gateways.errands import Declined, Open, Postponed
from workers.gateways.sim_swaps import NetworkSims

JANE = "+254700000001"
PHONE = "254700000001"
ASK = Callable[[Daraja], Any]


@pytest.fixture
def here(settings: Settings) -> Iterator[Stage]:
    with stage(settings) as made:
        yield made


@pytest.fixture
def client(here: Stage, redis: redis_py.Redis) -> Daraja:
    made = daraja(here.settings, redis)
    assert made is not None
    return made


@pytest.fixture
def app(here: Stage) -> Iterator[App]:
    made = build(here.settings)
    with here.doors(made):
        yield made
    made.close()


def behave(here: Stage, words: str) -> None:
    told = faults.read(words)
    assert told is not None
    here.safaricom.faults = told


def fund(here: Stage, shillings: int = 1_000) -> None:
    here.safaricom.customer(PHONE).name = "jane wanjiku"
    here.safaricom.books.put(PHONE, shillings * 100)


def balance(here: Stage, whose: str = PHONE) -> int:
    return here.safaricom.books.balance(whose)


EVERYTHING: list[tuple[str, ASK]] = [
    ("push", lambda d: d.push(JANE, 500_00, "0712000001", "Top up")),
    ("till", lambda d: d.push(JANE, 500_00, "520001", "Pay", till="5600001")),
    ("standing", lambda d: d.push_standing(_pushed(d).checkout_request_id)),
    ("register v1", lambda d: d.register(version=1)),
    ("register v2", lambda d: d.register()),
    ("simulate", lambda d: d.simulate(JANE, 5_00, "0712000001")),
    ("b2c v1", lambda d: d.b2c("n", JANE, 100_00, "Withdrawal", version=1)),
    ("b2c v3", lambda d: d.b2c("n", JANE, 100_00, "Withdrawal")),
    ("b2b", lambda d: d.b2b("n", "600000", "ACC 12", 100_00, "Bill")),
    ("goods", lambda d: d.b2b("n", "5600001", "", 100_00, "Goods")),
    ("reversal", lambda d: d.reverse("n", "UKK82PACB8", 100_00, "Back")),
    ("status", lambda d: d.status(receipt="UKK82PACB8", name="n")),
    ("balance", lambda d: d.balance()),
    ("register pull", lambda d: d.register_pull(JANE)),
    ("pull", lambda d: (d.register_pull(JANE), d.pull(_now() - timedelta(days=1), _now()))[1]),
    ("swap", lambda d: d.swapped(JANE)),
]


def _now() -> datetime:
    return datetime.now(UTC)


def _pushed(client: Daraja) -> Pushed:
    pushed = client.push(JANE, 500_00, "0712000001", "Top up")
    assert isinstance(pushed, Pushed)
    return pushed


@pytest.mark.parametrize(("name", "ask"), EVERYTHING, ids=[name for name, _ in EVERYTHING])
def test_every_request_is_right_in_the_eyes_of_its_checker(
    here: Stage, client: Daraja, name: str, ask: ASK
) -> None:
    fund(here)
    answer = ask(client)
    assert not isinstance(answer, Declined | Postponed), answer
    assert isinstance(answer, Open) == (name == "standing"), "nobody has typed a PIN yet"
    for each in here.asked():
        assert (each.wrong, each.note) == ("", ""), each


def test_a_push_that_is_paid_stands_as_paid(here: Stage, client: Daraja) -> None:
    fund(here)
    pushed = _pushed(client)
    prompt = here.prompts.on(PHONE)
    assert prompt is not None
    here.prompts.enter(prompt, "2580")
    standing = client.push_standing(pushed.checkout_request_id)
    assert isinstance(standing, StkStanding)
    assert standing.code == "0"
    assert balance(here) == 500_00


def test_a_token_that_was_forgotten_costs_one_more_and_nothing_is_asked_twice(
    here: Stage, client: Daraja
) -> None:
    assert isinstance(client.balance(), Accepted)
    here.safaricom.tokens.clear()
    assert isinstance(client.b2c("once", JANE, 100_00, "Withdrawal"), Accepted)
    assert here.tokens() == 2
    assert balance(here) == 100_00


def test_two_workers_whose_token_ends_at_once_ask_for_one(
    here: Stage, client: Daraja, redis: redis_py.Redis
) -> None:
    other = daraja(here.settings, redis)
    assert other is not None
    assert isinstance(client.balance(), Accepted)
    here.safaricom.tokens.clear()
    here.safaricom.faults = replace(here.safaricom.faults, slow_ms=200)
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(each.balance) for each in [client, other] * 4]
    assert all(isinstance(each.result(), Accepted) for each in asked)
    assert here.tokens() == 2


FAULTS: list[tuple[str, type, bool]] = [
    ("works", Accepted, True),
    ("is silent", Accepted, True),
    ("says everything twice", Accepted, True),
    ("tells results before it answers", Accepted, True),
    ("says out of order", Accepted, True),
    ("contradicts itself", Accepted, True),
    ("refuses with 2001", Accepted, False),
    ("refuses with 500.003.02", Postponed, False),
    ("throttles", Postponed, False),
    ("answers 500", Open, False),
    ("answers 503", Open, False),
    ("answers 500 and yet does it", Open, True),
    ("loses the answer", Open, True),
    ("loses the answer and the result", Open, True),
    ("loses the request", Open, False),
]


@pytest.mark.parametrize(("words", "kind", "moves"), FAULTS)
def test_whatever_goes_wrong_is_neither_done_nor_undone_by_guess(
    here: Stage, client: Daraja, words: str, kind: type, moves: bool
) -> None:
    client.balance()
    behave(here, words)
    outcome = client.b2c("once", JANE, 100_00, "Withdrawal")
    assert isinstance(outcome, kind)
    behave(here, "works")
    assert balance(here) == (100_00 if moves else 0)
    again = client.b2c("once", JANE, 100_00, "Withdrawal")
    assert isinstance(again, Open | Accepted)
    assert balance(here) <= 100_00, "never twice under one name"
    assert (again == Open("taken before")) == moves or words == "refuses with 2001"


# SIMs


def test_a_sim_that_was_replaced_lately_is_known_and_silence_is_no_answer(
    here: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sim_swaps(here.settings) is None, "not wanted"
    sims = sim_swaps(replace(here.settings, daraja_sim_swap_days=3))
    assert isinstance(sims, NetworkSims)
    assert not sims.is_recent(JANE)
    for days, recent in ((2, True), (4, False)):
        here.safaricom.customer(PHONE).swapped = _now() - timedelta(days=days)
        assert sims.is_recent(JANE) == recent
    behave(here, "throttles")
    with pytest.raises(Unavailable):
        sims.is_recent(JANE)
    monkeypatch.setattr(sim_swaps_of, "WAIT_S", 0.1)
    here.safaricom.faults = replace(faults.Faults(), slow_ms=1_000)
    started = time.monotonic()
    for _ in range(sim_swaps_of.MOST_QUESTIONS + 2):
        with pytest.raises(Unavailable):
            sims.is_recent(JANE)
    assert time.monotonic() - started < 2
    sims.close()


# staff at a terminal


def say(here: Stage, what: str, **words: object) -> int:
    return terminal.manage(here.settings, Namespace(what=what, **words))


def test_staff_see_what_is_in_the_pay_bill(
    here: Stage, app: App, capsys: pytest.CaptureFixture[str]
) -> None:
    assert say(here, "balance") == 0
    utility = next(line for line in capsys.readouterr().out.splitlines() if "Utility" in line)
    assert f"KES {MILLION_MINOR // 100:,}.00" in " ".join(utility.split())


def test_staff_see_what_became_of_a_payment(
    here: Stage, app: App, client: Daraja, capsys: pytest.CaptureFixture[str]
) -> None:
    here.safaricom.customer(PHONE).name = "jane wanjiku"
    client.b2c("once", JANE, 100_00, "Withdrawal")
    (receipt,) = here.safaricom.books.payments
    assert say(here, "status", receipt=receipt.lower()) == 0
    said = capsys.readouterr().out
    assert f"{receipt}: Completed, KES 100.00" in said
    assert f"to   {PHONE} JANE WANJIKU" in said
    assert say(here, "status", receipt="UKK82PACB8") == 1
    assert "Safaricom says no: 2032" in capsys.readouterr().out


def test_staff_register_our_doors_and_are_told_honestly(
    here: Stage, app: App, capsys: pytest.CaptureFixture[str]
) -> None:
    words = {"version": 2, "unanswered": "Cancelled"}
    assert say(here, "register", **words) == 0
    assert "Safaricom says: " in capsys.readouterr().out
    business = here.safaricom.business(here.shortcode)
    assert business.confirmation_url.endswith("/daraja/c2b/confirmation")
    assert business.validation_url.endswith("/daraja/c2b/validation")
    assert business.unanswered == "Cancelled"
    assert say(here, "register-pull", phone="0700000001") == 0
    assert say(here, "register-pull", phone="12") == 1
    behave(here, "refuses with 500.003.1001")
    assert say(here, "register", **words) == 1
    behave(here, "throttles")
    assert say(here, "register", **words) == 1
    assert "Not taken now: 500.003.02" in capsys.readouterr().out


def test_silence_is_said_to_be_silence(
    here: Stage, app: App, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal, "WAIT_S", 0.5)
    behave(here, "is silent")
    assert say(here, "balance") == 1
    assert "has not answered it" in capsys.readouterr().out
    behave(here, "refuses with 2001")
    assert say(here, "balance") == 1
    assert "Safaricom says no: 2001" in capsys.readouterr().out
    nobody = replace(here.settings, daraja_url=None)
    assert terminal.manage(nobody, Namespace(what="balance")) == 1
    assert "There is no DARAJA_URL" in capsys.readouterr().out
