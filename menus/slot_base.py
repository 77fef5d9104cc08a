"""What every slot type has. Knows no type in particular; `menus.slots` knows them all."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import date
from typing import Any, ClassVar

KEYS = frozenset({"0", "00"})
"""What goes back and home on every screen, and so can be no answer."""


class SlotType(ABC):
    """What may stand in a slot."""

    kind: ClassVar[str]
    secret: ClassVar[bool] = False
    """A secret lives for one hop: it is never put away and never printed."""
    askable: ClassVar[bool] = False
    """Whether a customer can type it."""
    printable: ClassVar[bool] = True

    def __init__(self, declared: str, widest: int) -> None:
        self.declared = declared
        self.widest = widest

    def __repr__(self) -> str:
        return f"<slot type {self.declared}>"

    def parse(self, typed: str) -> Any:
        """The value of what was typed (already trimmed), None when it is nonsense."""
        return None

    def parse_on(self, typed: str, today: Callable[[], date]) -> Any:
        """As `parse`, for types that understand more when they know the day in Nairobi."""
        return self.parse(typed)

    @abstractmethod
    def take(self, given: object) -> Any:
        """The value of what the bank gave. Raises ValueError, without the value in it."""

    @abstractmethod
    def holds(self, value: object) -> bool:
        """Whether a value read back from a store is one of this type."""

    def show(self, value: Any) -> str:
        """The value as printed; at most `widest` septets."""
        return str(value)

    def accepts(self, other: "SlotType") -> bool:
        """Whether every value of the other type fits here unharmed."""
        return self.declared == other.declared

    def refuse(self) -> ValueError:
        """The error for a value that is not of this type; it never quotes the value."""
        return ValueError(f"not a value of type {self.declared}")


class Patterned(SlotType):
    """Text of a fixed shape."""

    shape: ClassVar[re.Pattern[str]]

    def parse(self, typed: str) -> str | None:
        return typed if self.shape.fullmatch(typed) else None

    def take(self, given: object) -> str:
        if not self.holds(given):
            raise self.refuse()
        return str(given)

    def holds(self, value: object) -> bool:
        return isinstance(value, str) and self.shape.fullmatch(value) is not None
