"""Safaricom's key pair: what initiators encrypt their passwords for.

The key lies open in this folder and protects nothing; nobody but the simulator has any use for it.
"""

import base64
import binascii
from functools import cache
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

HERE: Final = Path(__file__).parent


def certificate() -> bytes:
    """The certificate that initiators are given, as PEM."""
    return (HERE / "certificate.pem").read_bytes()


def password(credential: str) -> str | None:
    """What a SecurityCredential holds; None when it was not made with our certificate."""
    try:
        sealed = base64.b64decode(credential, validate=True)
        opened = _key().decrypt(sealed, PKCS1v15())
    except (binascii.Error, ValueError):
        return None
    text = opened.decode("utf-8", "replace")
    return text if text.isprintable() and text else None


@cache
def _key() -> RSAPrivateKey:
    key = load_pem_private_key((HERE / "key.pem").read_bytes(), password=None)
    if not isinstance(key, RSAPrivateKey):
        raise TypeError("the simulator's key is an RSA key")
    return key
