"""Customers' e-mail addresses, sealed."""

from alembic import op

from migrations.apply import sql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(sql("0015_mail.sql"))
