"""A service in memory, generations to show, and the bot on either stand-in Discord."""

import time
from types import SimpleNamespace

import discord
import pytest
import pytest_asyncio

from bot.client import LimnerClient
from bot.settings import ShardSettings
from generation.events import Ended
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
from tests.support.discord import address_restored, open_discord
from tests.support.fake_service import FakeService, build_services
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
    client = LimnerClient(shards=ShardSettings(ids=(0,), count=1))
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


# A busy machine is no reason for a test to fail.
PATIENT = {"response_seconds": 20.0}


@pytest.fixture
def _address_restored():
    with address_restored():
        yield


@pytest.fixture
async def world():
    async with open_discord(**PATIENT) as opened:
        yield opened


@pytest.fixture
def start_bot():
    return run_bot


@pytest.fixture
async def bot(world, service):
    async with run_bot(world, service) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def module_bot():
    async with open_discord(**PATIENT) as world:
        # What people do in an hour is done in seconds here.
        world.rate_limits.now = lambda: time.monotonic() * 1000
        async with run_bot(world, FakeService()) as running:
            yield running


@pytest.fixture
def shared_bot(module_bot):
    """The bot of all tests of a module that run on its loop; its service remembers nothing."""
    module_bot.service.__init__()
    return module_bot
