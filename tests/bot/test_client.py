"""The connection: what it tells Discord of itself, and what it keeps out of logs."""

import asyncio
import logging
from unittest.mock import Mock

import discord
import pytest
from discord.http import Route

from bot.client import DiscordAddress, LimnerClient
from bot.commands.command_plan import COMMAND_NAMES
from bot.operating.logs import set_up_logs
from bot.replies import submission
from bot.replies.posted_files import attachment_hosts
from bot.settings import ShardSettings
from bot.ui import responses
from generation.events import Waiting
from generation.history.queries import HistoryPage
from generation.request import GenerationRequest, Requester
from sandbox.people import as_text, files_of
from tests.support.messages import is_answered, labels_of

MENU_NAMES = {"Image info", "Use as input", "Describe", "Report image", "Block this picture"}


@pytest.mark.usefixtures("_address_restored")
def test_without_an_address_it_talks_to_where_the_library_does():
    before = Route.BASE
    LimnerClient()
    assert before == Route.BASE
    LimnerClient(address=DiscordAddress("http://127.0.0.1:9/api/v10", "ws://127.0.0.1:9/gateway"))
    assert Route.BASE == "http://127.0.0.1:9/api/v10"
    assert attachment_hosts() == {
        "cdn.discordapp.com",
        "media.discordapp.net",
        "127.0.0.1:9",
    }


@pytest.mark.usefixtures("_address_restored")
def test_it_pings_nobody_and_wants_no_privileged_intent():
    client = LimnerClient()
    assert client.allowed_mentions.to_dict() == discord.AllowedMentions.none().to_dict()
    privileged = ("members", "presences", "message_content")
    assert not any(getattr(client.intents, name) for name in privileged)


@pytest.mark.usefixtures("_address_restored")
def test_without_a_service_it_says_so():
    with pytest.raises(RuntimeError, match="no services"):
        LimnerClient().services  # noqa: B018 - reading it is the test


async def test_a_second_start_changes_nothing_at_discord(world, service, start_bot):
    async with start_bot(world, service):
        before = {one["name"]: one["version"] for one in world.commands.everything()}
    assert set(before) == COMMAND_NAMES | MENU_NAMES
    async with start_bot(world, service):
        after = {one["name"]: one["version"] for one in world.commands.everything()}
    assert after == before


async def test_a_changed_command_is_sent(world, service, start_bot, monkeypatch):
    async with start_bot(world, service) as bot:
        before = {one["name"]: one["version"] for one in world.commands.everything()}
        # All clients of a process share its command objects.
        quota = bot.client.tree.get_command("quota")
        monkeypatch.setattr(quota, "description", "See what is left")
        await bot.client.sync_commands()
        after = {one["name"]: one["description"] for one in world.commands.everything()}
    assert after["quota"] == "See what is left"
    assert set(after) == set(before)


async def test_commands_describe_themselves_in_peoples_languages(world, service, start_bot):
    async with start_bot(world, service):
        shown = {one["name"]: one for one in world.commands.everything()}
    assert shown["help"]["description"] == "How to make pictures here"
    said = shown["help"]["description_localizations"]
    assert said["de"] == "So erstellst du hier Bilder"
    assert said["es-ES"] == said["es-419"] == "Cómo crear imágenes aquí"
    assert said.keys() == {"de", "fr", "es-ES", "es-419", "pt-BR", "ja"}
    assert not shown["help"]["name_localizations"], "people tell each other names"


async def test_a_guilds_commands_replace_the_global_ones(world, service, start_bot):
    async with start_bot(world, service):
        pass
    async with start_bot(world, service, guild_ids=[world.guild_id]) as bot:
        names = [one["name"] for one in world.commands.everything()]
        assert sorted(names) == sorted(COMMAND_NAMES | MENU_NAMES)
        assert await bot.client.tree.fetch_commands() == []
        await bot.imagine()


async def test_a_guild_that_has_not_invited_the_bot_is_named(world, service, start_bot, caplog):
    world.fail_next("GET", r"/guilds/404/commands", 403, 50001)
    async with start_bot(world, service, guild_ids=[404, world.guild_id]) as bot:
        await bot.imagine()
    assert "Guild 404 has not invited the bot" in caplog.text


async def test_a_connection_that_drops_is_taken_up_again(bot, tools):
    await bot.world.gateway.drop()
    await bot.world.wait_until_connected()
    generation, reply = await bot.imagine()
    await bot.replies.deliver(*tools.result(generation, tools.picture()))
    assert files_of(reply.message)


@pytest.mark.parametrize("level", ["debug", "info"])
def test_the_libraries_debug_lines_hold_tokens_and_are_never_written(level):
    set_up_logs(style="json", level=level)
    for name in (
        "discord.webhook.async_",
        "discord.gateway",
        "discord.http",
        "PIL.PngImagePlugin",
    ):
        assert not logging.getLogger(name).isEnabledFor(logging.DEBUG)
    assert logging.getLogger("bot.replies.sender").isEnabledFor(logging.DEBUG) == (level == "debug")


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("imagine", {"prompt": "a fox"}),
        ("imagine", {"prompt": "a fox", "private": True}),
        ("queue", {}),
        ("cancel", {"result": "k7f3q"}),
        ("history", {}),
        ("quota", {}),
    ],
)
async def test_commands_are_acknowledged_before_anything_is_looked_up(
    bot, service, command, options
):
    service.resumed.clear()
    reply = await bot.ana.slash("general", command, **options)
    assert reply.failure is None
    assert reply.is_thinking
    service.resumed.set()


async def test_a_stop_waits_for_a_request_that_is_acknowledged_and_not_recorded(bot, service):
    service.resumed.clear()
    await bot.ana.slash("general", "imagine", prompt="a fox")
    waiting = asyncio.create_task(service.submissions.wait(60))
    service.resumed.set()
    await waiting
    assert [request.prompt for request in service.requests] == ["a fox"]


async def test_what_a_lookup_took_is_not_spent_again_on_an_early_refusal(service):
    service.resumed.clear()
    request = GenerationRequest(Requester(user_id=1, name="ana", channel_id=9), "a fox")
    # Nothing answers: with no time left, this must not wait for it.
    interaction = Mock(extras={responses._DEADLINE: 0.0})
    assert await submission._in_time(interaction, service.check(request)) is None


@pytest.mark.parametrize("private", [False, True])
async def test_buttons_are_acknowledged_before_anything_is_looked_up(bot, service, tools, private):
    generation, reply = await bot.imagine(private=private)
    bot.replies.notify(tools.waiting(generation))
    await reply.until(lambda message: message["components"])
    presses = [await press(bot, service, reply, "Cancel")]
    await bot.replies.deliver(tools.failure(generation), ())
    presses.append(await press(bot, service, reply, "Try again"))
    await asyncio.wait_for(service.submitted.get(), 10)
    limit = bot.world.attachment_size_limit
    bot.world.attachment_size_limit = 100_000
    noisy, _ = await bot.imagine(private=private)
    await bot.replies.deliver(*tools.result(noisy, tools.noise(400)))
    bot.world.attachment_size_limit = limit
    shown = await bot.ana.wait_for(lambda message: "⋯" in labels_of(message))
    service.resumed.clear()
    presses.append(await bot.ana.click(shown, "⋯"))
    for pressed in presses:
        assert pressed.failure is None
    assert presses[-1].is_thinking
    service.resumed.set()


async def press(bot, service, reply, label):
    service.resumed.clear()
    pressed = await bot.ana.click(reply.message, label)
    assert pressed.is_thinking
    service.resumed.set()
    return pressed


# Whole sessions: what Discord itself decides.


async def test_nobody_is_pinged_by_what_somebody_typed(bot, tools):
    prompt = f"@everyone @here <@{bot.ben.id}> <@&{bot.world.guild_id}> https://discord.gg/x"
    generation, reply = await bot.imagine(prompt=prompt)
    bot.replies.notify(tools.running(generation, 1))
    await bot.replies.deliver(*tools.result(generation, tools.picture()))
    assert "everyone" in as_text(reply.message)
    assert bot.world.pings == []
    assert reply.message["mentions"] == []


async def test_an_attachment_is_fetched_from_discord_alone(bot, service, tools):
    await bot.imagine(image=tools.picture(), strength=0.5)
    assert service.fetched == [{"image": tools.picture()}]


async def test_the_queues_buttons_and_the_histories_pages_are_taken_by_discord(bot, service, tools):
    hostile = [
        tools.generation(prompt="*<@[|" * 60, message_url="https://discord.com/channels/1/2/3")
        for _ in range(30)
    ]
    service.entries = tuple(Waiting(one, n, 30, None) for n, one in enumerate(hostile))
    service.page = HistoryPage(tuple(hostile[:6]), tools.cursor(hostile[5]), 30)
    queue = await bot.mo.slash("moderators", "queue")
    message = await queue.until(is_answered)
    assert labels_of(message) == [*["Cancel"] * 10, "Refresh"]
    history = await bot.ana.slash("general", "history", search="x" * 26, workflow="w" * 32)
    message = await history.until(is_answered)
    assert "Page 1 of" in as_text(message)
    for one in hostile:
        service.add(one)
    await bot.ana.click(message, "Older")
    await history.until(lambda message: "Page 2 of" in as_text(message))
    assert bot.ben.messages("general") == []


async def test_a_server_that_is_joined_is_told_once_what_the_bot_does(bot):
    await bot.client.wait_until_ready()
    assert not bot.ana.messages()
    bot.world.gateway.invite_again()
    told = await bot.ana.wait_for(lambda message: "I make pictures" in as_text(message))
    assert "</imagine:" in as_text(told)
    assert "</limner setup:" in as_text(told)
    assert labels_of(told) == ["Set up"]
    await bot.ana.click(told, "Set up")
    refused = await bot.ana.wait_for(lambda message: "You need Manage Server" in as_text(message))
    assert refused["ephemeral"]


async def test_a_server_that_is_not_served_is_told_nothing(bot):
    bot.client.served_guilds = frozenset({1})
    bot.world.gateway.invite_again()
    await bot.ana.slash("general", "help")
    assert not [one for one in bot.ana.messages() if "I make pictures" in as_text(one)]


async def test_choices_that_take_too_long_are_none(bot, service):
    service.resumed.clear()
    assert await bot.ana.autocomplete("general", "cancel", "result", "k") == []


async def test_it_connects_as_many_shards_as_discord_recommends(
    world, service, start_bot, monkeypatch
):
    async def at_once(*_, **__):
        """Discord wants five seconds between two shards."""

    monkeypatch.setattr(LimnerClient, "before_identify_hook", at_once)
    world.gateway.recommended_shards = 2
    async with start_bot(world, service) as bot:
        await bot.client.wait_until_ready()
        assert world.gateway.shards == {(0, 2), (1, 2)}
        await bot.imagine()


async def test_it_connects_the_shards_it_is_given(world, service, start_bot):
    shard = (world.guild_id >> 22) % 3
    async with start_bot(world, service, shards=ShardSettings(ids=(shard,), count=3)) as bot:
        assert world.gateway.shards == {(shard, 3)}
        await bot.imagine()


async def test_a_guild_of_another_shard_is_not_heard(world, service, start_bot):
    shard = (world.guild_id >> 22) % 3
    async with start_bot(
        world, service, shards=ShardSettings(ids=((shard + 1) % 3,), count=3)
    ) as bot:
        assert not bot.client.guilds
