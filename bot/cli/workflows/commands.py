"""The commands of `limner workflows`."""

import asyncio
from pathlib import Path
from typing import Any

import click

from bot.cli.invocation import AS_JSON, EXISTING_FILE, FOLDER, read_settings

_OBJECT_INFO = click.option(
    "--object-info",
    type=EXISTING_FILE,
    help="Saved /object_info (also gzipped), instead of the backends.",
)


@click.group()
def workflows() -> None:
    """Manage workflow files."""


@workflows.command("list")
@AS_JSON
def list_workflows(*, as_json: bool) -> int:
    """List all workflows and their problems."""
    from bot.cli.workflows.listing import run_list

    return run_list(read_settings(), as_json=as_json)


@workflows.command("convert")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=EXISTING_FILE)
@_OBJECT_INFO
@click.option("--backend", metavar="NAME", help="Ask only this backend.")
@click.option(
    "--out",
    type=FOLDER,
    help="Folder for the graphs, named after their files; required for several.",
)
def convert_workflows(
    *, files: tuple[Path, ...], object_info: Path | None, backend: str | None, out: Path | None
) -> int:
    """Print the API-format graph of a picture, video, sound or JSON file."""
    from bot.cli.workflows.convert import fetch_object_infos, run_convert, saved_object_info

    if len(files) > 1 and out is None:
        raise click.UsageError("Several files need a folder for their graphs: give one with --out.")
    if object_info is None:
        classes = fetch_object_infos(read_settings(), backend=backend)
    else:
        classes = saved_object_info(object_info)
    return asyncio.run(run_convert(files, classes, out=out))


@workflows.command("inspect")
@click.argument("file", type=click.Path(exists=True, path_type=Path))
@_OBJECT_INFO
@click.option("--save", is_flag=True, help="Write the manifest next to the file.")
@AS_JSON
def inspect_workflow(*, file: Path, object_info: Path | None, save: bool, as_json: bool) -> int:
    """Show the options of FILE with their reasons, and its manifest."""
    from bot.cli.workflows.inspect import run_inspect

    if save and as_json:
        raise click.UsageError("Use --save or --json, not both.")
    inspecting = run_inspect(
        read_settings(), file, object_info=object_info, save=save, as_json=as_json
    )
    return asyncio.run(inspecting)


@workflows.command("add")
@click.argument("file", type=EXISTING_FILE)
@click.option("--name", help="Name of the workflow (the file's name if left out).")
@_OBJECT_INFO
@AS_JSON
def add_workflow(*, file: Path, **options: Any) -> int:  # noqa: ANN401 - the options
    """Add FILE to the data folder with a manifest, and show its options."""
    from bot.cli.workflows.inspect import run_add
    from bot.operating.private_files import keep_private
    from db.urls import sqlite_files

    settings = read_settings()
    keep_private(settings.data, *sqlite_files(settings.effective_database_url))
    return asyncio.run(run_add(settings, file, **options))


@workflows.command("survey")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@_OBJECT_INFO
@click.option(
    "--local", "local_only", is_flag=True, help="Leave out workflows that call paid services."
)
@AS_JSON
def survey_workflows(*, folder: Path, **options: Any) -> int:  # noqa: ANN401 - the options
    """Inspect every file in FOLDER and show a table."""
    from bot.cli.workflows.inspect import run_survey

    return asyncio.run(run_survey(read_settings(), folder, **options))
