"""Slash commands as people use them, on discord.py's own machinery."""

import re
from datetime import UTC, datetime, timedelta

import discord
import pytest

from bot.tree import AUTHORITY
from generation.errors import ServiceUnavailable
from generation.events import Waiting
from generation.record import GenerationState
from sandbox.discord_api.model.components import walk
from tests.support.messages import said

pytestmark = pytest.mark.simcord(settle_timeout=2)

OPTIONS = {
    "imagine": [
        *("prompt", "workflow", "image", "negative", "aspect", "count", "seed", "model", "lora"),
        *(
            "steps",
            "guidance",
            "strength",
            "mask",
            "image_2",
            "image_3",
            "private",
            "spoiler",
            "enhance",
        ),
    ],
    "queue": [],
    "cancel": ["result"],
    "history": ["search", "workflow", "status", "since", "until"],
    "show": ["result", "picture"],
    "quota": [],
    "settings": ["workflow"],
    "workflows": [],
    "help": [],
}


def test_every_command_has_its_options_in_the_promised_order(simcord_bot):
    commands = {one.name: one for one in simcord_bot.tree.get_commands()}
    assert {
        name: [option.name for option in command.parameters]
        for name, command in commands.items()
        if isinstance(command, discord.app_commands.Command)
    } == OPTIONS


def test_only_what_a_command_is_about_is_required(simcord_bot):
    required = {
        (command.name, option.name)
        for command in simcord_bot.tree.get_commands()
        if isinstance(command, discord.app_commands.Command)
        for option in command.parameters
        if option.required
    }
    assert required == {("imagine", "prompt"), ("cancel", "result"), ("show", "result")}


def test_commands_work_everywhere_but_those_about_a_server(simcord_bot):
    for command in simcord_bot.tree.get_commands():
        is_about_server = command.name in AUTHORITY
        payload = command.to_dict(simcord_bot.tree)
        assert payload["contexts"] == ([0, 1] if is_about_server else [0, 1, 2])
        assert payload["integration_types"] == ([0] if is_about_server else [0, 1])


async def test_imagine_is_acknowledged_and_asks_for_what_was_given(place, service):
    result = await place.ana.slash(
        place.channel,
        "imagine",
        prompt="a fox",
        aspect="3:2",
        count=2,
        seed=0,
        model="alpha.safetensors",
        strength=0.5,
        spoiler=True,
    )
    assert result.deferred
    assert not result.ephemeral
    (request,) = service.requests
    assert request.prompt == "a fox"
    assert request.aspect == "3:2"
    assert request.values == {
        "count": 2,
        "seed": 0,
        "model": "alpha.safetensors",
        "strength": 0.5,
    }
    assert request.spoiler
    assert request.workflow is None
    assert request.requester.user_id == place.ana.id
    assert request.requester.guild_id == place.guild.id


async def test_a_request_says_under_which_category_its_channel_is(place, service):
    category = place.guild.create_category("art")
    for channel, category_id in (
        (place.guild.create_text_channel("sorted", category=category), category.id),
        (place.channel, None),
    ):
        await place.ana.slash(channel, "imagine", prompt="a fox")
        assert service.requests[-1].requester.channel_id == channel.id
        assert service.requests[-1].requester.category_id == category_id


async def test_a_private_generation_waits_where_only_its_person_sees_it(place, service):
    result = await place.ana.slash(place.channel, "imagine", prompt="a fox", private=True)
    assert result.ephemeral
    assert service.requests[0].private


@pytest.mark.usefixtures("errors_are_told")
async def test_a_service_that_is_away_is_told_in_plain_words(place, service):
    service.refusal = ServiceUnavailable("secret host name")
    result = await place.ana.slash(place.channel, "quota")
    told = (result.followups or [result.response])[0]
    assert told.ephemeral
    assert "Not available" in said(told)
    assert "secret" not in said(told)


@pytest.mark.usefixtures("errors_are_told")
async def test_an_error_nobody_foresaw_gets_a_reference_that_is_also_logged(place, service, caplog):
    service.refusal = RuntimeError("secret detail")
    result = await place.ana.slash(place.channel, "quota")
    told = (result.followups or [result.response])[0]
    reference = said(told).split("`")[1]
    assert reference in caplog.text
    assert "secret" not in said(told)
    assert told.ephemeral


@pytest.mark.parametrize(("option", "typed"), [("model", "BETA"), ("workflow", "IMG2IMG")])
async def test_choices_fit_what_is_typed(place, option, typed):
    result = await place.ana.autocomplete(place.channel, "imagine", option, typed, prompt="x")
    (choice,) = result
    assert typed.casefold() in f"{choice['name']} {choice['value']}".casefold()


async def test_there_are_never_more_choices_than_a_client_shows(place, service):
    service.model_names = tuple(f"model-{number}.safetensors" for number in range(60))
    service.model_names += ("x" * 101,)
    choices = await place.ana.autocomplete(place.channel, "imagine", "model", "", prompt="x")
    assert len(choices) == 25


async def test_cancel_offers_ones_own_only(place, service, tools):
    mine = service.add(tools.generation(user_id=place.ana.id, prompt="a\n\u202e" + "p" * 300))
    service.add(tools.generation(user_id=place.ben.id))
    (choice,) = await place.ana.autocomplete(place.channel, "cancel", "result", "")
    assert choice["value"] == mine.id
    assert choice["name"].startswith(f"{mine.id} · a pp")
    assert len(choice["name"]) <= 100


async def test_cancel_offers_nothing_while_the_records_are_away(place, service):
    service.refusal = ServiceUnavailable("away")
    assert await place.ana.autocomplete(place.channel, "cancel", "result", "") == []


async def test_cancel_takes_a_whole_label_too(place, service, tools):
    mine = service.add(tools.generation(id="k7f3q", user_id=place.ana.id))
    await place.ana.slash(place.channel, "cancel", result=" K7F3Q · a fox in the snow")
    assert service.cancellations == [(mine.id, place.ana.id, False)]


@pytest.mark.usefixtures("errors_are_told")
async def test_only_their_person_and_moderators_of_the_guild_may_cancel(place, service, tools):
    theirs = service.add(tools.generation(id="k7f3q", user_id=7, guild_id=place.guild.id))
    elsewhere = service.add(tools.generation(id="mmmmm", user_id=7, guild_id=404))
    for member, wanted, is_allowed in (
        (place.ben, theirs, False),
        (place.mo, theirs, True),
        (place.mo, elsewhere, False),
    ):
        result = await member.slash(place.channel, "cancel", result=wanted.id)
        told = (result.followups or [result.response])[0]
        assert told.ephemeral
        assert ("Cancelled" in told.content) == is_allowed
    assert service.cancellations == [(theirs.id, place.mo.id, True)]


async def test_the_queue_shows_ones_own_and_counts_the_others(place, service, tools):
    mine = tools.generation(user_id=place.ana.id, prompt="my fox")
    theirs = tools.generation(user_id=place.ben.id, prompt="their secret")
    service.entries = (Waiting(theirs, 0, 1, None), Waiting(mine, 1, 1, None))
    told = await asked(place.ana, place.channel, "queue")
    assert "my fox" in said(told)
    assert "their secret" not in said(told)
    assert "1 from other members" in said(told)
    assert labels(told) == ["Cancel", "Refresh"]


async def test_the_queue_counts_down_to_nothing_since_it_is_not_updated(place, service, tools):
    mine = tools.generation(user_id=place.ana.id)
    service.entries = (Waiting(mine, 1, 1, datetime.now(UTC) + timedelta(minutes=5)),)
    told = await asked(place.ana, place.channel, "queue")
    assert re.search(r"starts <t:\d+:t>", said(told))


async def test_moderators_see_the_whole_queue_with_its_people(place, service, tools):
    theirs = [tools.generation(user_id=place.ben.id, prompt="*" * 300) for _ in range(40)]
    service.entries = tuple(Waiting(one, n + 1, 40, None) for n, one in enumerate(theirs))
    told = await asked(place.mo, place.channel, "queue")
    assert f"<@{place.ben.id}>" in said(told)
    assert "30 more" in said(told)
    assert labels(told) == [*["Cancel"] * 10, "Refresh"]


async def test_an_empty_queue_says_so(place):
    told = await asked(place.ana, place.channel, "queue")
    assert "The queue is empty." in said(told)
    assert labels(told) == ["Refresh"]


async def test_quota_says_what_is_left(place):
    told = await asked(place.ana, place.channel, "quota")
    assert "42 of 50" in said(told)


async def test_help_is_for_its_reader_alone(place):
    told = await asked(place.ana, place.channel, "help")
    assert told.ephemeral
    assert "/imagine" in said(told)


async def test_history_asks_for_ones_own_in_this_guild(place, service):
    told = await asked(
        place.ana,
        place.channel,
        "history",
        search="  fox   red ",
        status="done",
        since="2026-11-01",
        until="2026-11-02",
    )
    ((question, before, after),) = service.asked
    assert (question.user_id, question.guild_id) == (place.ana.id, place.guild.id)
    assert question.search == "fox red"
    assert question.state is GenerationState.SUCCEEDED
    assert (question.since.day, question.until.day) == (1, 3)
    assert (before, after) == (None, None)
    assert "Nothing found." in said(told)


@pytest.mark.usefixtures("errors_are_told")
@pytest.mark.parametrize("day", ["soon", "9999-12-31", "2026-02-30", "9" * 40 + "d"])
async def test_a_day_nobody_can_read_is_an_invalid_option(place, day):
    told = await asked(place.ana, place.channel, "history", until=day)
    assert "Invalid option" in said(told)


async def test_commands_are_refused_where_the_bot_does_not_serve(place, service, simcord_bot):
    simcord_bot.served_guilds = frozenset({1})
    result = await place.ana.slash(place.channel, "imagine", prompt="a fox")
    assert result.response.ephemeral
    assert "Not allowed in this channel" in said(result.response)
    assert service.requests == []
    assert await place.ana.autocomplete(place.channel, "imagine", "model", "", prompt="x") == []


async def test_commands_are_not_sent_again_when_nothing_changed(place, simcord_bot):
    before = len(place.env.http_requests)
    await simcord_bot.sync_commands()
    assert [one.method for one in place.env.http_requests[before:]] == ["GET"]


async def asked(member, channel, name, **options):
    result = await member.slash(channel, name, **options)
    return (result.followups or [result.response])[0]


def labels(message):
    return [part["label"] for part in walk(message.components) if "label" in part]


def test_intents_are_no_more_than_guilds(simcord_bot):
    assert simcord_bot.intents == discord.Intents(guilds=True)
