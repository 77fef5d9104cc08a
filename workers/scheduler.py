"""Rings every bell in its own rhythm: the sweeper, which makes a lost ring a delay and not a loss.

RQ's cron scheduler keeps the time; a bell that still rings is not rung again. Knows neither the
database nor what the bells are for.
"""

from collections.abc import Mapping
from typing import Any

import redis
from redis.client import Pipeline
from rq import cron

from ussd_app import heartbeat, logs
from ussd_app.heartbeat import Part
from workers.queueing import QUEUE, Bell, ring

RHYTHM_S: Mapping[Bell, int] = {
    Bell.WORK: 2,
    Bell.FOLD: 5,
    Bell.SETTLE: 15,
    Bell.EXPIRE: 30,
    Bell.ROUNDS: 30,
    Bell.SEAL: 60,
}
"""Seconds between two rings."""

DAILY: Mapping[Bell, str] = {Bell.AUDIT: "0 23 * * *"}
"""Rung once a day, as cron has it, in UTC: at two in the night in Nairobi."""

log = logs.get(__name__)


class _Ringing(cron.CronJob):
    """A cron job that rings a bell in place of making a new job each time."""

    def __init__(self, bell: Bell, *, every_s: int | None = None, daily: str | None = None) -> None:
        super().__init__(
            QUEUE, func_name=f"bell.{bell.value}", interval=every_s, cron=daily, name=bell.value
        )
        self._bell = bell

    def enqueue(self, connection: redis.Redis) -> None:  # type: ignore[override]
        """Ring; a Redis that does not answer now is asked again at the next beat."""
        try:
            ring(connection, self._bell)
        except redis.RedisError as failure:
            log.warning("a bell was not rung", bell=self._bell.value, because=str(failure))


class Scheduler(cron.CronScheduler):
    """All bells in their rhythm, until SIGTERM or SIGINT."""

    def __init__(self, connection: redis.Redis, **named: Any) -> None:
        super().__init__(connection=connection, **named)
        self._cron_jobs += [_Ringing(bell, every_s=every_s) for bell, every_s in RHYTHM_S.items()]
        self._cron_jobs += [_Ringing(bell, daily=daily) for bell, daily in DAILY.items()]

    def heartbeat(self) -> None:
        """Once a round, which no bell's rhythm makes longer than two seconds."""
        super().heartbeat()
        heartbeat.beat(self.connection, Part.SCHEDULER)

    def register_death(self, pipeline: Pipeline | None = None) -> None:
        """Fall silent at once, not only when the last heartbeat fades."""
        heartbeat.stop(self.connection, Part.SCHEDULER)
        super().register_death(pipeline)
