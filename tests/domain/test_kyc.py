"""Tiers that are asked for and raised by two, and questions in place of a code."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from tests.people import ASHA, BARAKA, CAST
from ussd_app.bootstrap import App
from ussd_app.domain import kyc, parties
from ussd_app.domain.seeds import plant
from ussd_app.domain.two_of_staff import Undecided
from ussd_app.kernel.clock import FrozenClock
from ussd_app.kernel.errors import RefusalCode, Refused

pytestmark = pytest.mark.usefixtures("staff")


@pytest.fixture(autouse=True)
def _cast(app: App) -> None:
    plant(app.bank.desk, CAST)


def ask_for_more(app: App, key: str, national_id: str = ASHA.national_id) -> RefusalCode | None:
    proof = app.bank.serve("prove_pin", ASHA.msisdn, {"pin": ASHA.pin}, f"{key}:pin")["proof"]
    args = {"proof": proof, "national_id": national_id}
    try:
        app.bank.serve("request_tier", ASHA.msisdn, args, f"{key}:ask")
    except Refused as refused:
        return refused.code
    return None


def tier(app: App) -> int:
    return parties.known(app.bank.desk.reads, ASHA.msisdn).tier


def test_one_request_at_a_time_whoever_races(app: App) -> None:
    with ThreadPoolExecutor(8) as pool:
        codes = Counter(pool.map(partial(ask_for_more, app), map(str, range(8))))
    assert codes == {None: 1, RefusalCode.ALREADY_ASKED: 7}


def test_a_wrong_id_costs_the_proof(app: App) -> None:
    given = {"pin": ASHA.pin}
    proof = app.bank.serve("prove_pin", ASHA.msisdn, given, "pin")["proof"]
    codes = []
    for key, national_id in (("a", "99999999"), ("b", ASHA.national_id)):
        args = {"proof": proof, "national_id": national_id}
        with pytest.raises(Refused) as refusal:
            app.bank.serve("request_tier", ASHA.msisdn, args, key)
        codes.append(refusal.value.code)
    assert codes == [RefusalCode.ID_MISMATCH, RefusalCode.PROOF_EXPIRED]


def test_two_different_people_raise_a_tier_and_once(app: App) -> None:
    desk = app.bank.desk
    ask_for_more(app, "a")
    (wanted,) = kyc.waiting(desk)
    assert [kyc.approve(desk, wanted.id, name) for name in ("joyce", " JOYCE ")] == [False, False]
    assert tier(app) == 1
    assert kyc.approve(desk, wanted.id, "peter") is True
    assert tier(app) == 2
    with pytest.raises(Undecided):
        kyc.approve(desk, wanted.id, "wanjiru")
    assert ask_for_more(app, "b") is RefusalCode.NOT_YOURS


def test_one_no_is_enough_and_may_be_asked_again(app: App) -> None:
    desk = app.bank.desk
    ask_for_more(app, "a")
    (wanted,) = kyc.waiting(desk)
    kyc.approve(desk, wanted.id, "joyce")
    kyc.refuse(desk, wanted.id, "peter")
    assert tier(app) == 1
    assert ask_for_more(app, "b") is None


def set_questions(app: App, first: tuple[str, str], second: tuple[str, str]) -> None:
    given = {"pin": ASHA.pin}
    proof = app.bank.serve("prove_pin", ASHA.msisdn, given, f"{first}:pin")["proof"]
    for name, (question, answer) in (("set_first_answer", first), ("set_second_answer", second)):
        args = {"proof": proof, "question": question, "answer": answer}
        proof = app.bank.serve(name, ASHA.msisdn, args, f"{question}:{name}").get("proof")


def lock(app: App) -> None:
    for key in "123":
        with pytest.raises(Refused):
            app.bank.serve("balance", ASHA.msisdn, {"pin": "0000"}, f"lock:{key}")


def choose(app: App, pin: str) -> object:
    draft = app.bank.serve("choose_pin", ASHA.msisdn, {"pin": pin}, "c:1")["draft"]
    args = {"draft": draft, "pin": pin}
    return app.bank.serve("confirm_pin", ASHA.msisdn, args, "c:2")["chosen"]


def test_both_answers_unlock_and_each_proof_is_good_for_its_own_step(app: App) -> None:
    set_questions(app, ("village", "Kitale"), ("friend", "Old One"))
    set_questions(app, ("school", "Moi Primary"), ("teacher", "Njoroge"))
    lock(app)
    chosen = choose(app, "4907")
    serve = partial(app.bank.serve, msisdn=ASHA.msisdn)
    known = serve("ask_question", args={"national_id": ASHA.national_id}, key="q:1")
    assert known["question"] == "Your first school?"
    args = {"proof": known["proof"], "answer": "Njoroge", "chosen": chosen}
    with pytest.raises(Refused) as early:
        serve("unlock_by_answers", args=args, key="q:2")
    assert early.value.code is RefusalCode.PROOF_EXPIRED
    args = {"proof": known["proof"], "answer": "moi primary"}
    answered = serve("answer_question", args=args, key="q:3")
    assert answered["question"] == "A teacher you remember?"
    args = {"proof": answered["proof"], "answer": "NJOROGE", "chosen": chosen}
    serve("unlock_by_answers", args=args, key="q:4")
    assert serve("balance", args={"pin": "4907"}, key="after")["balance"] == ASHA.balance_minor


def test_a_proof_of_an_answer_expires(app: App, clock: FrozenClock) -> None:
    set_questions(app, ("school", "Moi Primary"), ("teacher", "Njoroge"))
    lock(app)
    given = {"national_id": ASHA.national_id}
    known = app.bank.serve("ask_question", ASHA.msisdn, given, "q:1")
    clock.advance(seconds=301)
    args = {"proof": known["proof"], "answer": "Moi Primary"}
    with pytest.raises(Refused) as late:
        app.bank.serve("answer_question", ASHA.msisdn, args, "q:2")
    assert late.value.code is RefusalCode.PROOF_EXPIRED


def test_no_answer_lies_readable_in_the_database(app: App) -> None:
    set_questions(app, ("school", "Moi Primary"), ("teacher", "Njoroge"))
    with app.engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT a::text FROM security_answers a"
            " UNION ALL SELECT outcome::text FROM idempotency WHERE outcome IS NOT NULL"
        )
        kept = "\n".join(rows.scalars()).lower()
    assert "school" in kept
    assert "moi" not in kept
    assert "njoroge" not in kept


def test_whoever_is_not_locked_or_has_no_questions_cannot_answer_them(app: App) -> None:
    given = {"national_id": BARAKA.national_id}
    with pytest.raises(Refused) as refusal:
        app.bank.serve("ask_question", BARAKA.msisdn, given, "b")
    assert refusal.value.code is RefusalCode.PIN_NOT_LOCKED
    lock(app)
    with pytest.raises(Refused) as none:
        app.bank.serve("ask_question", ASHA.msisdn, {"national_id": ASHA.national_id}, "q")
    assert none.value.code is RefusalCode.NO_QUESTIONS
