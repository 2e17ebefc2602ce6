"""`limner workflows inspect`, `add` and `survey`."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from bot.cli.invocation import CommandError
from bot.cli.workflows.as_json import inspection_json, unusable_json
from bot.cli.workflows.convert import ask_object_info, read_object_info
from bot.pool_members import KNOWN_NODES, build_pool_members
from bot.settings import Settings
from bot.ui.workflow_report import report_lines
from comfy.protocol.object_info import ObjectInfo
from generation.backends.common_classes import CommonClasses
from generation.backends.object_info_cache import KnownNodes
from generation.library.inspection import Inspection, inspect_file
from workflows.errors import WorkflowUnusable
from workflows.folders.catalog import LIBRARY, Catalog
from workflows.folders.managed_folder import ManagedFolder
from workflows.folders.sources import (
    MANIFEST_FILE,
    MANIFEST_SUFFIX,
    MAX_FILE_BYTES,
    find_source,
    load_bytes,
    load_text,
)
from workflows.schema import SCHEMA_FILE, manifest_schema
from workflows.survey import Surveyed, survey_lines


@dataclass(frozen=True, slots=True)
class _InspectedFile:
    """A workflow of a file or folder, with its report."""

    path: Path
    content: bytes
    report: Inspection


async def run_inspect(
    settings: Settings, path: Path, *, object_info: Path | None, save: bool, as_json: bool = False
) -> int:
    """Print the report and the manifest; with `save`, write the manifest beside the file instead.

    Returns the exit status.
    """
    if as_json:
        report = _inspect_json(path, await fetch_infos(settings, object_info), settings)
        click.echo(json.dumps(report, ensure_ascii=False, indent=2))
        return 0 if report["usable"] else 1
    looked = await _look(settings, path, object_info)
    _print(looked.report)
    if looked.report.is_usable:
        manifest = looked.report.manifest_text()
        click.echo(f"Saved as {_save(path, looked.report)}." if save else f"\n{manifest}", nl=save)
    return 0 if looked.report.is_usable else 1


async def run_add(
    settings: Settings,
    path: Path,
    *,
    name: str | None,
    object_info: Path | None,
    as_json: bool = False,
) -> int:
    """Print the report and copy the file to the data folder; returns the exit status."""
    managed = ManagedFolder(settings.managed_folder)
    chosen = managed.choose_name(name or path.name)
    looked = await _look(settings, path, object_info, name=chosen)
    if as_json:
        report = inspection_json(path.name, looked.report)
        click.echo(json.dumps(report, ensure_ascii=False, indent=2))
    else:
        _print(looked.report)
    if not looked.report.is_usable:
        return 1
    if chosen in managed.names():
        raise CommandError(f"There is a workflow {chosen} already. Choose another with --name.")
    managed.stage(chosen, looked.content)
    schema = f"../../{SCHEMA_FILE}"
    folder = managed.publish(chosen, looked.report.manifest_text(schema))
    (settings.data / SCHEMA_FILE).write_text(
        json.dumps(manifest_schema(), indent=2) + "\n", encoding="utf-8"
    )
    click.echo(f"Added as {folder}; edit {folder / MANIFEST_FILE} as you like.", err=as_json)
    return 0


async def run_survey(
    settings: Settings,
    folder: Path,
    *,
    object_info: Path | None,
    local_only: bool,
    as_json: bool = False,
) -> int:
    """Print a table of all workflow files in a folder, and counts."""
    infos = await fetch_infos(settings, object_info)
    if as_json:
        reports = [_inspect_json(path, infos, settings) for path in _list_files(folder)]
        listed = [report for report in reports if not (local_only and report["paid"])]
        click.echo(json.dumps(listed, ensure_ascii=False, indent=2))
        return 0
    rows = [_survey(path, infos, settings) for path in _list_files(folder)]
    for line in survey_lines([row for row in rows if not (local_only and row.is_partner)]):
        click.echo(line)
    return 0


def load_catalog(settings: Settings) -> Catalog:
    """Load every workflow with the cached node classes of the backends."""
    known = KnownNodes(settings.data / KNOWN_NODES).load()
    classes = CommonClasses(tuple(known.values())) if known else None
    catalog = Catalog((LIBRARY, *settings.workflow_folders), classes)
    catalog.load()
    return catalog


async def fetch_infos(settings: Settings, object_info: Path | None) -> dict[str, ObjectInfo]:
    """Return node classes from a file, or from each backend, or from the cache if unreachable."""
    if object_info is not None:
        return {object_info.name: read_object_info(object_info)}
    members = build_pool_members(settings)
    nodes = KnownNodes(settings.data / KNOWN_NODES)
    known = await asyncio.to_thread(nodes.load)
    answers = await asyncio.gather(*(ask_object_info(member.backend) for member in members))
    infos = {}
    for member, answer in zip(members, answers, strict=True):
        name = member.backend.name
        if isinstance(answer, str):
            click.echo(f"{name}: {answer}", err=True)
        info = known.get(name) if isinstance(answer, str) else answer
        if info is not None:
            infos[name] = info
    if any(isinstance(answer, ObjectInfo) for answer in answers):
        await asyncio.to_thread(nodes.save, infos)
    return infos


async def _look(
    settings: Settings, path: Path, object_info: Path | None, *, name: str | None = None
) -> _InspectedFile:
    infos = await fetch_infos(settings, object_info)
    try:
        return _inspect(path, infos, settings, name=name)
    except WorkflowUnusable as error:
        raise CommandError(f"{path}: {' '.join(error.sentences)}") from error


def _inspect(
    path: Path, infos: Mapping[str, ObjectInfo], settings: Settings, *, name: str | None = None
) -> _InspectedFile:
    """Read a file or a folder and report on it. Raises WorkflowUnusable."""
    source = find_source(path)
    graph = source.graph if source else path
    content = load_bytes(graph, MAX_FILE_BYTES)
    manifest = load_text(source.manifest) if source and source.manifest else None
    report = inspect_file(
        content,
        name or (source.name if source else path.stem),
        infos,
        manifest=manifest,
        default_models=settings.default_models,
    )
    return _InspectedFile(graph, content, report)


def _save(path: Path, report: Inspection) -> Path:
    """Write the manifest where the catalog looks for it. Raises CommandError."""
    target = path / MANIFEST_FILE if path.is_dir() else path.with_suffix(MANIFEST_SUFFIX)
    if target.exists():
        raise CommandError(f"{target} exists already. Move it first.")
    target.write_text(report.manifest_text(), encoding="utf-8")
    return target


def inspect_path(settings: Settings, path: Path) -> Inspection:
    """Report on a file or a folder with the cached node classes. Raises WorkflowUnusable."""
    known = KnownNodes(settings.data / KNOWN_NODES).load()
    return _inspect(path, known, settings).report


def _inspect_json(
    path: Path, infos: Mapping[str, ObjectInfo], settings: Settings
) -> dict[str, Any]:
    try:
        return inspection_json(path.name, _inspect(path, infos, settings).report)
    except WorkflowUnusable as error:
        return unusable_json(path.name, error.sentences)


def _list_files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if path.is_file()]


def _survey(path: Path, infos: Mapping[str, ObjectInfo], settings: Settings) -> Surveyed:
    try:
        report = _inspect(path, infos, settings).report
    except WorkflowUnusable as error:
        return Surveyed(path.stem, error.sentences)
    return Surveyed(path.stem, report.problems, report.workflow, report.is_paid)


def _print(report: Inspection) -> None:
    for line in report_lines(report):
        click.echo(line)
