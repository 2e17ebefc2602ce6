"""Used by somebody who installed the bot for themselves, where it is no member."""

import pytest

from bot.replies.address import parse_reply
from sandbox.discord_api.errors import NotPossible
from sandbox.people import as_text, files_of
from tests.support.messages import is_answered


@pytest.fixture
def group(bot):
    return bot.world.open_group("ana", "ben")


async def test_it_answers_by_token_and_under_the_persons_own_limits(bot, tools, group):
    generation, reply = await bot.imagine(channel=group)
    (request,) = bot.service.requests
    assert request.requester.guild_id is None
    bot.replies.notify(tools.running(generation, 5, tools.picture()))
    await reply.until(is_answered)
    await bot.replies.deliver(*tools.result(generation, tools.picture()))
    assert files_of(reply.message)
    assert len(bot.ben.messages(group)) == 1


async def test_after_its_token_the_end_comes_as_a_direct_message(bot, tools, group, world):
    generation, reply = await bot.imagine(channel=group)
    world.advance(16)
    await bot.replies.deliver(*tools.result(generation, tools.picture()))
    assert not files_of(reply.message)
    (told,) = bot.ana.direct_messages()
    assert files_of(told)
    assert "so here it is" in as_text(told)


async def test_what_is_about_a_server_is_not_offered_there(bot, group):
    offered = {one["name"] for one in bot.world.commands.offered(bot.ana.member, group)}
    assert "imagine" in offered
    assert "Use as input" in offered
    assert "limner" not in offered
    with pytest.raises(NotPossible):
        await bot.mo.slash(group, "limner status")


async def test_buttons_work_there(bot, tools, service, group):
    generation, reply = await bot.imagine(channel=group)
    ended, contents = tools.result(generation, tools.picture())
    service.kept[service.add(ended).id] = contents
    await bot.replies.deliver(ended, contents)
    again = await bot.ana.click(reply.message, "Again")
    assert not again.message.get("ephemeral")
    await service.submitted.get()
    assert service.requests[-1].parent_id == ended.id
    assert parse_reply(service.requests[-1].reply).channel_id == group.id


async def test_in_direct_messages_with_the_bot_everything_works(bot, tools, service):
    channel = bot.world.directory.direct_channel(bot.ana.member)
    generation, reply = await bot.imagine(channel=channel)
    assert service.requests[-1].requester.guild_id is None
    ended, contents = tools.result(generation, tools.picture())
    service.kept[service.add(ended).id] = contents
    await bot.replies.deliver(ended, contents)
    await bot.ana.click(reply.message, "Upscale")
    await service.submitted.get()
    assert service.requests[-1].workflow == "upscale"
