"""What is counted, for Prometheus. Facts about flows, steps and outcomes; never about a person.

Several processes share the counts through files in the directory that PROMETHEUS_MULTIPROC_DIR
names (it must be set before this module is imported); without it one process counts alone. Every
label has a closed set of values (flows, steps, codes, reasons), so nobody can grow them from
outside. Knows neither the web nor the database: what is read from SQL at a scrape is handed in.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

CONTENT_TYPE = CONTENT_TYPE_LATEST

HOP_BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
CALL_BUCKETS_S = (0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
SESSION_STATUSES = frozenset({"Success", "Failed", "Incomplete"})
REPORT_STATUSES = frozenset({"Sent", "Submitted", "Buffered", "Success", "Failed", "Rejected"})
"""Words of the provider that get a label of their own; every other word counts as 'other'."""

ABIDING_BUCKETS_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)


@dataclass(frozen=True)
class Backlog:
    """Rows of one box (outbox, inbox) in one state: how many, and how old the oldest is."""

    box: str
    state: str
    count: int
    oldest_s: float


class Metrics:
    """Every measure of the system. Counting costs a few microseconds: labels are bound once."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        self._registry = registry
        self._hops = Counter(
            "kabambe_hops", "USSD hops served", ("flow", "step", "outcome"), registry=registry
        )
        self._hop_seconds = Histogram(
            "kabambe_hop_seconds",
            "Time to answer a USSD hop, by what the bank was asked: nothing, find or do",
            ("asked",),
            buckets=HOP_BUCKETS_S,
            registry=registry,
        )
        self._refusals = Counter(
            "kabambe_refusals", "Requests declined", ("code",), registry=registry
        )
        self._sessions = Counter(
            "kabambe_sessions_ended",
            "USSD sessions ended, and the step where they were left",
            ("status", "flow", "step"),
            registry=registry,
        )
        self._rejected = Counter(
            "kabambe_rejected",
            "Callbacks turned away at a door",
            ("door", "reason"),
            registry=registry,
        )
        self._sms = Counter(
            "kabambe_sms", "SMS by the outcome of their hand-over", ("outcome",), registry=registry
        )
        self._mail = Counter(
            "kabambe_mail", "Mail by the outcome of its hand-over", ("outcome",), registry=registry
        )
        self._segments = Counter(
            "kabambe_sms_segments", "Parts that the SMS were billed as", registry=registry
        )
        self._cost = Counter(
            "kabambe_sms_cost_minor", "What the SMS cost, in cents of KES", registry=registry
        )
        self._call_seconds = Histogram(
            "kabambe_sms_call_seconds",
            "Time that the SMS gateway took to answer",
            buckets=CALL_BUCKETS_S,
            registry=registry,
        )
        self._waited_seconds = Histogram(
            "kabambe_sms_waited_seconds",
            "Time from the commit that promised an SMS to its hand-over",
            buckets=ABIDING_BUCKETS_S,
            registry=registry,
        )
        self._reports = Counter(
            "kabambe_sms_reports", "Delivery reports by status", ("status",), registry=registry
        )
        self._mpesa = Counter(
            "kabambe_mpesa", "What M-PESA told us, and what came of it", ("event",),
            registry=registry,
        )  # fmt: skip
        self._jobs = Counter(
            "kabambe_jobs", "Background jobs by name and outcome", ("job", "outcome"),
            registry=registry,
        )  # fmt: skip
        self._alarms = Counter(
            "kabambe_alarms", "What people must look at, by what it is", ("what",),
            registry=registry,
        )  # fmt: skip
        self._hop_children: dict[tuple[str, str], Counter] = {}
        self._asked = {name: self._hop_seconds.labels(name) for name in ("nothing", "find", "do")}

    def hop(self, step: str, outcome: str, seconds: float, asked: str = "nothing") -> None:
        """A hop was answered. `step` is 'flow.screen' as a `Screen` names it; `outcome` says how
        (shown, ended, refused, replayed, lost, unavailable); `asked` is nothing, find or do."""
        child = self._hop_children.get((step, outcome))
        if child is None:
            flow, _, screen = step.partition(".")
            child = self._hops.labels(flow, screen, outcome)
            self._hop_children[step, outcome] = child
        child.inc()
        self._asked[asked].observe(seconds)

    def refusal(self, code: str) -> None:
        """A request was declined with a code of the closed list."""
        self._refusals.labels(code).inc()

    def session_ended(self, status: str, step: str) -> None:
        """The gateway said that a session ended: with this status, at this 'flow.screen'."""
        flow, _, screen = step.partition(".")
        known = status if status in SESSION_STATUSES else "other"
        self._sessions.labels(known, flow, screen).inc()

    def rejected(self, door: str, reason: str) -> None:
        """A callback was turned away: at this door, for this reason (never its content)."""
        self._rejected.labels(door, reason).inc()

    def sms(
        self, outcome: str, *, segments: int = 0, cost_minor: int = 0, waited_s: float | None = None
    ) -> None:
        """An SMS left our hands, or did not: outcome is done, refused, unknown, retry or dead."""
        self._sms.labels(outcome).inc()
        if outcome == "done":
            self._segments.inc(segments)
            self._cost.inc(cost_minor)
        if waited_s is not None:
            self._waited_seconds.observe(max(0.0, waited_s))

    def mail(self, outcome: str) -> None:
        """A mail left our hands, or did not; the same outcomes."""
        self._mail.labels(outcome).inc()

    def call(self, seconds: float) -> None:
        """The SMS gateway took this long to answer (or to fail)."""
        self._call_seconds.observe(seconds)

    def alarm(self, what: str) -> None:
        """Something that no machine can mend: a closed set of words says what."""
        self._alarms.labels(what).inc()

    def report(self, status: str) -> None:
        """A delivery report came in."""
        self._reports.labels(status if status in REPORT_STATUSES else "other").inc()

    def job(self, name: str, outcome: str) -> None:
        """A background job ran: outcome is done or failed."""
        self._jobs.labels(name, outcome).inc()

    def mpesa(self, event: str, count: int = 1) -> None:
        """M-PESA told us something, or nothing came of a question: an event of a closed list."""
        self._mpesa.labels(event).inc(count)

    def exposition(self, backlogs: Iterable[Backlog] = ()) -> bytes:
        """The text that Prometheus scrapes (of `CONTENT_TYPE`), with the depths handed in."""
        if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
            shared = CollectorRegistry()
            MultiProcessCollector(shared)  # type: ignore[no-untyped-call]
        else:
            shared = self._registry
        return generate_latest(shared) + generate_latest(_depths(backlogs))


def _depths(backlogs: Iterable[Backlog]) -> CollectorRegistry:
    rows = GaugeMetricFamily(
        "kabambe_backlog_rows", "Rows waiting or ended badly", labels=("box", "state")
    )
    age = GaugeMetricFamily(
        "kabambe_backlog_oldest_seconds", "Age of the oldest such row", labels=("box", "state")
    )
    for backlog in backlogs:
        labels = (backlog.box, backlog.state)
        rows.add_metric(labels, backlog.count)
        age.add_metric(labels, backlog.oldest_s)
    registry = CollectorRegistry()
    registry.register(_Ready([rows, age]))
    return registry


class _Ready(Collector):
    """Measures taken already, for one scrape."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families
