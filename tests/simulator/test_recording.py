"""What is recorded at the page is a dialogue that holds as it stands."""

from pathlib import Path

import pytest

from simulator.__main__ import main
from simulator.given import Person
from tests.simulator.full_stage import CAST, full_stage
from tests.ways import way
from ussd_app.domain.seeds import Planted
from ussd_app.embedded import Redis


def test_an_evening_of_playing_is_a_test(
    database_url: str, redis_server: Redis, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with full_stage(database_url, redis_server.url()) as stage:
        desk = stage.simulator.desk
        asha, baraka = (desk.telco.phones[each.msisdn] for each in CAST)
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


TRADERS = (
    Person(
        *("wakuu", "+254744000004", "4444", "en", 0, False),
        agreements=(Planted("agency", "41001", "Wakuu Supplies", 100_000_00),),
    ),
    Person(
        *("mama_njeri", "+254733000003", "3333", "sw", 50_00, False),
        agreements=(Planted("agency", "41002", "Mama Njeri", 20_000_00, "41001"),),
    ),
)


def test_who_has_agreements_is_written_down_with_them(
    database_url: str, redis_server: Redis, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with full_stage(database_url, redis_server.url()) as stage:
        desk = stage.simulator.desk
        stage.backstage.seed(TRADERS)
        asha, wakuu, njeri = (desk.add(each.name, each.msisdn) for each in (CAST[0], *TRADERS))
        desk.record(True)
        desk.dial(njeri, "*383#")
        for typed in way("balance", "3333", start="agent_home"):
            desk.answer(njeri, typed)
        stage.backstage.drain()
        desk.record(False)
        text = desk.recorder.text([asha, wakuu, njeri])
    assert "agency 41002 20,000.00 under 41001 name=Mama_Njeri" in text
    assert "Salio lako ni KES 50.00." in text
    path = tmp_path / "recorded.txt"
    path.write_text(text, encoding="utf-8")
    assert main(["play", str(path)]) == 0, capsys.readouterr().out
