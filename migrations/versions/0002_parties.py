"""Who we know: parties, their PINs as verifiers, quotes, and how sessions ended."""

from alembic import op

from migrations.apply import sql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(sql("0002_parties.sql").replace("%", "%%"))
