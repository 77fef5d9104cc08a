"""Metrics: what is counted appears at the scrape, and nobody outside can grow the labels."""

import os
import subprocess
import sys
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from ussd_app.metrics import Backlog, Metrics


def _samples(text: bytes) -> dict[tuple[str, frozenset[str]], float]:
    return {
        (sample.name, frozenset(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def _at(samples: dict[tuple[str, frozenset[str]], float], name: str, *labels: str) -> float:
    return samples[name, frozenset(labels)]


def test_what_is_counted_is_exposed() -> None:
    metrics = Metrics()
    metrics.hop("send_money.confirm", "shown", 0.003, asked="find")
    metrics.hop("send_money.confirm", "shown", 0.003, asked="find")
    metrics.refusal("wrong_pin")
    metrics.rejected("ussd", "bad_msisdn")
    metrics.session_ended("Incomplete", "send_money.amount")
    metrics.sms("done", segments=2, cost_minor=160, waited_s=0.4)
    metrics.job("relay", "done")
    samples = _samples(metrics.exposition([Backlog("outbox", "queued", 3, 12.5)]))
    assert _at(samples, "kabambe_hops_total", "send_money", "confirm", "shown") == 2
    assert _at(samples, "kabambe_hop_seconds_count", "find") == 2
    assert _at(samples, "kabambe_refusals_total", "wrong_pin") == 1
    assert _at(samples, "kabambe_rejected_total", "ussd", "bad_msisdn") == 1
    assert _at(samples, "kabambe_sessions_ended_total", "Incomplete", "send_money", "amount") == 1
    assert _at(samples, "kabambe_sms_segments_total") == 2
    assert _at(samples, "kabambe_sms_cost_minor_total") == 160
    assert _at(samples, "kabambe_backlog_rows", "outbox", "queued") == 3
    assert _at(samples, "kabambe_backlog_oldest_seconds", "outbox", "queued") == 12.5


def test_words_of_the_provider_cannot_grow_the_labels() -> None:
    metrics = Metrics()
    for number in range(100):
        metrics.report(f"Strange{number}")
        metrics.session_ended(f"Strange{number}", "home.start")
    samples = _samples(metrics.exposition())
    assert _at(samples, "kabambe_sms_reports_total", "other") == 100
    assert _at(samples, "kabambe_sessions_ended_total", "other", "home", "start") == 100


def test_processes_count_together(tmp_path: Path) -> None:
    count = "from ussd_app.metrics import Metrics; m = Metrics(); m.refusal('wrong_pin')"
    environ = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    for _ in range(2):
        subprocess.run([sys.executable, "-c", count], env=environ, check=True)
    show = count + "; import sys; sys.stdout.buffer.write(m.exposition())"
    told = subprocess.run(
        [sys.executable, "-c", show], env=environ, check=True, capture_output=True
    ).stdout
    assert _at(_samples(told), "kabambe_refusals_total", "wrong_pin") == 3
