"""What tests of agreements share: agents, one under the other, a shop, and how they deal."""

from tests.people import ASHA
from ussd_app.bootstrap import App
from ussd_app.domain import agreements, parties
from ussd_app.domain.agreements import Agreement
from ussd_app.domain.parties import Party
from ussd_app.domain.seeds import Planted, Seed

WAKUU = Seed(
    *("+254744000004", "Wakuu Mwangi", "en", "4444", "22000004", 0),
    (Planted("agency", "41001", "Wakuu Supplies", 100_000_00),),
)
NJERI = Seed(
    *("+254733000003", "Njeri Kamau", "sw", "3333", "22000003", 50_00),
    (Planted("agency", "41002", "Mama Njeri", 20_000_00, "41001"),),
)
JUMA = Seed(
    *("+254755000005", "Juma Hassan", "sw", "5555", "22000005", 100_00),
    (Planted("till", "520001", "Duka la Juma"),),
)
TRADERS = (WAKUU, NJERI, JUMA)


def party(app: App, seed: Seed) -> Party:
    """Somebody of the cast, as the bank knows them."""
    return parties.known(app.bank.desk.reads, seed.msisdn)


def agreement(app: App, kind: str, number: str) -> Agreement:
    """The agreement of that number."""
    found = agreements.by_number(app.bank.desk.reads, kind, number)
    assert found is not None
    return found


def put(app: App, number: str, state: str) -> None:
    """Suspend, close or take up again the agreement of a number."""
    change(app, "UPDATE agreements SET state = %s WHERE number = %s", state, number)


def operate(app: App, number: str, seed: Seed) -> None:
    """Let somebody act for an agreement."""
    change(
        app,
        "INSERT INTO operators (agreement_id, party_id, since)"
        " SELECT id, %s, now() FROM agreements WHERE number = %s",
        *(party(app, seed).id, number),
    )


def change(app: App, statement: str, *given: object) -> None:
    """Change rows as the application may."""
    with app.engine.begin() as connection:
        connection.exec_driver_sql(statement, given)


def quote(app: App, payer: Seed, kind: str, amount_minor: int, **dialled: str) -> str:
    """The number of an offer."""
    args = {"type": kind, "amount": amount_minor, **dialled}
    return str(app.bank.serve("quote", payer.msisdn, args)["quote_id"])


def seen(app: App, agent: Seed = NJERI, customer: Seed = ASHA, key: str = "see:1") -> str:
    """The proof that an agent saw the customer's ID."""
    args = {"customer": customer.msisdn, "id_tail": customer.national_id[-4:]}
    return str(app.bank.serve("see_id", agent.msisdn, args, key)["seen"])


def deposit(app: App, agent: Seed, customer: Seed, amount_minor: int) -> str:
    """The number of an agent's offer to pay in cash for somebody whose ID was seen."""
    proof = seen(app, agent, customer, f"see:{agent.msisdn}")
    return quote(app, agent, "cash_in", amount_minor, payee=customer.msisdn, seen=proof)


def accept(app: App, payer: Seed, quote_id: str, key: str = "s:pay:1") -> dict[str, object]:
    """Consent to an offer with the right PIN."""
    args = {"quote": quote_id, "pin": payer.pin}
    return app.bank.serve("accept_quote", payer.msisdn, args, key)


def held(app: App, name: str) -> int:
    """What an account has, in minor units; nothing when it was never opened."""
    accounts = app.book.accounts([name])
    return app.book.balances([accounts[name]])[accounts[name]].total if accounts else 0
