"""PINs at the bank: chosen, proved, changed, unlocked; with repeats and with twins that race."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import Engine

from tests.people import ASHA, BARAKA, CAST
from ussd_app.bootstrap import App
from ussd_app.domain.bank import Bank
from ussd_app.domain.keys import Keyring
from ussd_app.domain.pins import CODE_LIFE_S, DRAFT_LIFE_S
from ussd_app.domain.seeds import plant
from ussd_app.kernel.clock import FrozenClock
from ussd_app.kernel.errors import RefusalCode, Refused

JUMA, ZUHURA = "+254733000003", "+254733000004"
NEW = "8264"


@pytest.fixture(autouse=True)
def _cast(app: App) -> None:
    plant(app.bank.desk, CAST)


def ask(
    app: App, name: str, key: str, who: str = ASHA.msisdn, /, **args: object
) -> dict[str, object]:
    return app.bank.serve(name, who, args, key)


def refused(call: Callable[[], object]) -> RefusalCode:
    with pytest.raises(Refused) as refusal:
        call()
    return refusal.value.code


def chosen(app: App, pin: str = NEW, who: str = ASHA.msisdn, key: str = "c") -> object:
    """A PIN that was entered twice."""
    draft = ask(app, "choose_pin", f"{key}1", who, pin=pin)["draft"]
    return ask(app, "confirm_pin", f"{key}2", who, draft=draft, pin=pin)["chosen"]


def proof(app: App, key: str = "p") -> object:
    return ask(app, "prove_pin", key, pin=ASHA.pin)["proof"]


def pin_of(app: App, pin: str, key: str) -> bool:
    """Whether this is Asha's PIN now."""
    try:
        ask(app, "balance", key, pin=pin)
    except Refused as refusal:
        if refusal.code is not RefusalCode.WRONG_PIN:
            raise
        return False
    return True


def messages(engine: Engine, template: str) -> int:
    with engine.connect() as connection:
        found = connection.exec_driver_sql(
            "SELECT count(*) FROM outbox WHERE template = %s", (template,)
        )
        return int(found.scalar_one())


def together(count: int, call: Callable[[int], object]) -> list[object]:
    """What each of so many at once got: its answer, or the code of its refusal."""

    def one(number: int) -> object:
        try:
            return call(number)
        except Refused as refusal:
            return refusal.code

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


# -- twins of one request


@pytest.mark.parametrize(
    ("command", "args", "said"),
    [
        ("mini_statement", {"pin": ASHA.pin}, "mini_statement"),
        ("balance", {"pin": ASHA.pin}, None),
        ("set_language", {"language": "sw"}, None),
        ("choose_pin", {"pin": NEW}, None),
        ("prove_pin", {"pin": ASHA.pin}, None),
    ],
)
def test_twins_of_one_request_have_one_effect(
    app: App, engine: Engine, command: str, args: dict[str, object], said: str | None
) -> None:
    answers = together(8, lambda _: ask(app, command, "twin", **args))
    assert answers == [answers[0]] * 8
    if said:
        assert messages(engine, said) == 1
    with engine.connect() as connection:
        drafts = connection.exec_driver_sql("SELECT count(*) FROM pin_drafts").scalar_one()
    assert drafts == (1 if command in ("choose_pin", "prove_pin") else 0)


def test_twins_of_a_request_for_a_code_get_one_code(app: App, engine: Engine) -> None:
    _lock(app)
    answers = together(
        8, lambda _: ask(app, "request_unlock", "twin", national_id=ASHA.national_id)
    )
    assert answers == [{}] * 8
    assert messages(engine, "unlock_code") == 1


def test_twins_of_a_wrong_pin_count_once(app: App) -> None:
    answers = together(8, lambda _: ask(app, "balance", "twin", pin="0000"))
    assert answers == [RefusalCode.WRONG_PIN] * 8
    with pytest.raises(Refused) as second:
        ask(app, "balance", "other", pin="0000")
    assert second.value.facts == {"left": 1}


def test_a_key_of_another_request_is_a_conflict(app: App) -> None:
    ask(app, "balance", "k", pin=ASHA.pin)
    assert refused(lambda: ask(app, "prove_pin", "k", pin=ASHA.pin)) is RefusalCode.KEY_CONFLICT
    assert (
        refused(lambda: ask(app, "balance", "k", BARAKA.msisdn, pin=BARAKA.pin))
        is RefusalCode.KEY_CONFLICT
    )


# -- choosing and changing


def test_a_pin_is_changed_once_and_its_proofs_are_spent(app: App, engine: Engine) -> None:
    args = {"proof": proof(app), "chosen": chosen(app)}
    assert [ask(app, "change_pin", "x", **args) for _ in range(3)] == [{}] * 3
    assert messages(engine, "pin_changed") == 1
    assert refused(lambda: ask(app, "change_pin", "y", **args)) is RefusalCode.PROOF_EXPIRED
    assert pin_of(app, NEW, "b1")
    assert not pin_of(app, ASHA.pin, "b2")


def test_two_changes_with_one_proof(app: App) -> None:
    given = proof(app)
    first, second = chosen(app, "8264", key="a"), chosen(app, "9375", key="b")
    picked = [first, second]
    answers = together(2, lambda n: ask(app, "change_pin", f"k{n}", proof=given, chosen=picked[n]))
    assert sorted(map(str, answers)) == sorted(map(str, [{}, RefusalCode.PROOF_EXPIRED]))


def test_proofs_and_choices_are_ones_own_and_expire(app: App, clock: FrozenClock) -> None:
    given, picked = proof(app), chosen(app)
    thief = {"proof": given, "chosen": picked}
    assert (
        refused(lambda: ask(app, "change_pin", "t", BARAKA.msisdn, **thief))
        is RefusalCode.PROOF_EXPIRED
    )
    draft = ask(app, "choose_pin", "d", pin=NEW)["draft"]
    not_confirmed = {"proof": given, "chosen": draft}
    assert (
        refused(lambda: ask(app, "change_pin", "n", **not_confirmed)) is RefusalCode.PROOF_EXPIRED
    )
    assert (
        refused(lambda: ask(app, "confirm_pin", "o", BARAKA.msisdn, draft=draft, pin=NEW))
        is RefusalCode.PROOF_EXPIRED
    )
    clock.advance(seconds=DRAFT_LIFE_S)
    assert refused(lambda: ask(app, "confirm_pin", "e", draft=draft, pin=NEW)) is (
        RefusalCode.PROOF_EXPIRED
    )
    assert refused(lambda: ask(app, "change_pin", "f", **thief)) is RefusalCode.PROOF_EXPIRED
    assert pin_of(app, ASHA.pin, "b")


def test_the_old_pin_is_no_new_one_and_only_its_owner_learns_that(app: App) -> None:
    picked = chosen(app, ASHA.pin)
    assert refused(lambda: ask(app, "change_pin", "x", proof=proof(app), chosen=picked)) is (
        RefusalCode.PIN_UNCHANGED
    )


def test_entries_that_differ_and_weak_ones(app: App) -> None:
    assert refused(lambda: ask(app, "choose_pin", "w", pin="1234")) is RefusalCode.WEAK_PIN
    assert refused(lambda: ask(app, "choose_pin", "v", pin="0001")) is RefusalCode.WEAK_PIN
    draft = ask(app, "choose_pin", "a", pin=NEW)["draft"]
    assert refused(lambda: ask(app, "confirm_pin", "b", draft=draft, pin="8265")) is (
        RefusalCode.PINS_DIFFER
    )
    assert ask(app, "confirm_pin", "c", draft=draft, pin=NEW)


# -- locked and unlocked


def _lock(app: App) -> None:
    for number in range(3):
        refused(lambda number=number: ask(app, "balance", f"lock{number}", pin="0000"))  # type: ignore[misc]


def _code(engine: Engine) -> str:
    with engine.connect() as connection:
        found = connection.exec_driver_sql(
            "SELECT facts ->> 'code' FROM outbox WHERE template = 'unlock_code' ORDER BY id DESC"
        )
        return str(found.scalars().first())


def test_a_code_unlocks_once(app: App, engine: Engine) -> None:
    _lock(app)
    ask(app, "request_unlock", "r", national_id=ASHA.national_id)
    args = {"code": _code(engine), "chosen": chosen(app)}
    assert [ask(app, "unlock", "u", **args) for _ in range(2)] == [{}] * 2
    assert refused(lambda: ask(app, "unlock", "v", code=args["code"], chosen=chosen(app, key="n")))
    assert pin_of(app, NEW, "b")


def test_a_code_is_guessed_three_times_at_most(app: App, engine: Engine) -> None:
    _lock(app)
    ask(app, "request_unlock", "r", national_id=ASHA.national_id)
    picked = chosen(app)
    answers = together(9, lambda n: ask(app, "unlock", f"g{n}", code=f"00000{n}", chosen=picked))
    assert answers.count(RefusalCode.WRONG_CODE) == 2
    assert answers.count(RefusalCode.CODE_EXPIRED) == 7
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT fails FROM unlock_codes").scalar_one() == 3
    assert refused(lambda: ask(app, "unlock", "z", code=_code(engine), chosen=picked)) is (
        RefusalCode.CODE_EXPIRED
    )


def test_a_code_expires(app: App, engine: Engine, clock: FrozenClock) -> None:
    _lock(app)
    ask(app, "request_unlock", "r", national_id=ASHA.national_id)
    clock.advance(seconds=CODE_LIFE_S)
    picked = chosen(app)
    assert refused(lambda: ask(app, "unlock", "u", code=_code(engine), chosen=picked)) is (
        RefusalCode.CODE_EXPIRED
    )


def test_codes_are_asked_for_three_times_a_day_right_id_or_wrong(
    app: App, clock: FrozenClock
) -> None:
    _lock(app)
    ids = ["11111111", ASHA.national_id, "22222222", ASHA.national_id, ASHA.national_id]
    said = [
        together(1, lambda _, n=n, id_=id_: ask(app, "request_unlock", f"r{n}", national_id=id_))[0]  # type: ignore[misc]
        for n, id_ in enumerate(ids)
    ]
    assert said == [
        RefusalCode.ID_MISMATCH,
        {},
        RefusalCode.ID_MISMATCH,
        RefusalCode.TOO_MANY_REQUESTS,
        RefusalCode.TOO_MANY_REQUESTS,
    ]
    clock.advance(seconds=86_400)
    assert ask(app, "request_unlock", "tomorrow", national_id=ASHA.national_id) == {}


def test_who_is_not_locked_needs_no_code(app: App) -> None:
    assert refused(lambda: ask(app, "request_unlock", "r", national_id=ASHA.national_id)) is (
        RefusalCode.PIN_NOT_LOCKED
    )


# -- registration


def register(app: App, who: str, national_id: str, key: str, picked: object) -> dict[str, object]:
    return ask(
        app,
        "register",
        key,
        who,
        name="Juma Ali",
        national_id=national_id,
        chosen=picked,
        language="sw",
    )


def test_one_number_registers_once_however_many_race(app: App, engine: Engine) -> None:
    picked = [chosen(app, who=JUMA, key=f"k{n}") for n in range(6)]
    answers = together(6, lambda n: register(app, JUMA, f"3000000{n}", f"r{n}", picked[n]))
    assert answers.count(RefusalCode.ALREADY_REGISTERED) == 5
    assert messages(engine, "welcome") == 1
    assert _wallets(engine) == 3


def test_one_id_registers_once_however_many_numbers_race(app: App, engine: Engine) -> None:
    who = [f"+25473300000{n}" for n in range(6)]
    picked = [chosen(app, who=who[n], key=f"k{n}") for n in range(6)]
    answers = together(6, lambda n: register(app, who[n], "30000000", f"r{n}", picked[n]))
    assert answers.count(RefusalCode.ID_TAKEN) == 5
    assert messages(engine, "welcome") == 1
    assert _wallets(engine) == 3


def _wallets(engine: Engine) -> int:
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT count(*) FROM accounts WHERE kind = 'wallet'")
        return int(found.scalar_one())


def test_a_repeated_registration_is_the_first(app: App, engine: Engine) -> None:
    picked = chosen(app, who=JUMA)
    answers = together(6, lambda _: register(app, JUMA, "30000000", "r", picked))
    assert answers == [{"name": "JUMA ALI"}] * 6
    assert messages(engine, "welcome") == 1
    assert refused(lambda: register(app, ZUHURA, "30000001", "s", picked)) is (
        RefusalCode.PROOF_EXPIRED
    )


# -- a new secret


def test_a_new_secret_takes_over_pins_as_they_are_used(app: App, engine: Engine) -> None:
    def verifier() -> str:
        with engine.connect() as connection:
            found = connection.exec_driver_sql(
                "SELECT pin_verifier FROM parties WHERE msisdn = %s", (ASHA.msisdn,)
            )
            return str(found.scalar_one())

    roots = app.settings.secret_roots
    ring = Keyring({**roots, 2: "the second secret of the house"})
    renewed = replace(app, bank=Bank(replace(app.bank.desk, keyring=ring)))
    assert verifier().startswith("1$")
    assert not pin_of(renewed, "0000", "wrong")
    assert verifier().startswith("1$"), "a wrong PIN renews nothing"
    assert pin_of(renewed, ASHA.pin, "right")
    assert verifier().startswith("2$")
    assert pin_of(renewed, ASHA.pin, "again")
    picked = chosen(renewed, who=JUMA)
    assert refused(lambda: register(renewed, JUMA, ASHA.national_id, "r", picked)) is (
        RefusalCode.ID_TAKEN
    ), "an ID under the old root is still known"
    quote = {"type": "send_money", "payee": ASHA.msisdn, "amount": 10_00}
    quote_id = renewed.bank.serve("quote", BARAKA.msisdn, quote)["quote_id"]
    given = {"quote": quote_id, "pin": BARAKA.pin}
    assert renewed.bank.serve("accept_quote", BARAKA.msisdn, given, "pay")["receipt"]
