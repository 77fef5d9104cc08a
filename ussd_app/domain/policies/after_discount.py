"""What is left of an amount when its discount is taken off."""

from collections.abc import Mapping


def work_out(parts: Mapping[str, int], terms: Mapping[str, object]) -> int:
    """Minor units; `discount` must be priced before."""
    return parts["amount"] - parts["discount"]
