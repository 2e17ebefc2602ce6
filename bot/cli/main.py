"""The console command `limner`.

Modules that declare commands import only click; each command imports its implementation when it
is called, so that `--help` and completion respond at once.
"""

import asyncio
import io
import sys
from pathlib import Path
from typing import Any

import click

from bot.cli.completion import SHELLS, completion_script
from bot.cli.credentials_commands import credentials
from bot.cli.database_commands import db
from bot.cli.history_commands import history
from bot.cli.invocation import AS_JSON, EXISTING_FILE, FOLDER, Program, read_settings, start_logs
from bot.cli.moderation_commands import block, pictures, unblock
from bot.cli.service_commands import service
from bot.cli.workflows.commands import workflows

ROLES = ("all", "bot", "worker")
"""The values of `bot.app.Role`."""


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="limner")
@click.option("--debug", is_flag=True, help="Show tracebacks and debug logs.")
@click.pass_context
def limner(context: click.Context, *, debug: bool) -> None:
    """Turn a community's ComfyUI workflows into Discord slash commands."""
    context.obj = debug


for _command in (workflows, history, db, service, credentials, block, unblock, pictures):
    limner.add_command(_command)


@limner.command()
@click.option(
    "--yes",
    "unattended",
    is_flag=True,
    help="Ask nothing: use the options, what is found, and defaults.",
)
@click.option(
    "--token",
    envvar="DISCORD_TOKEN",
    help="Bot token. Other users of this machine can see it here; DISCORD_TOKEN is safer.",
)
@click.option(
    "--comfyui",
    "comfyui_url",
    metavar="URL",
    help="Address of ComfyUI, or several (comma-separated).",
)
@click.option("--data", type=FOLDER, help="Folder for all of Limner's data.")
def setup(**options: Any) -> int:  # noqa: ANN401 - the options
    """Write the settings file .env and check everything."""
    from bot.cli.setup import SetupOptions, run_setup

    start_logs()
    return run_setup(SetupOptions(**options))


@limner.command()
@click.option(
    "--role",
    type=click.Choice(ROLES),
    default=ROLES[0],
    show_default=True,
    help="bot: Discord only. worker: runs generations, without a gateway connection.",
)
def run(*, role: str) -> None:
    """Run the bot."""
    from bot.app import Role, run_bot

    asyncio.run(run_bot(read_settings(tells_all=True), role=Role(role)))


@limner.command()
@click.option(
    "--comfyui", "comfyui_url", metavar="URL", help="Use this real ComfyUI instead of the stand-in."
)
@click.option("--script", is_flag=True, help="Play a scripted session, then exit.")
@click.option(
    "--out",
    type=FOLDER,
    default=Path("limner-demo"),
    show_default=True,
    help="Folder for the pictures of --script.",
)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port of the page.")
@click.option(
    "--browser/--no-browser", "open_browser", default=True, help="Open the page in a browser."
)
def demo(**options: Any) -> int:  # noqa: ANN401 - the options
    """Try it without an account, a GPU or a token."""
    from sandbox.demo import DemoOptions, run_demo

    start_logs()
    return asyncio.run(run_demo(DemoOptions(**options)))


@limner.command()
@AS_JSON
def check(*, as_json: bool) -> int:
    """Check the installation and say what to fix."""
    from bot.cli.check import run_check

    return asyncio.run(run_check(read_settings(), as_json=as_json))


@limner.command()
@AS_JSON
def backends(*, as_json: bool) -> int:
    """Show each backend's load, memory, last failure and GPU time today."""
    from bot.cli.backends import run_backends

    return asyncio.run(run_backends(read_settings(), as_json=as_json))


@limner.command()
@click.argument("prompt", default="")
@click.option("--workflow", help="Workflow, as named by `limner workflows list`.")
@click.option("--image", type=EXISTING_FILE, help="Picture to start from.")
@click.option("--mask", type=EXISTING_FILE, help="Mask: white areas are repainted.")
@click.option(
    "--set",
    "values",
    multiple=True,
    metavar="NAME=VALUE",
    help="Set another input; NAME=@FILE for a file.",
)
@click.option(
    "--seed", type=click.IntRange(0, 2**64 - 1), help="Same seed, same options: same picture."
)
@click.option("--out", type=FOLDER, default=Path(), help="Folder for the results.")
def generate(*, values: tuple[str, ...], **options: Any) -> int:  # noqa: ANN401 - the options
    """Generate from the terminal, without Discord."""
    from bot.cli.generate import GenerateOptions, run_generate

    settings = read_settings()
    given = GenerateOptions(values=_parse_values(values), **options)
    return asyncio.run(run_generate(settings, given))


@limner.command()
@click.argument("workflow", required=False)
@AS_JSON
@click.option(
    "--download",
    type=FOLDER,
    metavar="DIR",
    help="Download missing models into ComfyUI's models folder.",
)
@click.option("--yes", "is_confirmed", is_flag=True, help="Download without asking.")
def models(*, workflow: str | None, **options: Any) -> int:  # noqa: ANN401 - the options
    """List the model files of WORKFLOW (a name or a file), or of all workflows."""
    from bot.cli.workflows.models import run_models

    return asyncio.run(run_models(read_settings(), workflow, **options))


@limner.command()
@click.option("--language", default="en", show_default=True, help="Language, such as de, fr or ja.")
@click.option(
    "--contact", metavar="TEXT", default="", help="Contact for questions, such as an address."
)
def privacy(*, language: str, contact: str) -> None:
    """Write a privacy notice for members from the current settings."""
    from bot.cli.privacy import write_notice
    from bot.i18n.language import ENGLISH, languages

    known = sorted({ENGLISH, *languages()})
    if language not in known:
        raise click.UsageError(f"Choose one of {', '.join(known)}.")
    click.echo(write_notice(read_settings(), language, contact))


@limner.command()
@click.argument("shell", type=click.Choice(SHELLS))
def completion(*, shell: str) -> None:
    """Print the completion script of SHELL."""
    click.echo(completion_script(limner, shell))


def main() -> None:
    """Run the command line; exit statuses: 0 done, 1 not done, 2 wrong usage."""
    for stream in (sys.stdout, sys.stderr):
        # Windows consoles and locales without UTF-8 cannot encode all characters of a prompt.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    limner(prog_name="limner")


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
