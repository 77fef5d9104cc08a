"""Asha, who sends money to M-PESA, and the Safaricom between."""

from dataclasses import dataclass, field

from tests.workers import looks
from tests.workers.conftest import ASHA
from tests.workers.mpesa.paymaster import Safaricom
from tests.workers.outside import pay_bill, send_to_mpesa
from ussd_app.kernel.clock import FrozenClock

PIN = "4826"
FULL, LEFT = 1_500_00, 1_500_00 - 500_00 - 8_00


@dataclass
class Payouts(Safaricom):
    """What she asks for, and what has become of it."""

    clock: FrozenClock = field(kw_only=True)

    def send(self, shillings: int = 500) -> str:
        """To Baraka's M-PESA; the errand's reference."""
        return send_to_mpesa(self.app, ASHA, PIN, shillings)

    def bill(self, shillings: int, *, till: bool = False) -> str:
        """To a pay bill there, or to a till; the errand's reference."""
        return pay_bill(self.app, ASHA, PIN, shillings, till=till)

    def wait(self, seconds: float) -> None:
        """Time passes, and workers do what is due."""
        self.clock.advance(seconds=seconds)
        self.drain()

    def state(self, reference: str) -> str:
        return looks.state(self.app, reference)

    def available(self) -> int:
        return looks.available(self.app, ASHA)

    def told(self) -> list[str]:
        """The sentences of M-PESA that she was told, oldest first."""
        said = "SELECT template FROM outbox WHERE address = %s AND kind = 'sms' ORDER BY id"
        rows = looks.rows(self.app, said, ASHA)
        return [row.template for row in rows if row.template.startswith("mpesa")]
