"""What a load has seen: a faithful record of what the server said, and how soon.

Every acknowledged transfer is kept, so that a test of faults can hold them against the ledger.
"""

from array import array
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Transfer:
    """A transfer of which the phone was shown the receipt, or (receipt '') was never told."""

    receipt: str
    payer: str
    payee: str
    amount_minor: int
    session_id: str


@dataclass
class Result:
    """What was seen. `acknowledged` were shown a receipt; `unanswered` may have happened or not;
    `refused` are the last screens of those that were declined, counted; `unexpected` are screens
    that are neither what was meant nor a refusal, and `errors` hops without a usable answer."""

    seconds: float = 0.0
    sessions: int = 0
    hops: int = 0
    acknowledged: list[Transfer] = field(default_factory=list)
    visits: Counter[str] = field(default_factory=Counter)
    unanswered: list[Transfer] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    unexpected: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    times_ms: dict[str, "array[float]"] = field(
        default_factory=lambda: defaultdict(lambda: array("f"))
    )

    def percentile(self, share: float, hop: str | None = None) -> float:
        """The time in ms within which this share (0 to 1) of hops was answered; 0 for none."""
        parts = [self.times_ms[hop]] if hop else list(self.times_ms.values())
        ordered = sorted(value for part in parts for value in part)
        if not ordered:
            return 0.0
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    def summary(self) -> dict[str, Any]:
        """Rates per second and times in ms, as plain data for JSON."""
        span = max(self.seconds, 1e-9)
        return {
            "seconds": round(self.seconds, 3),
            "sessions": self.sessions,
            "hops": self.hops,
            "hops_per_s": round(self.hops / span, 1),
            "transfers": len(self.acknowledged),
            "transfers_per_s": round(len(self.acknowledged) / span, 1),
            "visits": dict(self.visits),
            "unanswered": len(self.unanswered),
            "p50_ms": round(self.percentile(0.5), 2),
            "p99_ms": round(self.percentile(0.99), 2),
            "by_hop": {
                hop: {
                    "count": len(times),
                    "p50_ms": round(self.percentile(0.5, hop), 2),
                    "p99_ms": round(self.percentile(0.99, hop), 2),
                    "max_ms": round(max(times), 2),
                }
                for hop, times in sorted(self.times_ms.items())
            },
            "errors": dict(self.errors),
            "refused": dict(self.refused.most_common(10)),
            "unexpected": dict(self.unexpected.most_common(10)),
        }
