"""Alerts reach a channel or a webhook, and a sentence says why when they do not."""

import asyncio
import json

import pytest
from aiohttp import web
from discord.http import Route

from bot.client import DiscordAddress, LimnerClient
from bot.operating.alerts import find_target, tell_operator
from generation.notifier import DeliveryPostponed


@pytest.fixture
async def client(world):
    address = world.address
    client = LimnerClient(address=DiscordAddress(address.api_base, address.gateway_url))
    await client.login(world.token)
    yield client
    await client.close()


async def test_a_channel_gets_the_text_without_pinging_anybody(client, world):
    channel = world.channel("general")
    await tell_operator(client, str(channel.id), "GPU big is offline. @everyone")
    (message,) = world.messages.in_channel(channel.id)
    assert message.content == "GPU big is offline. @everyone"


@pytest.mark.parametrize("target", ["123456789012345678", "webhook"])
async def test_what_cannot_be_posted_to_is_told_in_words(client, target):
    if target == "webhook":
        target = f"https://discord.com/api/webhooks/123456789012345678/{'x' * 68}"
    with pytest.raises(DeliveryPostponed, match="may not post where LIMNER_ALERTS says"):
        await tell_operator(client, target, "GPU big is offline.")


async def test_a_webhook_gets_the_text(client):
    taken = asyncio.Queue()

    async def take(request):
        taken.put_nowait((request.match_info["id"], await request.json()))
        return web.Response(status=204)

    async def describe(request):
        hook = {"id": request.match_info["id"], "type": 1, "name": "operators", "channel_id": "1"}
        # discord.py reads JSON of exactly this type only.
        return web.Response(body=json.dumps(hook).encode(), content_type="application/json")

    app = web.Application()
    app.router.add_post("/api/v10/webhooks/{id}/{token}", take)
    app.router.add_get("/api/v10/webhooks/{id}/{token}", describe)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    Route.BASE = f"http://127.0.0.1:{runner.addresses[0][1]}/api/v10"
    url = f"https://discord.com/api/webhooks/123456789012345678/{'x' * 68}"
    assert await find_target(client, url) == "operators"
    await tell_operator(client, url, "GPU big is back.")
    webhook, message = taken.get_nowait()
    assert (webhook, message["content"]) == ("123456789012345678", "GPU big is back.")
    assert message["allowed_mentions"] == {"parse": []}
    await runner.cleanup()
