"""For developers: `python -m db.migrations check` and `python -m db.migrations new TITLE`."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import make_url

from db.engine import build_engine
from db.errors import DatabaseError
from db.migrations import check, upgrade
from db.migrations.scripts import config
from db.urls import normalise_url


def main() -> int:
    """Work on a fresh SQLite file, or on the database that --url names."""
    parser = argparse.ArgumentParser(prog="python -m db.migrations", description=__doc__)
    parser.add_argument("--url", help="the database to work on instead of a fresh SQLite file")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("check", help="upgrade, then compare the tables with those in the code")
    verbs.add_parser("new", help="write a migration from the difference").add_argument("title")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = arguments.url or f"sqlite:///{Path(folder, 'check.db')}"
        try:
            asyncio.run(_check(url) if arguments.verb == "check" else _new(url, arguments.title))
        except (CommandError, DatabaseError) as error:
            print(error, file=sys.stderr)  # noqa: T201 - a command's answer
            return 1
    return 0


async def _check(url: str) -> None:
    await upgrade(url)
    await check(url)


async def _new(url: str, title: str) -> None:
    await upgrade(url)
    number = len(list(ScriptDirectory.from_config(config()).walk_revisions())) + 1
    engine = build_engine(make_url(normalise_url(url)), for_migrations=True)
    try:
        with engine.begin() as connection:
            command.revision(config(connection), title, autogenerate=True, rev_id=f"{number:04d}")
    finally:
        engine.dispose()


if __name__ == "__main__":
    sys.exit(main())
