"""Delivery reports on the messages they are about."""

from alembic import op

from migrations.apply import sql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(sql("0003_reports.sql").replace("%", "%%"))
