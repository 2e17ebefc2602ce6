"""`limner workflows list`."""

import json
from typing import Any

import click

from bot.cli.workflows.as_json import inspection_json, unusable_json
from bot.cli.workflows.inspect import load_catalog
from bot.commands.command_plan import COMMAND_NAMES, plan_commands
from bot.pool_members import KNOWN_NODES
from bot.settings import Settings
from generation.backends.object_info_cache import KnownNodes
from generation.library.inspection import inspect_workflow
from generation.library.summaries import summarise
from workflows.folders.catalog import Catalog


def run_list(settings: Settings, *, as_json: bool) -> int:
    """Print every workflow and the problems of unusable ones; returns the exit status."""
    catalog = load_catalog(settings)
    if as_json:
        reports = catalog_json(settings, catalog)
        click.echo(json.dumps(reports, ensure_ascii=False, indent=2))
        return 0 if all(report["usable"] for report in reports) else 1
    summaries = [summarise(workflow) for workflow in catalog.workflows.values()]
    plan = plan_commands(summaries, COMMAND_NAMES)
    for summary in summaries:
        command = f" (/{summary.command})" if summary in plan.accepted else ""
        click.echo(f"{summary.name:20} {summary.kind:10} {summary.title}{command}")
    for name, workflow in catalog.disabled.items():
        click.echo(f"{name:20} {'off':10} {workflow.manifest.title}")
    problems = (*(f"{one.path}: {one.sentence}" for one in catalog.problems), *plan.refusals)
    for problem in problems:
        click.echo(problem, err=True)
    return 1 if problems else 0


def catalog_json(settings: Settings, catalog: Catalog) -> list[dict[str, Any]]:
    """Return every workflow and every unusable file, in the form of `inspect --json`."""
    known = KnownNodes(settings.data / KNOWN_NODES).load()
    workflows = sorted({**catalog.workflows, **catalog.disabled}.items())
    usable = [
        inspection_json(name, inspect_workflow(one, known, default_models=settings.default_models))
        for name, one in workflows
    ]
    problems: dict[str, list[str]] = {}
    for problem in catalog.problems:
        problems.setdefault(str(problem.path), []).append(problem.sentence)
    return [*usable, *(unusable_json(path, told) for path, told in problems.items())]
