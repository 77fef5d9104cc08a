"""What is done when a bell rings: one small function each, given the shop and nothing else."""

from collections.abc import Mapping

from sqlalchemy import create_engine

from ussd_app import logs
from ussd_app.domain import rounds
from ussd_app.domain.housekeeping import sweep
from ussd_app.kernel.errors import Broken
from ussd_app.ledger import audit, folding, seals
from workers import callbacks, papers, reconcile, settle
from workers.keeper import Answer
from workers.queueing import Bell, nudge
from workers.relay import Relay
from workers.shop import Shop

MOST_BATCHES = 20

log = logs.get(__name__)


def work(shop: Shop) -> None:
    """Understand what was heard, set about errands, then say what is due, for a slice of time.

    Rings again when there is more, so that the other bells have their turn in between.
    """
    heard = batches = 0
    while batches < MOST_BATCHES and not shop.stopping.is_set():
        looked_at = callbacks.hear(shop)
        heard, batches = heard + looked_at, batches + 1
        if looked_at < callbacks.BATCH:
            break
    shop.turn()
    papers.make(shop.app)
    relay = Relay(shop)
    relay.run()
    if (relay.cut_short or batches == MOST_BATCHES) and not shop.stopping.is_set():
        nudge(shop.app.redis)


def settle_doubts(shop: Shop) -> None:
    """Find what was out when its worker was lost, and evidence about what is in doubt."""
    settle.settle(shop)
    shop.sweep()


def expire(shop: Shop) -> None:
    """Forget offers and half-made choices that nobody can use any more."""
    swept = sweep(shop.app.bank.desk)
    if any(swept.values()):
        log.info("what had expired is gone", **swept)


def by_the_clock(shop: Shop) -> None:
    """Do what the bank does by the clock, and hold its book against Safaricom's; neither waits for
    the other, and nobody for them."""
    shop.aside("rounds", make_rounds)
    shop.aside("reconcile", reconcile.turn)


def make_rounds(shop: Shop) -> None:
    """Make the rounds that are due, and say what came of them; each fails alone."""

    def failed(name: str, failure: Exception) -> None:
        shop.app.metrics.job(name, "failed")
        log.error("a round failed", round=name, exc_info=failure)

    dealt = rounds.turn(shop.app.bank.desk, failed)
    dealt = {name: count for name, count in dealt.items() if count}
    if dealt:
        log.info("rounds were made", **dealt)
        nudge(shop.app.redis)


def fold_tallies(shop: Shop) -> None:
    """Bring what was appended to tallied accounts into their rows; level sharded ones."""
    folding.fold(shop.app.engine)
    folding.level(shop.app.engine)


def seal_entries(shop: Shop) -> None:
    """Seal what was committed since the last seal. The digest goes to the log, which is elsewhere:
    whoever rewrites the book and its seals is betrayed by it."""
    digest = seals.seal(shop.app.engine)
    if digest is not None:
        log.info("entries were sealed", digest=digest.hex())


def audit_aside(shop: Shop) -> None:
    """Prove the book; the older it is the longer that takes."""
    shop.aside(Bell.AUDIT.value, audit_book)


def audit_book(shop: Shop) -> None:
    """Prove the book every night; what is wrong is an error in the log, row by row.

    With a connection of its own: the application's statements are cut off after seconds.
    """
    url = shop.app.settings.database_url
    assert url is not None
    engine = create_engine(url, hide_parameters=True)
    try:
        findings = audit.run(engine)
    finally:
        engine.dispose()
    for finding in findings:
        log.error("a law of the book is broken", law=finding.law, subject=finding.subject)
    if findings:
        raise Broken(findings[0].law)
    log.info("the book is clean")


ANSWERS: Mapping[Bell, Answer] = {
    Bell.WORK: work,
    Bell.SETTLE: settle_doubts,
    Bell.FOLD: fold_tallies,
    Bell.SEAL: seal_entries,
    Bell.AUDIT: audit_aside,
    Bell.EXPIRE: expire,
    Bell.ROUNDS: by_the_clock,
}
