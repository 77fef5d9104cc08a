"""Windows, blocked IDs, tiers asked for, security questions and disputes."""

from alembic import op

from migrations.apply import sql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(sql("0009_safeguards.sql").replace("%", "%%"))
