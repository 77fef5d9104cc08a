"""`python -m workers`: the worker. `python -m workers schedule`: what rings its bells."""

import argparse
import logging
import os
import sys
from collections.abc import Sequence

import redis

from ussd_app import heartbeat, logs
from ussd_app.heartbeat import Part
from ussd_app.running import plan, programs
from ussd_app.settings import Settings, SettingsInvalid

FAULTY_SETTINGS = 2


def work(settings: Settings) -> None:
    """Answer bells until SIGTERM."""
    programs.be_the_only(settings, plan.WORKER)
    programs.wait_for_stores(settings)
    connection = _own_connection(settings)
    heartbeat.stop(connection, Part.WORKER)
    from ussd_app.bootstrap import build
    from workers import schedules
    from workers.keeper import Keeper
    from workers.shop import open_shop

    app = build(settings)
    shop = open_shop(app)
    try:
        Keeper(shop, schedules.ANSWERS, connection).work()
    finally:
        shop.close()
        app.close()


def schedule(settings: Settings) -> None:
    """Ring bells until SIGTERM."""
    programs.be_the_only(settings, plan.SCHEDULER)
    programs.wait_for_redis(settings)
    connection = _own_connection(settings)
    heartbeat.stop(connection, Part.SCHEDULER)
    from workers.scheduler import Scheduler

    Scheduler(connection).start()  # type: ignore[no-untyped-call]


def _own_connection(settings: Settings) -> redis.Redis:
    """A client of its own: waiting for a bell outlasts the application's time-outs."""
    if settings.redis_url is None:
        raise SystemExit("REDIS_URL must name a Redis.")
    return redis.Redis.from_url(settings.redis_url, socket_timeout=None, socket_connect_timeout=5)


def main(words: Sequence[str] | None = None) -> int:
    """Run the worker or the scheduler; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m workers", description=__doc__)
    parser.add_argument("part", nargs="?", choices=("work", "schedule"), default="work")
    part = parser.parse_args(words).part
    try:
        settings = Settings.read(os.environ)
    except SettingsInvalid as invalid:
        print("The settings are not right:", *invalid.faults, sep="\n  ", file=sys.stderr)
        return FAULTY_SETTINGS
    logs.configure(settings.production)
    for name in ("rq.worker", "rq.cron"):
        logging.getLogger(name).setLevel(logging.WARNING)
    (schedule if part == "schedule" else work)(settings)
    return 0


if __name__ == "__main__":
    sys.exit(main())
