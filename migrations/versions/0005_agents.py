"""Applications and who decided them; what agents need beside their floats."""

from alembic import op

from migrations.apply import sql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(sql("0005_agents.sql").replace("%", "%%"))
