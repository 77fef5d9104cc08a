"""PINs as verifiers, sealed IDs, and a secret that is replaced."""

import pytest
from cryptography.fernet import InvalidToken

from ussd_app.domain.keys import Keyring
from ussd_app.domain.pins import is_weak

ASHA = "+254712000001"
OLD = Keyring({1: "the first secret of the house"})
NEW = Keyring({1: "the first secret of the house", 2: "the second secret of the house"})


def test_a_pin_matches_its_own_verifier_only() -> None:
    verifier = OLD.pin_verifier(ASHA, "4826")
    assert OLD.pin_matches(ASHA, "4826", verifier)
    assert not OLD.pin_matches(ASHA, "4827", verifier)
    assert not OLD.pin_matches("+254722000002", "4826", verifier), "bound to the number"


def test_two_verifiers_of_one_pin_differ() -> None:
    assert OLD.pin_verifier(ASHA, "4826") != OLD.pin_verifier(ASHA, "4826")


def test_without_the_secret_a_verifier_is_noise() -> None:
    stranger = Keyring({1: "another secret altogether"})
    assert not stranger.pin_matches(ASHA, "4826", OLD.pin_verifier(ASHA, "4826"))


def test_a_new_secret_still_knows_old_verifiers_and_calls_them_dated() -> None:
    old = OLD.pin_verifier(ASHA, "4826")
    assert NEW.pin_matches(ASHA, "4826", old)
    assert NEW.pin_is_dated(old)
    assert not NEW.pin_is_dated(NEW.pin_verifier(ASHA, "4826"))


def test_a_sealed_id_opens_with_the_ring_that_knows_its_version() -> None:
    sealed = OLD.seal("22000001")
    assert "22000001" not in sealed
    assert NEW.open(sealed) == "22000001"
    with pytest.raises((InvalidToken, KeyError)):
        Keyring({1: "another"}).open(sealed)


def test_a_fingerprint_is_found_under_any_root_we_had() -> None:
    (old,) = OLD.fingerprints("national id", "22000001")
    assert old in NEW.fingerprints("national id", "22000001")
    assert NEW.fingerprints("national id", "22000001")[0] != old


@pytest.mark.parametrize(
    ("pin", "weak"),
    [
        ("0000", True),
        ("1111", True),
        ("1234", True),
        ("7890", True),
        ("9876", True),
        ("3210", True),
        ("0001", True),
        ("4826", False),
        ("1235", False),
        ("2580", False),
    ],
)
def test_pins_that_a_thief_tries_first_are_weak(pin: str, weak: bool) -> None:
    assert is_weak(ASHA, pin) is weak
