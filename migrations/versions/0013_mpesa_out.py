"""M-PESA: what was learnt of money on its way out, kinds of errand that rest, differences found."""

from alembic import op

from migrations.apply import sql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(sql("0013_mpesa_out.sql").replace("%", "%%"))
