"""What proves to Safaricom who asks: the application, the shortcode, and its operator.

The operator's password goes encrypted with Safaricom's certificate, PKCS#1 v1.5, each time
differently.
"""

import base64
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from ussd_app.kernel.daraja import stamp


class NoCertificate(Exception):
    """There is no certificate to encrypt with, or it is none; nobody was asked for anything."""


@dataclass(frozen=True)
class Account:
    """Who we are at Safaricom, and where it calls us back: `callbacks` is a URL of ours."""

    url: str
    consumer_key: str = field(repr=False)
    consumer_secret: str = field(repr=False)
    shortcode: str
    passkey: str = field(repr=False)
    initiator: str
    initiator_password: str = field(repr=False)
    certificate: Path
    callbacks: str = field(repr=False)

    def basic(self) -> str:
        """What asks for a token."""
        pair = f"{self.consumer_key}:{self.consumer_secret}"
        return "Basic " + base64.b64encode(pair.encode()).decode()

    def password(self, now: datetime) -> dict[str, str]:
        """The password of a push and the time that is in it, which must be the same."""
        at = stamp(now)
        told = f"{self.shortcode}{self.passkey}{at}"
        return {"Password": base64.b64encode(told.encode()).decode(), "Timestamp": at}

    def credential(self) -> str:
        """The operator's password for Safaricom's eyes. Raises NoCertificate."""
        try:
            certificate = x509.load_pem_x509_certificate(self.certificate.read_bytes())
            key = certificate.public_key()
        except (OSError, ValueError) as failure:
            raise NoCertificate(type(failure).__name__) from None
        if not isinstance(key, RSAPublicKey):
            raise NoCertificate("of another kind")
        secret = key.encrypt(self.initiator_password.encode(), PKCS1v15())
        return base64.b64encode(secret).decode()
