"""Everything that the environment may say, read once and checked as a whole.

One frozen record is handed to whoever needs it; nobody else reads the environment. All that is
wrong is reported at once. Knows no service: whether a URL answers is `/readyz`'s business.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ENVIRONMENTS = ("development", "test", "production")
DEVELOPMENT_SECRET = "development-only-secret-root-0123456789"  # noqa: S105 - refused in production
DEVELOPMENT_BANK_KEY = "development-only-bank-key"
SHORTEST_SECRET = 16
LONGEST_SITE = 40
AFRICASTALKING = "https://api.africastalking.com"
_SERVICE_CODE = re.compile(r"\*[0-9]+(\*[0-9]+)*#", re.ASCII)
_SENDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,10}", re.ASCII)
_SHORTCODE = re.compile(r"[0-9]{3,8}", re.ASCII)
_VERSION = re.compile(r"[1-9][0-9]{0,2}", re.ASCII)
_PATH_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


class SettingsInvalid(ValueError):
    """The environment contradicts itself or leaves out what must be said; lists every fault."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


@dataclass(frozen=True)
class Settings:
    """What this installation is. Times end in `_s` (seconds); ports are TCP ports."""

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
    simulator: bool = True
    sms_sender: str = "KABAMBE"
    sms_shortcode: str = "22383"
    public_url: str = "http://127.0.0.1:8383"
    secret: str = field(default=DEVELOPMENT_SECRET, repr=False)
    secret_version: int = 1
    retired_secrets: Mapping[int, str] = field(default_factory=dict, repr=False)
    web_processes: int = 1
    web_threads: int = 8
    pin_tries: int = 3
    rate_msisdn_per_minute: int = 60
    rate_payments_per_minute: int = 20
    rate_address_per_minute: int = 60_000

    @property
    def production(self) -> bool:
        """Whether real money is at stake."""
        return self.env == "production"

    @property
    def secret_roots(self) -> dict[int, str]:
        """The present secret root and the retired ones, by version; the highest is in force."""
        return {**self.retired_secrets, self.secret_version: self.secret}

    @property
    def simulator_port(self) -> int:
        """Where the simulator listens when it is on."""
        return self.port + 1

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> "Settings":
        """Read and check the environment. Raises `SettingsInvalid` naming every fault."""
        reader = _Reader(environ)
        env = reader.choice("KABAMBE_ENV", ENVIRONMENTS, "development")
        port = reader.integer("PORT", 8383, 1, 65_534)
        simulator = reader.choice("SIMULATOR", ("on", "off"), _simulator_default(env)) == "on"
        at_home = f"http://127.0.0.1:{port + 1}" if simulator else AFRICASTALKING
        bank_home = f"http://127.0.0.1:{port + 1}/bank" if simulator else None
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
            simulator=simulator,
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
            pin_tries=reader.integer("PIN_TRIES", 3, 1, 10),
            rate_msisdn_per_minute=reader.integer("RATE_MSISDN_PER_MINUTE", 60, 1, 1_000_000),
            rate_payments_per_minute=reader.integer("RATE_PAYMENTS_PER_MINUTE", 20, 0, 100),
            rate_address_per_minute=reader.integer(
                "RATE_ADDRESS_PER_MINUTE", 60_000, 1, 100_000_000
            ),
        )
        if any(version >= settings.secret_version for version in settings.retired_secrets):
            reader.faults.append("KABAMBE_SECRET_VERSION must be above every retired version")
        if settings.production:
            reader.faults += _production_faults(settings, environ)
        if reader.faults:
            raise SettingsInvalid(reader.faults)
        return settings


def _simulator_default(env: str) -> str:
    return "off" if env == "production" else "on"


def _production_faults(settings: Settings, environ: Mapping[str, str]) -> list[str]:
    """What development forgives and production must not: a default where a secret belongs."""
    faults = [
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
    if not settings.public_url.startswith("https://"):
        faults.append("PUBLIC_URL must be https in production: statements are fetched there")
    if settings.at_api_key == "development":
        faults.append("AT_API_KEY must be your own in production")
    if settings.at_username == "sandbox" and not settings.simulator:
        faults.append("AT_USERNAME 'sandbox' is not an account of production")
    return list(dict.fromkeys(faults))


def _bank_faults(settings: Settings, url: str) -> list[str]:
    faults = []
    if settings.bank_key == DEVELOPMENT_BANK_KEY or len(settings.bank_key) < SHORTEST_SECRET:
        faults.append(f"BANK_KEY must be your own, of at least {SHORTEST_SECRET} characters")
    if url.startswith("http://"):
        faults.append("BANK_URL must be https in production: names of customers go there")
    return faults


class _Reader:
    """Reads one variable at a time and collects what is wrong."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.faults: list[str] = []

    def text(self, name: str, default: str) -> str:
        return self._environ.get(name) or default

    def folders(self, name: str) -> tuple[Path, ...]:
        """Folders that exist, with `:` between them."""
        folders = tuple(Path(part).absolute() for part in self.text(name, "").split(":") if part)
        self.faults += [
            f"{name}: there is no folder {folder}" for folder in folders if not folder.is_dir()
        ]
        return folders

    def choice(self, name: str, options: tuple[str, ...], default: str) -> str:
        value = self.text(name, default)
        if value in options:
            return value
        self.faults.append(f"{name} must be one of {', '.join(options)}")
        return default

    def shape(self, name: str, default: str, pattern: re.Pattern[str], words: str) -> str:
        value = self.text(name, default)
        if pattern.fullmatch(value):
            return value
        self.faults.append(f"{name} must be {words}")
        return default

    def integer(self, name: str, default: int, least: int, most: int) -> int:
        text = self.text(name, str(default))
        if text.isascii() and text.isdigit() and len(text) < 12 and least <= int(text) <= most:
            return int(text)
        self.faults.append(f"{name} must be a whole number from {least} to {most}")
        return default

    def url(self, name: str, schemes: tuple[str, ...]) -> str | None:
        value = self._environ.get(name)
        if not value:
            return None
        scheme, _, rest = value.partition("://")
        if scheme not in schemes:
            self.faults.append(f"{name} must be a URL beginning with {' or '.join(schemes)}://")
            return None
        if not rest.strip("/") or not rest.isprintable() or " " in rest:
            self.faults.append(f"{name} must say where, without spaces")
            return None
        return value.rstrip("/")

    def site(self, name: str) -> str | None:
        value = self.url(name, ("http", "https"))
        if value is not None and len(value) > LONGEST_SITE:
            self.faults.append(f"{name} must have at most {LONGEST_SITE} characters: it is in SMS")
            return None
        return value

    def database_url(self, name: str) -> str | None:
        """Forgive the two short forms: SQLAlchemy 2.1 would read them as another driver."""
        value = self.url(name, ("postgres", "postgresql", "postgresql+psycopg2"))
        if value is None:
            return None
        return "postgresql+psycopg2://" + value.partition("://")[2]

    def service_code(self, name: str, default: str) -> str:
        value = self.text(name, default)
        if _SERVICE_CODE.fullmatch(value) and len(value) < 32:
            return value
        self.faults.append(f"{name} must look like *383# or *384*44135#")
        return default

    def numbered(self, name: str) -> dict[int, str]:
        """`1=old,2=older`: texts by number."""
        texts = {}
        for part in filter(None, self.text(name, "").split(",")):
            number, _, text = part.partition("=")
            if _VERSION.fullmatch(number) and text and int(number) not in texts:
                texts[int(number)] = text
            else:
                self.faults.append(f"{name} must look like 1=secret,2=secret, each number once")
        return texts

    def path_segment(self, name: str) -> str | None:
        value = self._environ.get(name)
        if not value:
            return None
        if not set(value) <= _PATH_SAFE:
            self.faults.append(f"{name} may have only letters, digits, - and _")
            return None
        return value
