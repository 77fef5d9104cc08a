"""One of the accounts in the term `accounts`, which stand there between commas."""

from collections.abc import Mapping

NEEDS = ("accounts",)


def is_known(reference: str, terms: Mapping[str, object]) -> bool:
    """Whether the biller has named that account."""
    return reference in {account.strip().upper() for account in str(terms["accounts"]).split(",")}
