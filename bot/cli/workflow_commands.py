"""The commands of `limner workflows`."""

from pathlib import Path

import click

from bot.cli.invocation import AS_JSON, EXISTING_FILE, read_settings, run_work

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
@click.pass_context
def list_workflows(context: click.Context, *, as_json: bool) -> None:
    """List all workflows and their problems."""
    from bot.cli.inspect import run_list

    context.exit(run_list(read_settings(context), as_json=as_json))


@workflows.command("convert")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=EXISTING_FILE)
@_OBJECT_INFO
@click.option("--backend", metavar="NAME", help="Ask only this backend.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the graphs, named after their files; required for several.",
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
    """Print the API-format graph of a picture, video, sound or JSON file."""
    from bot.cli.convert import fetch_object_infos, run_convert, saved_object_info

    if len(files) > 1 and out is None:
        raise click.UsageError("Several files need a folder for their graphs: give one with --out.")
    if object_info is None:
        classes = fetch_object_infos(read_settings(context), backend=backend)
    else:
        classes = saved_object_info(object_info)
    context.exit(run_work(lambda: run_convert(files, classes, out=out), context))


@workflows.command("inspect")
@click.argument("file", type=click.Path(exists=True, path_type=Path))
@_OBJECT_INFO
@click.option("--save", is_flag=True, help="Write the manifest next to the file.")
@AS_JSON
@click.pass_context
def inspect_workflow(
    context: click.Context, *, file: Path, object_info: Path | None, save: bool, as_json: bool
) -> None:
    """Show the options of FILE with their reasons, and its manifest."""
    from bot.cli.inspect import run_inspect

    if save and as_json:
        raise click.UsageError("Use --save or --json, not both.")
    settings = read_settings(context)
    work = run_inspect(settings, file, object_info=object_info, save=save, as_json=as_json)
    context.exit(run_work(lambda: work, context))


@workflows.command("add")
@click.argument("file", type=EXISTING_FILE)
@click.option("--name", help="Name of the workflow (the file's name if left out).")
@_OBJECT_INFO
@AS_JSON
@click.pass_context
def add_workflow(
    context: click.Context,
    *,
    file: Path,
    name: str | None,
    object_info: Path | None,
    as_json: bool,
) -> None:
    """Add FILE to the data folder with a manifest, and show its options."""
    from bot.cli.inspect import run_add
    from bot.operating.private_files import keep_private
    from db.urls import sqlite_files

    settings = read_settings(context)
    keep_private(settings.data, *sqlite_files(settings.effective_database_url))
    work = run_add(settings, file, name=name, object_info=object_info, as_json=as_json)
    context.exit(run_work(lambda: work, context))


@workflows.command("survey")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@_OBJECT_INFO
@click.option("--local", is_flag=True, help="Leave out workflows that call paid services.")
@AS_JSON
@click.pass_context
def survey_workflows(
    context: click.Context, *, folder: Path, object_info: Path | None, local: bool, as_json: bool
) -> None:
    """Inspect every file in FOLDER and show a table."""
    from bot.cli.inspect import run_survey

    settings = read_settings(context)
    work = run_survey(settings, folder, object_info=object_info, local_only=local, as_json=as_json)
    context.exit(run_work(lambda: work, context))
