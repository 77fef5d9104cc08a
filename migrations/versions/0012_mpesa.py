"""M-PESA: payments that customers are asked for on their phones, and what has come in."""

from alembic import op

from migrations.apply import sql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(sql("0012_mpesa.sql").replace("%", "%%"))
