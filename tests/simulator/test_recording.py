"""What is recorded at the page is a dialogue that holds as it stands."""

from pathlib import Path

import pytest

from simulator.__main__ import main
from tests.simulator.full_stage import full_stage
from ussd_app.embedded import Redis


def test_an_evening_of_playing_is_a_test(
    database_url: str, redis_server: Redis, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with full_stage(database_url, redis_server.url()) as stage:
        desk = stage.simulator.desk
        asha, baraka = desk.telco.phones.values()
        desk.record(True)
        desk.dial(asha, "*383#")
        for typed in ("1", "0722000002", "500", "4862"):
            desk.answer(asha, typed)
        desk.set_faults(asha, {"copies": 2})
        desk.answer(asha, "4826")
        desk.repeat(asha, {"copies": 4})
        stage.backstage.drain()
        desk.dial(baraka, "*383#")
        desk.hang_up(baraka)
        desk.redis_forgets()
        desk.text(baraka, "SALIO", "")
        stage.backstage.drain()
        desk.record(False)
        text = desk.recorder.text([asha, baraka])
    for line in (
        "asha > 4862",
        "the network delivers the next hop twice at once",
        "the network repeats four times at once",
        "baraka gets",
        "Redis forgets",
        "baraka texts SALIO",
        "Ledger",
    ):
        assert f"\n{line}\n" in text
    path = tmp_path / "recorded.txt"
    path.write_text(text, encoding="utf-8")
    assert main(["play", str(path)]) == 0, capsys.readouterr().out
