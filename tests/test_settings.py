"""Settings: a row for each thing that may be said, all faults at once, and the runbook's table."""

import re
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path

import pytest

from ussd_app.settings import (
    DEVELOPMENT_SECRET,
    SIMULATED_CERTIFICATE,
    Settings,
    SettingsInvalid,
)

ROOT = Path(__file__).parent.parent

PRODUCTION = {
    "KABAMBE_ENV": "production",
    "DATABASE_URL": "postgresql://kabambe:pass@db/kabambe",
    "REDIS_URL": "redis://cache:6379/0",
    "CALLBACK_SECRET": "aaaaaaaa-bbbb-cccc",
    "KABAMBE_SECRET": "a root of keys, long enough to be one",
    "AT_USERNAME": "kabambe",
    "AT_API_KEY": "atsk_0123456789",
    "PUBLIC_URL": "https://kabambe.example",
}


def faults(environ: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsInvalid) as invalid:
        Settings.read(environ)
    return invalid.value.faults


def test_nothing_said_is_a_development_server_with_a_simulator() -> None:
    settings = Settings.read({})
    assert settings.env == "development"
    assert not settings.production
    assert settings.port == 8383
    assert settings.simulator
    assert settings.simulator_port == 8384
    assert settings.at_api_url == "http://127.0.0.1:8384"
    assert settings.home == Path(".kabambe").absolute()
    assert settings.database_url is None
    assert settings.redis_url is None
    assert settings.callback_secret is None
    assert settings == Settings.read({"PORT": "", "DATABASE_URL": "", "CALLBACK_SECRET": ""})


Read = Callable[[Settings], object]

RIGHT: list[tuple[str, str, Read, object]] = [
    ("KABAMBE_ENV", "test", lambda s: s.env, "test"),
    ("KABAMBE_HOME", "/srv/k", lambda s: s.home, Path("/srv/k")),
    ("PORT", "1", lambda s: s.port, 1),
    ("PORT", "65533", lambda s: s.simulated_mail_port, 65_535),
    ("PORT", "9000", lambda s: s.at_api_url, "http://127.0.0.1:9001"),
    ("DATABASE_URL", "postgres://h/d", lambda s: s.database_url, "postgresql+psycopg2://h/d"),
    ("DATABASE_URL", "postgresql://h/d", lambda s: s.database_url, "postgresql+psycopg2://h/d"),
    (
        "DATABASE_URL",
        "postgresql+psycopg2://u:p@h:5432/d?sslmode=require",
        lambda s: s.database_url,
        "postgresql+psycopg2://u:p@h:5432/d?sslmode=require",
    ),
    ("REDIS_URL", "redis://h:6379/1/", lambda s: s.redis_url, "redis://h:6379/1"),
    ("REDIS_URL", "rediss://h", lambda s: s.redis_url, "rediss://h"),
    ("REDIS_URL", "unix:///run/r.sock?db=1", lambda s: s.redis_url, "unix:///run/r.sock?db=1"),
    ("USSD_SERVICE_CODE", "*384*44135#", lambda s: s.ussd_service_code, "*384*44135#"),
    ("CALLBACK_SECRET", "a-Z_9", lambda s: s.callback_secret, "a-Z_9"),
    ("AT_USERNAME", "kabambe", lambda s: s.at_username, "kabambe"),
    ("AT_API_KEY", "k", lambda s: s.at_api_key, "k"),
    ("AT_API_URL", "https://x.example/", lambda s: s.at_api_url, "https://x.example"),
    ("SIMULATOR", "off", lambda s: s.at_api_url, "https://api.africastalking.com"),
    ("SIMULATOR", "off", lambda s: s.bank_url, None),
    ("PORT", "9000", lambda s: s.bank_url, "http://127.0.0.1:9001/bank"),
    ("BANK_URL", "https://switch.example/v1/", lambda s: s.bank_url, "https://switch.example/v1"),
    ("BANK_KEY", "k", lambda s: s.bank_key, "k"),
    ("SIMULATOR", "off", lambda s: (s.daraja_url, s.daraja_certificate), (None, None)),
    ("PORT", "9000", lambda s: s.daraja_url, "http://127.0.0.1:9001/safaricom"),
    ("PORT", "9000", lambda s: s.daraja_certificate, SIMULATED_CERTIFICATE),
    ("DARAJA_URL", "https://d.example/", lambda s: s.daraja_url, "https://d.example"),
    ("DARAJA_CONSUMER_KEY", "k", lambda s: s.daraja_consumer_key, "k"),
    ("DARAJA_CONSUMER_SECRET", "k", lambda s: s.daraja_consumer_secret, "k"),
    ("DARAJA_SHORTCODE", "600984", lambda s: s.daraja_shortcode, "600984"),
    ("DARAJA_PASSKEY", "k", lambda s: s.daraja_passkey, "k"),
    ("DARAJA_INITIATOR", "k", lambda s: s.daraja_initiator, "k"),
    ("DARAJA_INITIATOR_PASSWORD", "k", lambda s: s.daraja_initiator_password, "k"),
    ("DARAJA_CERTIFICATE", __file__, lambda s: s.daraja_certificate, Path(__file__)),
    (
        "DARAJA_ALLOWED_ADDRESSES",
        "196.201.214.200, 196.201.213.0/24,::1",
        lambda s: s.daraja_allowed_addresses,
        (ip_network("196.201.214.200"), ip_network("196.201.213.0/24"), ip_network("::1")),
    ),
    ("DARAJA_ALLOWED_ADDRESSES", ",", lambda s: s.daraja_allowed_addresses, ()),
    ("DARAJA_ALLOWED_ADDRESSES", "any", lambda s: s.daraja_allowed_addresses, ()),
    ("TRUSTED_PROXIES", "2", lambda s: s.trusted_proxies, 2),
    ("DARAJA_CALLBACK_SECRET", "a-Z_9", lambda s: s.daraja_doors, "/daraja/a-Z_9"),
    ("CALLBACK_SECRET", "a-Z_9", lambda s: s.daraja_doors, "/daraja/a-Z_9"),
    ("PORT", "9000", lambda s: s.daraja_doors, "/daraja"),
    ("PORT", "9000", lambda s: s.daraja_confirm_above, 0),
    ("DARAJA_CONFIRM_ABOVE", "25000", lambda s: s.daraja_confirm_above, 25_000),
    ("DARAJA_SIM_SWAP_DAYS", "3", lambda s: s.daraja_sim_swap_days, 3),
    ("PUBLIC_URL", "https://k.example/", lambda s: s.public_url, "https://k.example"),
    ("PORT", "9000", lambda s: s.public_url, "http://127.0.0.1:9000"),
    ("SMS_SENDER", "Kabambe2026", lambda s: s.sms_sender, "Kabambe2026"),
    ("SMS_SHORTCODE", "20123", lambda s: s.sms_shortcode, "20123"),
    ("KABAMBE_SECRET", "mine", lambda s: s.secret_roots, {1: "mine"}),
    ("KABAMBE_SECRET_VERSION", "7", lambda s: list(s.secret_roots), [7]),
    ("WEB_PROCESSES", "4", lambda s: s.web_processes, 4),
    ("WEB_THREADS", "16", lambda s: s.web_threads, 16),
    ("PIN_TRIES", "5", lambda s: s.pin_tries, 5),
    ("RATE_MSISDN_PER_MINUTE", "30", lambda s: s.rate_msisdn_per_minute, 30),
    ("RATE_PAYMENTS_PER_MINUTE", "9", lambda s: s.rate_payments_per_minute, 9),
    ("RATE_ADDRESS_PER_MINUTE", "900", lambda s: s.rate_address_per_minute, 900),
]


@pytest.mark.parametrize(("name", "said", "read", "meant"), RIGHT)
def test_what_is_said_is_meant(name: str, said: str, read: Read, meant: object) -> None:
    assert read(Settings.read({name: said})) == meant


WRONG = [
    ("KABAMBE_ENV", "staging"),
    ("KABAMBE_ENV", "Production"),
    ("PORT", "0"),
    ("PORT", "65534"),
    ("PORT", "-1"),
    ("PORT", "８３８３"),
    ("PORT", "8383 "),
    ("PORT", "1" * 20),
    ("DATABASE_URL", "sqlite:///x"),
    ("DATABASE_URL", "mysql://h/d"),
    ("DATABASE_URL", "postgresql+asyncpg://h/d"),
    ("DATABASE_URL", "postgresql://"),
    ("REDIS_URL", "http://h"),
    ("REDIS_URL", "redis://"),
    ("REDIS_URL", "redis://a b"),
    ("USSD_SERVICE_CODE", "383"),
    ("USSD_SERVICE_CODE", "*#"),
    ("USSD_SERVICE_CODE", "**383#"),
    ("USSD_SERVICE_CODE", "*383*#"),
    ("USSD_SERVICE_CODE", "*٣٨٣#"),
    ("USSD_SERVICE_CODE", "*" + "1" * 40 + "#"),
    ("CALLBACK_SECRET", "a/b"),
    ("CALLBACK_SECRET", "a b"),
    ("CALLBACK_SECRET", "a%20b"),
    ("AT_API_URL", "ftp://h"),
    ("AT_API_URL", "https://"),
    ("AT_API_URL", "https://a\nb"),
    ("BANK_URL", "ftp://h"),
    ("DARAJA_URL", "ftp://h"),
    ("DARAJA_SHORTCODE", "1743"),
    ("DARAJA_SHORTCODE", "12345678"),
    ("DARAJA_CERTIFICATE", "/nowhere/safaricom.pem"),
    ("DARAJA_ALLOWED_ADDRESSES", "196.201.214"),
    ("DARAJA_ALLOWED_ADDRESSES", "196.201.214.200/24"),
    ("DARAJA_CONFIRM_ABOVE", "-1"),
    ("DARAJA_SIM_SWAP_DAYS", "366"),
    ("SIMULATOR", "yes"),
    ("SMS_SENDER", "twelve letters"),
    ("SMS_SENDER", "Kabambe!"),
    ("SMS_SHORTCODE", "22 383"),
    ("KABAMBE_SECRET_VERSION", "0"),
    ("KABAMBE_SECRET_VERSION", "1000"),
    ("KABAMBE_RETIRED_SECRETS", "old"),
    ("KABAMBE_RETIRED_SECRETS", "0=old"),
    ("KABAMBE_RETIRED_SECRETS", "1="),
    ("WEB_PROCESSES", "0"),
    ("WEB_THREADS", "257"),
    ("PUBLIC_URL", "kabambe.example"),
    ("PUBLIC_URL", "https://a-name-that-no-sms-has-room-for.example"),
    ("PIN_TRIES", "0"),
    ("PIN_TRIES", "11"),
    ("RATE_MSISDN_PER_MINUTE", "0"),
    ("RATE_PAYMENTS_PER_MINUTE", "101"),
    ("RATE_ADDRESS_PER_MINUTE", "many"),
]


@pytest.mark.parametrize(("name", "said"), WRONG)
def test_what_cannot_be_meant_is_named_and_not_repeated(name: str, said: str) -> None:
    (fault,) = faults({name: said})
    assert fault.startswith((f"{name} must ", f"{name} may "))
    if name.endswith(("_URL", "_SECRET")):
        assert said not in fault, "it may be a secret"


def test_all_faults_are_told_at_once() -> None:
    wrong = {name: said for name, said in WRONG if name != "KABAMBE_RETIRED_SECRETS"}
    told = faults(wrong)
    assert {fault.split(" ", 1)[0] for fault in told} >= set(wrong)


def test_retired_secrets_are_below_the_one_in_force() -> None:
    environ = {"KABAMBE_RETIRED_SECRETS": "1=one,2=a=b", "KABAMBE_SECRET_VERSION": "3"}
    assert Settings.read(environ).secret_roots == {1: "one", 2: "a=b", 3: DEVELOPMENT_SECRET}
    for version in ("1", "2"):
        (fault,) = faults(environ | {"KABAMBE_SECRET_VERSION": version})
        assert fault == "KABAMBE_SECRET_VERSION must be above every retired version"
    assert faults(environ | {"KABAMBE_RETIRED_SECRETS": "1=one,1=two"})


def test_production_runs_on_its_own_secrets() -> None:
    settings = Settings.read(PRODUCTION)
    assert settings.production
    assert not settings.simulator
    assert settings.at_api_url == "https://api.africastalking.com"


@pytest.mark.parametrize("name", sorted(set(PRODUCTION) - {"KABAMBE_ENV"}))
def test_production_refuses_to_start_without(name: str) -> None:
    left = {key: value for key, value in PRODUCTION.items() if key != name}
    assert any(fault.startswith(name) for fault in faults(left))
    assert any(fault.startswith(name) for fault in faults(left | {name: ""}))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("KABAMBE_SECRET", DEVELOPMENT_SECRET),
        ("KABAMBE_SECRET", "short"),
        ("KABAMBE_SECRET", PRODUCTION["CALLBACK_SECRET"]),
        ("CALLBACK_SECRET", "short"),
        ("CALLBACK_SECRET", DEVELOPMENT_SECRET),
        ("AT_API_KEY", "development"),
        ("AT_USERNAME", "sandbox"),
        ("AT_API_URL", "http://api.africastalking.com"),
        ("PUBLIC_URL", "http://kabambe.example"),
    ],
)
def test_production_refuses_defaults_and_carelessness(name: str, said: str) -> None:
    told = faults(PRODUCTION | {name: said})
    assert any(name in fault for fault in told)
    assert not any(said in fault for fault in told if len(said) > 12)


def test_production_signs_with_a_key_of_its_own_over_https() -> None:
    told = faults(PRODUCTION | {"BANK_URL": "http://switch.example"})
    assert any("BANK_KEY" in fault for fault in told)
    assert any("BANK_URL must be https" in fault for fault in told)
    mine = {"BANK_URL": "https://switch.example", "BANK_KEY": "a-key-of-our-own-0123456789"}
    assert Settings.read(PRODUCTION | mine).bank_key == mine["BANK_KEY"]


DARAJA = {
    "DARAJA_URL": "https://api.safaricom.co.ke",
    "DARAJA_CONSUMER_KEY": "key-0123456789",
    "DARAJA_CONSUMER_SECRET": "secret-0123456789",
    "DARAJA_SHORTCODE": "600984",
    "DARAJA_PASSKEY": "passkey-0123456789",
    "DARAJA_INITIATOR": "kabambe",
    "DARAJA_INITIATOR_PASSWORD": "Pass#0123456789",
    "DARAJA_CERTIFICATE": __file__,
    "DARAJA_CALLBACK_SECRET": "dddddddd-eeee-ffff",
    "DARAJA_ALLOWED_ADDRESSES": "any",
}


def test_production_goes_to_safaricom_with_keys_of_its_own() -> None:
    settings = Settings.read(PRODUCTION | DARAJA)
    assert settings.daraja_url == "https://api.safaricom.co.ke"
    said = repr(settings)
    for name in sorted(set(DARAJA) - {"DARAJA_ALLOWED_ADDRESSES"}):
        secret = name.endswith(("_KEY", "_SECRET", "_PASSKEY", "_PASSWORD"))
        assert (DARAJA[name] in said) is not secret
    for name in sorted(set(DARAJA) - {"DARAJA_URL"}):
        (fault,) = faults(PRODUCTION | DARAJA | {name: ""})
        assert fault.startswith(f"{name} must ")
    (fault,) = faults({"SIMULATOR": "off", "DARAJA_URL": "https://sandbox.safaricom.co.ke"})
    assert fault.startswith("DARAJA_CERTIFICATE must name"), "in development too"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("DARAJA_URL", "http://api.safaricom.co.ke"),
        ("DARAJA_URL", "https://sandbox.safaricom.co.ke"),
        ("DARAJA_PASSKEY", "development-only-daraja-passkey"),
        ("PUBLIC_URL", "https://mpesa.kabambe.example"),
        ("DARAJA_CALLBACK_SECRET", "0123456789-SQL-0123456789"),
        ("DARAJA_CALLBACK_SECRET", "0123456789exe0123456789"),
        ("DARAJA_CALLBACK_SECRET", "short"),
        ("DARAJA_CALLBACK_SECRET", PRODUCTION["CALLBACK_SECRET"]),
        ("DARAJA_ALLOWED_ADDRESSES", "everybody"),
    ],
)
def test_production_does_not_send_what_safaricom_refuses(name: str, said: str) -> None:
    (fault,) = faults(PRODUCTION | DARAJA | {name: said})
    assert fault.startswith(name)
    assert said not in fault


def test_production_says_who_may_speak_for_safaricom() -> None:
    settings = Settings.read(PRODUCTION | DARAJA)
    assert settings.daraja_confirm_above == 20_000, "unless it is said to be another"
    never = Settings.read(PRODUCTION | DARAJA | {"DARAJA_CONFIRM_ABOVE": "0"})
    assert never.daraja_confirm_above == 0
    named = PRODUCTION | DARAJA | {"DARAJA_ALLOWED_ADDRESSES": "196.201.214.200"}
    (fault,) = faults(named | {"DARAJA_ALLOWED_ADDRESSES": ","})
    assert fault.startswith("DARAJA_ALLOWED_ADDRESSES must be")
    (fault,) = faults(named)
    assert fault.startswith("TRUSTED_PROXIES must say how many")
    for proxies in ("0", "1"):
        assert Settings.read(named | {"TRUSTED_PROXIES": proxies}).trusted_proxies == int(proxies)


def test_an_empty_production_names_everything_that_it_needs() -> None:
    told = faults({"KABAMBE_ENV": "production"})
    for name in set(PRODUCTION) - {"KABAMBE_ENV"}:
        assert any(name in fault for fault in told), name


def test_the_simulator_may_be_asked_for_in_production() -> None:
    settings = Settings.read(PRODUCTION | {"SIMULATOR": "on", "AT_USERNAME": "sandbox"})
    assert settings.simulator


def test_secrets_are_not_printed() -> None:
    said = repr(Settings.read(PRODUCTION))
    for name in set(PRODUCTION) - {"KABAMBE_ENV", "AT_USERNAME", "PUBLIC_URL"}:
        assert PRODUCTION[name] not in said


def test_the_runbook_lists_exactly_the_settings_that_are_read() -> None:
    code = (ROOT / "ussd_app" / "settings.py").read_text()
    read = set(re.findall(r'reader\.[a-z_]+\(\s*"([A-Z_]+)"', code))
    table = (ROOT / "docs" / "runbook.md").read_text().split("## Settings")[1].split("\n## ")[0]
    rows = (line.split("|")[1] for line in table.splitlines() if line.startswith("| `"))
    told = {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row)}
    assert read == told
    assert len(read) > 20
