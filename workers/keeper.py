"""The RQ worker: one process, no fork, the shop in its hands, a bell at a time.

RQ brings the queue, the blocking wait, the registry of workers and the signals. Its bookkeeping of
jobs is left out: a bell is freed before it is answered, so that a ring while it is being answered
is heard afterwards, and a worker that is killed leaves nothing to clean up.
"""

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import redis
from rq import Queue, SimpleWorker
from rq.job import Job
from rq.worker import WorkerStatus

from ussd_app import heartbeat, logs
from ussd_app.heartbeat import Part
from workers.queueing import QUEUE, Bell
from workers.shop import Shop

Answer = Callable[[Shop], None]

STUCK_S = 900.0
"""A worker that is at one bell for longer is stuck, and its heart stops (seconds)."""
LAST_BEAT_TIMEOUT_S = 1.0

log = logs.get(__name__)


class Keeper(SimpleWorker):
    """Answers bells for one shop. A bell whose answer fails is logged and counted, and rung again
    by the scheduler: the truth about what is due is in the database."""

    max_connection_wait_time = 2.0

    def __init__(self, shop: Shop, answers: Mapping[Bell, Answer], connection: redis.Redis) -> None:
        super().__init__(
            [Queue(QUEUE, connection=connection)],
            connection=connection,
            name=shop.name,
            log_job_description=False,
        )
        self._shop = shop
        self._answers = answers
        self._answering_since: float | None = None
        self._ended = threading.Event()
        self._heart = threading.Thread(target=self._beat, name="heart", daemon=True)

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Free the bell, then answer it. A job that is no bell of ours is dropped."""
        with self.connection.pipeline(transaction=False) as pipeline:
            pipeline.delete(job.key)
            pipeline.lrem(queue.intermediate_queue_key, 1, job.id)
            self.set_state(WorkerStatus.BUSY, pipeline=pipeline)
            pipeline.execute()
        name = (job.func_name or "").rpartition(".")[2]
        if name in set(Bell):
            self.answer(Bell(name))
        else:
            log.warning("a job that is no bell was dropped")
        self.set_state(WorkerStatus.IDLE)

    def answer(self, bell: Bell) -> None:
        """Do what the bell is for. Raises nothing but what ends a process."""
        started = self._answering_since = time.monotonic()
        metrics = self._shop.app.metrics
        try:
            self._answers[bell](self._shop)
        except Exception:
            metrics.job(bell.value, "failed")
            log.exception("a job failed", job=bell.value)
        else:
            metrics.job(bell.value, "done")
            log.debug("a job is done", job=bell.value, seconds=time.monotonic() - started)
        finally:
            self._answering_since = None

    def handle_warm_shutdown_request(self) -> None:
        """SIGTERM or SIGINT: take nothing new, let the calls in flight end."""
        self._shop.stopping.set()
        super().handle_warm_shutdown_request()  # type: ignore[no-untyped-call]

    def bootstrap(self, *_args: Any, **_kwargs: Any) -> None:
        """Come into being, leaving logging as it was configured and freeing bells that a killed
        worker had taken from the queue and not yet freed."""
        queue = self.queues[0]
        waiting = set(queue.get_job_ids())
        for bell in Bell:
            if f"bell-{bell.value}" not in waiting:
                self.connection.delete(Job.key_for(f"bell-{bell.value}"))
        self.connection.delete(queue.intermediate_queue_key)
        self.register_birth()  # type: ignore[no-untyped-call]
        self.subscribe()  # type: ignore[no-untyped-call]
        self.set_state(WorkerStatus.STARTED)
        self._heart.start()

    def _beat(self) -> None:
        """Beat beside the work, which may take longer than a heartbeat lasts, until it is stuck."""
        while not self._ended.is_set():
            since = self._answering_since
            if since is None or time.monotonic() - since < STUCK_S:
                with suppress(redis.RedisError):
                    heartbeat.beat(self.connection, Part.WORKER)
            self._ended.wait(heartbeat.EVERY_S)

    def register_death(self) -> None:
        """Fall silent at once, not only when the last heartbeat fades."""
        self._ended.set()
        self._heart.join(LAST_BEAT_TIMEOUT_S)
        heartbeat.stop(self.connection, Part.WORKER)
        super().register_death()  # type: ignore[no-untyped-call]
