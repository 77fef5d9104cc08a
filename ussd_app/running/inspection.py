"""Commands for people: look at the books and at what could not be said, whether it runs or not."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import create_engine

from ussd_app.bootstrap import connect
from ussd_app.kernel.clock import SystemClock, nairobi
from ussd_app.kernel.msisdn import mask
from ussd_app.ledger.audit import run
from ussd_app.ledger.laws import LAWS
from ussd_app.running import programs
from ussd_app.running.home import Home
from ussd_app.running.prepare import NO_REDIS
from ussd_app.settings import Settings

if TYPE_CHECKING:
    from workers.dead_letters import DeadLetter


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


def audit(settings: Settings) -> int:
    """Prove the books; prints each row that breaks a law. Returns 1 when there is one."""
    with reachable(settings) as known:
        engine = create_engine(str(known.database_url), hide_parameters=True)
        try:
            findings = run(engine)
        finally:
            engine.dispose()
    for finding in findings:
        print(finding)
    if not findings:
        print(f"The book is clean: {len(LAWS)} laws hold, and what is sealed is as it was.")
    return 1 if findings else 0


def dead_letters(settings: Settings, replayed: str | None) -> int:
    """List the SMS that stopped on their way, or send one ('all': every one) again.

    Returns 1 when nothing with that id waits to be sent again.
    """
    from workers.dead_letters import replay, stopped

    with reachable(settings) as known:
        engine = connect(str(known.database_url))
        try:
            letters = stopped(engine)
            if replayed is None:
                print(_letters(letters))
                return 0
            wanted = [one.id for one in letters if replayed in ("all", str(one.id))]
            sent = replay(engine, wanted, SystemClock().now())
        finally:
            engine.dispose()
    print(f"{len(sent)} queued again; they go out within seconds while the server runs.")
    return 0 if sent else 1


def _letters(letters: "Sequence[DeadLetter]") -> str:
    lines = [
        f"{one.id:>8}  {one.state:<8} {mask(one.address)}  {one.template:<16}"
        f" {one.attempts:>2} tries  {nairobi(one.created_at):%Y-%m-%d %H:%M}  {one.error}"
        for one in letters
    ]
    return "\n".join([*lines, f"{len(letters)} messages that nobody will send by themselves."])
