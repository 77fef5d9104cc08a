"""What the tests of the USSD door share: a phone, hop by hop, and what a hop left behind."""

from collections.abc import Callable
from dataclasses import dataclass

from flask.testing import FlaskClient
from sqlalchemy import Engine

from tests.people import ASHA
from ussd_app.bootstrap import App
from ussd_app.domain.desk import Ask, Desk, Facts

DOWN = "END Service is down."
CONFIRM = "1*0722000002*500"
PAID = f"{CONFIRM}*{ASHA.pin}"
STRANGER = "+254733000003"

Spoil = Callable[[str, Callable[[Desk, Ask], Facts]], None]


@dataclass
class Phone:
    """Somebody's phone, at one application."""

    client: FlaskClient
    msisdn: str = ASHA.msisdn
    session: str = "ATUid_1"

    def send(self, text: str) -> str:
        """The answer to one hop."""
        form = {
            "phoneNumber": self.msisdn,
            "serviceCode": "*383#",
            "text": text,
            "sessionId": self.session,
            "networkCode": "63902",
        }
        answer = self.client.post("/ussd", data=form)
        assert answer.status_code == 200
        return answer.get_data(as_text=True)

    def walk(self, text: str) -> str:
        """Every hop up to this transcript, one after the other; the last answer."""
        said, parts = self.send(""), text.split("*")
        for length in range(1, len(parts) + 1):
            said = self.send("*".join(parts[:length]))
        return said


def change(engine: Engine, statement: str, *given: object) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(statement, given)


def count(app: App, name: str) -> float:
    lines = app.metrics.exposition().decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))
