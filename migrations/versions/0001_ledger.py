"""The double-entry ledger: tables, guards, the one writer, and the application's role."""

from alembic import op

from migrations.apply import sql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SCRIPTS = (
    "0001_tables.sql",
    "0001_guards.sql",
    "0001_satellites.sql",
    "0001_writer.sql",
    "0001_rare.sql",
    "0001_post.sql",
    "0001_batch.sql",
    "0001_reads.sql",
    "0001_grants.sql",
)


def upgrade() -> None:
    connection = op.get_bind()
    for script in SCRIPTS:
        connection.exec_driver_sql(sql(script).replace("%", "%%"))
