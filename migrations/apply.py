"""Bring a database to the newest shape, from code. Knows nothing of who asks."""

from pathlib import Path

from alembic import command
from alembic.config import Config

FOLDER = Path(__file__).resolve().parent


def config(url: str) -> Config:
    """Alembic's configuration for the database behind a URL."""
    settings = Config()
    settings.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    settings.set_main_option("path_separator", "os")
    settings.attributes["url"] = url
    return settings


def upgrade(url: str, revision: str = "head") -> None:
    """Apply what is missing up to a revision, in one transaction. Repeating it changes nothing."""
    command.upgrade(config(url), revision)


def sql(name: str) -> str:
    """The text of a script in `sql/`."""
    return (FOLDER / "sql" / name).read_text(encoding="utf-8")
