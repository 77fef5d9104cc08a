"""What passes between the machine and whoever holds the session."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from menus.screens import Screen
from menus.state import State


class OutOfTurn(RuntimeError):
    """The machine was told something that its state does not wait for: our own fault."""


@dataclass(frozen=True, slots=True, repr=False)
class Request:
    """A question (`find`) or a command (`do`) for the bank. `step` serves the idempotency key."""

    kind: Literal["find", "do"]
    name: str
    args: Mapping[str, Any]
    step: str
    secret: frozenset[str] = frozenset()
    """The names of the arguments that are secrets."""

    def __repr__(self) -> str:
        args = {name: "****" if name in self.secret else arg for name, arg in self.args.items()}
        return f"Request({self.kind} {self.name}, {args}, {self.step})"


@dataclass(frozen=True, slots=True)
class Facts:
    """The bank's answer."""

    values: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Refusal:
    """The bank understood and declined."""

    code: str
    facts: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Turn:
    """What follows: exactly one of a question for the bank and a screen for the customer."""

    state: State
    request: Request | None
    screen: Screen | None
