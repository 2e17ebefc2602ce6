"""What Alembic does for the migrations in `versions`."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection


def config(connection: Connection | None = None) -> Config:
    """Build Alembic's configuration, for which there is no file."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def newest_revision() -> str:
    """Return the newest revision that this program knows, with its title."""
    scripts = ScriptDirectory.from_config(config())
    revision = scripts.get_revision("head")
    return f"{revision.revision} ({revision.doc.rstrip('.').lower()})"


def upgrade_tables(connection: Connection) -> None:
    """Run all migrations that this database lacks."""
    command.upgrade(config(connection), "head")
