"""The whole program between both stand-ins."""

import asyncio
import gc
import os
import subprocess
import sys
from collections import deque
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from pydantic import SecretStr

from bot.app import Application
from bot.client import DiscordAddress
from bot.settings import Settings
from db.repositories.guilds import GuildRepository
from sandbox.comfyui import ComfyUIStandIn
from sandbox.discord_api import DiscordStandIn
from sandbox.people import Person, as_text, files_of
from tests.support.processes import start_program
from workflows.folders.catalog import Catalog

PATIENCE_S = 60
"""For a command to end."""

_read_before: deque[Catalog] = deque(maxlen=2)
"""Of the last bots: the next one finds their workflows and node classes in use."""


class TestEnvironment:
    """Both stand-ins, and a bot that can be stopped and started again on the same data."""

    def __init__(self, world: DiscordStandIn, comfyui: ComfyUIStandIn, data: Path) -> None:
        self.world = world
        self.comfyui = comfyui
        self.data = data
        self.ana = Person(world, "ana")
        self.ben = Person(world, "ben")
        self.mo = Person(world, "mo")

    async def imagine_held(self):
        """Begin a generation on the backend that goes no further until it is released."""
        self.comfyui.hold()
        reply = await self.ana.slash("general", "imagine", prompt="a patient fox", steps=8)
        await self.world.wait_for(
            lambda: reply.message is not None and "Cancel" in as_text(reply.message), PATIENCE_S
        )
        async with asyncio.timeout(PATIENCE_S):
            await self.comfyui.wait_until_held()
        return reply

    @staticmethod
    def is_done(message):
        """Whether a reply's message shows a finished result."""
        return message is not None and files_of(message) and "seed" in as_text(message)

    @staticmethod
    async def wait_until_delivered(core, generation_id):
        """Until its delivery is recorded, which comes after its message."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                if (await core.service.find(generation_id)).delivered_at is not None:
                    return
                await asyncio.sleep(0.05)

    @staticmethod
    async def wait_until_forgotten(core, generation_id):
        async with asyncio.timeout(PATIENCE_S):
            while True:
                if await core.service.find(generation_id) is None:
                    return
                await asyncio.sleep(0.05)

    async def limit(self, core, **limits):
        await set_limits(core, self.world.guild_id, **limits)

    @asynccontextmanager
    async def bot(self, **settings):
        address = self.world.address
        checker = settings.pop("checker", None)
        application = Application(
            Settings(
                discord_token=SecretStr(self.world.token),
                comfyui_urls=settings.pop("comfyui_urls", (self.comfyui.url,)),
                data=self.data,
                **settings,
            ).with_backends_file(),
            address=DiscordAddress(address.api_base, address.gateway_url),
            build_checker=lambda: checker,
        )
        async with application:
            _read_before.append(application.core.catalog)
            _freeze()
            await self.world.wait_until_connected(30)
            await set_limits(application.core, self.world.guild_id, cooldown_s=0)
            yield application.core

    @asynccontextmanager
    async def process(self, *, role="all", address=None, **variables):
        """Start `limner run` against the stand-ins; kill it at the end if it still lives."""
        address = address or self.world.address
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        child = await start_program(
            *("-m", "benchmarks.bot_process", address.api_base, address.gateway_url, role),
            cwd=self.data.parent,
            env=kept
            | {
                "DISCORD_TOKEN": self.world.token,
                "COMFYUI_URLS": self.comfyui.url,
                "LIMNER_DATA": str(self.data),
                "PYTHONWARNINGS": "ignore",
                "PYTHONPATH": os.pathsep.join(sys.path),
            }
            | variables,
        )
        try:
            yield child
        finally:
            if child.returncode is None:
                child.kill()
            await child.wait()


@cache
def _freeze() -> None:
    """Keep the collector from looking at what the first bot imported and every bot uses."""
    gc.collect()
    gc.freeze()


async def run_command(
    folder: Path, *arguments: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run `limner` in a folder to its end."""
    process = await start_program(
        *("-m", "bot", *arguments), cwd=folder, env=build_environment() | variables
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    return subprocess.CompletedProcess(arguments, process.returncode, out.decode(), err.decode())


async def set_limits(core, guild_id, **limits):
    with core.database.transaction() as session:
        guilds = GuildRepository(session)
        guilds.get_or_create(guild_id, now=datetime.now(UTC))
        guilds.update(guild_id, **limits)


def build_environment() -> dict[str, str]:
    kept = {"PATH", "HOME", "PYTHONPATH", "SYSTEMROOT", "TMPDIR"}
    return {name: value for name, value in os.environ.items() if name in kept} | {
        "PYTHONWARNINGS": "ignore",
        "COLUMNS": "200",
    }
