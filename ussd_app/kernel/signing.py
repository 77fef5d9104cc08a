"""Signatures of messages between two who share a key: HMAC-SHA-256 of the body, in hexadecimal."""

import hashlib
import hmac


def sign(key: str, body: bytes) -> str:
    """The signature of a body."""
    return hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def is_signed(key: str, body: bytes, signature: str) -> bool:
    """Whether a signature is that of the body, in time that does not depend on the answer."""
    return hmac.compare_digest(sign(key, body).encode(), signature.encode())
