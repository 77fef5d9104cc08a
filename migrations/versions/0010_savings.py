"""Standing orders, categories that customers chose, summaries of a month, statements on paper."""

from alembic import op

from migrations.apply import sql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(sql("0010_savings.sql").replace("%", "%%"))
