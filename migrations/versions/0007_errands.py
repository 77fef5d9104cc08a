"""Errands in the world outside, and money that came from it for nobody we know."""

from alembic import op

from migrations.apply import sql

revision = "0007"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(sql("0007_errands.sql").replace("%", "%%"))
