"""The cast of every test, and the moment at which every test begins."""

from datetime import UTC, datetime

from ussd_app.domain.seeds import Seed

START = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)

ASHA = Seed("+254712000001", "Asha Wanjiku", "en", "4826", "22000001", 1_500_00)
BARAKA = Seed("+254722000002", "Baraka Otieno", "sw", "1111", "22000002", 20_00)
CAST = (ASHA, BARAKA)
STAFF = tuple(
    Seed(f"+25479900000{n}", f"{name.title()} Staff", "en", "4826", f"1900000{n}", 0, staff=name)
    for n, name in enumerate(
        ("joyce", "peter", "wanjiru", "akinyi", "kamau", "naliaka", "omondi", "zawadi"), 1
    )
)
"""The house's own people, who are customers like others."""
