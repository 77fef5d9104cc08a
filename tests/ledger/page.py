"""The ledger as a page of Python: what every command should do, without a database.

The model that the state machine (test_model) holds the real book against.
"""

from dataclasses import dataclass, field

from tests.ledger.town import CHART
from ussd_app.ledger.book import AboveCeiling, AlreadyReversed, BelowFloor, HoldNotOpen, LimitPassed

Legs = tuple[tuple[str, str, int], ...]
Refusal = type[Exception] | None


@dataclass
class Page:
    """Balances, holds and limits. Each command returns the refusal that it deserves, or None."""

    total: dict[str, int] = field(default_factory=lambda: dict.fromkeys(CHART, 0))
    held: dict[str, int] = field(default_factory=lambda: dict.fromkeys(CHART, 0))
    holds: dict[int, tuple[str, int]] = field(default_factory=dict)
    entries: dict[int, Legs] = field(default_factory=dict)
    undone: set[int] = field(default_factory=set)
    used: int = 0
    times: int = 0

    def deltas(self, legs: Legs) -> dict[str, int]:
        """What legs change, each account in its own direction."""
        changed: dict[str, int] = {}
        for source, target, amount in legs:
            for name, credited in ((source, -amount), (target, amount)):
                sign = 1 if CHART[name][1] == "credit" else -1
                changed[name] = changed.get(name, 0) + sign * credited
        return changed

    def _short(self, changed: dict[str, int], released: dict[str, int]) -> bool:
        for name, delta in changed.items():
            free = delta + released.get(name, 0)
            floor = CHART[name][3]
            left = self.total[name] - self.held[name] + free
            if free < 0 and floor is not None and left < floor:
                return True
        return False

    def _take(self, changed: dict[str, int]) -> None:
        for name, delta in changed.items():
            self.total[name] += delta

    def post(
        self,
        entry: int,
        legs: Legs,
        *,
        limit: tuple[int, int, int] | None = None,
        ceiling: tuple[str, int] | None = None,
    ) -> Refusal:
        """`limit` is (amount, most, most times); `ceiling` is (account, most)."""
        changed = self.deltas(legs)
        if limit and (self.used + limit[0] > limit[1] or self.times + 1 > limit[2]):
            return LimitPassed
        if ceiling:
            name, most = ceiling
            if changed.get(name, 0) > 0 and self.total[name] + changed[name] > most:
                return AboveCeiling
        if self._short(changed, {}):
            return BelowFloor
        self._take(changed)
        if limit:
            self.used, self.times = self.used + limit[0], self.times + 1
        self.entries[entry] = legs
        return None

    def hold(self, entry: int, name: str, amount: int) -> Refusal:
        if self.total[name] - self.held[name] < amount:
            return BelowFloor
        self.held[name] += amount
        self.holds[entry] = (name, amount)
        return None

    def end(self, entry: int, hold: int, legs: Legs) -> Refusal:
        if hold not in self.holds:
            return HoldNotOpen
        name, amount = self.holds[hold]
        changed = self.deltas(legs)
        if -changed.get(name, 0) > amount:
            return HoldNotOpen
        if self._short(changed, {name: amount}):
            return BelowFloor
        self._take(changed)
        self.held[name] -= amount
        del self.holds[hold]
        if legs:
            self.entries[entry] = legs
        return None

    def reverse(self, undone: int) -> Refusal:
        if undone in self.undone:
            return AlreadyReversed
        legs = tuple((target, source, amount) for source, target, amount in self.entries[undone])
        changed = self.deltas(legs)
        if self._short(changed, {}):
            return BelowFloor
        self._take(changed)
        self.undone.add(undone)
        return None
