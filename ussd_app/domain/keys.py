"""The keys of the house, all derived from one secret root by HKDF, and what is done with them.

Every sealed thing carries the version of the root that sealed it, so that a root can be replaced:
new seals use the current version, old ones open with the retired. A leak of the database alone
opens nothing; see docs/decisions/0003-pins.md.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from functools import lru_cache

from argon2.low_level import Type, hash_secret_raw
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

ARGON2_MEMORY_KIB = 2048
ARGON2_PASSES = 1
SALT_BYTES = 16
HASH_BYTES = 32


@lru_cache(maxsize=64)
def _derive(root: str, purpose: str) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=f"kabambe {purpose}".encode()).derive(root.encode())


class Keyring:
    """The current secret root and the retired ones, by version (1 and up)."""

    def __init__(self, roots: Mapping[int, str]) -> None:
        if not roots:
            raise ValueError("a keyring needs at least one root")
        self._roots = dict(roots)
        self._current = max(roots)

    def pin_verifier(self, msisdn: str, pin: str) -> str:
        """What is kept in place of a PIN: `version$passes$KiB$salt$hash`, bound to the number."""
        salt = secrets.token_bytes(SALT_BYTES)
        shape = (self._current, ARGON2_PASSES, ARGON2_MEMORY_KIB)
        return _encode(shape, salt, self._stretch(msisdn, pin, salt, *shape))

    def pin_matches(self, msisdn: str, pin: str, verifier: str) -> bool:
        """Whether this PIN made that verifier, in time that does not depend on the answer."""
        version, passes, memory, salt, digest = _decode(verifier)
        return hmac.compare_digest(
            self._stretch(msisdn, pin, salt, version, passes, memory), digest
        )

    def pin_is_dated(self, verifier: str) -> bool:
        """Whether the verifier was made with a retired root or other costs than today's."""
        return _decode(verifier)[:3] != (self._current, ARGON2_PASSES, ARGON2_MEMORY_KIB)

    def _stretch(
        self, msisdn: str, pin: str, salt: bytes, version: int, passes: int, memory: int
    ) -> bytes:
        pepper = _derive(self._roots[version], "pin pepper")
        keyed = hmac.digest(pepper, f"{msisdn}:{pin}".encode(), "sha256")
        return hash_secret_raw(
            keyed,
            salt,
            time_cost=passes,
            memory_cost=memory,
            parallelism=1,
            hash_len=HASH_BYTES,
            type=Type.ID,
        )

    def seal(self, text: str) -> str:
        """Encrypt a text that must be readable again (a national ID)."""
        return f"{self._current}${self._fernet(self._current).encrypt(text.encode()).decode()}"

    def open(self, sealed: str) -> str:
        """Decrypt what `seal` made. Raises cryptography.fernet.InvalidToken."""
        version, _, token = sealed.partition("$")
        return self._fernet(int(version)).decrypt(token.encode()).decode()

    def _fernet(self, version: int) -> Fernet:
        return Fernet(base64.urlsafe_b64encode(_derive(self._roots[version], "sealing")))

    def fingerprints(self, purpose: str, text: str) -> list[bytes]:
        """Keyed digests of a text that is unique without being readable; current root first."""
        versions = sorted(self._roots, reverse=True)
        return [
            hmac.digest(_derive(self._roots[version], purpose), text.encode(), "sha256")
            for version in versions
        ]

    def session_key(self) -> bytes:
        """The key with which a session's transcript is digested."""
        return _derive(self._roots[self._current], "session digest")


def fingerprint(purpose: str, *parts: object) -> bytes:
    """An unkeyed digest that tells one request from another; never given a secret."""
    return hashlib.sha256("\x1f".join([purpose, *map(str, parts)]).encode()).digest()


def _encode(shape: tuple[int, int, int], salt: bytes, digest: bytes) -> str:
    encoded = (base64.b64encode(part).decode() for part in (salt, digest))
    return "$".join([*map(str, shape), *encoded])


def _decode(verifier: str) -> tuple[int, int, int, bytes, bytes]:
    version, passes, memory, salt, digest = verifier.split("$")
    return (
        int(version),
        int(passes),
        int(memory),
        base64.b64decode(salt),
        base64.b64decode(digest),
    )
