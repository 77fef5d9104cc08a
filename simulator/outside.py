"""How the airtime reseller and the bank switch behave in a dialogue: words for their faults."""

from simulator.airtime import REPORTS, AirtimeFaults, Reseller
from simulator.bank import BankFaults, Switch


def reseller_is(reseller: Reseller, how: str) -> bool:
    """`works`, `refuses`, `answers 503`, `drops the answer|request`, `reports late`. False when no
    reseller behaves like that."""
    match how.split(" ", 1):
        case ["works"]:
            faults = AirtimeFaults()
        case ["refuses"]:
            faults = AirtimeFaults(refuses=True)
        case ["answers", status] if status.isdigit():
            faults = AirtimeFaults(http_status=int(status))
        case ["drops", "the answer" | "the request" as what]:
            faults = AirtimeFaults(drop=True, taken_anyway=what == "the answer")
        case ["reports", report] if report in REPORTS:
            faults = AirtimeFaults(report=report)
        case ["drops", "the answer and the report"]:
            faults = AirtimeFaults(drop=True, report="never")
        case _:
            return False
    reseller.faults = faults
    return True


def bank_is(switch: Switch, how: str) -> bool:
    """`works`, `is silent`, `rejects`, `is slow`, `returns`, `drops the answer|request`,
    `answers twice`. False when no bank behaves like that."""
    known = {
        "works": BankFaults(),
        "is silent": BankFaults(silent=True),
        "rejects": BankFaults(rejects="account closed"),
        "is slow": BankFaults(pending=True),
        "is slow and answers twice": BankFaults(pending=True, twice=True),
        "answers twice": BankFaults(twice=True),
        "returns": BankFaults(returns=True),
        "drops the answer": BankFaults(drop=True),
        "drops the request": BankFaults(drop=True, taken_anyway=False),
    }
    if how not in known:
        return False
    switch.faults = known[how]
    return True
