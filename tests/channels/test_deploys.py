"""A deploy in the middle of a session: who is under way ends as they began, or starts anew."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from flask.testing import FlaskClient

from menus.book import Book
from menus.machine import Machine
from tests.channels.hops import CONFIRM, Phone
from tests.people import ASHA
from tests.ways import dialled
from ussd_app.bootstrap import MENUS, App
from ussd_app.web import create_app


def deployed(app: App, folder: Path, flow: str, *, keep_the_old: bool) -> FlaskClient:
    """The application after a deploy that changed a flow, with its old version or without."""
    flows = folder / "flows"
    (flows / "retired").mkdir(parents=True)
    for file in (MENUS / "flows").glob("*.yaml"):
        (flows / file.name).write_text(file.read_text())
    old = (flows / f"{flow}.yaml").read_text()
    assert "version: 1\n" in old
    new = old.replace("version: 1\n", "version: 2\n").replace("Enter", "Kindly enter")
    (flows / f"{flow}.yaml").write_text(new)
    if keep_the_old:
        (flows / "retired" / f"{flow}.v1.yaml").write_text(old)
    machine = Machine(Book.load(flows, MENUS / "text"))
    return create_app(replace(app, machine=machine)).test_client()


def test_a_session_ends_in_the_version_in_which_it_began(
    app: App, asha: Phone, tmp_path: Path, entries: Callable[[], int]
) -> None:
    asha.walk("1*0722000002")
    asha.client = deployed(app, tmp_path, "send_money", keep_the_old=True)
    again = asha.send("1*0722000002*x")
    assert "Enter amount in KES" in again
    assert "Kindly" not in again
    assert asha.send("1*0722000002*x*500").startswith("CON Send KES 500.00 to BARAKA")
    assert asha.send(f"1*0722000002*x*500*{ASHA.pin}").startswith("END KB")
    assert entries() == 1
    fresh = Phone(asha.client, session="ATUid_2")
    assert "Kindly enter amount" in fresh.walk("1*0722000002")


def test_a_session_of_a_version_that_is_gone_starts_anew(
    app: App, asha: Phone, tmp_path: Path, entries: Callable[[], int]
) -> None:
    home = asha.send("")
    asha.walk("1*0722000002")
    asha.client = deployed(app, tmp_path, "send_money", keep_the_old=False)
    assert asha.send(CONFIRM) == home
    assert asha.send(CONFIRM) == home, "and the repeat too"
    assert asha.send(f"{CONFIRM}*1").startswith("CON Kindly enter phone number")
    assert asha.send(f"{CONFIRM}*1*0722000002").startswith("CON Kindly enter amount")
    assert entries() == 0


def test_a_session_that_starts_anew_never_reuses_a_key(
    app: App, asha: Phone, tmp_path: Path
) -> None:
    """A wrong PIN at the second hop, a deploy, the right PIN at what would be the second again."""
    first, again = dialled("balance", "0000"), dialled("balance")
    assert "Wrong PIN" in asha.walk(first)
    asha.client = deployed(app, tmp_path, "balance", keep_the_old=False)
    assert asha.send(f"{first}*9").startswith("CON Kabambe")
    assert asha.send(f"{first}*9*{again}").startswith("CON Kindly enter PIN")
    said = asha.send(f"{first}*9*{again}*{ASHA.pin}")
    assert said.startswith("END Your balance is KES 1,500.00")
