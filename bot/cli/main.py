"""The console command `limner`."""

import asyncio
import io
import json
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import click

from bot.app import Role, StartupError, run_bot
from bot.cli.check import run_check
from bot.cli.convert import (
    FileUnusable,
    fetch_object_infos,
    run_convert,
    saved_object_info,
)
from bot.cli.export import ExportOptions, HistoryUnusable, run_export
from bot.cli.generate import GenerateOptions, run_generate
from bot.cli.inspect import catalog_json, load_catalog, run_add, run_inspect, run_survey
from bot.commands import COMMAND_NAMES
from bot.commands.workflow_commands import plan_commands
from bot.logs import set_up_logs
from bot.private_files import keep_private
from bot.settings import Settings, SettingsError, load_settings
from db import maintenance, migrations
from db.database import sqlite_files
from db.errors import DatabaseError
from generation.errors import GenerationError
from generation.history.export import ExportFormat
from generation.library.summaries import summarise
from generation.record import GenerationState
from workflows.errors import WorkflowUnusable

_EXPECTED = (
    SettingsError,
    StartupError,
    DatabaseError,
    GenerationError,
    WorkflowUnusable,
    FileUnusable,
    HistoryUnusable,
    OSError,
)
"""Errors whose own text is the sentence an operator needs."""

_EXISTING_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)

_OBJECT_INFO = click.option(
    "--object-info",
    type=_EXISTING_FILE,
    help="A saved /object_info, compressed or not, instead of the backends.",
)

_AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")

T = TypeVar("T")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="limner")
@click.option("--debug", is_flag=True, help="Show tracebacks and debug logs.")
@click.pass_context
def limner(context: click.Context, *, debug: bool) -> None:
    """Turn a community's ComfyUI workflows into Discord slash commands."""
    context.obj = debug


@limner.command()
@click.option(
    "--role",
    type=click.Choice([role.value for role in Role]),
    default=Role.ALL.value,
    show_default=True,
    help="bot: Discord only. worker: runs generations, without a gateway connection.",
)
@click.pass_context
def run(context: click.Context, *, role: str) -> None:
    """Run the bot until it is stopped."""
    settings = _settings(context, tells_all=True)
    _run(lambda: run_bot(settings, role=Role(role)), context)


@limner.command()
@click.option("--comfyui", metavar="URL", help="Use this real ComfyUI instead of the stand-in.")
@click.option("--script", is_flag=True, help="Play a session without waiting for a person.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("limner-demo"),
    show_default=True,
    help="With --script: the folder for the pictures.",
)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The page's port.")
@click.option("--browser/--no-browser", default=True, help="Open the page in a browser.")
@click.pass_context
def demo(
    context: click.Context,
    *,
    comfyui: str | None,
    script: bool,
    out: Path,
    port: int,
    browser: bool,
) -> None:
    """Try everything here: no account, no GPU and no token needed."""
    from sandbox.demo import DemoOptions, run_demo  # noqa: PLC0415 - only this command needs it

    set_up_logs(style="console", level="debug" if context.obj else "error")
    options = DemoOptions(
        comfyui_url=comfyui, script=script, out=out, port=port, open_browser=browser
    )
    context.exit(_run(lambda: run_demo(options), context) or 0)


@limner.command()
@click.pass_context
def check(context: click.Context) -> None:
    """Say what works and what does not, and what to do about it."""
    settings = _settings(context)
    context.exit(_run(lambda: run_check(settings), context))


@limner.command()
@click.argument("prompt", default="")
@click.option("--workflow", help="A name that `limner workflows list` shows.")
@click.option(
    "--image", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A picture."
)
@click.option(
    "--mask",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="White where the picture is to be painted anew.",
)
@click.option(
    "--set",
    "values",
    multiple=True,
    metavar="NAME=VALUE",
    help="Any other input; a file is given as NAME=@FILE.",
)
@click.option("--seed", type=click.IntRange(0, 2**64 - 1), help="The same seed, the same picture.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="The folder for the results.",
)
@click.pass_context
def generate(
    context: click.Context,
    *,
    prompt: str,
    workflow: str | None,
    image: Path | None,
    mask: Path | None,
    values: tuple[str, ...],
    seed: int | None,
    out: Path,
) -> None:
    """Run one generation from here, without Discord."""
    settings = _settings(context)
    options = GenerateOptions(
        prompt=prompt,
        workflow=workflow,
        image=image,
        mask=mask,
        values=_parse_values(values),
        seed=seed,
        out=out,
    )
    context.exit(_run(lambda: run_generate(settings, options), context))


@limner.group()
def workflows() -> None:
    """Look at the workflows that become commands."""


@workflows.command("list")
@_AS_JSON
@click.pass_context
def list_workflows(context: click.Context, *, as_json: bool) -> None:
    """List every workflow, and what is wrong with those that cannot be used."""
    settings = _settings(context)
    catalog = load_catalog(settings)
    if as_json:
        reports = catalog_json(settings, catalog)
        click.echo(json.dumps(reports, ensure_ascii=False, indent=2))
        context.exit(0 if all(one["usable"] for one in reports) else 1)
    summaries = [summarise(workflow) for workflow in catalog.workflows.values()]
    plan = plan_commands(summaries, COMMAND_NAMES)
    for one in summaries:
        command = f" (/{one.command})" if one in plan.accepted else ""
        click.echo(f"{one.name:20} {one.kind:10} {one.title}{command}")
    for name, workflow in catalog.disabled.items():
        click.echo(f"{name:20} {'off':10} {workflow.manifest.title}")
    problems = (*(f"{one.path}: {one.sentence}" for one in catalog.problems), *plan.refusals)
    for problem in problems:
        click.echo(problem, err=True)
    context.exit(1 if problems else 0)


@workflows.command("convert")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=_EXISTING_FILE)
@_OBJECT_INFO
@click.option("--backend", metavar="NAME", help="Ask this backend alone.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="A folder for the graphs, each called after its file; needed for several files.",
)
@click.pass_context
def convert_workflows(
    context: click.Context,
    *,
    files: tuple[Path, ...],
    object_info: Path | None,
    backend: str | None,
    out: Path | None,
) -> None:
    """Print the API-format graph of a picture, film, sound or JSON file, or write several."""
    if len(files) > 1 and out is None:
        raise click.UsageError("Several files need a folder for their graphs: give one with --out.")
    if object_info is None:
        classes = fetch_object_infos(_settings(context), backend=backend)
    else:
        classes = saved_object_info(object_info)
    context.exit(_run(lambda: run_convert(files, classes, out=out), context))


@workflows.command("inspect")
@click.argument("file", type=click.Path(exists=True, path_type=Path))
@_OBJECT_INFO
@click.option("--save", is_flag=True, help="Write the manifest beside the file, for editing.")
@_AS_JSON
@click.pass_context
def inspect_workflow(
    context: click.Context, *, file: Path, object_info: Path | None, save: bool, as_json: bool
) -> None:
    """Show what FILE would ask people for, each input with its reason, and the manifest."""
    if save and as_json:
        raise click.UsageError("Use --save or --json, not both.")
    settings = _settings(context)
    work = run_inspect(settings, file, object_info=object_info, save=save, as_json=as_json)
    context.exit(_run(lambda: work, context))


@workflows.command("add")
@click.argument("file", type=_EXISTING_FILE)
@click.option("--name", help="What it is called; the file's name when left out.")
@_OBJECT_INFO
@_AS_JSON
@click.pass_context
def add_workflow(
    context: click.Context,
    *,
    file: Path,
    name: str | None,
    object_info: Path | None,
    as_json: bool,
) -> None:
    """Put a copy of FILE into the data folder with a manifest to edit, and show what it asks."""
    settings = _settings(context)
    keep_private(settings.data, *sqlite_files(settings.effective_database_url))
    work = run_add(settings, file, name=name, object_info=object_info, as_json=as_json)
    context.exit(_run(lambda: work, context))


@workflows.command("survey")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@_OBJECT_INFO
@click.option("--local", is_flag=True, help="Leave out what calls paid services.")
@_AS_JSON
@click.pass_context
def survey_workflows(
    context: click.Context, *, folder: Path, object_info: Path | None, local: bool, as_json: bool
) -> None:
    """Show what becomes of every file in FOLDER, as a table, and the counts."""
    settings = _settings(context)
    work = run_survey(settings, folder, object_info=object_info, local_only=local, as_json=as_json)
    context.exit(_run(lambda: work, context))


@limner.group()
def history() -> None:
    """Read what was made."""


@history.command("export")
@click.option(
    "--format",
    "file_format",
    type=click.Choice([one.value for one in ExportFormat]),
    default=ExportFormat.CSV.value,
    show_default=True,
    help="csv for spreadsheets, jsonl for programs.",
)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Instead of printing.")
@click.option("--guild", type=int, help="Of this server alone; 0 is direct messages.")
@click.option("--user", type=int, help="Of this person alone, by their id.")
@click.option("--workflow", help="Made with this workflow.")
@click.option("--status", type=click.Choice([one.value for one in GenerationState]))
@click.option("--search", help="Words of the prompt.")
@click.option("--since", help="From this day on: 2026-11-01, today, yesterday or 3d.")
@click.option("--until", help="Up to this day.")
@click.option("--flagged", is_flag=True, help="Only what a word, a report or a check pointed out.")
@click.pass_context
def export_history(context: click.Context, /, *, file_format: str, **asked: Any) -> None:  # noqa: ANN401 - the options
    """Write the history as CSV or JSON Lines, newest first."""
    settings = _settings(context)
    options = ExportOptions(ExportFormat(file_format), **asked)
    count = _run(lambda: run_export(settings.effective_database_url, options), context)
    if options.out is not None:
        click.echo(f"{count} generations were saved to {options.out}.")


@limner.group()
def db() -> None:
    """Look after the database."""


@db.command()
@click.pass_context
def upgrade(context: click.Context) -> None:
    """Bring the database's tables up to this version."""
    settings = _settings(context)
    keep_private(settings.data, *sqlite_files(settings.effective_database_url))
    _run(lambda: migrations.upgrade(settings.effective_database_url), context)
    click.echo("The database is up to date.")


@db.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.pass_context
def backup(context: click.Context, *, file: Path) -> None:
    """Write a consistent copy to FILE; the bot may go on running."""
    settings = _settings(context)
    _run(lambda: maintenance.backup(settings.effective_database_url, file), context)
    click.echo(f"Saved to {file}.")


@db.command()
@click.pass_context
def stats(context: click.Context) -> None:
    """Show how many rows and bytes each table holds."""
    settings = _settings(context)
    found = _run(lambda: maintenance.stats(settings.effective_database_url), context)
    for line in found.lines():
        click.echo(line)


def main() -> None:
    """Run the command line; exit statuses: 0 done, 1 not done, 2 wrong usage."""
    for stream in (sys.stdout, sys.stderr):
        # Consoles and pipes of Windows, and locales without UTF-8, lack characters that people use.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    limner(prog_name="limner")


def _settings(context: click.Context, *, tells_all: bool = False) -> Settings:
    """Read the settings; a command that answers by itself logs errors only."""
    try:
        settings = load_settings()
    except SettingsError as error:
        for problem in error.problems:
            click.echo(problem, err=True)
        context.exit(1)
    level = settings.log_level if tells_all else "error"
    level = "debug" if context.obj else level
    set_up_logs(style=settings.log_format, level=level)
    return settings


def _run(work: Callable[[], Coroutine[Any, Any, T]], context: click.Context) -> T:
    try:
        return asyncio.run(work())
    except KeyboardInterrupt:
        context.exit(130)
    except _EXPECTED as error:
        if context.obj:
            raise
        click.echo(str(error), err=True)
        context.exit(1)
    except Exception as error:
        if context.obj:
            raise
        kind = type(error).__name__
        click.echo(f"Something unforeseen happened ({kind}). Run it again with --debug.", err=True)
        context.exit(1)


def _parse_values(pairs: tuple[str, ...]) -> dict[str, str]:
    values = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator or not name:
            raise click.BadParameter(f"{pair!r} is not NAME=VALUE.", param_hint="--set")
        values[name] = value
    return values


if __name__ == "__main__":
    main()
