"""The clockwork of a simulator: goes on whatever fails, and keeps Safaricom's books at its end."""

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from simulator import server
from simulator.inside import Inside
from simulator.insight import OFTEN, SELDOM, Insight
from simulator.phones import Service
from simulator.recorder import Recorder
from simulator.server import Plan, Simulator
from simulator.telco import Telco
from ussd_app.kernel.clock import SystemClock

NOWHERE = "http://127.0.0.1:9"
SERVICE = Service.at(NOWHERE, "*383#", "22383")


def test_what_fails_is_shown_and_time_goes_on(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(server, "TICK_S", 0.01)
    simulator = Simulator(Plan(NOWHERE, SERVICE, "127.0.0.1", 0, None))
    after = threading.Event()
    simulator.switch.agenda.at(0, lambda: 1 / 0)
    simulator.switch.agenda.at(0, after.set)
    simulator.start()
    assert after.wait(5)
    simulator.stop()
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_the_books_are_kept_when_it_stops(tmp_path: Path) -> None:
    kept = tmp_path / "safaricom.json"
    simulator = Simulator(Plan(NOWHERE, SERVICE, "127.0.0.1", 0, None, kept=kept))
    simulator.safaricom.books.put("254712000001", 5_00)
    simulator.stop()
    assert json.loads(kept.read_text())["balances"]["254712000001"] == 5_00


def test_a_simulator_is_served_without_a_kabambe_in_its_process() -> None:
    """It may stand before somebody else's application; only dialogues build one."""
    look = "import sys, simulator.server; print('ussd_app.bootstrap' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "False"


class _Counted(Inside):
    asked = 0

    def graph(self) -> dict[str, object]:
        self.asked += 1
        return {}


def test_somebody_elses_application_is_asked_ever_more_seldom() -> None:
    counted = _Counted(NOWHERE)
    insight = Insight(counted, Telco(SystemClock(), SERVICE), Recorder())
    for _ in range(OFTEN + 10 * SELDOM):
        assert not insight.catch_up()
    assert counted.asked == OFTEN + 10
