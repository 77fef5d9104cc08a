"""Commands for people: look at the books and at what could not be said, whether it runs or not."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from ussd_app.running import programs
from ussd_app.running.home import Home
from ussd_app.running.prepare import NO_REDIS
from ussd_app.settings import Settings


@contextmanager
def reachable(settings: Settings) -> Iterator[Settings]:
    """Settings whose database answers: the one that is named, the embedded one that runs, or the
    embedded one started for this once. Raises SystemExit when there is none."""
    if settings.database_url is not None:
        yield replace(settings, redis_url=settings.redis_url or NO_REDIS)
        return
    from ussd_app.embedded import Postgres, Redis

    home = Home(settings.home)
    if not (home.postgres / "PG_VERSION").exists():
        raise SystemExit(f"There is no database in {settings.home} yet; `make run` makes one.")
    server = Postgres(home.postgres)
    known = replace(settings, database_url=server.url(), redis_url=Redis(home.redis).url())
    if programs.postgres_answers(server.url()):
        yield known
        return
    server.start()
    try:
        yield known
    finally:
        server.stop()
