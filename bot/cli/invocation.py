"""Settings, logging and error handling of console commands."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from bot.settings import Settings

EXISTING_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")

T = TypeVar("T")


def read_settings(context: click.Context, *, tells_all: bool = False) -> "Settings":
    """Read the settings and set up logging, or exit with the problems.

    Commands that print their result log errors only; `tells_all` is for one that keeps running.
    """
    from bot.operating.logs import set_up_logs
    from bot.settings import SettingsError, load_settings

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


def run_work(work: Callable[[], Coroutine[Any, Any, T]], context: click.Context) -> T:
    """Run a coroutine as `run_and_report` does."""
    return run_and_report(lambda: asyncio.run(work()), context)


def run_and_report(work: Callable[[], T], context: click.Context) -> T:
    """Call `work`; on an error, exit with one sentence and a status.

    With `--debug` the error is raised, for its traceback.
    """
    try:
        return work()
    except KeyboardInterrupt:
        context.exit(130)
    except click.Abort:
        # Ctrl+C or the end of the input at a question.
        raise
    except Exception as error:
        if context.obj:
            raise
        click.echo(_sentence(error), err=True)
        context.exit(1)


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename} cannot be used: {error.strerror}."
    if isinstance(error, _expected_errors()):
        return str(error)
    kind = type(error).__name__
    return f"Unexpected error ({kind}). Run it again with --debug."


def _expected_errors() -> tuple[type[Exception], ...]:
    """Errors whose message is a sentence for the operator."""
    from bot.cli.convert import FileUnusable
    from bot.cli.export import HistoryUnusable
    from bot.cli.service import ServiceError
    from bot.core import StartupError
    from bot.settings import SettingsError
    from db.errors import DatabaseError
    from generation.errors import GenerationError
    from workflows.errors import WorkflowUnusable

    return (
        SettingsError,
        StartupError,
        DatabaseError,
        GenerationError,
        WorkflowUnusable,
        FileUnusable,
        HistoryUnusable,
        ServiceError,
        OSError,
    )
