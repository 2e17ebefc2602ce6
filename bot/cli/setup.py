"""`limner setup`: interactive creation of a checked `.env`."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import click
import discord
from dotenv import dotenv_values, set_key

from bot.cli.check import run_check
from bot.client import DiscordAddress, LimnerClient
from bot.core import StartupError
from bot.login import DiscordUnreachable, log_in
from bot.operating.private_files import keep_private
from bot.settings import DEFAULT_COMFYUI_URL, ENV_FILE, load_settings
from comfy.errors import ComfyError
from comfy.server import ComfyServer
from comfy.settings import BackendSettings

USUAL_URLS = (DEFAULT_COMFYUI_URL, "http://127.0.0.1:8000")
"""Default addresses of ComfyUI, started by hand and as ComfyUI Desktop."""

PROBE_S = 5.0
"""Seconds to wait for a ComfyUI to describe itself."""

PERMISSIONS = discord.Permissions(
    view_channel=True,
    send_messages=True,
    send_messages_in_threads=True,
    embed_links=True,
    attach_files=True,
    read_message_history=True,
)
"""Permissions for finishing a message after the interaction's 15 minutes."""


@dataclass(frozen=True, slots=True)
class SetupOptions:
    """Options of the command line; with `unattended`, nothing is asked."""

    unattended: bool = False
    token: str | None = field(default=None, repr=False)
    comfyui_url: str | None = None
    data: Path | None = None


def run_setup(options: SetupOptions, *, address: DiscordAddress | None = None) -> int:
    """Ask for missing settings, write `.env` and run all checks; return 0 if these pass.

    Before anything is written, raises StartupError for a token that is missing or refused, and
    SettingsError for an invalid address, if it may not ask.
    """
    known = dotenv_values(ENV_FILE)
    data = _choose_data(options, known.get("LIMNER_DATA"))
    token, application_id = _choose_token(options, known.get("DISCORD_TOKEN"), address)
    url = _choose_comfyui(options, known.get("COMFYUI_URLS"))
    settings = load_settings(discord_token=token, comfyui_urls=url, data=data)
    keep_private(data)
    _write({"DISCORD_TOKEN": token, "COMFYUI_URLS": url, "LIMNER_DATA": str(data)})
    click.echo(f"Saved to {ENV_FILE.resolve()}.\n")
    status = asyncio.run(run_check(settings, address=address))
    if application_id is not None:
        link = discord.utils.oauth_url(
            application_id, permissions=PERMISSIONS, scopes=("bot", "applications.commands")
        )
        click.echo(f"\nInvite the bot to your server:\n  {link}")
    click.echo("\nStart it here with: limner run" if status == 0 else "\nThen start: limner run")
    return status


def _choose_data(options: SetupOptions, known: str | None) -> Path:
    data = options.data or Path(known or "data")
    if options.data is None and not options.unattended:
        data = Path(click.prompt("Data folder", default=str(data.resolve()))).expanduser()
    return data.resolve()


def _choose_token(
    options: SetupOptions, known: str | None, address: DiscordAddress | None
) -> tuple[str, int | None]:
    """Return a token and its application's id; None when Discord cannot be reached."""
    token = options.token or known
    if not token and not options.unattended:
        click.echo(
            "Create a bot at https://discord.com/developers/applications and copy its token "
            "from the Bot page (Reset Token)."
        )
    while True:
        if not token:
            if options.unattended:
                raise StartupError("A token is needed: set DISCORD_TOKEN or give --token.")
            token = click.prompt("Token", hide_input=True)
        token = token.strip()
        try:
            name, application_id = asyncio.run(_identify(token, address))
        except DiscordUnreachable as error:
            click.echo(f"The token is saved unchecked. {error}", err=True)
            return token, None
        except StartupError as error:
            if options.unattended:
                raise
            click.echo(str(error), err=True)
            token = None
        else:
            click.echo(f"Discord knows it as {name}.")
            return token, application_id


async def _identify(token: str, address: DiscordAddress | None) -> tuple[str, int]:
    """Return the bot's name and its application's id. Raises StartupError."""
    async with LimnerClient(address=address) as client:
        await log_in(client, token)
        if client.user is None or client.application_id is None:
            raise DiscordUnreachable("Discord did not say whose token this is.")
        return client.user.name, client.application_id


def _choose_comfyui(options: SetupOptions, known: str | None) -> str:
    """Return one address, or several separated by commas."""
    given = options.comfyui_url or known
    candidates = given.split(",") if given else USUAL_URLS
    found = asyncio.run(_probe_all(candidates))
    for url, version in found.items():
        click.echo(f"Found ComfyUI {version} at {url}.")
    url = given or next(iter(found), DEFAULT_COMFYUI_URL)
    if options.comfyui_url or options.unattended or found:
        return url
    return _ask_for_comfyui(url)


def _ask_for_comfyui(default: str) -> str:
    while True:
        url: str = click.prompt("ComfyUI's address", default=default)
        if asyncio.run(_probe_all(url.split(","))):
            return url
        if click.confirm(f"No ComfyUI answers at {url}. Use it anyway?", default=False):
            return url


async def _probe_all(urls: Iterable[str]) -> dict[str, str]:
    """Return the version of ComfyUI at each address that answers."""
    tried = [url.strip() for url in urls]
    versions = await asyncio.gather(*map(_probe, tried))
    return {url: version for url, version in zip(tried, versions, strict=True) if version}


async def _probe(url: str) -> str | None:
    try:
        server = ComfyServer(BackendSettings(url=url))
        try:
            async with asyncio.timeout(PROBE_S):
                return (await server.fetch_description()).version
        finally:
            await server.close()
    except (ValueError, ComfyError, TimeoutError):
        return None


def _write(values: Mapping[str, str]) -> None:
    """Set these variables and keep all other lines of the file."""
    ENV_FILE.touch(0o600)
    ENV_FILE.chmod(0o600)
    for name, value in values.items():
        set_key(ENV_FILE, name, value, quote_mode="auto", encoding="utf-8")
