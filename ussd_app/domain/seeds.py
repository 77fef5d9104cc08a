"""The people that a development server knows from the start, put there by the real commands."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ussd_app.domain import agreements, arrivals, parties, registration, roles, staff
from ussd_app.domain.billing import books, customers, references
from ussd_app.domain.catalogue import AMOUNT
from ussd_app.domain.desk import Desk
from ussd_app.domain.parties import Party
from ussd_app.domain.roles import WALLET

OPENING = "opening"


@dataclass(frozen=True)
class Planted:
    """An agreement to plant. The balance of its main account is in minor units; `under` is the
    number of the agreement above it. `customers` are whom a biller bills: account numbers and the
    phones behind them; `operators` the phones of those who may act in it beside its owner."""

    kind: str
    number: str | None
    name: str
    balance_minor: int = 0
    under: str | None = None
    terms: Mapping[str, object] = field(default_factory=dict)
    customers: tuple[tuple[str, str], ...] = ()
    operators: tuple[str, ...] = ()


@dataclass(frozen=True)
class Seed:
    """A customer to plant. The balance is in minor units of KES; `staff` is the name under which
    one of the house's own people decides."""

    msisdn: str
    name: str
    language: str
    pin: str
    national_id: str
    balance_minor: int
    agreements: tuple[Planted, ...] = ()
    staff: str | None = None


DEVELOPMENT = (
    Seed("+254712000001", "Asha Wanjiku", "en", "4826", "22000001", 1_500_00),
    Seed("+254722000002", "Baraka Otieno", "sw", "1111", "22000002", 20_00),
    Seed(
        *("+254744000004", "Wakuu Mwangi", "en", "4444", "22000004", 0),
        (Planted("agency", "41001", "Wakuu Supplies", 500_000_00, terms={"store": "1"}),),
    ),
    Seed(
        *("+254733000003", "Njeri Kamau", "sw", "3333", "22000003", 50_00),
        (
            Planted(
                *("agency", "41002", "Mama Njeri", 50_000_00, "41001"),
                {"store": "1", "town": "Kawangware"},
            ),
        ),
    ),
    Seed(
        *("+254755000005", "Juma Hassan", "sw", "5555", "22000005", 0),
        (
            Planted(
                *("till", "520001", "Duka la Juma"),
                terms={"category": "food"},
                operators=("+254788000008",),
            ),
        ),
    ),
    Seed("+254788000008", "Amina Yusuf", "sw", "8888", "22000008", 0),
    Seed(
        *("+254766000006", "Maji Wanyama", "en", "6666", "22000006", 0),
        (
            Planted(
                *("paybill", "880011", "Maji Safi"),
                terms={"bearer": "business", "category": "utility"},
                customers=(("ACC1", "+254712000001"), ("ACC2", "+254722000002")),
            ),
        ),
    ),
    Seed("+254799000001", "Joyce Mutua", "en", "4826", "33000001", 0, staff="joyce"),
    Seed("+254799000002", "Peter Kiprono", "en", "4826", "33000002", 0, staff="peter"),
)


def plant(desk: Desk, seeds: Iterable[Seed] = DEVELOPMENT) -> None:
    """Register each customer with their agreements and give the opening balances.

    A second planting changes nothing.
    """
    seeds = tuple(seeds)
    for seed in seeds:
        party = parties.find(desk.reads, seed.msisdn) or _enrol(desk, seed)
        if seed.balance_minor:
            side = roles.own(desk, WALLET, party)
            price = {AMOUNT: seed.balance_minor}
            arrivals.write(desk, OPENING, price, f"{OPENING}:{seed.msisdn}", payee=side)
        if seed.staff:
            staff.add(desk, seed.msisdn, seed.staff)
        for planted in seed.agreements:
            _plant_agreement(desk, party, planted)
    for planted in (each for seed in seeds for each in seed.agreements):
        if planted.customers:
            _plant_customers(desk, planted)
        if planted.operators:
            _plant_operators(desk, planted)


def _plant_customers(desk: Desk, planted: Planted) -> None:
    """Open a biller's books and write down whom they bill."""
    agreement = agreements.by_number(desk.reads, planted.kind, planted.number or "")
    assert agreement is not None
    for account, msisdn in planted.customers:
        party = parties.find(desk.reads, msisdn)
        with desk.engine.begin() as connection:
            own = books.opened(desk, connection, agreement)
            if references.find(connection, own.biller_id, account) is None:
                name = party.name if party else msisdn
                given = {"name": name, "number": account, "msisdn": msisdn}
                customers.add(desk, connection, own, **given)


def _plant_operators(desk: Desk, planted: Planted) -> None:
    """Let them act in the agreement; nobody is told, as nobody is of the rest."""
    agreement = agreements.by_number(desk.reads, planted.kind, planted.number or "")
    assert agreement is not None
    with desk.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO operators (agreement_id, party_id, since)"
            " SELECT %s, id, %s FROM parties WHERE msisdn = ANY (%s) ON CONFLICT DO NOTHING",
            (agreement.id, desk.clock.now(), list(planted.operators)),
        )


def _enrol(desk: Desk, seed: Seed) -> Party:
    with desk.engine.begin() as connection:
        return registration.enrol(
            desk,
            connection,
            msisdn=seed.msisdn,
            name=seed.name,
            language=seed.language,
            national_id=seed.national_id,
            verifier=desk.keyring.pin_verifier(seed.msisdn, seed.pin),
        )


def _plant_agreement(desk: Desk, party: Party, planted: Planted) -> None:
    kind = desk.catalogue.agreements[planted.kind]
    number = planted.number or party.msisdn
    agreement = agreements.by_number(desk.reads, planted.kind, number)
    if agreement is None:
        above = agreements.by_number(desk.reads, planted.kind, planted.under or "")
        with desk.engine.begin() as connection:
            agreement = agreements.establish(
                desk,
                connection,
                planted.kind,
                party,
                name=planted.name,
                number=number,
                parent_id=above.id if above else None,
                terms=planted.terms,
            )
    if planted.balance_minor and kind.funded_by:
        side = roles.of(desk, kind.account, agreement, party)
        key = f"{kind.funded_by}:{agreement.kind}:{agreement.number}"
        arrivals.write(desk, kind.funded_by, {AMOUNT: planted.balance_minor}, key, payee=side)
