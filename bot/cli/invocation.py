"""Settings, logging and error handling of console commands."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

if TYPE_CHECKING:
    from bot.settings import Settings

EXISTING_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)
NEW_FILE = click.Path(dir_okay=False, path_type=Path)

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


class CommandError(Exception):
    """A command cannot do its work; the message says what to do."""


class Program(click.Group):
    """The group of all commands, which return their exit status; None is 0.

    An error becomes one sentence and the status 1. With `--debug` it is raised, for its traceback.
    """

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's contract
        """Run the command and exit with its status."""
        try:
            status = super().invoke(ctx)
        except KeyboardInterrupt:
            status = 130
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            # Abort is Ctrl+C or the end of the input at a question.
            raise
        except Exception as error:
            if ctx.obj:
                raise
            click.echo(_sentence(error), err=True)
            status = 1
        ctx.exit(status or 0)


def read_settings(*, tells_all: bool = False) -> "Settings":
    """Read the settings and set up logging, or exit with the problems.

    Commands that print their result log errors only; `tells_all` is for one that keeps running.
    """
    from bot.settings import SettingsError, load_settings

    context = click.get_current_context()
    try:
        settings = load_settings()
    except SettingsError as error:
        for problem in error.problems:
            click.echo(problem, err=True)
        context.exit(1)
    start_logs(settings.log_level if tells_all else "error", settings.log_format)
    return settings


def start_logs(level: str = "error", style: Literal["console", "json"] = "console") -> None:
    """Set up logging, from the level DEBUG with `--debug`."""
    from bot.operating.logs import set_up_logs

    set_up_logs(style=style, level="debug" if click.get_current_context().obj else level)


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename} cannot be used: {error.strerror}."
    if isinstance(error, _expected_errors()):
        return str(error)
    kind = type(error).__name__
    return f"Unexpected error ({kind}). Run it again with --debug."


def _expected_errors() -> tuple[type[Exception], ...]:
    """Errors whose message is a sentence for the operator."""
    from bot.core import StartupError
    from bot.settings import SettingsError
    from db.errors import DatabaseError
    from generation.errors import GenerationError
    from generation.marking.errors import KeyUnusable
    from workflows.errors import WorkflowUnusable

    return (
        CommandError,
        SettingsError,
        StartupError,
        DatabaseError,
        GenerationError,
        KeyUnusable,
        WorkflowUnusable,
        OSError,
    )
