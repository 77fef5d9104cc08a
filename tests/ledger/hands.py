"""Many hands at once: what the tests of races and of load share."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from tests.ledger.town import Town

T = TypeVar("T")


def together(*jobs: Callable[[], T]) -> list[T | Exception]:
    """Do all at once, each in a thread that starts with the others; results in the jobs' order."""
    start = threading.Barrier(len(jobs))
    results: list[T | Exception] = [RuntimeError("never ran")] * len(jobs)

    def run(place: int, job: Callable[[], T]) -> None:
        start.wait()
        try:
            results[place] = job()
        except Exception as failure:
            results[place] = failure

    threads = [threading.Thread(target=run, args=numbered) for numbered in enumerate(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def successes(results: Sequence[T | Exception]) -> list[T]:
    return [result for result in results if not isinstance(result, Exception)]


def failures(results: Sequence[object]) -> list[Exception]:
    return [result for result in results if isinstance(result, Exception)]


def all_well(results: Sequence[T | Exception]) -> list[T]:
    """The results, or the first failure raised."""
    for failure in failures(results):
        raise failure
    return successes(results)


def until(seconds: float) -> Callable[[], bool]:
    """Whether so many seconds from now have not yet passed."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() < end


def deadlocks(town: Town) -> int:
    """How often PostgreSQL had to break a circle of waiters in this database."""
    town.engine.dispose()  # what a backend has counted is seen at the latest when it ends
    going = until(5)
    while going() and town.one(_OTHERS):
        time.sleep(0.02)
    return int(town.one(_DEADLOCKS))


_OTHERS = """SELECT count(*) FROM pg_stat_activity
              WHERE datname = current_database() AND pid <> pg_backend_pid()"""
_DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
