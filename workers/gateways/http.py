"""What every provider's client needs of HTTP: a session of ours, and whether a call ever began."""

import os
import ssl
from collections.abc import Mapping
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
from urllib3.exceptions import MaxRetryError as UrllibFailure

CONNECT_TIMEOUT_S = 3.05
READ_TIMEOUT_S = 12.0

NOT_NOW_STATUSES = frozenset({401, 403, 407, 429})
"""HTTP answers before a request was looked at: a key not yet valid, a limit, a proxy."""


class Carried:
    """What replaces the carrying half of a service of the africastalking SDK: `session` is ours."""

    session: requests.Session

    def _make_request(
        self,
        url: str,
        method: str,
        headers: Mapping[str, str],
        data: Mapping[str, Any],
        params: None,
        callback: None = None,
        timeout: object = None,
    ) -> requests.Response:
        """Carry one request. Redirects are not followed: they would repeat what is asked."""
        return self.session.request(
            method,
            url,
            headers=dict(headers),
            data=data,
            timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S),
            allow_redirects=False,
        )


def session(root: str, connections: int) -> requests.Session:
    """A session that repeats nothing and reads the environment once, not at every request."""
    made = requests.Session()
    made.trust_env = False
    made.proxies.update(get_environ_proxies(root))
    made.verify = os.environ.get("REQUESTS_CA_BUNDLE", True)
    adapter = HTTPAdapter(pool_connections=1, pool_maxsize=connections, max_retries=0)
    made.mount("http://", adapter)
    made.mount("https://", adapter)
    return made


def never_began(failure: requests.RequestException) -> str | None:
    """Why a call without an answer certainly never reached anybody; None when it may have."""
    if isinstance(failure, requests.ConnectTimeout):
        return "connect timed out"
    cause = failure.args[0] if failure.args else None
    reason = cause.reason if isinstance(cause, UrllibFailure) else cause
    if isinstance(reason, (NewConnectionError, ConnectTimeoutError)):
        return "no connection"
    if isinstance(_root_of(reason), ssl.SSLCertVerificationError):
        return "its certificate is not trusted"
    return None


def _root_of(reason: object) -> object:
    """The first argument of an exception of urllib3, where it keeps what it wrapped."""
    inner = getattr(reason, "args", ())
    return inner[0] if inner else None
