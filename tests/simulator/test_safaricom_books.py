"""Safaricom's books: receipts, what outlives a run, and money whatever happens."""

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.safaricom.faults import WORDS
from simulator.safaricom.memory import Memory
from simulator.safaricom.model import PIN, Safaricom
from simulator.safaricom.names import Names
from tests.simulator.daraja_client import ASHA, DAWN, Developer


def test_receipts_tell_the_day_and_come_once() -> None:
    names = Names()
    receipts = [names.receipt(DAWN) for _ in range(2_000)]
    assert len(set(receipts)) == 2_000
    assert all(each.startswith("UKL") and len(each) == 10 for each in receipts)
    assert receipts[0] == Names().receipt(DAWN)


def test_the_books_outlive_a_run(shop: Developer, tmp_path: Path) -> None:
    shop.sells()
    shop.ask("b2c")
    Memory(shop.safaricom, tmp_path / "books.json").keep()
    after = Safaricom(shop.clock)
    Memory(after, tmp_path / "books.json").recall()
    assert after.books.balances == shop.safaricom.books.balances
    assert after.books.payments == shop.safaricom.books.payments
    assert after.books.asked["shop-1"].status == "Completed"
    (tmp_path / "torn.json").write_text("{")
    Memory(after, tmp_path / "torn.json").recall()


# the books, whatever happens

ACTS = st.sampled_from(("push", "wrong", "cancel", "menu", "b2c", "b2b", "give back", "a minute"))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(ACTS, st.integers(1, 4_000)), max_size=12), st.sampled_from([*WORDS]))
def test_money_is_neither_made_nor_lost_and_no_account_falls_below_nothing(
    acts: list[tuple[str, int]], how: str
) -> None:
    shop = Developer()
    books = shop.safaricom.books
    whole = sum(books.balances.values())
    shop.safaricom.faults = WORDS[how]
    for number, (act, amount) in enumerate(acts):
        _do(shop, act, amount, number)
        shop.settle()
        assert sum(books.balances.values()) == whole
        assert min(books.balances.values()) >= 0


def _do(shop: Developer, act: str, amount: int, number: int) -> None:
    match act:
        case "push" | "wrong" | "cancel":
            shop.ask("push", Amount=amount)
            shown = shop.prompts.on(ASHA)
            if shown is not None and act == "cancel":
                shop.prompts.cancel(shown)
            elif shown is not None:
                shop.prompts.enter(shown, PIN if act == "push" else "1")
            shop.safaricom.flush()
        case "menu":
            shop.sells(amount_minor=amount * 100)
        case "b2c":
            shop.ask("b2c", OriginatorConversationID=f"shop-{number}", Amount=str(amount))
        case "b2b":
            shop.ask("b2b", Amount=str(amount))
        case "give back":
            receipt = next(iter(shop.safaricom.books.payments), "UKL0000001")
            shop.ask("reversal", TransactionID=receipt, Amount=str(amount))
        case _:
            shop.passes(61)
