"""Sending a form and waiting for the answer no longer than the caller may.

The only module here that opens connections to an application under test.
"""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

import requests
from requests.adapters import HTTPAdapter

from simulator.wire import FORM, HOP_LABEL, LARGEST_REPLY_BYTES


@dataclass(frozen=True)
class Answer:
    """What came back. `body` is cut one byte after the largest useful size."""

    status: int
    body: bytes
    label: str
    took_ms: int


class NoAnswer(Exception):
    """Nothing came back in time, or nobody was there; the message says which."""


class Poster:
    """Posts forms over kept connections, a set of them for each thread."""

    def __init__(self) -> None:
        self._threads = threading.local()

    def post(self, url: str, body: bytes, headers: Mapping[str, str], within_s: float) -> Answer:
        """Send one form. Raises NoAnswer after `within_s` seconds or when nobody listens."""
        started = time.monotonic()
        try:
            with self._session().post(
                url,
                data=body,
                headers={"Content-Type": FORM, "Accept-Encoding": "gzip", **headers},
                timeout=within_s,
                allow_redirects=False,
                stream=True,
            ) as response:
                content = _read(response, started + within_s)
                took_ms = round((time.monotonic() - started) * 1000)
                label = response.headers.get(HOP_LABEL, "")
                return Answer(response.status_code, content, label, took_ms)
        except requests.Timeout:
            raise NoAnswer("Application response timed out") from None
        except requests.RequestException as failure:
            raise NoAnswer(f"No connection to the application ({type(failure).__name__})") from None

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._threads, "session", None)
        if session is None:
            session = requests.Session()
            session.trust_env = False
            session.headers.clear()
            adapter = HTTPAdapter(pool_connections=4, pool_maxsize=4)
            session.mount("http://", adapter)
            session.mount("https://", adapter)
            self._threads.session = session
        return session


def _read(response: requests.Response, deadline: float) -> bytes:
    """The body, as far as it is useful. Raises requests.Timeout when it trickles too long."""
    content = b""
    for chunk in response.iter_content(2_048):
        content += chunk
        if len(content) > LARGEST_REPLY_BYTES:
            break
        if time.monotonic() > deadline:
            raise requests.Timeout
    return content
