"""Serving a WSGI application on loopback from a thread of this process, quietly."""

import threading
from types import TracebackType
from typing import TYPE_CHECKING, Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

LOOPBACK = "127.0.0.1"


class _Handler(WSGIRequestHandler):
    """Speaks HTTP/1.1 (a connection a request, as werkzeug wants it) and logs nothing."""

    protocol_version = "HTTP/1.1"
    timeout = 65.0

    def setup(self) -> None:
        super().setup()
        self.connection.settimeout(self.timeout)

    def log(self, type: str, message: str, *args: Any) -> None:
        return

    def log_error(self, format: str, *args: Any) -> None:
        return


def server(application: "WSGIApplication", port: int, host: str = LOOPBACK) -> BaseWSGIServer:
    """A threaded server, bound and not yet serving; port 0 takes any free one."""
    made = make_server(host, port, application, threaded=True, request_handler=_Handler)
    made.daemon_threads = True  # type: ignore[attr-defined]
    return made


class Served:
    """An application served for the length of a `with` block."""

    def __init__(self, application: "WSGIApplication", port: int = 0) -> None:
        self._server = server(application, port)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end."""
        return f"http://{LOOPBACK}:{self._server.server_port}"

    def __enter__(self) -> "Served":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
