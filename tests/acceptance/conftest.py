"""The whole program between both stand-ins."""

import asyncio
import io
import os
import subprocess
import sys
from asyncio.subprocess import PIPE
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image
from pydantic import SecretStr

from bot.app import Application
from bot.client import DiscordAddress
from bot.settings import Settings
from db.repositories.guilds import GuildRepository
from sandbox.comfyui import ComfyUIStandIn
from sandbox.discord_api import DiscordStandIn
from sandbox.people import Person, as_text

PATIENCE_S = 60
"""For a command to end."""


class House:
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
        return message is not None and message["attachments"] and "seed" in as_text(message)

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
            await self.world.wait_until_connected(30)
            await set_limits(application.core, self.world.guild_id, cooldown_s=0)
            yield application.core


async def set_limits(core, guild_id, **limits):
    async with core.database.transaction() as session:
        guilds = GuildRepository(session)
        await guilds.get_or_create(guild_id, now=datetime.now(UTC))
        await guilds.update(guild_id, **limits)


@pytest.fixture
async def house(tmp_path):
    comfyui = ComfyUIStandIn(step_seconds=0.02, load_seconds=0)
    async with comfyui, DiscordStandIn() as world:
        yield House(world, comfyui, tmp_path / "data")
        assert world.unknown_requests == []
        assert world.rate_limit_hits == 0
        assert world.pings == []


@pytest.fixture
def process(house):
    """Start `limner run` against the stand-ins; kill it at the end if it still lives."""

    @asynccontextmanager
    async def start(*, role="all", address=house.world.address, **environment):
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.bot_process"),
            *(address.api_base, address.gateway_url, role),
            cwd=house.data.parent,
            env=kept
            | {
                "DISCORD_TOKEN": house.world.token,
                "COMFYUI_URLS": house.comfyui.url,
                "LIMNER_DATA": str(house.data),
                "PYTHONWARNINGS": "ignore",
                "PYTHONPATH": os.pathsep.join(sys.path),
            }
            | environment,
            stderr=PIPE,
        )
        try:
            yield child
        finally:
            if child.returncode is None:
                child.kill()
            await child.wait()

    return start


@pytest.fixture
def picture():
    def draw(size=(320, 240), colour="#86b9e8", file_format="PNG", mode="RGB") -> bytes:
        content = io.BytesIO()
        Image.new(mode, size, colour).save(content, file_format)
        return content.getvalue()

    return draw


@pytest.fixture
def limner(tmp_path):
    """Run the command in an empty folder, as on a fresh machine."""

    async def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", *arguments),
            cwd=tmp_path,
            env=_environment() | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(PATIENCE_S):
                out, err = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
        return subprocess.CompletedProcess(
            arguments, process.returncode, out.decode(), err.decode()
        )

    return run


def _environment() -> dict[str, str]:
    kept = {"PATH", "HOME", "PYTHONPATH", "SYSTEMROOT", "TMPDIR"}
    return {name: value for name, value in os.environ.items() if name in kept} | {
        "PYTHONWARNINGS": "ignore",
        "COLUMNS": "200",
    }
