"""The commands of `limner workflows`."""

from pathlib import Path

import click

from bot.cli.invocation import AS_JSON, EXISTING_FILE, read_settings, run_work

_OBJECT_INFO = click.option(
    "--object-info",
    type=EXISTING_FILE,
    help="A saved /object_info, compressed or not, instead of the backends.",
)


@click.group()
def workflows() -> None:
    """Look at the workflows that become commands."""


@workflows.command("list")
@AS_JSON
@click.pass_context
def list_workflows(context: click.Context, *, as_json: bool) -> None:
    """List every workflow, and what is wrong with those that cannot be used."""
    from bot.cli.inspect import run_list

    context.exit(run_list(read_settings(context), as_json=as_json))


@workflows.command("convert")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=EXISTING_FILE)
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
@click.option("--save", is_flag=True, help="Write the manifest beside the file, for editing.")
@AS_JSON
@click.pass_context
def inspect_workflow(
    context: click.Context, *, file: Path, object_info: Path | None, save: bool, as_json: bool
) -> None:
    """Show what FILE would ask people for, each input with its reason, and the manifest."""
    from bot.cli.inspect import run_inspect

    if save and as_json:
        raise click.UsageError("Use --save or --json, not both.")
    settings = read_settings(context)
    work = run_inspect(settings, file, object_info=object_info, save=save, as_json=as_json)
    context.exit(run_work(lambda: work, context))


@workflows.command("add")
@click.argument("file", type=EXISTING_FILE)
@click.option("--name", help="What it is called; the file's name when left out.")
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
    """Put a copy of FILE into the data folder with a manifest to edit, and show what it asks."""
    from bot.cli.inspect import run_add
    from bot.private_files import keep_private
    from db.urls import sqlite_files

    settings = read_settings(context)
    keep_private(settings.data, *sqlite_files(settings.effective_database_url))
    work = run_add(settings, file, name=name, object_info=object_info, as_json=as_json)
    context.exit(run_work(lambda: work, context))


@workflows.command("survey")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@_OBJECT_INFO
@click.option("--local", is_flag=True, help="Leave out what calls paid services.")
@AS_JSON
@click.pass_context
def survey_workflows(
    context: click.Context, *, folder: Path, object_info: Path | None, local: bool, as_json: bool
) -> None:
    """Show what becomes of every file in FOLDER, as a table, and the counts."""
    from bot.cli.inspect import run_survey

    settings = read_settings(context)
    work = run_survey(settings, folder, object_info=object_info, local_only=local, as_json=as_json)
    context.exit(run_work(lambda: work, context))
