"""A real worker, killed while Safaricom is asked to give a payment back, what became of one, what
came or what it holds: what was taken is not asked for twice, and whoever comes next finds out how
it ended."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis as redis_py

from tests.people import STAFF
from tests.processes import until
from tests.workers.conftest import ASHA, Start
from tests.workers.killing import AFTER, BEFORE, Stop, afterwards, asked_for, halting, kill, planted
from tests.workers.looks import one, open_holds, states, wallet
from tests.workers.mpesa.paymaster import Safaricom
from tests.workers.mpesa.till import confirmation
from tests.workers.outside import send_to_mpesa
from tests.workers.safaricom import ACCEPTED, Asked, Double, Said, fixture
from ussd_app.bootstrap import App
from ussd_app.domain import mpesa_back, payouts
from ussd_app.domain.seeds import plant
from ussd_app.ledger import audit
from ussd_app.settings import Settings
from workers import reconcile
from workers.errand_rows import SENDING_LIMIT_S
from workers.gateways.errands import Errand
from workers.queueing import Bell, nudge
from workers.relay import drain
from workers.shop import open_shop

PIN = "4826"
BACK, ASKING, LIST, BALANCE = "reversal", "transactionstatus", "pulltransactions", "accountbalance"
HOUR_S = 3600.0
CONVERSATION = str(fixture("b2c/response-accepted.json")["ConversationID"])
OF_THE_LOST = "AG_nobody_wrote_it_down"


@pytest.fixture
def app(known: Settings) -> Iterator[App]:
    with planted(known) as made:
        yield made


@pytest.fixture
def kept_aside(app: App) -> str:
    """A payment that two of the staff want given back: the errand's reference."""
    app.inbox.hear("mpesa_c2b", "UKA1", {"raw": confirmation("UKA1", "NOBODY", "700.00")})
    drain(app)
    plant(app.bank.desk, STAFF)
    for each in STAFF[:2]:
        mpesa_back.want(app.bank.desk, "UKA1", str(each.staff))
    return str(one(app, "SELECT receipt FROM unplaced WHERE reference = 'UKA1'"))


def says(app: App, kind: str, name: str, *questions: str) -> Safaricom:
    """One that has taken a request, and questions about it by these names."""
    voice = Safaricom(app)
    facts = one(app, "SELECT facts FROM errands WHERE reference = %s", name)
    voice.take(kind, Errand(name, facts))
    voice.questions += [(name, question) for question in questions]
    return voice


@pytest.mark.faults
@pytest.mark.parametrize("where", [BEFORE, AFTER])
def test_a_worker_killed_while_it_gives_a_payment_back_gives_it_back_once(
    app: App,
    kept_aside: str,
    safaricom: Double,
    redis: redis_py.Redis,
    engine: Any,
    worker: Start,
    where: str,
) -> None:
    stop = Stop()
    taken: list[str] = []
    safaricom.answer = halting(stop, where, BACK, taken, ACCEPTED, ACCEPTED)
    first = worker()
    nudge(redis)
    until(stop.reached.is_set)
    assert states(app, "errands") == {"sending": 1}
    kill(first)
    stop.released.set()

    with afterwards(app.settings, SENDING_LIMIT_S) as (final, clock):
        safaricom.answer = lambda _: ACCEPTED
        drain(final)
        assert states(app, "errands") == {"unknown": 1}
        assert safaricom.last["OriginalConversationID"] == kept_aside
        voice = says(final, payouts.REVERSAL, kept_aside, CONVERSATION)
        if where == AFTER:
            voice.pay(kept_aside)
            voice.standing()
        else:
            voice.standing("2032")
        for _ in range(3):
            drain(final)
            clock.advance(seconds=60)
        voice.paid(kept_aside)
        drain(final)
    assert len(asked_for(safaricom, BACK)) == (1 if where == AFTER else 2)
    assert {body["TransactionID"] for body in asked_for(safaricom, BACK)} == {"UKA1"}
    assert len(taken) == (where == AFTER)
    assert states(app, "errands") == {"done": 1}
    assert one(app, "SELECT state FROM unplaced WHERE reference = 'UKA1'") == "sent_back"
    assert one(app, "SELECT count(*) FROM entries WHERE type = 'mpesa_given_back'") == 1
    assert not audit.run(engine)


@pytest.mark.faults
@pytest.mark.parametrize("where", [BEFORE, AFTER])
def test_a_worker_killed_while_it_asks_what_became_of_a_payment_pays_it_once(
    app: App, safaricom: Double, redis: redis_py.Redis, engine: Any, worker: Start, where: str
) -> None:
    receipt = send_to_mpesa(app, ASHA, PIN, 100)
    drain(app)
    with app.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE errands SET due_at = now() - interval '1 second'")
    stop = Stop()
    taken: list[str] = []
    safaricom.answer = halting(stop, where, ASKING, taken, ACCEPTED, ACCEPTED)
    first = worker()
    nudge(redis, Bell.SETTLE)
    until(stop.reached.is_set)
    kill(first)
    stop.released.set()
    assert states(app, "errands") == {"unknown": 1}
    assert one(app, "SELECT count(*) FROM errand_questions") == 0

    with afterwards(app.settings, SENDING_LIMIT_S) as (final, _):
        safaricom.answer = lambda _: ACCEPTED
        drain(final)
        names = [body["OriginalConversationID"] for body in asked_for(safaricom, ASKING)]
        assert names == [receipt, receipt], "it is asked about again"
        answered = OF_THE_LOST if where == AFTER else CONVERSATION
        voice = says(final, payouts.B2C, receipt, answered)
        voice.pay(receipt)
        voice.standing()
        drain(final)
    assert states(app, "errands") == {"done": 1}
    assert len(asked_for(safaricom, "paymentrequest")) == 1
    assert len(taken) == (where == AFTER)
    assert open_holds(app) == 0
    assert not audit.run(engine)


def listed(asked: Asked) -> Said:
    """A list with a payment that nobody has told us of, to whatever period; else an acceptance.

    It came after the first comparison began: what came before that may be from an age before us.
    """
    if LIST not in asked.path:
        return ACCEPTED
    said = fixture("pull/query-response.unverified.json")
    ((row,),) = said["Response"]
    at = datetime.now(UTC) + timedelta(minutes=1)
    row |= {"trxDate": f"{at:%Y-%m-%dT%H:%M:%SZ}", "billreference": "0712000001"}
    return 200, json.dumps(said).encode()


def holds(app: App, conversation: str, shillings: str) -> None:
    """Safaricom says what it holds."""
    value = f"Utility Account|KES|{shillings}|{shillings}|0.00|0.00"
    body = {
        "ResultType": 0,
        "ResultCode": 0,
        "ResultDesc": "",
        "OriginatorConversationID": "q",
        "ConversationID": conversation,
        "ResultParameters": {"ResultParameter": [{"Key": "AccountBalance", "Value": value}]},
    }
    app.inbox.hear("mpesa_balance_result", conversation, {"raw": json.dumps({"Result": body})})


@pytest.mark.faults
@pytest.mark.parametrize("where", [BEFORE, AFTER])
@pytest.mark.parametrize("what", [LIST, BALANCE])
def test_a_worker_killed_while_the_books_are_compared_leaves_it_to_the_next_comparison(
    app: App,
    safaricom: Double,
    redis: redis_py.Redis,
    engine: Any,
    worker: Start,
    what: str,
    where: str,
) -> None:
    stop = Stop()
    before = wallet(app, ASHA)
    halts = halting(stop, where, what, [], ACCEPTED, ACCEPTED)
    safaricom.answer = lambda asked: (halts if what in asked.path else listed)(asked)
    first = worker()
    nudge(redis, Bell.ROUNDS)
    until(stop.reached.is_set)
    kill(first)
    stop.released.set()
    assert states(app, "reconciliations") == {"listing": 1}

    with afterwards(app.settings, HOUR_S) as (final, _):
        safaricom.answer = listed
        shop = open_shop(final, lines=1)
        assert reconcile.turn(shop)
        shop.close()
        drain(final)
        holds(final, OF_THE_LOST, "1.00")
        holds(final, CONVERSATION, "5.00")
        drain(final)
        assert states(app, "reconciliations") == {"unheard": 1, "balanced": 1}
    assert wallet(app, ASHA) == before + 5_00
    assert one(app, "SELECT count(*) FROM mpesa_receipts") == 1
    assert one(app, "SELECT count(*) FROM differences") == 0
    assert not audit.run(engine)
