"""`limner models`: model files of workflows, the backends that have them, and downloads."""

import asyncio
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich import filesize
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from bot.cli.invocation import CommandError
from bot.cli.workflows.inspect import fetch_infos, inspect_path, load_catalog
from bot.settings import Settings
from comfy.downloads import Download, Downloader, DownloadError
from generation.library.models import WantedModel, find_wanted_models
from workflows.infer.names import is_device
from workflows.model_files import MODEL_SUFFIXES
from workflows.workflow import Workflow

_PART = re.compile(r"\w([\w .+()\[\]-]*[\w+()\[\]-])?", re.ASCII)
"""Valid name of a file or folder. Windows removes a dot or space at the end."""


async def run_models(
    settings: Settings,
    workflow: str | None,
    *,
    as_json: bool,
    download: Path | None,
    is_confirmed: bool,
) -> int:
    """Print the model files of a workflow, or of all; with `download`, fetch missing ones.

    Returns the exit status.
    """
    infos = await fetch_infos(settings, None)
    chosen = await asyncio.to_thread(_choose, settings, workflow)
    models = find_wanted_models(chosen, infos)
    if as_json:
        listed = [_model_json(model) for model in models]
        click.echo(json.dumps(listed, ensure_ascii=False, indent=2))
    elif download is None:
        for line in _list(models):
            click.echo(line)
    if download is None:
        return 0
    missing = [model for model in models if not model.backends]
    if not missing:
        click.echo("Nothing is missing.", err=True)
        return 0
    if not is_confirmed:
        size = _size_text(sum(_size_of(model) for model in missing))
        click.confirm(f"Download {len(missing)} files, {size}, to {download}?", abort=True)
    return await _download_all(missing, download)


def _choose(settings: Settings, workflow: str | None) -> Sequence[Workflow]:
    """Return the workflow of this name or file, or all. Raises CommandError."""
    catalog = load_catalog(settings)
    if workflow is None:
        return tuple(catalog.workflows.values())
    found = catalog.workflows.get(workflow)
    if found is None and Path(workflow).exists():
        found = inspect_path(settings, Path(workflow)).workflow
    if found is None:
        known = ", ".join(catalog.workflows)
        raise CommandError(f"There is no workflow {workflow}. There are: {known}.")
    return (found,)


def _list(models: Sequence[WantedModel]) -> list[str]:
    lines = []
    for model in models:
        place = f"{model.folder}/{model.name}" if model.folder else model.name
        facts = [_size_text(_size_of(model)), model.source.license if model.source else ""]
        lines += [
            "  ".join([place, *filter(None, facts)]),
            f"    {_where(model)} · for {', '.join(model.workflows)}",
        ]
        if model.source:
            lines.append(f"    {model.source.url}")
    return lines


def _where(model: WantedModel) -> str:
    match model.backends:
        case None:
            return "no backend can tell whether it has it"
        case ():
            return "missing"
        case backends:
            return f"on {', '.join(backends)}"


def _model_json(model: WantedModel) -> dict[str, Any]:
    source = model.source
    return {
        "name": model.name,
        "folder": model.folder,
        "url": source.url if source else None,
        "size": source.size if source else None,
        "license": source.license or None if source else None,
        "sha256": source.sha256 if source else None,
        "workflows": list(model.workflows),
        "backends": None if model.backends is None else list(model.backends),
    }


async def _download_all(models: Sequence[WantedModel], folder: Path) -> int:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn())
    failures = 0
    with Progress(*columns, TransferSpeedColumn(), console=console) as bar:
        async with Downloader() as downloader:
            for model in models:
                try:
                    await _download(downloader, model, folder, bar)
                except DownloadError as error:
                    failures += 1
                    console.print(f"{model.name}: {error}", highlight=False, markup=False)
    return 1 if failures else 0


async def _download(
    downloader: Downloader, model: WantedModel, folder: Path, bar: Progress
) -> None:
    """Download one file unless it exists. Raises DownloadError."""
    if model.source is None:
        raise DownloadError("No download address is known.")
    path = await asyncio.to_thread(choose_path, folder, model.folder, model.name)
    if path.exists():
        bar.console.print(f"{path} is there already.", highlight=False, markup=False)
        return
    task = bar.add_task(model.name, total=model.source.size)
    wanted = Download(model.source.url, path, model.source.size, model.source.sha256)
    await downloader.fetch(
        wanted, lambda held, total: bar.update(task, completed=held, total=total)
    )
    click.echo(path)


def choose_path(folder: Path, model_folder: str | None, name: str) -> Path:
    """Return the path of a model file. Raises DownloadError if it is not below the folder.

    Names come from files that anybody may have uploaded.
    """
    parts = f"{model_folder}/{name}".replace("\\", "/").split("/")
    is_usable = all(_PART.fullmatch(part) and not is_device(part) for part in parts)
    if model_folder is None or not is_usable:
        raise DownloadError("Its folder or its name cannot be used. Download it by hand.")
    if not name.lower().endswith(MODEL_SUFFIXES):
        raise DownloadError(f"Not a model file: those end in {', '.join(MODEL_SUFFIXES)}.")
    path = folder.joinpath(*parts)
    if not path.resolve().is_relative_to(folder.resolve()):
        raise DownloadError(f"{path.parent} leads out of {folder}. Download it by hand.")
    return path


def _size_of(model: WantedModel) -> int:
    return (model.source.size or 0) if model.source else 0


def _size_text(size: int) -> str:
    return filesize.decimal(size) if size else ""
