"""Our book and Safaricom's as tests hold them against each other."""

from collections.abc import Mapping
from datetime import timedelta

from ussd_app.domain import differences, holdings, reconciliation
from ussd_app.domain.desk import Desk
from ussd_app.domain.holdings import HOUSE, Outcome
from ussd_app.domain.mpesa import arrival
from ussd_app.domain.reconciliation import Comparison
from ussd_app.kernel.clock import FrozenClock
from ussd_app.kernel.daraja import Balance, Pulled

ASHA = "0712000001"


class Books:
    """One desk, and what Safaricom says of it."""

    def __init__(self, desk: Desk, clock: FrozenClock) -> None:
        self.desk, self.clock = desk, clock

    def came(self, receipt: str, minor: int, account: str = ASHA) -> None:
        """A payment that we were told of."""
        paid = arrival.Payment(receipt, minor, account, "", "JANE", self.clock.now())
        with self.desk.engine.begin() as connection:
            arrival.only(arrival.place(self.desk, connection, [paid]))

    def row(self, receipt: str, minor: int, account: str = ASHA, minutes: float = 30) -> Pulled:
        """A payment in Safaricom's list."""
        at = self.clock.now() - timedelta(minutes=minutes)
        return Pulled(receipt, at, "2547 ***** 001", "c2b-pay-bill-debit", account, minor)

    def begin(self) -> Comparison:
        """The next comparison, an hour later."""
        self.clock.advance(seconds=reconciliation.EVERY.total_seconds() + 1)
        begun = reconciliation.begin(self.desk)
        assert begun is not None
        return begun

    def lists(self, *rows: Pulled) -> list[str]:
        """Safaricom lists these; the receipts of those that are to be entered."""
        self.clock.advance(seconds=1)
        differences.ask_again(self.desk)
        begun = reconciliation.begin(self.desk)
        assert begun is not None
        untold = reconciliation.compare_list(self.desk, begun, rows)
        reconciliation.was_read(self.desk, begun, begun.begun_at, rows, len(untold))
        reconciliation.list_ends(self.desk, begun)
        return [row.receipt for row in untold]

    def asks(self) -> str:
        """The balance is asked for, an hour later; what its answer goes by."""
        begun = self.begin()
        minor, at = holdings.ours(self.desk)
        holdings.asked(self.desk, begun.number, f"AG_{begun.number}", minor, at)
        self.clock.advance(seconds=5)
        return f"AG_{begun.number}"

    def answers(
        self, conversation: str, minor: int, waiting: Mapping[str, int] | None = None
    ) -> Outcome | None:
        """Safaricom says what it holds."""
        charges = Balance("Charges Paid Account", "KES", -1540_00, -1540_00, 0, 0)
        told = (Balance("Utility Account", "KES", minor, minor, 0, 0), charges)
        with self.desk.engine.begin() as connection:
            asked = holdings.question(connection, conversation)
            if asked is None:
                return None
            return holdings.compare(self.desk, connection, asked, told, waiting or {})

    def holds(self, minor: int, waiting: Mapping[str, int] | None = None) -> Outcome | None:
        """The next comparison of the balance comes to this."""
        return self.answers(self.asks(), minor, waiting)

    def ours(self) -> int:
        return self.held(HOUSE)

    def held(self, name: str) -> int:
        account = self.desk.house[name]
        return self.desk.book.balances([account])[account].total

    def open(self) -> list[tuple[str, str, str | None]]:
        """What differs, and the entry that is suggested."""
        return [(it.kind, it.reference, it.suggestion) for it in differences.waiting(self.desk)]

    def one(self) -> differences.Open:
        (one,) = differences.waiting(self.desk)
        return one

    def agree(self) -> str:
        """Two of the staff agree to the one difference; the receipt of what is posted."""
        number = self.one().id
        assert differences.approve(self.desk, number, "joyce") is None
        receipt = differences.approve(self.desk, number, "wanjiru")
        assert receipt is not None
        return receipt
