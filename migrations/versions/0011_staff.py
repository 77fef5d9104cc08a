"""Who of our customers works for the house."""

from alembic import op

from migrations.apply import sql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(sql("0011_staff.sql").replace("%", "%%"))
