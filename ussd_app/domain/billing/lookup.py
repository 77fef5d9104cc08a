"""All that a payment to a biller must know, in one round trip: whose books they are, what the typed
number means, who that is, and what of it is open.
"""

from dataclasses import dataclass

from ussd_app.domain.billing import references
from ussd_app.domain.billing.books import OWN, Books
from ussd_app.domain.billing.customers import Customer
from ussd_app.domain.billing.references import Meant
from ussd_app.domain.desk import Desk
from ussd_app.ledger.prepared import Prepared

MOST_AT_ONCE = 20
"""So many open invoices are looked at; what is left of a payment then is credit."""

_LOOK = Prepared(
    "kabambe_billed",
    """
SELECT g.id, g.name, g.number,
       (SELECT json_object_agg(a.kind, a.id) FROM accounts a
         WHERE a.kind = ANY ($5) AND a.owner = 'paybill-' || g.id),
       o.msisdn, o.language,
       m.kind, m.id, m.account_id, m.customer_id, m.number,
       c.id, c.agreement_id, c.number, c.name, c.msisdn, c.account_id,
       coalesce(p.language, o.language),
       (SELECT json_agg(json_build_array(x.account_id, x.number, x.balance_minor) ORDER BY x.nth)
          FROM (SELECT i.account_id, i.number, a.balance_minor,
                       row_number() OVER (ORDER BY i.account_id <> m.account_id, i.due_day, i.id)
                       AS nth
                  FROM invoices i JOIN accounts a ON a.id = i.account_id
                 WHERE i.customer_id = c.id AND a.balance_minor > 0
                 ORDER BY nth LIMIT $6) x),
       s.balance_minor
FROM agreements g JOIN billers b ON b.agreement_id = g.id JOIN parties o ON o.id = g.party_id
LEFT JOIN LATERAL (
    SELECT 'invoice' AS kind, i.id, i.account_id, i.customer_id, i.number, 0 AS place
      FROM invoices i WHERE i.agreement_id = g.id AND i.number = $2
    UNION ALL
    SELECT 'sale', s.id, s.account_id, NULL, s.number, 0
      FROM sales s WHERE s.agreement_id = g.id AND s.number = $3
    UNION ALL
    SELECT 'customer', c.id, c.account_id, c.id, c.number, array_position($4, c.number)
      FROM billing_customers c WHERE c.agreement_id = g.id AND c.number = ANY ($4)
    ORDER BY place LIMIT 1) m ON true
LEFT JOIN billing_customers c ON c.id = m.customer_id
LEFT JOIN parties p ON p.msisdn = c.msisdn AND p.status <> 'closed'
LEFT JOIN accounts s ON s.id = m.account_id AND m.kind = 'sale'
WHERE g.account_id = $1
""",
    6,
)


@dataclass(frozen=True)
class Found:
    """What a typed number leads to at a biller. `owed` are open invoices as (account, number, minor
    units), the named one first; `open_minor` is what of a sale is open."""

    books: Books
    owner_msisdn: str
    owner_language: str
    meant: Meant | None
    customer: Customer | None
    owed: tuple[tuple[int, str, int], ...]
    open_minor: int


def look(desk: Desk, takings_id: int, typed: str) -> Found | None:
    """What a payment into an account of e-money is for; None where no books are kept."""
    forms = references.forms(typed)
    given = (takings_id, forms.invoice, forms.sale, forms.numbers, list(OWN), MOST_AT_ONCE)
    row = _LOOK.read(desk.reads, given)
    if row is None:
        return None
    meant, customer = row[6:11], row[11:18]
    return Found(
        books=Books(*row[:4]),
        owner_msisdn=row[4],
        owner_language=row[5],
        meant=Meant(*meant) if meant[0] is not None else None,
        customer=Customer(*customer) if customer[0] is not None else None,
        owed=tuple((account, number, minor) for account, number, minor in row[18] or ()),
        open_minor=row[19] or 0,
    )
