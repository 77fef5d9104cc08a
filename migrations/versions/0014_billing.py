"""The third book, billers' own accounts, and whom they bill: customers, invoices, sales."""

from alembic import op

from migrations.apply import sql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(sql("0014_billing.sql").replace("%", "%%"))
