"""Everything that the environment may say, read once and checked as a whole.

One frozen record is handed to whoever needs it; nobody else reads the environment. All that is
wrong is reported at once. Knows no service: whether a URL answers is `/readyz`'s business.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ussd_app.kernel.environ import Network, Reader

ENVIRONMENTS = ("development", "test", "production")
DEVELOPMENT_SECRET = "development-only-secret-root-0123456789"  # noqa: S105 - refused in production
DEVELOPMENT_BANK_KEY = "development-only-bank-key"
DEVELOPMENT_DARAJA_KEY = "development-only-daraja-key"
DEVELOPMENT_DARAJA_SECRET = "development-only-daraja-secret"  # noqa: S105 - refused in production
DEVELOPMENT_PASSKEY = "development-only-daraja-passkey"
DEVELOPMENT_INITIATOR_PASSWORD = "Development#Only1"  # noqa: S105 - refused in production
SIMULATED_CERTIFICATE = (
    Path(__file__).resolve().parents[1] / "simulator" / "safaricom" / "certificate.pem"
)
"""What the simulator's Safaricom can open."""
REFUSED_IN_CALLBACKS = ("m-pesa", "mpesa", "safaricom", "exe", "exec", "cmd", "sql", "query")
"""Words for which Safaricom refuses a callback's URL, in any case."""
CONFIRMED_ABOVE = 20_000
"""About money in above so many shillings Safaricom is asked in production, if nothing is said."""
DEVELOPMENT_MAIL_FROM = "kabambe@example.com"
SHORTEST_SECRET = 16
AFRICASTALKING = "https://api.africastalking.com"
_MAIL_FROM = re.compile(r"[^@\s<>]{1,64}@[A-Za-z0-9.-]{1,190}", re.ASCII)
_SENDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,10}", re.ASCII)
_SHORTCODE = re.compile(r"[0-9]{3,8}", re.ASCII)
_DARAJA_SHORTCODE = re.compile(r"[0-9]{5,7}", re.ASCII)


class SettingsInvalid(ValueError):
    """The environment contradicts itself or leaves out what must be said; lists every fault."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


@dataclass(frozen=True)
class Settings:
    """What this installation is. Times end in `_s` (seconds); ports are TCP ports.

    `daraja_confirm_above` is in whole shillings; empty allowed addresses allow any. So many
    `trusted_proxies` stand before this server and say whom they speak for.
    """

    env: str = "development"
    home: Path = Path(".kabambe")
    products: tuple[Path, ...] = ()
    port: int = 8383
    database_url: str | None = field(default=None, repr=False)
    redis_url: str | None = field(default=None, repr=False)
    ussd_service_code: str = "*383#"
    callback_secret: str | None = field(default=None, repr=False)
    at_username: str = "sandbox"
    at_api_key: str = field(default="development", repr=False)
    at_api_url: str = AFRICASTALKING
    bank_url: str | None = None
    bank_key: str = field(default=DEVELOPMENT_BANK_KEY, repr=False)
    daraja_url: str | None = None
    daraja_consumer_key: str = field(default=DEVELOPMENT_DARAJA_KEY, repr=False)
    daraja_consumer_secret: str = field(default=DEVELOPMENT_DARAJA_SECRET, repr=False)
    daraja_shortcode: str = "174379"
    daraja_passkey: str = field(default=DEVELOPMENT_PASSKEY, repr=False)
    daraja_initiator: str = "kabambeapi"
    daraja_initiator_password: str = field(default=DEVELOPMENT_INITIATOR_PASSWORD, repr=False)
    daraja_certificate: Path | None = None
    daraja_callback_secret: str | None = field(default=None, repr=False)
    daraja_allowed_addresses: tuple[Network, ...] = ()
    daraja_confirm_above: int = 0
    daraja_sim_swap_days: int = 0
    simulator: bool = True
    smtp_url: str | None = field(default=None, repr=False)
    mail_from: str = DEVELOPMENT_MAIL_FROM
    sms_sender: str = "KABAMBE"
    sms_shortcode: str = "22383"
    public_url: str = "http://127.0.0.1:8383"
    secret: str = field(default=DEVELOPMENT_SECRET, repr=False)
    secret_version: int = 1
    retired_secrets: Mapping[int, str] = field(default_factory=dict, repr=False)
    web_processes: int = 1
    web_threads: int = 8
    trusted_proxies: int = 0
    pin_tries: int = 3
    rate_msisdn_per_minute: int = 60
    rate_payments_per_minute: int = 20
    rate_address_per_minute: int = 60_000

    @property
    def production(self) -> bool:
        """Whether real money is at stake."""
        return self.env == "production"

    @property
    def daraja_doors(self) -> str:
        """The path under which Safaricom's doors stand."""
        secret = self.daraja_callback_secret or self.callback_secret
        return f"/daraja/{secret}" if secret else "/daraja"

    @property
    def secret_roots(self) -> dict[int, str]:
        """The present secret root and the retired ones, by version; the highest is in force."""
        return {**self.retired_secrets, self.secret_version: self.secret}

    @property
    def simulator_port(self) -> int:
        """Where the simulator listens when it is on."""
        return self.port + 1

    @property
    def simulated_mail_port(self) -> int:
        """Where the simulator takes mail when it is on."""
        return self.port + 2

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> "Settings":
        """Read and check the environment. Raises `SettingsInvalid` naming every fault."""
        reader = Reader(environ)
        env = reader.choice("KABAMBE_ENV", ENVIRONMENTS, "development")
        port = reader.integer("PORT", 8383, 1, 65_533)
        simulator = reader.choice("SIMULATOR", ("on", "off"), _simulator_default(env)) == "on"
        at_home = f"http://127.0.0.1:{port + 1}" if simulator else AFRICASTALKING
        bank_home = f"http://127.0.0.1:{port + 1}/bank" if simulator else None
        daraja_home = f"http://127.0.0.1:{port + 1}/safaricom" if simulator else None
        mail_home = f"smtp://127.0.0.1:{port + 2}" if simulator else None
        confirmed = CONFIRMED_ABOVE if env == "production" and not simulator else 0
        settings = cls(
            env=env,
            home=Path(reader.text("KABAMBE_HOME", ".kabambe")).absolute(),
            products=reader.folders("KABAMBE_PRODUCTS"),
            port=port,
            database_url=reader.database_url("DATABASE_URL"),
            redis_url=reader.url("REDIS_URL", ("redis", "rediss", "unix")),
            ussd_service_code=reader.service_code("USSD_SERVICE_CODE", "*383#"),
            callback_secret=reader.path_segment("CALLBACK_SECRET"),
            at_username=reader.text("AT_USERNAME", "sandbox"),
            at_api_key=reader.text("AT_API_KEY", "development"),
            at_api_url=reader.url("AT_API_URL", ("http", "https")) or at_home,
            bank_url=reader.url("BANK_URL", ("http", "https")) or bank_home,
            bank_key=reader.text("BANK_KEY", DEVELOPMENT_BANK_KEY),
            daraja_url=reader.url("DARAJA_URL", ("http", "https")) or daraja_home,
            daraja_consumer_key=reader.text("DARAJA_CONSUMER_KEY", DEVELOPMENT_DARAJA_KEY),
            daraja_consumer_secret=reader.text("DARAJA_CONSUMER_SECRET", DEVELOPMENT_DARAJA_SECRET),
            daraja_shortcode=reader.shape(
                "DARAJA_SHORTCODE", "174379", _DARAJA_SHORTCODE, "5 to 7 digits"
            ),
            daraja_passkey=reader.text("DARAJA_PASSKEY", DEVELOPMENT_PASSKEY),
            daraja_initiator=reader.text("DARAJA_INITIATOR", "kabambeapi"),
            daraja_initiator_password=reader.text(
                "DARAJA_INITIATOR_PASSWORD", DEVELOPMENT_INITIATOR_PASSWORD
            ),
            daraja_certificate=reader.file("DARAJA_CERTIFICATE")
            or (SIMULATED_CERTIFICATE if simulator else None),
            daraja_callback_secret=reader.path_segment("DARAJA_CALLBACK_SECRET"),
            daraja_allowed_addresses=reader.networks("DARAJA_ALLOWED_ADDRESSES"),
            daraja_confirm_above=reader.integer("DARAJA_CONFIRM_ABOVE", confirmed, 0, 1_000_000),
            daraja_sim_swap_days=reader.integer("DARAJA_SIM_SWAP_DAYS", 0, 0, 365),
            simulator=simulator,
            smtp_url=reader.url("SMTP_URL", ("smtp", "smtps")) or mail_home,
            mail_from=reader.shape(
                "MAIL_FROM", DEVELOPMENT_MAIL_FROM, _MAIL_FROM, "an e-mail address"
            ),
            sms_sender=reader.shape(
                "SMS_SENDER", "KABAMBE", _SENDER, "1 to 11 letters, digits or . _ -"
            ),
            sms_shortcode=reader.shape("SMS_SHORTCODE", "22383", _SHORTCODE, "3 to 8 digits"),
            public_url=reader.site("PUBLIC_URL") or f"http://127.0.0.1:{port}",
            secret=reader.text("KABAMBE_SECRET", DEVELOPMENT_SECRET),
            secret_version=reader.integer("KABAMBE_SECRET_VERSION", 1, 1, 999),
            retired_secrets=reader.numbered("KABAMBE_RETIRED_SECRETS"),
            web_processes=reader.integer("WEB_PROCESSES", 1, 1, 64),
            web_threads=reader.integer("WEB_THREADS", 8, 1, 256),
            trusted_proxies=reader.integer("TRUSTED_PROXIES", 0, 0, 9),
            pin_tries=reader.integer("PIN_TRIES", 3, 1, 10),
            rate_msisdn_per_minute=reader.integer("RATE_MSISDN_PER_MINUTE", 60, 1, 1_000_000),
            rate_payments_per_minute=reader.integer("RATE_PAYMENTS_PER_MINUTE", 20, 0, 100),
            rate_address_per_minute=reader.integer(
                "RATE_ADDRESS_PER_MINUTE", 60_000, 1, 100_000_000
            ),
        )
        if any(version >= settings.secret_version for version in settings.retired_secrets):
            reader.faults.append("KABAMBE_SECRET_VERSION must be above every retired version")
        if settings.daraja_url is not None and settings.daraja_certificate is None:
            reader.faults.append("DARAJA_CERTIFICATE must name Safaricom's certificate, a PEM file")
        if settings.production:
            reader.faults += _production_faults(settings, environ)
        if reader.faults:
            raise SettingsInvalid(reader.faults)
        return settings


def _simulator_default(env: str) -> str:
    return "off" if env == "production" else "on"


def _production_faults(settings: Settings, environ: Mapping[str, str]) -> list[str]:
    """What development forgives and production must not: a default where a secret belongs."""
    faults = [] if _can_be_answered(settings) else ["MAIL_FROM must be your own in production"]
    faults += [
        f"{name} must be set in production"
        for name in ("DATABASE_URL", "REDIS_URL", "CALLBACK_SECRET", "AT_USERNAME", "AT_API_KEY")
        if not environ.get(name)
    ]
    for name, value in (
        ("KABAMBE_SECRET", settings.secret),
        ("CALLBACK_SECRET", settings.callback_secret or ""),
    ):
        if value == DEVELOPMENT_SECRET or len(value) < SHORTEST_SECRET:
            faults.append(f"{name} must be your own, of at least {SHORTEST_SECRET} characters")
    if settings.secret == settings.callback_secret:
        faults.append(
            "KABAMBE_SECRET and CALLBACK_SECRET must differ: the gateway knows the latter"
        )
    if settings.at_api_url.startswith("http://") and not settings.simulator:
        faults.append("AT_API_URL must be https in production: the API key goes with every call")
    if settings.bank_url is not None and not settings.simulator:
        faults += _bank_faults(settings, settings.bank_url)
    if settings.daraja_url is not None and not settings.simulator:
        faults += _daraja_faults(settings, settings.daraja_url, environ)
    if not settings.public_url.startswith("https://"):
        faults.append("PUBLIC_URL must be https in production: statements are fetched there")
    if settings.at_api_key == "development":
        faults.append("AT_API_KEY must be your own in production")
    if settings.at_username == "sandbox" and not settings.simulator:
        faults.append("AT_USERNAME 'sandbox' is not an account of production")
    return list(dict.fromkeys(faults))


def _can_be_answered(settings: Settings) -> bool:
    """Whether mail, where any goes out, comes from an address of our own."""
    outside = settings.smtp_url is not None and not settings.simulator
    return not outside or settings.mail_from != DEVELOPMENT_MAIL_FROM


def _bank_faults(settings: Settings, url: str) -> list[str]:
    faults = []
    if settings.bank_key == DEVELOPMENT_BANK_KEY or len(settings.bank_key) < SHORTEST_SECRET:
        faults.append(f"BANK_KEY must be your own, of at least {SHORTEST_SECRET} characters")
    if url.startswith("http://"):
        faults.append("BANK_URL must be https in production: names of customers go there")
    return faults


def _daraja_faults(settings: Settings, url: str, environ: Mapping[str, str]) -> list[str]:
    """What is Safaricom's to give, and what it refuses in a callback's URL."""
    faults = [
        f"{name} must be your own in production"
        for name, default in (
            ("DARAJA_CONSUMER_KEY", DEVELOPMENT_DARAJA_KEY),
            ("DARAJA_CONSUMER_SECRET", DEVELOPMENT_DARAJA_SECRET),
            ("DARAJA_PASSKEY", DEVELOPMENT_PASSKEY),
            ("DARAJA_INITIATOR_PASSWORD", DEVELOPMENT_INITIATOR_PASSWORD),
            ("DARAJA_INITIATOR", ""),
            ("DARAJA_SHORTCODE", ""),
        )
        if environ.get(name, "") in ("", default)
    ]
    if url.startswith("http://"):
        faults.append("DARAJA_URL must be https in production: the keys to the money go there")
    if "sandbox." in url:
        faults.append("DARAJA_URL is Safaricom's sandbox, where no money is real")
    for name, value in (
        ("PUBLIC_URL", settings.public_url),
        ("DARAJA_CALLBACK_SECRET", settings.daraja_callback_secret or ""),
    ):
        word = next((word for word in REFUSED_IN_CALLBACKS if word in value.lower()), None)
        if word is not None:
            faults.append(f"{name} may not have {word!r} in it: Safaricom refuses such callbacks")
    return faults + _door_faults(settings, environ)


def _door_faults(settings: Settings, environ: Mapping[str, str]) -> list[str]:
    """Safaricom signs nothing: who may speak for it must be said, and by what it is known."""
    faults = []
    secret = settings.daraja_callback_secret or ""
    if len(secret) < SHORTEST_SECRET or secret in (settings.callback_secret, settings.secret):
        faults.append(
            f"DARAJA_CALLBACK_SECRET must be one of its own, of at least {SHORTEST_SECRET}"
            " characters: no other provider may know it"
        )
    if not environ.get("DARAJA_ALLOWED_ADDRESSES", "").strip(", "):
        faults.append("DARAJA_ALLOWED_ADDRESSES must be Safaricom's in production, or say 'any'")
    elif settings.daraja_allowed_addresses and not environ.get("TRUSTED_PROXIES"):
        faults.append(
            "TRUSTED_PROXIES must say how many proxies stand before this server, be it 0: behind"
            " one, nobody comes from DARAJA_ALLOWED_ADDRESSES but by its word"
        )
    return faults
