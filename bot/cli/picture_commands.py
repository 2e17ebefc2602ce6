"""The commands of `limner pictures`."""

from pathlib import Path

import click

from bot.cli.invocation import EXISTING_FILE, read_settings, run_work


@click.group()
def pictures() -> None:
    """Block pictures in all servers."""


@pictures.command("list")
@click.pass_context
def list_(context: click.Context) -> None:
    """Show what is blocked: its number, when, its hash and the reason."""
    from bot.cli.pictures import list_pictures

    settings = read_settings(context)
    for line in run_work(lambda: list_pictures(settings.effective_database_url), context):
        click.echo(line)


@pictures.command("import")
@click.argument("file", type=EXISTING_FILE)
@click.pass_context
def import_(context: click.Context, *, file: Path) -> None:
    """Block what FILE lists: a PDQ hash a line, and a reason behind it."""
    from bot.cli.pictures import import_pictures

    settings = read_settings(context)
    said = run_work(lambda: import_pictures(settings.effective_database_url, file), context)
    click.echo(said)


@pictures.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.pass_context
def export(context: click.Context, *, file: Path) -> None:
    """Write the list to FILE."""
    from bot.cli.pictures import export_pictures

    settings = read_settings(context)
    count = run_work(lambda: export_pictures(settings.effective_database_url, file), context)
    click.echo(f"Saved to {file}: {count}.")
