"""Mail by SMTP, one message a connection: `smtp://` with STARTTLS where it is offered, `smtps://`.

Until the message itself is on its way nothing was taken, and it may be tried again; once it is,
only the server's answer says what became of it, and without one nobody knows.
"""

import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from urllib.parse import unquote, urlsplit

from workers.gateways.http import CONNECT_TIMEOUT_S, READ_TIMEOUT_S
from workers.gateways.sms import Done, Outcome, Postponed, Refused, Unknown

PORTS = {"smtp": 587, "smtps": 465}
TAKEN, LASTING = 250, 500
"""What says that it was taken, and from where on a refusal is for good."""


class Mailer:
    """A mail server and the address that we write from. Called from many threads at once."""

    def __init__(self, url: str, sender: str) -> None:
        self._to = urlsplit(url)
        self._sender = sender

    def send(self, address: str, text: str) -> Outcome:
        """Hand over one mail, whose first line is the subject. Never raises for what the server or
        the network does."""
        letter = self._letter(address, text)
        try:
            server = self._connect()
        except (OSError, smtplib.SMTPException) as failure:
            return Postponed(type(failure).__name__)
        try:
            return self._hand_over(server, address, letter)
        finally:
            server.close()

    def close(self) -> None:
        """Nothing is kept open."""

    def _connect(self) -> smtplib.SMTP:
        """A server that knows who we are. Raises OSError, SMTPException."""
        host, port = self._to.hostname or "", self._to.port or PORTS[self._to.scheme]
        safe = ssl.create_default_context()
        server: smtplib.SMTP
        if self._to.scheme == "smtps":
            server = smtplib.SMTP_SSL(host, port, timeout=CONNECT_TIMEOUT_S, context=safe)
        else:
            server = smtplib.SMTP(host, port, timeout=CONNECT_TIMEOUT_S)
        try:
            server.ehlo_or_helo_if_needed()
            if self._to.scheme == "smtp" and server.has_extn("starttls"):
                server.starttls(context=safe)
                server.ehlo()
            if self._to.username:
                if not isinstance(server.sock, ssl.SSLSocket):
                    raise smtplib.SMTPNotSupportedError("no password goes over an open line")
                server.login(unquote(self._to.username), unquote(self._to.password or ""))
            assert server.sock is not None
            server.sock.settimeout(READ_TIMEOUT_S)
        except BaseException:
            server.close()
            raise
        return server

    def _hand_over(self, server: smtplib.SMTP, address: str, letter: EmailMessage) -> Outcome:
        try:
            for code, _ in (server.mail(self._sender), server.rcpt(address)):
                if code >= 300:
                    return _refusal(code)
        except (OSError, smtplib.SMTPException) as failure:
            return Postponed(type(failure).__name__)
        try:
            code, _ = server.data(letter.as_bytes(policy=letter.policy.clone(linesep="\r\n")))
        except smtplib.SMTPDataError as refused:
            return _refusal(refused.smtp_code)
        except (OSError, smtplib.SMTPException) as failure:
            return Unknown(type(failure).__name__)
        return Done(letter["Message-ID"]) if code == TAKEN else _refusal(code)

    def _letter(self, address: str, text: str) -> EmailMessage:
        subject, _, body = text.partition("\n")
        letter = EmailMessage()
        letter["From"], letter["To"], letter["Subject"] = self._sender, address, subject
        letter["Date"] = formatdate()
        letter["Message-ID"] = make_msgid(domain=self._sender.rpartition("@")[2])
        letter.set_content(body)
        return letter


def _refusal(code: int) -> Outcome:
    """A server's no, for good or for now. Its words may hold the address: only the code is told."""
    return Refused(f"SMTP {code}") if code >= LASTING else Postponed(f"SMTP {code}")
