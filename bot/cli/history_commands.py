"""The commands of `limner history`."""

import asyncio
from pathlib import Path
from typing import Any

import click

from bot.cli.invocation import NEW_FILE, read_settings

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
@click.option("--out", type=NEW_FILE, help="Write to FILE instead of the terminal.")
@click.option("--guild", type=int, help="Only this server (0: direct messages).")
@click.option("--user", type=int, help="Only this person, by id.")
@click.option("--workflow", help="Only this workflow.")
@click.option("--status", type=click.Choice(STATES))
@click.option("--search", help="Words in the prompt.")
@click.option("--since", help="From this day: 2026-11-01, today, yesterday or 3d.")
@click.option("--until", help="Until this day.")
@click.option("--flagged", is_flag=True, help="Only flagged or reported ones.")
def export_history(*, file_format: str, out: Path | None, **asked: Any) -> None:  # noqa: ANN401 - the options
    """Write the history as CSV or JSON Lines, newest first."""
    from bot.cli.export import run_export
    from generation.history.export import ExportFormat

    url = read_settings().effective_database_url
    count = asyncio.run(run_export(url, ExportFormat(file_format), out, **asked))
    if out is not None:
        click.echo(f"{count} generations were saved to {out}.")
