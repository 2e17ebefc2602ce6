"""The commands of `limner history`."""

from pathlib import Path
from typing import Any

import click

from bot.cli.invocation import read_settings, run_work

FORMATS = ("csv", "jsonl")
"""The values of `generation.history.export.ExportFormat`."""

STATES = ("waiting", "running", "succeeded", "failed", "cancelled")
"""The values of `generation.record.GenerationState`."""


@click.group()
def history() -> None:
    """Export the history."""


@history.command("export")
@click.option(
    "--format",
    "file_format",
    type=click.Choice(FORMATS),
    default=FORMATS[0],
    show_default=True,
    help="csv for spreadsheets, jsonl for programs.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to FILE instead of the terminal.",
)
@click.option("--guild", type=int, help="Only this server (0: direct messages).")
@click.option("--user", type=int, help="Only this person, by id.")
@click.option("--workflow", help="Only this workflow.")
@click.option("--status", type=click.Choice(STATES))
@click.option("--search", help="Words in the prompt.")
@click.option("--since", help="From this day: 2026-11-01, today, yesterday or 3d.")
@click.option("--until", help="Until this day.")
@click.option("--flagged", is_flag=True, help="Only flagged or reported ones.")
@click.pass_context
def export_history(context: click.Context, /, *, file_format: str, **asked: Any) -> None:  # noqa: ANN401 - the options
    """Write the history as CSV or JSON Lines, newest first."""
    from bot.cli.export import ExportOptions, run_export
    from generation.history.export import ExportFormat

    settings = read_settings(context)
    options = ExportOptions(ExportFormat(file_format), **asked)
    count = run_work(lambda: run_export(settings.effective_database_url, options), context)
    if options.out is not None:
        click.echo(f"{count} generations were saved to {options.out}.")
