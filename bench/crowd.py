"""Many processes that do the same thing at once for some seconds, and how often they did it."""

import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

START_TIMEOUT_S = 60.0

Work = Callable[[int], AbstractContextManager[Iterator[object]]]
"""Given the number of the process, sets up and gives an iterator: each step is one thing done."""


def per_second(processes: int, seconds: float, work: Work) -> float:
    """Steps a second of all processes together. Raises RuntimeError when one of them fails.

    Setting up is not timed; all begin together.
    """
    context = multiprocessing.get_context("fork")
    together, done = context.Barrier(processes), context.SimpleQueue()
    crowd = [
        context.Process(target=_one, args=(number, seconds, work, together, done), daemon=True)
        for number in range(processes)
    ]
    for process in crowd:
        process.start()
    for process in crowd:
        process.join(START_TIMEOUT_S + seconds)
        if process.is_alive():
            process.kill()
    if any(process.exitcode != 0 for process in crowd):
        raise RuntimeError("one of the processes failed; see above")
    rates: list[float] = [done.get() for _ in crowd]
    return sum(rates)


def _one(number: int, seconds: float, work: Work, together: Any, done: Any) -> None:
    with work(number) as steps:
        next(steps)  # connections, caches and prepared statements
        together.wait(START_TIMEOUT_S)
        count, started = 0, time.perf_counter()
        while (spent := time.perf_counter() - started) < seconds:
            next(steps)  # StopIteration: there was too little to do for the time
            count += 1
        done.put(count / spent)
