"""Reads the environment one variable at a time and collects everything that is wrong with it.

Knows the shapes that a value may have, and none of the names.
"""

import re
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

LONGEST_SITE = 40
ANY = "any"
_SERVICE_CODE = re.compile(r"\*[0-9]+(\*[0-9]+)*#", re.ASCII)
_VERSION = re.compile(r"[1-9][0-9]{0,2}", re.ASCII)
_PATH_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")

Network = IPv4Network | IPv6Network


class Reader:
    """One reading; `faults` are in the order of asking."""

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

    def file(self, name: str) -> Path | None:
        """A file that exists."""
        value = self._environ.get(name)
        if not value:
            return None
        if not Path(value).is_file():
            self.faults.append(f"{name} must name a file that is there")
            return None
        return Path(value).absolute()

    def networks(self, name: str) -> tuple[Network, ...]:
        """`196.201.214.200,196.201.213.0/24`: addresses and networks; none for `any`."""
        networks: list[Network] = []
        if self.text(name, ANY) == ANY:
            return ()
        for part in filter(None, (part.strip() for part in self.text(name, "").split(","))):
            try:
                networks.append(ip_network(part))
            except ValueError:
                self.faults.append(
                    f"{name} must be addresses or networks with commas between, or {ANY}"
                )
                break
        return tuple(networks)
