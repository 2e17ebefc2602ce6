"""The whole program between both stand-ins."""

import io
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image
from pydantic import SecretStr

from bot.app import Application
from bot.client import DiscordAddress
from bot.settings import Settings
from db.people import GuildRepository
from sandbox.comfyui import ComfyUIStandIn
from sandbox.discord_server import DiscordStandIn
from sandbox.people import Person


class House:
    """Both stand-ins, and a bot that can be stopped and started again on the same data."""

    def __init__(self, world: DiscordStandIn, comfyui: ComfyUIStandIn, data: Path) -> None:
        self.world = world
        self.comfyui = comfyui
        self.data = data
        self.ana = Person(world, "ana")
        self.ben = Person(world, "ben")
        self.mo = Person(world, "mo")

    async def limit(self, core, **limits):
        await set_limits(core, self.world.guild_id, **limits)

    @asynccontextmanager
    async def bot(self, **settings):
        address = self.world.address
        application = Application(
            Settings(
                discord_token=SecretStr(self.world.token),
                comfyui_urls=settings.pop("comfyui_urls", (self.comfyui.url,)),
                data=self.data,
                **settings,
            ).with_backends_file(),
            address=DiscordAddress(address.api_base, address.gateway_url),
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


@pytest.fixture
def picture():
    def draw(size=(320, 240), colour="#86b9e8", file_format="PNG", mode="RGB") -> bytes:
        content = io.BytesIO()
        Image.new(mode, size, colour).save(content, file_format)
        return content.getvalue()

    return draw
