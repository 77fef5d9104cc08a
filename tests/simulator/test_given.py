"""A line of a Given block can be read, and what is read can be written."""

import pytest

from simulator import given
from simulator.dialogue import DialogueInvalid
from simulator.given import Person
from ussd_app.domain.seeds import DEVELOPMENT
from ussd_app.products.read import read_catalogue

KINDS = read_catalogue().agreements
LINES = (
    "asha 0712000001 pin 4826 en wallet 1500",
    "chris 0733000003",
    "juma 0755000005 pin 5555 sw frozen",
    "mama_njeri 0733000003 pin 3333 sw wallet 50 agency 41002 20000 under 41001 town=Thika",
    "duka 0755000005 pin 5555 en till 520001 bearer=customer name=Duka_la_Juma pochi name=Juma",
)


@pytest.mark.parametrize("line", LINES)
def test_what_is_read_is_written_so_that_it_reads_the_same(line: str) -> None:
    person, _ = given.person(line, KINDS)
    again, _ = given.person(given.written(person), KINDS)
    assert again == person


@pytest.mark.parametrize("seed", DEVELOPMENT, ids=lambda seed: seed.name)
def test_the_cast_of_a_development_server_can_be_written(seed: object) -> None:
    known = {name: value for name, value in vars(seed).items() if name in vars(Person("", ""))}
    person = Person(**{**known, "name": "somebody"})
    again, _ = given.person(given.written(person), KINDS)
    assert [each.number for each in again.agreements] == [each.number for each in person.agreements]
    assert (again.pin, again.balance_minor) == (person.pin, person.balance_minor)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("asha", "no Kenyan number"),
        ("asha 999", "no Kenyan number"),
        ("asha 0712000001 pin 4826 wallet", "no amount"),
        ("asha 0712000001 pin 4826 shop 41002", "means nothing"),
    ],
)
def test_what_cannot_be_read_is_said(line: str, says: str) -> None:
    with pytest.raises(DialogueInvalid, match=says):
        given.person(line, KINDS)
