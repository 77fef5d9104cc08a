"""Payments that race for the same invoices, and everything that can happen to them in any order:
nothing is paid twice, nothing is lost, and what a customer owes is invoices less payments.
"""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.domain import billed
from tests.domain.billed import BILLED, bill, credit, customer, mpesa, state, take_back
from ussd_app.bootstrap import App
from ussd_app.domain.billing import allocation, invoices
from ussd_app.domain.billing import credit as crediting
from ussd_app.domain.billing.allocation import Open
from ussd_app.domain.billing.customers import Customer
from ussd_app.domain.billing.invoices import Invoice
from ussd_app.domain.seeds import plant
from ussd_app.kernel.errors import Refused


@given(st.integers(1, 10**9), st.lists(st.integers(1, 10**8), max_size=30))
def test_an_amount_is_divided_whole_and_in_order(amount: int, opens: list[int]) -> None:
    owed = [Open(n, f"INV{n}", minor) for n, minor in enumerate(opens)]
    paid, rest = allocation.divide(amount, owed)
    assert sum(each.minor for each in paid) + rest == amount
    assert rest == max(0, amount - sum(opens))
    assert all(each.left_minor == 0 for each in paid[:-1])
    assert [each.account_id for each in paid] == list(range(len(paid)))


def test_sixteen_who_pay_the_same_bills_at_once_pay_each_of_them_once(app: App) -> None:
    plant(app.bank.desk, BILLED)
    whom = customer(app)
    sent = [bill(app, whom, 500_00) for _ in range(5)]
    together = Barrier(16)

    def pay(nth: int) -> str:
        together.wait()
        return mpesa(app, ("ACC12", "INV3")[nth % 2], 200_00, f"race{nth}")

    with ThreadPoolExecutor(16) as pool:
        receipts = set(pool.map(pay, range(16)))
    assert len(receipts) == 16
    crediting.use_all(app.bank.desk)
    assert [state(app, each) for each in sent] == [("PAID", 0)] * 5
    assert credit(app, whom) == 16 * 200_00 - 5 * 500_00
    billed.must_be_in_order(app)


def test_a_payment_and_the_invoice_that_it_should_pay_find_each_other(app: App) -> None:
    plant(app.bank.desk, BILLED)
    whom = customer(app)
    together = Barrier(2)

    def both(nth: int) -> object:
        together.wait()
        return bill(app, whom, 100_00) if nth % 2 else mpesa(app, "ACC12", 100_00, f"meet{nth}")

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(both, range(12)))
    crediting.use_all(app.bank.desk)
    assert credit(app, whom) == 0
    billed.must_be_in_order(app)


STEP = st.tuples(
    st.sampled_from(("bill", "pay", "pay one", "credit note", "take back")),
    st.integers(1, 9),
    st.integers(0, 5),
)


class Page:
    """What a customer owes by plain arithmetic, beside the real books."""

    def __init__(self, app: App, whom: Customer) -> None:
        self.app, self.whom = app, whom
        self.sent: list[Invoice] = []
        self.paid: list[tuple[str, int]] = []
        self.billed = self.received = 0

    def step(self, what: str, hundreds: int, which: int) -> None:
        minor = hundreds * 100_00
        match what:
            case "bill":
                self.sent.append(bill(self.app, self.whom, minor))
                self.billed += minor
            case "pay":
                self._pay(self.whom.number, minor)
            case "pay one" if self.sent:
                self._pay(self.sent[which % len(self.sent)].number, minor)
            case "credit note" if self.sent:
                self._credit(self.sent[which % len(self.sent)])
            case "take back" if self.paid:
                receipt, was = self.paid.pop(which % len(self.paid))
                take_back(self.app, receipt, f"back:{receipt}")
                self.received -= was

    def _pay(self, typed: str, minor: int) -> None:
        key = f"{self.whom.number}{self.received}{len(self.sent)}{len(self.paid)}{typed}{minor}"
        receipt = mpesa(self.app, typed, minor, f"{key}{self.app.ids.token()}")
        self.paid.append((receipt, minor))
        self.received += minor

    def _credit(self, invoice: Invoice) -> None:
        _, left = state(self.app, invoice)
        if left:
            invoices.take_back(self.app.bank.desk, invoice.id)
            self.billed -= left
        else:
            with pytest.raises(Refused):
                invoices.take_back(self.app.bank.desk, invoice.id)

    def must_agree(self) -> None:
        owed = sum(state(self.app, each)[1] for each in self.sent)
        assert owed - credit(self.app, self.whom) == self.billed - self.received
        assert owed == 0 or credit(self.app, self.whom) == 0


def test_whatever_happens_a_customer_owes_invoices_less_payments(app: App) -> None:
    plant(app.bank.desk, BILLED)
    numbers = iter(range(1, 10**6))

    @settings(
        max_examples=25,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.generate),
    )
    @given(st.lists(STEP, min_size=3, max_size=14))
    def lived(steps: list[tuple[str, int, int]]) -> None:
        page = Page(app, customer(app, f"C{next(numbers)}"))
        for step in steps:
            page.step(*step)
            crediting.use_all(app.bank.desk)
            page.must_agree()

    lived()
    billed.must_be_in_order(app)
