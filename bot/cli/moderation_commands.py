"""The commands `limner block`, `unblock` and `pictures`."""

import asyncio
from pathlib import Path

import click

from bot.cli.invocation import EXISTING_FILE, NEW_FILE, read_settings

USER_ID = click.IntRange(1, 2**63 - 1)
"""Discord's ids, as far as databases store them."""

DAYS_BLOCKED = 3650
"""Most days of a block, as of `bot.commands.mod.group`."""


@click.command()
@click.argument("user_id", type=USER_ID)
@click.option(
    "--days", type=click.IntRange(1, DAYS_BLOCKED), help="For how many days; forever if empty."
)
@click.option("--reason", default="", help="They will see it.")
def block(*, user_id: int, days: int | None, reason: str) -> None:
    """Block a person in all servers, by their Discord id."""
    from bot.cli.moderation import block_person

    url = read_settings().effective_database_url
    click.echo(asyncio.run(block_person(url, user_id, days=days, reason=reason)))


@click.command()
@click.argument("user_id", type=USER_ID)
def unblock(*, user_id: int) -> None:
    """Lift a block of a person in all servers."""
    from bot.cli.moderation import unblock_person

    click.echo(asyncio.run(unblock_person(read_settings().effective_database_url, user_id)))


@click.group()
def pictures() -> None:
    """Block pictures in all servers."""


@pictures.command("list")
def list_() -> None:
    """Show what is blocked: its number, when, its hash and the reason."""
    from bot.cli.moderation import list_pictures

    for line in asyncio.run(list_pictures(read_settings().effective_database_url)):
        click.echo(line)


@pictures.command("import")
@click.argument("file", type=EXISTING_FILE)
def import_(*, file: Path) -> None:
    """Block what FILE lists: a PDQ hash a line, and a reason behind it."""
    from bot.cli.moderation import import_pictures

    click.echo(asyncio.run(import_pictures(read_settings().effective_database_url, file)))


@pictures.command()
@click.argument("file", type=NEW_FILE)
def export(*, file: Path) -> None:
    """Write the list to FILE."""
    from bot.cli.moderation import export_pictures

    count = asyncio.run(export_pictures(read_settings().effective_database_url, file))
    click.echo(f"Saved to {file}: {count}.")
