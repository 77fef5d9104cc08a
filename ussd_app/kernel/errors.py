"""The three ways in which anything here can fail to say yes.

`Refused` is an expected answer, `Unavailable` is somebody else's silence, `Broken` is our own
fault. Knows neither sentences (those are data) nor the web.
"""

from collections.abc import Mapping
from enum import StrEnum


class RefusalCode(StrEnum):
    """Every reason for which we decline, in order of precedence: the first that holds is said.

    The order is: who asks, their PIN, the parties, the amount, the limits, the funds; last what
    only has to be meant, and what would show a name.
    """

    # who asks
    NOT_REGISTERED = "not_registered"
    ALREADY_REGISTERED = "already_registered"
    ACCOUNT_FROZEN = "account_frozen"
    ID_TAKEN = "id_taken"
    ID_BLOCKED = "id_blocked"
    ID_MISMATCH = "id_mismatch"
    TOO_MANY_REQUESTS = "too_many_requests"
    SIM_SWAPPED = "sim_swapped"
    NOT_YOURS = "not_yours"
    OWNER_ONLY = "owner_only"
    NUMBER_TAKEN = "number_taken"
    SAID_ALREADY = "said_already"
    ALREADY_DECIDED = "already_decided"
    ALREADY_APPLIED = "already_applied"
    # their PIN and their consent
    PIN_LOCKED = "pin_locked"
    PIN_NOT_LOCKED = "pin_not_locked"
    WRONG_PIN = "wrong_pin"
    WEAK_PIN = "weak_pin"
    PIN_UNCHANGED = "pin_unchanged"
    PINS_DIFFER = "pins_differ"
    PROOF_EXPIRED = "proof_expired"
    WRONG_CODE = "wrong_code"
    CODE_EXPIRED = "code_expired"
    NO_QUESTIONS = "no_questions"
    WRONG_ANSWER = "wrong_answer"
    # the hour
    MAINTENANCE = "maintenance"
    # the parties
    UNKNOWN_PAYEE = "unknown_payee"
    UNKNOWN_NUMBER = "unknown_number"
    UNKNOWN_BILL_ACCOUNT = "unknown_bill_account"
    ACCOUNT_TOO_LONG = "account_too_long"
    UNKNOWN_PAYMENT = "unknown_payment"
    PAYEE_IS_PAYER = "payee_is_payer"
    PAYEE_FROZEN = "payee_frozen"
    NOT_IN_LINE = "not_in_line"
    UNKNOWN_ACCOUNT = "unknown_account"
    BANK_SILENT = "bank_silent"
    MPESA_SILENT = "mpesa_silent"
    # a payment that somebody wants back
    UNKNOWN_RECEIPT = "unknown_receipt"
    NOT_REVERSIBLE = "not_reversible"
    TOO_LATE = "too_late"
    ALREADY_ASKED = "already_asked"
    NOTHING_LEFT = "nothing_left"
    NOTHING_TO_ANSWER = "nothing_to_answer"
    # a bill
    NOTHING_OPEN = "nothing_open"
    # the offer and its amount
    QUOTE_EXPIRED = "quote_expired"
    KEY_CONFLICT = "key_conflict"
    ALREADY_REVERSED = "already_reversed"
    REFUND_TOO_LATE = "refund_too_late"
    RATE_STALE = "rate_stale"
    TOO_FINE = "too_fine"
    WHOLE_SHILLINGS = "whole_shillings"
    AMOUNT_TOO_SMALL = "amount_too_small"
    FAT_FINGER = "fat_finger"
    AMOUNT_TOO_LARGE = "amount_too_large"
    DATE_OUT_OF_RANGE = "date_out_of_range"
    TOO_MANY = "too_many"
    # the limits
    TOO_FAST = "too_fast"
    DAILY_LIMIT = "daily_limit"
    DAILY_COUNT = "daily_count"
    MONTHLY_LIMIT = "monthly_limit"
    MONTHLY_COUNT = "monthly_count"
    SPLIT_DEPOSIT = "split_deposit"
    PAYEE_BALANCE_LIMIT = "payee_balance_limit"
    WALLET_FULL = "wallet_full"
    # the funds
    INSUFFICIENT_FUNDS = "insufficient_funds"
    TAKINGS_SHORT = "takings_short"
    INSUFFICIENT_COINS = "insufficient_coins"
    NO_INVENTORY = "no_inventory"
    # what is asked about once more when nothing else is in the way
    UNUSUAL = "unusual"
    # what would show one more name
    TOO_MANY_NAMES = "too_many_names"
    # what a door says by itself, before or instead of the bank
    MALFORMED = "malformed"
    WRONG_NETWORK = "wrong_network"
    OTHER_PHONE = "other_phone"
    STILL_WORKING = "still_working"
    SESSION_LOST = "session_lost"
    UNAVAILABLE = "unavailable"


PRECEDENCE: Mapping[RefusalCode, int] = {code: rank for rank, code in enumerate(RefusalCode)}


class Refused(Exception):
    """We understood and decline. `facts` are the values that the code's sentence names."""

    def __init__(self, code: RefusalCode, **facts: object) -> None:
        super().__init__(code.value)
        self.code = code
        self.facts = facts


class Unavailable(Exception):
    """Somebody we need did not answer. `unknown` says that the effect may have happened."""

    def __init__(self, what: str, *, unknown: bool = False) -> None:
        super().__init__(what)
        self.what = what
        self.unknown = unknown


class Broken(Exception):
    """A law of ours does not hold. Nothing sensible can follow; an engineer is called."""

    def __init__(self, law: str) -> None:
        super().__init__(law)
        self.law = law
