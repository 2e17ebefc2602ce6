"""The commands `limner block`, `unblock` and `pictures`."""

from pathlib import Path

import click

from bot.cli.invocation import EXISTING_FILE, read_settings, run_work

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
@click.pass_context
def block(context: click.Context, *, user_id: int, days: int | None, reason: str) -> None:
    """Block a person in all servers, by their Discord id."""
    from bot.cli.moderation import block_person

    url = read_settings(context).effective_database_url
    click.echo(run_work(lambda: block_person(url, user_id, days=days, reason=reason), context))


@click.command()
@click.argument("user_id", type=USER_ID)
@click.pass_context
def unblock(context: click.Context, *, user_id: int) -> None:
    """Lift a block of a person in all servers."""
    from bot.cli.moderation import unblock_person

    url = read_settings(context).effective_database_url
    click.echo(run_work(lambda: unblock_person(url, user_id), context))


@click.group()
def pictures() -> None:
    """Block pictures in all servers."""


@pictures.command("list")
@click.pass_context
def list_(context: click.Context) -> None:
    """Show what is blocked: its number, when, its hash and the reason."""
    from bot.cli.moderation import list_pictures

    settings = read_settings(context)
    for line in run_work(lambda: list_pictures(settings.effective_database_url), context):
        click.echo(line)


@pictures.command("import")
@click.argument("file", type=EXISTING_FILE)
@click.pass_context
def import_(context: click.Context, *, file: Path) -> None:
    """Block what FILE lists: a PDQ hash a line, and a reason behind it."""
    from bot.cli.moderation import import_pictures

    settings = read_settings(context)
    said = run_work(lambda: import_pictures(settings.effective_database_url, file), context)
    click.echo(said)


@pictures.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.pass_context
def export(context: click.Context, *, file: Path) -> None:
    """Write the list to FILE."""
    from bot.cli.moderation import export_pictures

    settings = read_settings(context)
    count = run_work(lambda: export_pictures(settings.effective_database_url, file), context)
    click.echo(f"Saved to {file}: {count}.")
