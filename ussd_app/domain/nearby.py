"""Agents near somebody: in the town or ward that they name, or around an agent that they know.

Nobody's position is known here. A distance is told from an agent that was named to another when the
places of both were measured (terms `lat` and `lon`). In a town those nearest to the middle of all
that were measured there come first, without a figure, for nobody knows where the customer stands.
"""

import math
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine

from ussd_app.domain import agreements
from ussd_app.domain.agencies import AGENCY
from ussd_app.domain.commands import Heard, Said
from ussd_app.domain.desk import Ask, Desk, Facts

MOST = 4
WIDTH = 28
EARTH_KM = 6371.0
PLACE_WIDTH = 20

_DEGREES = r"^-?[0-9]{1,3}(\.[0-9]+)?$"
_NEAREST = """
WITH here AS (
    SELECT a.number, a.name, a.terms->>'lat' AS lat, a.terms->>'lon' AS lon
    FROM agreements a JOIN parties p ON p.id = a.party_id
    WHERE a.kind = 'agency' AND a.state = 'active' AND p.status = 'active'
      AND (lower(a.terms->>'town') = %(place)s OR lower(a.terms->>'ward') = %(place)s)
      AND a.number <> %(but)s),
measured AS (
    SELECT number, lat, lon FROM (
        SELECT number, CASE WHEN lat ~ %(degrees)s THEN lat::float8 END AS lat,
               CASE WHEN lon ~ %(degrees)s THEN lon::float8 END AS lon FROM here) m
    WHERE abs(lat) <= 90 AND abs(lon) <= 180),
start AS (
    SELECT coalesce(%(lat)s, avg(lat)) AS lat, coalesce(%(lon)s, avg(lon)) AS lon FROM measured)
SELECT h.number, h.name, m.lat, m.lon
FROM here h CROSS JOIN start s LEFT JOIN measured m ON m.number = h.number
ORDER BY (m.lat - s.lat) ^ 2 + ((m.lon - s.lon) * cosd(s.lat)) ^ 2 NULLS LAST, h.number
LIMIT %(most)s
"""
"""All of a place, the nearest to a point first (as flat as a town is), then those whom nobody has
measured; cut last, so that none is nearer than those that are told."""

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
    if not place.isdigit():
        return _nearest(source, place, None)
    known = agreements.by_number(source, AGENCY, place)
    if known is None:
        return []
    town = str(known.terms.get("town", "")).lower()
    return _nearest(source, town, _point(known.terms), but=known.number)


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


def _nearest(
    source: Engine | Connection, place: str, start: Point | None, but: str = ""
) -> list[Found]:
    """Those of a place nearest to a point; without one, to the middle of all that were measured."""
    if isinstance(source, Engine):
        with source.connect() as connection:
            return _nearest(connection, place, start, but)
    lat, lon = start or (None, None)
    given = {"place": place, "but": but, "lat": lat, "lon": lon, "degrees": _DEGREES, "most": MOST}
    rows = source.exec_driver_sql(_NEAREST, given)
    return [
        Found(row.number, row.name, _km(start, None if row.lat is None else (row.lat, row.lon)))
        for row in rows
    ]


def _point(terms: Any) -> Point | None:
    """Where an agent was measured to be, in degrees; None where nobody has, or wrongly."""
    try:
        lat, lon = float(terms["lat"]), float(terms["lon"])
    except (KeyError, ValueError):
        return None
    return (lat, lon) if abs(lat) <= 90 and abs(lon) <= 180 else None


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
