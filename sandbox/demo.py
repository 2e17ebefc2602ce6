"""`limner demo`: the real bot between both stand-ins, all on this machine."""

import asyncio
import contextlib
import os
import sys
import tempfile
import webbrowser
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr
from rich.console import Console
from rich.markup import escape

from bot.app import Application
from bot.client import DiscordAddress
from bot.core import StartupError
from bot.operating.signals import run_until_signal
from bot.settings import Settings
from comfy.errors import ComfyError
from comfy.kinds import BackendSettings, build_backend
from db.database import Session
from db.repositories.guilds import GuildRepository
from sandbox.comfyui import ComfyUIStandIn
from sandbox.discord_api import DiscordStandIn
from sandbox.page import page_routes
from sandbox.script import Script, ScriptFailed

KNOWN_WORDS = "fox, bear, lake, mountains, forest, sea, moon, stars, snow, rain, sunset, autumn"
"""Some of what the stand-in paints."""

CONNECT_TIMEOUT_S = 30.0
"""Seconds for the bot to log in to the stand-in: slow machines take several."""

ANSWER_TIMEOUT_S = 10.0
"""Seconds for a real ComfyUI to answer."""

STOPPED_STATUS = 130
"""The exit status of a script that was stopped, as shells give it for Ctrl+C."""


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """Options of `limner demo`. Port 0 takes any free one."""

    comfyui_url: str | None = None
    script: bool = False
    out: Path = Path("limner-demo")
    port: int = 0
    open_browser: bool = True


@dataclass(frozen=True, slots=True)
class Stage:
    """The running parts of a demo. `comfyui` is None where a real one is used."""

    world: DiscordStandIn
    comfyui: ComfyUIStandIn | None
    application: Application


async def run_demo(options: DemoOptions) -> int:
    """Run until it is stopped, or play the script; the exit status.

    Ctrl+C and SIGTERM clean up: the regular end of a demo, but not of a script. Raises
    StartupError when a real ComfyUI was asked for that does not answer, or the port is taken.
    """
    stopped = STOPPED_STATUS if options.script else 0
    status = await run_until_signal(_perform(options, Console()), status=stopped)
    return stopped if status is None else status


async def _perform(options: DemoOptions, console: Console) -> int:
    if options.comfyui_url is not None:
        await _require_comfyui(options.comfyui_url)
    if console.is_terminal:
        console.print("Starting. This takes some seconds, as everything is set up anew.")
    async with open_stage(comfyui_url=options.comfyui_url, port=options.port) as stage:
        if not options.script:
            await _welcome_people(stage, options, console)
            await asyncio.Event().wait()
        try:
            await Script(stage.world, stage.application.core, console, options.out).play()
        except ScriptFailed as failure:
            console.print(
                f"[bold red]Not everything happened:[/] {escape(str(failure))}", highlight=False
            )
            return 1
        return 0


@asynccontextmanager
async def open_stage(
    *, comfyui_url: str | None = None, port: int = 0, step_seconds: float = 0.12
) -> AsyncGenerator[Stage]:
    """Start the stand-ins and the bot; stop them in reverse. Nothing is kept afterwards."""
    async with contextlib.AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="limner-demo-"))
        comfyui = None
        if comfyui_url is None:
            comfyui = await stack.enter_async_context(ComfyUIStandIn(step_seconds=step_seconds))
        world = await stack.enter_async_context(_discord_at(port))
        address = world.address
        application = Application(
            Settings(
                discord_token=SecretStr(world.token),
                comfyui_urls=(comfyui_url or comfyui.url,) if comfyui else (comfyui_url or "",),
                data=Path(folder),
            ),
            address=DiscordAddress(address.api_base, address.gateway_url),
        )
        await stack.enter_async_context(application)
        await world.wait_until_connected(CONNECT_TIMEOUT_S)
        await _set_no_cooldown(application, world.guild_id)
        yield Stage(world, comfyui, application)


@asynccontextmanager
async def _discord_at(port: int) -> AsyncGenerator[DiscordStandIn]:
    world = DiscordStandIn(port, routes=page_routes())
    try:
        await world.__aenter__()
    except OSError as error:
        await world.close()
        raise StartupError(
            f"Port {port} cannot be used ({error.strerror}). "
            "Choose another one with --port, or leave it out to take any free one."
        ) from None
    try:
        yield world
    finally:
        await world.close()


async def _require_comfyui(url: str) -> None:
    """Require that a real ComfyUI answers. Raises StartupError."""
    try:
        backend = build_backend(BackendSettings(url=url))
    except ValueError as error:
        raise StartupError(str(error)) from None
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            await backend.fetch_description()
    except TimeoutError:
        raise StartupError(
            f"{backend.name} does not answer in time. Check ComfyUI's log."
        ) from None
    except ComfyError as error:
        raise StartupError(
            f"{error} Start ComfyUI there, or leave --comfyui out to use the stand-in."
        ) from None
    finally:
        await backend.close()


async def _set_no_cooldown(application: Application, guild_id: int) -> None:
    """Switch the cooldown off, because people who try things out send requests quickly."""

    def change(session: Session) -> None:
        guilds = GuildRepository(session)
        guilds.get_or_create(guild_id, now=datetime.now(UTC))
        guilds.update(guild_id, cooldown_s=0)

    await application.core.database.write(change)


async def _welcome_people(stage: Stage, options: DemoOptions, console: Console) -> None:
    comfyui = "your own" if options.comfyui_url else "a stand-in that paints on the CPU"
    console.print("[bold]Limner's demo[/] — everything runs on this machine.\n")
    console.print(f"  ComfyUI  {comfyui}")
    console.print("  Discord  a stand-in with four people: switch between them at the bottom left")
    console.print(f"\n  Open [link={stage.world.url}]{stage.world.url}[/link]\n")
    if not options.comfyui_url:
        console.print(f"It knows a few words: {KNOWN_WORDS}.")
    console.print("Type [bold]/imagine[/] there, or [bold]/help[/]. Stop with Ctrl+C.")
    if options.open_browser and _has_display():
        await asyncio.to_thread(webbrowser.open, stage.world.url)


def _has_display() -> bool:
    on_linux = sys.platform.startswith("linux")
    return not on_linux or bool(os.environ.keys() & {"DISPLAY", "WAYLAND_DISPLAY"})
