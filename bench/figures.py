"""A measured figure beside its yardstick and its target, and the table of them."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """What was measured. `yardstick` is the same work done the way it is compared with.

    At most one target: `least_ratio` (ours over the yardstick), `least` or `most` (of ours).
    """

    name: str
    ours: float
    unit: str
    yardstick: float | None = None
    least_ratio: float | None = None
    least: float | None = None
    most: float | None = None

    @property
    def ratio(self) -> float | None:
        """Ours over the yardstick, where there is one."""
        return self.ours / self.yardstick if self.yardstick else None

    @property
    def target(self) -> str:
        """The target in words; nothing where there is none."""
        if self.least_ratio is not None:
            return f">= {self.least_ratio:g}x"
        if self.least is not None:
            return f">= {self.least:,.0f}"
        return "" if self.most is None else f"<= {self.most:,.0f}"

    @property
    def met(self) -> bool | None:
        """Whether the target was met; None where there is none."""
        if self.least_ratio is not None:
            return self.ratio is not None and self.ratio >= self.least_ratio
        if self.least is not None:
            return self.ours >= self.least
        return None if self.most is None else self.ours <= self.most


def interleaved(
    name: str,
    unit: str,
    pairs: Iterable[tuple[float, float]],
    least_ratio: float | None = None,
) -> Figure:
    """A figure from turns (ours, yardstick) that were measured side by side: the turn whose ratio
    is the median, so that a turn that somebody disturbed in its middle does not count."""
    turns = sorted(pairs, key=lambda pair: pair[0] / pair[1])
    ours, yardstick = turns[(len(turns) - 1) // 2]
    return Figure(name, ours, unit, yardstick, least_ratio)


def table(figures: Iterable[Figure]) -> str:
    """The figures as aligned text, one a line under a head."""
    head = ("figure", "ours", "yardstick", "unit", "ratio", "target", "met")
    rows = [head, *map(_row, figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    right = (1, 2, 4)
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def _row(figure: Figure) -> tuple[str, ...]:
    met = {True: "yes", False: "NO", None: ""}[figure.met]
    ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
    beside = "" if figure.yardstick is None else _number(figure.yardstick)
    ours = _number(figure.ours)
    return (figure.name, ours, beside, figure.unit, ratio, figure.target, met)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:,.1f}"
