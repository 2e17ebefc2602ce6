"""The stand-in Discord for tests of the bot, which objects to whatever Discord would."""

from contextlib import asynccontextmanager, contextmanager

from discord.gateway import DiscordWebSocket
from discord.http import Route

from sandbox.discord_api import DiscordStandIn
from tests.support.openapi import Checker


@asynccontextmanager
async def open_discord(**options):
    """Run the stand-in, and look at its end whether a request was wrong."""
    with address_restored():
        async with DiscordStandIn(**options) as world:
            checker = Checker()
            world.observe_requests(checker.check)
            yield world
            assert checker.problems == []
            assert world.unknown_requests == []
            assert world.rate_limit_hits == 0
            assert world.pings == []


@contextmanager
def address_restored():
    """discord.py keeps Discord's address for the whole process."""
    base, gateway = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY
    try:
        yield
    finally:
        Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = base, gateway
