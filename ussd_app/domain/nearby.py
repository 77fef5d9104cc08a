"""Agents near somebody: in the town or ward that they name, or around an agent that they know.

Nobody's position is known here. A distance is told from an agent that was named to another when the
places of both were measured (terms `lat` and `lon`). In a town those nearest to the middle of all
that were measured there come first, without a figure, for nobody knows where the customer stands.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine

from ussd_app.domain import agreements
from ussd_app.domain.agencies import AGENCY
from ussd_app.domain.commands import Heard, Said
from ussd_app.domain.desk import Ask, Desk, Facts

MOST = 4
MOST_LOOKED_AT = 500
WIDTH = 28
EARTH_KM = 6371.0
PLACE_WIDTH = 20

_IN_PLACE = """
SELECT a.number, a.name, a.terms FROM agreements a JOIN parties p ON p.id = a.party_id
WHERE a.kind = 'agency' AND a.state = 'active' AND p.status = 'active'
  AND (lower(a.terms->>'town') = %(place)s OR lower(a.terms->>'ward') = %(place)s)
ORDER BY a.number LIMIT %(most)s
"""

Point = tuple[float, float]


class Found(NamedTuple):
    """An agent as a customer hears of them; `km` is None where it is not known."""

    number: str
    name: str
    km: float | None

    @property
    def line(self) -> str:
        """`41002 MAMA NJERI 0.4km`, at most `WIDTH` characters."""
        tail = "" if self.km is None else f" {self.km:.1f}km"
        head = f"{self.number} {self.name.upper()}"
        return head[: WIDTH - len(tail)].rstrip() + tail


def near(source: Engine | Connection, place: str) -> list[Found]:
    """At most `MOST` agents in a town or ward, or in the town of the agent of that number."""
    place = " ".join(place.lower().split())
    if place.isdigit():
        known = agreements.by_number(source, AGENCY, place)
        if known is None:
            return []
        rows = _rows(source, str(known.terms.get("town", "")).lower())
        others = [row for row in rows if row.number != known.number]
        return _sorted(others, _point(known.terms))[:MOST]
    rows = _rows(source, place)
    start = _middle(point for row in rows if (point := _point(row.terms)))
    return [one._replace(km=None) for one in _sorted(rows, start)[:MOST]]


def answer(desk: Desk, ask: Ask) -> Facts:
    """Agents near a place, as rows."""
    found = near(desk.reads, ask.text("place"))
    return {"agents": [{"key": one.number, "label": one.line} for one in found]}


def reply(desk: Desk, connection: Connection, heard: Heard) -> Said:
    """The same by SMS."""
    place = heard.rest[:PLACE_WIDTH]
    if not place:
        return Said("agents_where", {})
    found = near(desk.reads, place)
    if not found:
        return Said("agents_nowhere", {"place": place})
    return Said("agents_near", {"lines": "\n".join(one.line for one in found)})


def _rows(source: Engine | Connection, place: str) -> Sequence[Any]:
    if isinstance(source, Engine):
        with source.connect() as connection:
            return _rows(connection, place)
    return source.exec_driver_sql(_IN_PLACE, {"place": place, "most": MOST_LOOKED_AT}).all()


def _sorted(rows: Iterable[Any], start: Point | None) -> list[Found]:
    """The nearest to a point first; then those of whom nobody knows, by number."""
    found = (Found(row.number, row.name, _km(start, _point(row.terms))) for row in rows)
    return sorted(found, key=_order)


def _order(found: Found) -> tuple[bool, float, str]:
    return found.km is None, found.km or 0.0, found.number


def _point(terms: Any) -> Point | None:
    """Where an agent was measured to be, in degrees; None where nobody has, or wrongly."""
    try:
        lat, lon = float(terms["lat"]), float(terms["lon"])
    except (KeyError, ValueError):
        return None
    return (lat, lon) if abs(lat) <= 90 and abs(lon) <= 180 else None


def _middle(points: Iterable[Point]) -> Point | None:
    known = list(points)
    if not known:
        return None
    lats, lons = zip(*known, strict=True)
    return sum(lats) / len(known), sum(lons) / len(known)


def _km(a: Point | None, b: Point | None) -> float | None:
    """The distance of two points on a round earth (haversine); None when one is not known."""
    if a is None or b is None:
        return None
    (lat1, lon1), (lat2, lon2) = (tuple(map(math.radians, point)) for point in (a, b))
    half = (
        math.sin((lat2 - lat1) / 2) ** 2
        + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    )
    return 2 * EARTH_KM * math.asin(math.sqrt(half))
