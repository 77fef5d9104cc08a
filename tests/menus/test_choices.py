"""Menus that set, forks, and lists that are paged and picked from."""

from pathlib import Path
from typing import Any

import pytest

from tests.menus.people import KEYS, Phone, small

LOANS = """
    flow: trial
    version: 1
    about: A list, a choice and a fork.
    title: {en: Loans, sw: Mikopo}
    start: role
    slots:
      role: choice(customer, agent)
      loans: rows(40, 20)
      loan: ref
    screens:
      role:
        menu: {en: "Who are you?", sw: "Wewe ni nani?"}
        options:
          - {en: Customer, sw: Mteja, to: look, set: {role: customer}}
          - {en: Agent, sw: Wakala, to: look, set: {role: agent}}
      look:
        find: loans
        with: {role: $role}
        gives: [loans]
        to: {by: role, customer: pick, agent: agents}
      pick:
        menu: {en: Your loans, sw: Mikopo yako}
        rows: $loans
        pick: loan
        to: pay
        empty: nothing
      nothing:
        end: {en: You have no loans., sw: Huna mkopo.}
      agents:
        end: {en: "Loans: {loans}", sw: "Mikopo: {loans}"}
      pay:
        do: pay_loan
        with: {loan: $loan}
        to: paid
        refused: {insufficient_funds: pick}
      paid:
        end: {en: Paid., sw: Imelipwa.}
"""


def rows(count: int) -> dict[str, Any]:
    return {
        "loans": [{"key": f"loan-{n}", "label": f"Loan of {n} shillings"} for n in range(count)]
    }


def test_a_fork_goes_by_the_choice(tmp_path: Path) -> None:
    phone = Phone(small(tmp_path, trial=LOANS), {"loans": rows(2)})
    phone.dials()
    phone.says("1", "1")
    assert phone.state.step == "pick"
    assert phone.asked[-1].args == {"role": "customer"}
    phone.says("0")
    assert phone.says("2") == "Loans: Loan of 0 shillings\nLoan of 1 shillings"


def test_an_empty_list_goes_where_the_flow_says(tmp_path: Path) -> None:
    phone = Phone(small(tmp_path, trial=LOANS), {"loans": rows(0)})
    phone.dials()
    assert phone.says("1", "1") == "You have no loans."
    assert phone.screen.ends


def test_a_list_is_paged_to_the_budget_and_back(tmp_path: Path) -> None:
    phone = Phone(small(tmp_path, trial=LOANS), {"loans": rows(12), "pay_loan": {}})
    phone.dials()
    first = phone.says("1", "1")
    assert phone.lines[1] == "1 Loan of 0 shillings"
    assert phone.lines[-2:] == ["98 More", KEYS]
    seen = [line for line in phone.lines if "Loan of" in line]
    pages = [first]
    while "98 More" in phone.lines:
        pages.append(phone.says("98"))
        seen += [line for line in phone.lines if "Loan of" in line]
    assert seen == [f"{n + 1} Loan of {n} shillings" for n in range(12)]
    assert phone.says("98").startswith("Choose a number from the list.")
    for page in reversed(pages[:-1]):
        assert phone.says("0") == page
    assert phone.says("0").startswith("Who are you?")


def test_a_row_is_picked_by_its_number_and_its_key_is_kept(tmp_path: Path) -> None:
    answers = {"loans": rows(12), "pay_loan": ["insufficient_funds", {}]}
    phone = Phone(small(tmp_path, trial=LOANS), answers)
    phone.dials()
    phone.says("1", "1", "98", "13")
    assert phone.lines[0] == "Choose a number from the list."
    phone.says("7")
    assert phone.asked[-1].args == {"loan": "loan-6"}
    assert phone.lines[:2] == ["Not enough money for that and the fee.", "Your loans"]
    assert phone.says("12") == "Paid."


def test_no_row_is_lost_when_a_sentence_stands_above_the_list(tmp_path: Path) -> None:
    phone = Phone(small(tmp_path, trial=LOANS), {"loans": rows(12)})
    phone.dials()
    first = phone.says("1", "1")
    phone.says("99")
    seen = [line for line in phone.lines if "Loan of" in line]
    assert len(seen) < first.count("Loan of")
    while "98 More" in phone.lines:
        phone.says("98")
        seen += [line for line in phone.lines if "Loan of" in line]
    assert seen == [f"{n + 1} Loan of {n} shillings" for n in range(12)]
    while phone.state.page:
        phone.says("0")
    assert phone.screen.text == first


@pytest.mark.parametrize("typed", ["0x1", "１", "+1", "1e0", "001", "²"])
def test_a_row_has_one_number(tmp_path: Path, typed: str) -> None:
    phone = Phone(small(tmp_path, trial=LOANS), {"loans": rows(3)})
    phone.dials()
    phone.says("1", "1", typed)
    assert phone.lines[0] == "Choose a number from the list."
