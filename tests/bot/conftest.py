"""A service in memory, generations to show, and the bot on either stand-in Discord."""

from types import SimpleNamespace

import discord
import pytest
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.client import LimnerClient, Shards
from generation.events import Ended
from sandbox.discord_api import DiscordStandIn
from tests.support.bot_objects import (
    build_cursor,
    build_failure,
    build_generation,
    build_result,
    build_running,
    build_view,
    build_waiting,
)
from tests.support.bot_on_sockets import delete_message, run_bot
from tests.support.fake_service import FakeService, build_services
from tests.support.openapi import Checker
from tests.support.pictures import build_noise, build_picture
from tests.support.waiting import eventually


@pytest.fixture
def service():
    return FakeService()


@pytest.fixture
def services(service):
    return build_services(service)


@pytest.fixture(scope="session")
def tools():
    """What tests of this folder share, in one object."""
    return SimpleNamespace(
        picture=build_picture,
        noise=build_noise,
        generation=build_generation,
        result=build_result,
        failure=build_failure,
        waiting=build_waiting,
        running=build_running,
        ended=Ended,
        cursor=build_cursor,
        view=build_view,
        delete=delete_message,
        eventually=eventually,
    )


# In memory: discord.py's own machinery without sockets.


@pytest.fixture
def simcord_bot(services):
    client = LimnerClient(shards=Shards((0,), 1))
    client.serve(services)
    # Discord is brought up to date once the environment is there.
    client.setup_hook = client.sync_commands
    return client


@pytest.fixture
def place(simcord_env):
    """A guild with a channel, ana and ben, mo who moderates, and ada who administers."""

    class Place:
        env = simcord_env
        guild = simcord_env.create_guild()
        channel = guild.create_text_channel("general")
        moderators = guild.create_role(
            "moderators", permissions=discord.Permissions(manage_messages=True)
        )
        ana = guild.add_member(simcord_env.create_user("ana"))
        ben = guild.add_member(simcord_env.create_user("ben"))
        mo = guild.add_member(simcord_env.create_user("mo"), roles=[moderators])
        administrators = guild.create_role(
            "administrators", permissions=discord.Permissions(manage_guild=True)
        )
        ada = guild.add_member(simcord_env.create_user("ada"), roles=[administrators])

    return Place


@pytest.fixture
def errors_are_told(simcord_env):
    """The test wants commands to fail; what they raise is looked at here, not by simcord."""
    yield
    assert simcord_env.errors


@pytest.fixture
def _address_restored():
    """The library keeps Discord's address for the whole process."""
    base, gateway = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY
    yield
    Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = base, gateway


@pytest.fixture
async def world(_address_restored):
    # A busy machine is no reason for a test to fail.
    async with DiscordStandIn(response_seconds=20.0) as standing:
        checker = Checker()
        standing.observe_requests(checker.check)
        yield standing
        assert checker.problems == []
        assert standing.unknown_requests == []
        assert standing.rate_limit_hits == 0
        assert standing.pings == []


@pytest.fixture
def start_bot():
    return run_bot


@pytest.fixture
async def bot(world, service):
    async with run_bot(world, service) as running:
        yield running
