"""The bank as the flows were promised it, for tests that need no bank."""

from menus.book import Signature

_PIN = frozenset({"not_registered", "account_frozen", "pin_locked", "wrong_pin"})
_PRICE = frozenset(
    {
        *("not_registered", "account_frozen", "pin_locked"),
        *("unknown_payee", "payee_is_payer", "payee_frozen"),
        *("amount_too_small", "amount_too_large", "fat_finger"),
        *("daily_limit", "daily_count", "payee_balance_limit", "insufficient_funds"),
    }
)
_TABLE = [
    Signature(
        "find",
        "caller",
        {},
        {"name": "name", "language": "lang", "standing": "choice(active, frozen)"},
        frozenset({"not_registered", "account_frozen"}),
    ),
    Signature(
        "find",
        "quote",
        {"type": "text", "payee": "msisdn", "amount": "money"},
        {"quote_id": "ref", "payee_name": "name", "fee": "money"},
        _PRICE,
    ),
    Signature(
        "do",
        "accept_quote",
        {"quote": "ref", "pin": "pin"},
        {"receipt": "receipt", "balance": "money"},
        frozenset(
            {
                *("not_registered", "account_frozen", "pin_locked", "wrong_pin"),
                *("payee_frozen", "quote_expired", "daily_limit", "daily_count"),
                *("payee_balance_limit", "insufficient_funds"),
            }
        ),
    ),
    Signature(
        "do", "balance", {"pin": "pin"}, {"balance": "money", "spendable_today": "money"}, _PIN
    ),
    Signature("do", "mini_statement", {"pin": "pin"}, {"lines": "rows(5, 28)"}, _PIN),
    Signature("do", "choose_pin", {"pin": "pin"}, {"draft": "ref"}, frozenset({"weak_pin"})),
    Signature(
        "do",
        "confirm_pin",
        {"draft": "ref", "pin": "pin"},
        {"chosen": "ref"},
        frozenset({"pins_differ", "proof_expired"}),
    ),
    Signature(
        "do",
        "register",
        {"name": "name", "national_id": "national_id", "chosen": "ref", "language": "lang"},
        {"name": "name"},
        frozenset({"already_registered", "id_taken", "proof_expired"}),
    ),
    Signature("do", "prove_pin", {"pin": "pin"}, {"proof": "ref"}, _PIN),
    Signature(
        "do",
        "change_pin",
        {"proof": "ref", "chosen": "ref"},
        {},
        frozenset({"proof_expired", "pin_unchanged"}),
    ),
    Signature("do", "set_language", {"language": "lang"}, {}, frozenset()),
    Signature(
        "do",
        "request_unlock",
        {"national_id": "national_id"},
        {},
        frozenset({"id_mismatch", "pin_not_locked", "too_many_requests", "account_frozen"}),
    ),
    Signature(
        "do",
        "unlock",
        {"code": "code", "chosen": "ref"},
        {},
        frozenset({"wrong_code", "code_expired", "proof_expired"}),
    ),
]
SIGNATURES = {signature.name: signature for signature in _TABLE}

REFUSAL_FACTS = {
    "wrong_pin": {"left": "count"},
    "wrong_code": {"left": "count"},
    "amount_too_small": {"least": "money"},
    "amount_too_large": {"most": "money"},
    "fat_finger": {"most": "money"},
    "daily_limit": {"left": "money"},
    "daily_count": {"most": "count"},
}
