"""The flows that customers get, walked from the first digit to the last word in both languages."""

import pytest

from menus.machine import Facts
from tests.menus.people import ASHA, CUSTOMER, Phone, shipped
from tests.ways import way


def call(language: str, **answers: object) -> Phone:
    caller = {**CUSTOMER, "language": language}
    phone = Phone(shipped(), {**ASHA, "caller": caller, **answers})
    phone.dials()
    return phone


def commands(phone: Phone) -> list[str]:
    return [request.name for request in phone.asked[1:]]


@pytest.mark.parametrize(
    ("language", "typed", "last"),
    [
        ("en", way("balance", "4826"), "Your balance is KES 1,500.00.\nYou can still spend KES "),
        ("sw", way("balance", "4826"), "Salio lako ni KES 1,500.00.\nLeo bado unaweza kutumia "),
        ("en", way("mini_statement", "4826"), "21/11 Sent 500.00 BARAKA\nAll sent by SMS"),
        ("sw", way("mini_statement", "4826"), "21/11 Sent 500.00 BARAKA\nYote kwa SMS"),
        ("en", way("change_pin", "4826", "7391", "7391"), "Your PIN is changed. Tell it to nobo"),
        ("sw", way("change_pin", "4826", "7391", "7391"), "PIN yako imebadilishwa. Usimwambie "),
        ("en", way("language", "2"), "Kuanzia sasa tutazungumza Kiswahili nawe."),
        ("sw", way("language", "1"), "We will speak English to you from now on."),
        ("en", way("unlock", "1", "12345678"), "We have sent you a code by SMS.\nWhen you have"),
        ("sw", way("unlock", "1", "12345678"), "Tumekutumia msimbo kwa SMS.\nUkiupata, piga te"),
        ("en", way("unlock", "2", "7391", "7391", "123456"), "Your PIN is unlocked and changed."),
        ("sw", way("unlock", "2", "7391", "7391", "123456"), "PIN yako imefunguliwa na kubadilis"),
    ],
)
def test_what_a_customer_can_do(language: str, typed: tuple[str, ...], last: str) -> None:
    phone = call(language)
    assert phone.says(*typed).startswith(last)
    assert phone.screen.ends


def test_a_full_statement_fits_one_screen() -> None:
    line = "21/11 Sent 100,000.00 BARAKA"
    assert len(line) == 28
    phone = call("en", mini_statement={"lines": [{"key": str(n), "label": line} for n in range(7)]})
    assert phone.says(*way("mini_statement", "4826")) == "\n".join([line] * 5 + ["All sent by SMS"])
    assert len(phone.screen.text) == 160


@pytest.mark.parametrize(
    ("language", "last"),
    [
        ("en", "You have not sent or received money yet."),
        ("sw", "Bado hujatuma wala kupokea pesa."),
    ],
)
def test_an_empty_statement_says_so(language: str, last: str) -> None:
    assert call(language, mini_statement={"lines": []}).says(*way("mini_statement", "4826")) == last


@pytest.mark.parametrize(
    ("key", "name", "chosen"), [("1", "Enter your full name", "en"), ("2", "Andika majina", "sw")]
)
def test_a_stranger_registers(key: str, name: str, chosen: str) -> None:
    phone = Phone(shipped(), {**ASHA, "caller": "not_registered"})
    phone.dials()
    assert phone.lines == [
        "Karibu Kabambe!",
        "Choose language / Chagua lugha",
        "1 English",
        "2 Kiswahili",
    ]
    assert phone.says(key).startswith(name)
    phone.says("asha wanjirũ")
    assert phone.lines[0].startswith("asha wanjiru, ")
    phone.says("4826", "4826", "12345678")
    assert phone.screen.ends
    assert "Asha Wanjiru" in phone.screen.text
    assert phone.asked[-1].args == {
        "name": "asha wanjiru",
        "national_id": "12345678",
        "chosen": "chosen-1",
        "language": chosen,
    }
    assert commands(phone) == ["choose_pin", "confirm_pin", "register"]


def test_every_secret_goes_to_the_very_next_step_and_nowhere_else() -> None:
    phone = Phone(shipped(), {**ASHA, "caller": "not_registered"})
    phone.dials()
    phone.says("1", "Asha", "4826", "4826", "12345678")
    held = {request.name: request.secret for request in phone.asked}
    assert held == {
        "caller": frozenset(),
        "choose_pin": {"pin"},
        "confirm_pin": {"pin"},
        "register": {"national_id"},
    }


def test_pins_that_differ_or_are_weak_are_chosen_again() -> None:
    phone = Phone(
        shipped(),
        {
            **ASHA,
            "caller": "not_registered",
            "choose_pin": ["weak_pin", {"draft": "d1"}, {"draft": "d2"}],
            "confirm_pin": ["pins_differ", {"chosen": "c"}],
        },
    )
    phone.dials()
    phone.says("1", "Asha", "1234")
    assert phone.lines[:2] == [
        "That PIN is easy to guess. Try another.",
        "Asha, choose a secret PIN of 4 digits",
    ]
    phone.says("4826", "4827")
    assert phone.lines[0] == "The two PINs differ. Choose again."
    phone.says("4826", "4826")
    assert phone.asked[-1].args == {"draft": "d2", "pin": "4826"}
    assert phone.lines[0] == "Enter your national ID number"


def test_who_took_too_long_chooses_a_pin_again_and_keeps_the_name() -> None:
    phone = Phone(
        shipped(),
        {**ASHA, "caller": "not_registered", "register": ["proof_expired", ASHA["register"]]},
    )
    phone.dials()
    phone.says("1", "Asha", "4826", "4826", "12345678")
    assert phone.lines[:2] == [
        "That took too long. Start again.",
        "Asha, choose a secret PIN of 4 digits",
    ]
    assert phone.says("4826", "4826", "12345678").startswith("Welcome to Kabambe")


def test_an_id_that_is_taken_can_be_typed_again() -> None:
    phone = Phone(
        shipped(),
        {**ASHA, "caller": "not_registered", "register": ["id_taken", Facts({"name": "A"})]},
    )
    phone.dials()
    phone.says("1", "Asha", "4826", "4826", "12345678")
    assert phone.lines[:2] == [
        "That ID already has an account.",
        "Enter your national ID number",
    ]
    assert phone.says("87654321").startswith("Welcome")


def test_the_new_pin_must_be_new() -> None:
    phone = call("en", change_pin=["pin_unchanged", {}])
    phone.says(*way("change_pin"), "4826", "4826", "4826")
    assert phone.lines[:2] == [
        "That is your old PIN. Choose another.",
        "Choose a new PIN of 4 digits",
    ]
    assert phone.says("7391", "7391").startswith("Your PIN is changed.")


def test_an_expired_proof_asks_for_the_old_pin_again() -> None:
    phone = call("en", change_pin="proof_expired")
    phone.says(*way("change_pin"), "4826", "7391", "7391")
    assert phone.lines[:2] == ["That took too long. Start again.", "Enter your old PIN"]


@pytest.mark.parametrize("flow", ["balance", "mini_statement", "change_pin"])
def test_whoever_locks_the_pin_is_led_to_unlock_it(flow: str) -> None:
    phone = call("en", balance="pin_locked", mini_statement="pin_locked", prove_pin="pin_locked")
    phone.says(*way(flow, "0000"))
    assert phone.state.flow == "unlock"
    assert phone.lines[0] == "PIN locked. Unlock it in My account."


def test_a_wrong_or_old_code_can_be_mended() -> None:
    phone = call("en", unlock=["wrong_code", "code_expired"])
    phone.says(*way("unlock"), "2", "7391", "7391", "000000")
    assert phone.lines[:2] == ["Wrong code. 2 left.", "Enter the code from the SMS"]
    phone.says("111111")
    assert phone.lines[:2] == ["The code expired. Ask for a new one.", "Unlock your PIN"]


def test_a_wrong_national_id_can_be_typed_again() -> None:
    phone = call("en", request_unlock=["id_mismatch", "too_many_requests"])
    phone.says(*way("unlock"), "1", "12345678")
    assert phone.lines[0] == "That ID does not match our records."
    assert phone.says("12345679") == "Too many tries. Please try again later."
    assert phone.screen.ends


@pytest.mark.parametrize("language", ["en", "sw"])
@pytest.mark.parametrize(
    ("code", "step"),
    [
        *(("unknown_payee", "recipient"), ("payee_is_payer", "recipient")),
        *(("payee_frozen", "recipient"), ("amount_too_small", "amount")),
        *(("amount_too_large", "amount"), ("fat_finger", "amount"), ("daily_limit", "amount")),
        *(("payee_balance_limit", "amount"), ("insufficient_funds", "amount")),
    ],
)
def test_a_price_that_is_refused_leads_to_what_can_mend_it(
    language: str, code: str, step: str
) -> None:
    phone = call(language, quote=code)
    phone.says("1", "0722000002", "500")
    assert (phone.state.flow, phone.state.step) == ("send_money", step)
    said = shipped().texts.refusals[code].say[language].text.split("{")[0]
    assert phone.lines[0].startswith(said)
