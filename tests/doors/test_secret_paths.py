"""Under a secret: who does not know it learns nothing, and production takes no sandbox."""

from urllib.parse import urlencode

import pytest

from tests.doors.conftest import DOORS, FORM, HOP, MESSAGE, SECRET, Doors
from ussd_app.channels import ussd


def test_every_door_stands_under_the_secret(secret_doors: Doors) -> None:
    for path, form in DOORS.items():
        assert secret_doors.post(f"{path}/{SECRET}", form).status_code == 200, path
    assert secret_doors.traces().rows["inbox"] == 3


WRONG = ("", "/", "/wrong", f"/{SECRET}x", f"/{SECRET[:-1]}", f"/{SECRET.upper()}", f"/{SECRET}/")


def test_a_wrong_secret_is_a_place_where_nothing_is(
    secret_doors: Doors, subtests: pytest.Subtests
) -> None:
    nowhere = secret_doors.post("/nowhere", {})
    for path, form in DOORS.items():
        for tail in WRONG:
            for method in ("POST", "GET", "OPTIONS", "HEAD"):
                with subtests.test(path, tail=tail, method=method):
                    before, counted = secret_doors.traces(), secret_doors.rejected()
                    answer = secret_doors.client.open(
                        path + tail, method=method, data=urlencode(form), content_type=FORM
                    )
                    assert answer.status_code == 404
                    assert dict(answer.headers) == dict(nowhere.headers)
                    assert method == "HEAD" or answer.get_data() == nowhere.get_data()
                    assert secret_doors.traces() == before
                    assert secret_doors.rejected() == counted + 1


def test_the_secret_is_neither_said_nor_logged(secret_doors: Doors) -> None:
    for path in DOORS:
        for body in (b"", b"\xff", b"x" * 99_000):
            answer = secret_doors.post(f"{path}/{SECRET}", body)
            assert SECRET not in answer.get_data(as_text=True) + str(answer.headers)
    assert SECRET not in secret_doors.logged.getvalue()
    assert SECRET not in secret_doors.client.get("/metrics").get_data(as_text=True)


def test_what_is_for_developers_is_not_there(secret_doors: Doors) -> None:
    for path in ("/", "/inspect/graph", "/inspect/customers", "/inspect/entries"):
        assert secret_doors.client.get(path).status_code == 404
    assert secret_doors.client.post("/inspect/faults", json={"redis": "forget"}).status_code == 404


def test_production_refuses_the_sandbox(secret_doors: Doors, doors: Doors) -> None:
    before = secret_doors.traces()
    sandbox = HOP | {"networkCode": ussd.SANDBOX}
    answer = secret_doors.post(f"/ussd/{SECRET}", sandbox).get_data(as_text=True)
    assert answer.startswith("END This service is not on your network.")
    assert secret_doors.traces() == before
    assert doors.post("/ussd", sandbox).get_data(as_text=True).startswith("CON ")


def test_an_sms_is_kept_once(secret_doors: Doors) -> None:
    for _ in range(3):
        assert secret_doors.post(f"/sms/incoming/{SECRET}", MESSAGE).status_code == 200
    assert secret_doors.traces().rows["inbox"] == 1
