"""The rates of coins that were told to somebody."""

from alembic import op

from migrations.apply import sql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(sql("0008_rates.sql").replace("%", "%%"))
