"""The commands of `limner db`."""

import asyncio
from pathlib import Path

import click

from bot.cli.invocation import AS_JSON, EXISTING_FILE, NEW_FILE, read_settings


@click.group()
def db() -> None:
    """Manage the database."""


@db.command()
def upgrade() -> None:
    """Upgrade the database to this version."""
    from bot.operating.private_files import keep_private
    from db import migrations
    from db.urls import sqlite_files

    settings = read_settings()
    keep_private(settings.data, *sqlite_files(settings.effective_database_url))
    asyncio.run(migrations.upgrade(settings.effective_database_url))
    click.echo("The database is up to date.")


@db.command()
@click.argument("file", type=NEW_FILE)
def backup(*, file: Path) -> None:
    """Back up to FILE; the bot can keep running."""
    from db import maintenance

    asyncio.run(maintenance.backup(read_settings().effective_database_url, file))
    click.echo(f"Saved to {file}.")


@db.command()
@click.argument("file", type=EXISTING_FILE)
def restore(*, file: Path) -> None:
    """Restore the backup in FILE; stop the bot first."""
    from bot.cli.database import restore as restore_backup

    kept = asyncio.run(restore_backup(read_settings(), file))
    click.echo(f"Restored from {file}." + (f" The previous database is in {kept}." if kept else ""))


@db.command()
@click.argument("url")
def copy(*, url: str) -> None:
    """Copy everything to the empty PostgreSQL at URL; stop the bot first."""
    from bot.cli.database import copy as copy_to

    asyncio.run(copy_to(read_settings(), url, note=_echo_rows))
    click.echo("Everything is copied. Set DATABASE_URL to that database, then start the bot.")


def _echo_rows(table: str, count: int) -> None:
    click.echo(f"{table:<20}{count:>12,}")


@db.command()
@AS_JSON
def stats(*, as_json: bool) -> None:
    """Show the rows and bytes of each table."""
    import json
    from dataclasses import asdict

    from db import maintenance

    statistics = asyncio.run(maintenance.stats(read_settings().effective_database_url))
    lines = [json.dumps(asdict(statistics), indent=2)] if as_json else statistics.lines()
    for line in lines:
        click.echo(line)
