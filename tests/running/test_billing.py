"""What a biller's owner can say at a terminal about the books."""

import argparse
from collections.abc import Callable

import pytest

from tests.domain import billed
from tests.domain.billed import BILLED, bill, customer, mpesa
from tests.people import STAFF
from ussd_app.bootstrap import App
from ussd_app.domain.seeds import plant
from ussd_app.domain.two_of_staff import SaidAlready
from ussd_app.running import billing


@pytest.fixture(autouse=True)
def _business(app: App) -> None:
    """One bill of 1,000 of which 600 are paid, and 50 that nobody knows."""
    plant(app.bank.desk, [*BILLED, *STAFF])
    bill(app, customer(app), 1_000_00)
    mpesa(app, "ACC12", 600_00, "A")
    mpesa(app, "ACC77", 50_00, "B")


Say = Callable[..., tuple[int, str]]


@pytest.fixture
def say(app: App, capsys: pytest.CaptureFixture[str]) -> Say:
    def said(line: str, number: str = billed.NUMBER) -> tuple[int, str]:
        parser = argparse.ArgumentParser()
        billing.add_words(parser)
        capsys.readouterr()
        status = billing._say(app.bank.desk, parser.parse_args([number, *line.split()]))
        return status, capsys.readouterr().out

    return said


def test_every_report_is_printed(say: Say) -> None:
    assert say("trial-balance")[1].splitlines()[-1].split() == ["1,050.00", "1,050.00"]
    assert say("income")[1].splitlines()[-1].split() == ["Profit", "1,000.00"]
    sheet = say("balance-sheet")[1]
    assert sheet.count("1,050.00") == 2
    assert "1010 to 1200 INV1" in " ".join(say("journal")[1].split())
    assert len(say("journal --account 2300")[1].splitlines()) == 1
    assert "ACC12 Asha Wanjiku" in say("ageing")[1]
    assert "PARTIALLY_PAID" in say("invoices")[1]
    assert say("customer acc12")[1].split()[-1] == "400.00"
    assert say("verify") == (0, "The books hold.\n")


def test_entries_are_made_matched_and_undone(say: Say) -> None:
    status, made = say("enter 5200 1020 30 Soap --ref V1")
    assert (status, made.split(": ")[1]) == (0, "KES 30.00 entered.\n")
    receipt = made.partition(":")[0]
    assert say(f"undo {receipt}")[0] == 0
    unplaced = say("journal --account 2300")[1].split()[2]
    assert say(f"match {unplaced} inv1 --staff joyce") == (0, f"{billing.ONE_MORE}\n")
    assert say(f"match {unplaced} ACC12 --staff peter") == (0, f"{billing.ONE_MORE}\n")
    with pytest.raises(SaidAlready):
        say(f"match {unplaced} acc-12 --staff peter")
    assert say(f"match {unplaced} ACC12 --staff joyce")[1].endswith("is for ACC12.\n")
    assert say("customer ACC12")[1].split()[-1] == "350.00"
    assert say("verify")[0] == 0


def test_what_cannot_be_is_said(say: Say) -> None:
    assert say("verify", "999999")[0] == 1
    assert say("journal --account 9999")[0] == 1
    assert say("enter 1010 3000 30 no --ref V2")[0] == 1
    assert say("enter 5200 1020 nought no --ref V2")[0] == 1
    assert say("match KB00001 ACC12 --staff joyce")[0] == 0
    assert say("match KB00001 ACC12 --staff peter")[0] == 1
    assert say("customer ACC99")[0] == 1
