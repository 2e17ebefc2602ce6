"""The real Discord client between services in memory and the stand-in Discord."""

import asyncio
from contextlib import asynccontextmanager, suppress

from bot.client import DiscordAddress, LimnerClient
from bot.replies.live import LiveReplies
from sandbox.people import Person
from tests.support.fake_service import build_services

# On sockets: rate limits, tokens that die, messages by their id.


class Bot:
    """The real client with replies, connected to a stand-in Discord."""

    def __init__(self, world, client, replies, services):
        self.world = world
        self.client = client
        self.replies = replies
        self.services = services
        self.service = services.generations
        self.ana = Person(world, "ana")
        self.ben = Person(world, "ben")
        self.mo = Person(world, "mo")

    async def imagine(self, person=None, channel="general", **options):
        """A generation that somebody asked for, and what they see of it."""
        reply = await (person or self.ana).slash(
            channel, "imagine", **{"prompt": "a fox in the snow", **options}
        )
        # It is acknowledged first; what it asks for comes after.
        return await asyncio.wait_for(self.service.submitted.get(), 10), reply


@asynccontextmanager
async def run_bot(world, service, *, guild_ids=(), shards=None, **options):
    address = world.address
    client = LimnerClient(
        address=DiscordAddress(address.api_base, address.gateway_url),
        guild_ids=guild_ids,
        shards=shards,
    )
    connection = None
    services = build_services(service)
    replies = LiveReplies(
        client,
        action_finder=services.action_finder,
        now=world.clock.now,
        **{"interval_s": 0.0, **options},
    )
    try:
        await client.login(world.token)
        client.serve(services)
        await client.sync_commands()
        connection = asyncio.create_task(client.connect())
        await world.wait_until_connected()
        yield Bot(world, client, replies, services)
    finally:
        await replies.close()
        await client.close()
        if connection is not None:
            connection.cancel()
            with suppress(asyncio.CancelledError):
                await connection


async def delete_message(world, message):
    """Somebody deletes a message of the bot."""
    world.messages.delete(world.messages.get(int(message["id"])))
