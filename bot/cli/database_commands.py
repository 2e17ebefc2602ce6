"""The commands of `limner db`."""

from pathlib import Path

import click

from bot.cli.invocation import AS_JSON, EXISTING_FILE, read_settings, run_work


@click.group()
def db() -> None:
    """Manage the database."""


@db.command()
@click.pass_context
def upgrade(context: click.Context) -> None:
    """Upgrade the database to this version."""
    from bot.operating.private_files import keep_private
    from db import migrations
    from db.urls import sqlite_files

    settings = read_settings(context)
    keep_private(settings.data, *sqlite_files(settings.effective_database_url))
    run_work(lambda: migrations.upgrade(settings.effective_database_url), context)
    click.echo("The database is up to date.")


@db.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.pass_context
def backup(context: click.Context, *, file: Path) -> None:
    """Back up to FILE; the bot can keep running."""
    from db import maintenance

    settings = read_settings(context)
    run_work(lambda: maintenance.backup(settings.effective_database_url, file), context)
    click.echo(f"Saved to {file}.")


@db.command()
@click.argument("file", type=EXISTING_FILE)
@click.pass_context
def restore(context: click.Context, *, file: Path) -> None:
    """Restore the backup in FILE; stop the bot first."""
    from bot.cli.database import restore as bring_back

    settings = read_settings(context)
    kept = run_work(lambda: bring_back(settings, file), context)
    click.echo(f"Restored from {file}." + (f" The previous database is in {kept}." if kept else ""))


@db.command()
@click.argument("url")
@click.pass_context
def copy(context: click.Context, *, url: str) -> None:
    """Copy everything to the empty PostgreSQL at URL; stop the bot first."""
    from bot.cli.database import copy as copy_to

    settings = read_settings(context)
    run_work(lambda: copy_to(settings, url, note=_echo_rows), context)
    click.echo("Everything is copied. Set DATABASE_URL to that database, then start the bot.")


def _echo_rows(table: str, count: int) -> None:
    click.echo(f"{table:<20}{count:>12,}")


@db.command()
@AS_JSON
@click.pass_context
def stats(context: click.Context, *, as_json: bool) -> None:
    """Show the rows and bytes of each table."""
    import json
    from dataclasses import asdict

    from db import maintenance

    settings = read_settings(context)
    statistics = run_work(lambda: maintenance.stats(settings.effective_database_url), context)
    lines = [json.dumps(asdict(statistics), indent=2)] if as_json else statistics.lines()
    for line in lines:
        click.echo(line)
