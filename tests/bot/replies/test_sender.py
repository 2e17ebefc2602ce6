"""Where the end of a generation goes when the way it came is closed."""

from dataclasses import replace

import pytest

from bot.replies.address import parse_reply
from bot.replies.deletion import delete_message
from generation.notifier import DeliveryImpossible, DeliveryPostponed
from sandbox.discord_api.values import Permission
from sandbox.people import as_text, files_of
from tests.support.messages import is_answered, press_more
from tests.support.pictures import build_annotated

EDIT_BY_TOKEN = r"/webhooks/.*/messages/"
EDIT_BY_ID = r"/channels/\d+/messages/\d+$"
POST = r"/channels/\d+/messages$"


def is_done(message):
    return "· seed" in as_text(message)


def further_messages(person):
    return [one for one in person.messages("general") if "· more" in as_text(one)]


async def deliver(bot, tools, generation, *pictures, **options):
    ended, contents = tools.result(generation, *(pictures or [tools.picture()]), **options)
    return await bot.replies.deliver(ended, contents)


async def test_the_end_is_put_into_the_reply(bot, tools):
    generation, reply = await bot.imagine()
    receipt = await deliver(bot, tools, generation)
    assert is_done(reply.message)
    assert [one["filename"] for one in files_of(reply.message)] == [f"limner-{generation.id}-1.png"]
    assert receipt.message_url.endswith(reply.message["id"])


async def test_telling_it_again_changes_nothing(bot, tools):
    generation, reply = await bot.imagine()
    pictures = [tools.picture()] * 12
    for _ in range(2):
        await deliver(bot, tools, generation, *pictures)
    assert len(files_of(reply.message)) == 10
    more = further_messages(bot.ana)
    assert [len(files_of(one)) for one in more] == [2]


async def test_further_results_come_back_with_a_decision_that_is_undone(bot, tools):
    generation, _ = await bot.imagine()
    twelve = [tools.picture()] * 12
    await deliver(bot, tools, generation, *twelve)
    (more,) = further_messages(bot.ana)
    await tools.delete(bot.world, more)
    await deliver(bot, tools, generation, *twelve)
    assert further_messages(bot.ana) == []
    await deliver(bot, tools, replace(generation, tellings=2), *twelve)
    assert [len(files_of(one)) for one in further_messages(bot.ana)] == [2]


async def test_a_new_process_posts_nothing_twice(bot, tools):
    generation, _ = await bot.imagine()
    twelve = [tools.picture()] * 12
    await deliver(bot, tools, generation, *twelve)
    bot.replies._sender._posted.clear()
    await deliver(bot, tools, generation, *twelve)
    more = further_messages(bot.ana)
    assert [len(files_of(one)) for one in more] == [2]


async def test_what_does_not_fit_comes_by_token_where_the_bot_may_not_speak(bot, tools, world):
    generation, _ = await bot.imagine()
    world.deny_bot("general", Permission.SEND_MESSAGES)
    await deliver(bot, tools, generation, *[tools.picture()] * 12)
    more = further_messages(bot.ana)
    assert [len(files_of(one)) for one in more] == [2]


async def test_the_message_is_edited_by_its_id_once_the_token_is_dead(bot, tools, world):
    generation, reply = await bot.imagine()
    world.advance(16)
    await deliver(bot, tools, generation, *[tools.picture()] * 12)
    assert is_done(reply.message)
    more = further_messages(bot.ana)
    assert [len(files_of(one)) for one in more] == [2]
    await deliver(bot, tools, generation, *[tools.picture()] * 12)
    assert len(further_messages(bot.ana)) == 1


async def test_a_token_that_dies_early_is_left_for_the_message_id(bot, tools, world):
    generation, reply = await bot.imagine()
    world.fail_next("PATCH", EDIT_BY_TOKEN, 401, 50027)
    await deliver(bot, tools, generation)
    assert is_done(reply.message)


async def test_a_process_without_a_gateway_connection_asks_for_a_servers_language(
    bot, world, monkeypatch
):
    world.directory.guild_locale = "de"
    sender, (guild,) = bot.replies._sender, bot.client.guilds
    monkeypatch.setattr(bot.client, "get_guild", lambda _: None)
    assert await sender.guild_locale(guild.id) == "de"
    world.fail_next("GET", rf"/guilds/{guild.id}$", 403, 50001)
    assert await sender.guild_locale(guild.id) == "en"
    assert await sender.guild_locale(None) == "en"


async def test_a_further_message_that_cannot_be_deleted_is_told(bot, tools, world):
    generation, _ = await bot.imagine()
    ended, contents = tools.result(generation, *[tools.picture()] * 12)
    receipt = await bot.replies.deliver(ended, contents)
    ended = replace(ended, message_url=receipt.message_url)
    (more,) = further_messages(bot.ana)
    world.fail_next("DELETE", rf"/messages/{more['id']}$", 503)
    assert not await delete_message(bot.client, ended)
    assert await delete_message(bot.client, ended)
    assert further_messages(bot.ana) == []


async def test_a_private_end_beyond_the_token_is_a_direct_message(bot, tools, world):
    generation, _ = await bot.imagine(private=True)
    world.advance(16)
    receipt = await deliver(bot, tools, generation)
    (told,) = bot.ana.direct_messages()
    assert is_done(told)
    assert "so here it is" in as_text(told)
    assert files_of(told)
    assert receipt.message_url.endswith(told["id"])
    assert bot.ben.direct_messages() == []


async def test_where_the_bot_may_not_be_the_end_is_a_direct_message(bot, tools, world):
    generation, _ = await bot.imagine()
    world.deny_bot("general", Permission.VIEW_CHANNEL)
    world.advance(16)
    await deliver(bot, tools, generation, *[tools.picture()] * 12)
    first, second = bot.ana.direct_messages()
    assert is_done(first)
    assert len(files_of(second)) == 2


async def test_everything_of_what_is_deleted_goes_and_nothing_else(bot, tools):
    generation, _ = await bot.imagine()
    other, _ = await bot.imagine()
    ended, contents = tools.result(generation, *[tools.picture()] * 12)
    receipt = await bot.replies.deliver(ended, contents)
    await deliver(bot, tools, other, *[tools.picture()] * 12)
    assert len(bot.ana.messages("general")) == 4
    await delete_message(bot.client, replace(ended, message_url=receipt.message_url))
    left = bot.ana.messages("general")
    assert len(left) == 2
    assert all(other.id in files_of(one)[0]["filename"] for one in left)


async def test_what_does_not_fit_below_an_unreachable_reply_goes_to_its_person(bot, tools, world):
    generation, reply = await bot.imagine(private=True)
    # The token dies between the first message and the second.
    world.fail_next("POST", r"/webhooks/\d+/[^/]+$", 401, 50027)
    await deliver(bot, tools, generation, *[tools.picture()] * 12)
    assert is_done(reply.message)
    (told,) = bot.ana.direct_messages()
    assert len(files_of(told)) == 2


async def test_nobody_to_be_told_is_given_up(bot, tools, world):
    generation, _ = await bot.imagine(private=True)
    world.advance(16)
    world.fail_next("POST", r"/users/@me/channels", 403, 50007)
    with pytest.raises(DeliveryImpossible):
        await deliver(bot, tools, generation)


async def test_a_reply_that_somebody_deleted_stays_deleted(bot, tools, world):
    generation, reply = await bot.imagine()
    world.fail_next("PATCH", EDIT_BY_TOKEN, 404, 10008)
    with pytest.raises(DeliveryImpossible):
        await deliver(bot, tools, generation)
    assert bot.ana.direct_messages() == []
    assert not is_done(reply.message)


async def test_a_discord_that_is_away_is_tried_again_later(bot, tools, world):
    generation, reply = await bot.imagine()
    world.advance(16)
    world.fail_next("PATCH", EDIT_BY_ID, 503)
    with pytest.raises(DeliveryPostponed):
        await deliver(bot, tools, generation)
    await deliver(bot, tools, generation)
    assert is_done(reply.message)


async def test_a_bot_token_that_was_reset_loses_nothing(bot, tools, world):
    generation, reply = await bot.imagine()
    world.advance(16)
    world.fail_next("PATCH", EDIT_BY_ID, 401)
    with pytest.raises(DeliveryPostponed):
        await deliver(bot, tools, generation)
    await deliver(bot, tools, generation)
    assert is_done(reply.message)


async def test_an_answer_that_got_lost_posts_nothing_twice(bot, tools, world):
    generation, reply = await bot.imagine()
    world.advance(16)
    world.lose_next_answer("POST", POST)
    twelve = [tools.picture()] * 12
    with pytest.raises(DeliveryPostponed):
        await deliver(bot, tools, generation, *twelve)
    await deliver(bot, tools, generation, *twelve)
    more = further_messages(bot.ana)
    assert len(more) == 1
    assert is_done(reply.message)


async def test_results_are_made_smaller_when_discord_takes_less_than_it_said(bot, tools, world):
    generation, reply = await bot.imagine()
    world.fail_next("PATCH", EDIT_BY_TOKEN, 413, 40005, times=2)
    await deliver(bot, tools, generation, tools.noise(1300))
    assert is_done(reply.message)
    assert files_of(reply.message)[0]["filename"].endswith(".webp")
    assert "⋯" in as_text(reply.message)


@pytest.mark.parametrize("is_metadata", [True, False], ids=["metadata", "pixels"])
async def test_an_original_above_the_limit_is_sent_without_loss_or_refused_honestly(
    bot, tools, service, world, is_metadata
):
    world.attachment_size_limit = 100_000
    generation, reply = await bot.imagine()
    original = build_annotated(400_000) if is_metadata else tools.noise(400)
    ended, contents = tools.result(generation, original)
    service.kept[service.add(ended).id] = contents
    await bot.replies.deliver(ended, contents)
    assert files_of(reply.message)[0]["filename"].endswith(".webp")
    pressed = await press_more(bot.ben, reply.message, "Original")
    told = await pressed.until(is_answered)
    assert told["ephemeral"]
    if is_metadata:
        assert files_of(told)[0]["filename"].endswith("-1.png")
    else:
        assert "Too large for Discord (0.5 MiB, limit 0.1 MiB)" in as_text(told)


async def test_a_refused_edit_with_files_is_posted_anew(bot, tools, world):
    generation, reply = await bot.imagine()
    world.fail_next("PATCH", EDIT_BY_TOKEN, 400, 50035)
    receipt = await deliver(bot, tools, generation)
    (posted,) = bot.ana.messages("general")
    assert is_done(posted)
    assert reply.message is None
    assert receipt.message_url.endswith(posted["id"])


async def test_what_comes_of_a_private_panel_is_as_public_as_the_result(bot, tools, service):
    generation, reply = await bot.imagine()
    ended, contents = tools.result(generation, tools.picture())
    service.kept[service.add(ended).id] = contents
    await bot.replies.deliver(ended, contents)
    asked = await press_more(bot.ben, reply.message, "Remix")
    await bot.ben.fill(asked.modal, {"prompt": "a bear in the snow"})
    await tools.eventually(lambda: len(service.requests) > 1)
    assert not service.requests[-1].private


async def test_nothing_is_lost_when_only_the_second_message_is_too_large(bot, tools, world):
    generation, reply = await bot.imagine()
    world.advance(16)
    world.fail_next("POST", POST, 413, 40005)
    await deliver(bot, tools, generation, *[tools.picture()] * 10, *[tools.noise(1300)] * 3)
    assert is_done(reply.message)
    names = [one["filename"] for one in files_of(reply.message)]
    for message in further_messages(bot.ana):
        names += [one["filename"] for one in files_of(message)]
    assert {int(name.rpartition("-")[2].partition(".")[0]) for name in names} == {*range(1, 14)}


async def test_what_was_taken_away_leaves_no_message(bot, tools):
    """Whoever deleted it while it was posted found only what had been posted by then."""
    generation, reply = await bot.imagine()
    ended, contents = tools.result(generation, *[tools.picture()] * 12)
    receipt = await bot.replies.deliver(ended, contents)
    await bot.replies.withdraw(replace(ended, message_url=receipt.message_url))
    assert reply.message is None
    assert bot.ana.messages("general") == []
    await bot.replies.withdraw(running := tools.generation(reply=generation.reply))
    bot.replies.notify(tools.running(running))
    assert bot.replies._live._views == {}, "nothing is shown of it any more"


async def test_an_answer_of_another_version_is_given_up(bot, tools):
    for reply in ("", "{}", "[1]", "null", '{"token": 1}'):
        with pytest.raises(DeliveryImpossible):
            await deliver(bot, tools, tools.generation(reply=reply))


async def test_a_failure_offers_to_try_again_and_that_works(bot, tools, service):
    generation, reply = await bot.imagine()
    await bot.replies.deliver(tools.failure(generation), ())
    assert "### Out of GPU memory" in as_text(reply.message)
    assert generation.id in as_text(reply.message)
    again = await bot.ben.click(reply.message, "Try again")
    assert again.is_thinking
    await tools.eventually(lambda: len(service.requests) > 1)
    request = service.requests[-1]
    assert (request.parent_id, request.requester.user_id) == (generation.id, bot.ben.id)


async def test_tokens_are_in_no_text_that_could_be_logged(bot, tools, service, caplog):
    caplog.set_level("INFO")
    caplog.set_level("DEBUG", "bot")
    generation, _ = await bot.imagine()
    token = parse_reply(generation.reply).token
    bot.world.fail_next("PATCH", EDIT_BY_TOKEN, 401, 50027)
    bot.world.fail_next("PATCH", EDIT_BY_ID, 503)
    with pytest.raises(DeliveryPostponed) as caught:
        await deliver(bot, tools, generation)
    chain = [caught.value]
    while chain[-1].__cause__ is not None:
        chain.append(chain[-1].__cause__)
    texts = [repr(generation), repr(service.requests), repr(parse_reply(generation.reply))]
    texts += [f"{one!r} {one}" for one in chain] + [caplog.text]
    assert not [text for text in texts if token in text]
