"""Agreements: parties, terms and a state."""

from alembic import op

from migrations.apply import sql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(sql("0004_agreements.sql").replace("%", "%%"))
