"""Telling every open page what changed, by server-sent events, without ever waiting for one.

A page that is slow or gone holds back nobody: what is kept for it is the set of names of things
that changed, and it is given their newest state when it comes for it.
"""

import json
import threading
from collections.abc import Callable, Iterator
from typing import Final

PING_S: Final = 15.0
MOST_PAGES: Final = 50

Views = Callable[[str], object]


class _Page:
    def __init__(self) -> None:
        self.changed: dict[str, None] = {}
        self.news = threading.Condition()
        self.closed = False


class Live:
    """The pages that are open now."""

    def __init__(self) -> None:
        self._pages: list[_Page] = []
        self._lock = threading.Lock()

    def tell(self, topic: str) -> None:
        """Something about this topic is new."""
        with self._lock:
            pages = list(self._pages)
        for page in pages:
            with page.news:
                page.changed[topic] = None
                page.news.notify()

    def stream(self, views: Views) -> Iterator[str]:
        """Events for one page until it goes away: `event: <topic>` with its view as JSON.

        The oldest page is let go when there are too many; a browser that still lives comes back.
        """
        page = _Page()
        with self._lock:
            if len(self._pages) >= MOST_PAGES:
                self._close(self._pages.pop(0))
            self._pages.append(page)
        try:
            yield "retry: 1000\n\n"
            while not page.closed:
                with page.news:
                    if not page.changed:
                        page.news.wait(PING_S)
                    topics, page.changed = list(page.changed), {}
                yield "".join(_event(topic, views(topic)) for topic in topics) or ": still here\n\n"
        finally:
            with self._lock:
                if page in self._pages:
                    self._pages.remove(page)

    def _close(self, page: _Page) -> None:
        with page.news:
            page.closed = True
            page.news.notify()


def _event(topic: str, view: object) -> str:
    """All of it in ASCII: whatever an application says can be sent."""
    data = json.dumps({"topic": topic, "view": view}, separators=(",", ":"))
    return f"data: {data}\n\n"
