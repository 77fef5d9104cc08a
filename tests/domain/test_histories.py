"""Random lives over every type of the catalogue: whatever they do, the books hold, commissions add
up, what is undone is as if it had never been, and no limit leaks.

How each type is played stands in `acts`; a type that nobody plays, there or in a test that is
named here, fails.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.domain import acts, lives
from tests.domain.lives import Life, Pick, Street, entries
from tests.people import STAFF
from ussd_app.bootstrap import App, build
from ussd_app.domain.seeds import plant
from ussd_app.embedded import Redis
from ussd_app.kernel.clock import FrozenClock
from ussd_app.kernel.ids import SequentialIds
from ussd_app.ledger import audit
from ussd_app.settings import Settings

T = TypeVar("T")
TESTS = Path(__file__).parents[1]
BILLING, THERE = "dialogues/billing", "dialogues/mpesa_out"
ELSEWHERE = {
    "bill_invoice": (f"{BILLING}/bill_and_pay.txt", "bill_invoice"),
    "bill_credit_note": (f"{BILLING}/part_then_credit_note.txt", "bill_credit_note"),
    "bill_credit_use": (f"{BILLING}/oldest_first.txt", "bill_credit_use"),
    "bill_credit_undo": (f"{BILLING}/refunded_credit_used_sw.txt", "bill_credit_undo"),
    "bill_sale": (f"{BILLING}/sale.txt", "bill_sale"),
    "bill_sale_expired": (f"{BILLING}/sale_sw.txt", "bill_sale_expired"),
    "bill_matched": ("domain/test_billing_books.py", "journal.match("),
    "bill_sale_matched": ("domain/test_sales.py", "journal.match("),
    "bill_journal": ("domain/test_billing_books.py", "journal.make("),
    "bill_journal_undo": ("domain/test_billing_books.py", "journal.undo("),
    "mpesa_bill": (f"{BILLING}/mpesa_pays.txt", "mpesa_bill"),
    "mpesa_placed_bill": ("dialogues/mpesa/wrong_account_sw.txt", "mpesa_placed_bill"),
    "mpesa_given_back": (f"{THERE}/given_back.txt", "mpesa_given_back"),
    "mpesa_reversed": (f"{THERE}/reversed.txt", "mpesa_reversed"),
    "mpesa_shortfall": (f"{THERE}/more_lies_there.txt", "mpesa_shortfall"),
    "mpesa_understood": (f"{THERE}/more_lies_there.txt", "mpesa_understood"),
    "mpesa_unexplained": (f"{THERE}/more_lies_there.txt", "mpesa_unexplained"),
    "settle_to_mpesa": (f"{THERE}/takings.txt", "settle_to_mpesa"),
}
"""Types that a history cannot reach, since Safaricom or a biller's bills decide: who plays them."""

_SPLIT = """
SELECT e.id, sum(l.amount_minor) AS accrued, (e.facts->'price'->>'commission')::bigint + CASE
       WHEN e.facts->'roles' ? 'above' THEN (e.facts->'price'->>'override')::bigint ELSE 0 END
       AS priced
FROM entries e JOIN legs l ON l.entry_id = e.id JOIN accounts x ON x.id = l.from_id
WHERE x.kind = 'expense' AND x.owner = 'agent_commission' GROUP BY e.id, e.facts
"""
_OWED = """
SELECT c.owner, c.balance_minor AS owed,
       (SELECT coalesce(sum(l.amount_minor), 0) FROM legs l WHERE l.to_id = c.id) AS earned,
       (SELECT coalesce(sum(l.amount_minor), 0) FROM legs l WHERE l.from_id = c.id) AS settled,
       (SELECT coalesce(sum(l.amount_minor), 0) FROM legs l JOIN entries e ON e.id = l.entry_id
         WHERE e.type = 'commission_payout' AND l.to_id = f.id) AS paid
FROM accounts c JOIN accounts f ON f.kind = 'float' AND f.owner = c.owner
WHERE c.kind = 'commission'
"""
_COUNTED = """
SELECT e.facts->'parties'->>'payer' AS owner,
       (e.happened_at AT TIME ZONE 'Africa/Nairobi')::date AS day,
       sum((e.facts->'price'->>'amount')::bigint) AS minor, count(*) AS times
FROM entries e LEFT JOIN holds h ON h.id = e.id
WHERE e.type = ANY (%s) AND e.settles IS NULL AND e.reverses IS NULL
  AND (h.id IS NULL OR h.state NOT IN ('voided', 'expired'))
  AND NOT EXISTS (SELECT FROM entries u WHERE u.reverses = e.id)
GROUP BY 1, 2
"""


class Names:
    """A switch that knows one account."""

    def holder(self, bank: str, account: str) -> str | None:
        return "Person Street" if (bank, account) == acts.ACCOUNT else None


class Drawn(Pick):
    """Chooses as Hypothesis does."""

    def __init__(self, data: st.DataObject) -> None:
        self._data = data

    def __call__(self, among: Sequence[T]) -> T:
        return self._data.draw(st.sampled_from(among))


@pytest.fixture
def app(database_url: str, redis_server: Redis, clock: FrozenClock) -> Iterator[App]:
    """An installation with a switch."""
    settings = Settings(env="test", database_url=database_url, redis_url=redis_server.url())
    app = build(settings, clock=clock, ids=SequentialIds(), account_names=Names())
    yield app
    app.close()


@pytest.fixture
def street(app: App) -> Street:
    plant(app.bank.desk, STAFF)
    return lives.settle(app)


def must_hold(app: App) -> None:
    """What is true after every history."""
    assert [str(finding) for finding in audit.run(app.engine)] == []
    limited = [kind.name for kind in app.catalogue.types.values() if kind.limits]
    with app.engine.connect() as connection:
        for entry in connection.exec_driver_sql(_SPLIT):
            assert entry.accrued == entry.priced, "what was priced is what was earned"
        for agent in connection.exec_driver_sql(_OWED):
            assert agent.settled == agent.paid, "agents are paid what is settled"
            assert agent.owed == agent.earned - agent.paid
        used = connection.exec_driver_sql(
            "SELECT owner, day, amount_minor, times FROM usages"
            " WHERE counter = 'sent' AND times > 0"
        ).all()
        counted = connection.exec_driver_sql(_COUNTED, (limited,)).all()
    assert sorted(map(tuple, used)) == sorted(map(tuple, counted)), "limits are what was sent"


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_whatever_they_do_the_books_hold(
    app: App, street: Street, clock: FrozenClock, data: st.DataObject
) -> None:
    known, history = acts.acts(app), app.ids.token()
    general = {kind.name for kind in acts.by_general_quote(app)}
    for step in range(data.draw(st.integers(4, 12))):
        name = data.draw(st.sampled_from(sorted(known)))
        before = entries(app)
        life = Life(app, clock, street, Drawn(data), f"{history}{step}")
        if acts.try_(known[name], life) is not None and name in general:
            assert entries(app) == before, "a refusal wrote something"
    must_hold(app)


def test_every_type_is_lived(app: App, street: Street, clock: FrozenClock) -> None:
    """So that the histories above do not pass by refusing everything, nor by leaving out a type."""
    refused: Counter[str] = Counter()
    for name, act in acts.acts(app).items():
        clock.advance(seconds=120)  # nobody pays so many in a minute
        code = acts.try_(act, Life(app, clock, street, Pick(), f"lived{len(name)}{name}"))
        if code is not None:
            refused[f"{name}: {code}"] += 1
    assert not refused
    must_hold(app)
    with app.engine.connect() as connection:
        played = set(connection.exec_driver_sql("SELECT DISTINCT type FROM entries").scalars())
    assert set(app.catalogue.types) - played == set(ELSEWHERE)


@pytest.mark.parametrize("kind", ELSEWHERE)
def test_who_plays_what_a_history_cannot_reach(kind: str) -> None:
    path, word = ELSEWHERE[kind]
    assert word in (TESTS / path).read_text("utf-8")
