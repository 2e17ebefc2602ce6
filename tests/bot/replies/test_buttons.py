"""Buttons after a restart, in other guilds, pressed by whoever sees them."""

import pytest
from discord import ui

from bot.commands.history import HistoryButton
from bot.commands.history_query import SEARCH_CHARACTERS, WORKFLOW_CHARACTERS, HistoryQuery
from bot.replies import result_buttons as buttons
from bot.replies.actions import ALL
from bot.replies.buttons import GenerationButton
from bot.replies.result_buttons import result_rows
from bot.ui.layout import build_layout
from db.repositories.generations import MAX_COUNTED
from generation.history.queries import HistoryPage
from generation.ids import MAX_ID_CHARACTERS
from generation.record import GenerationState
from generation.request import Derivation
from generation.requests.available_actions import AvailableActions
from tests.support.messages import said, walk
from workflows.manifest import NAME as WORKFLOW_NAME

pytestmark = pytest.mark.simcord(settle_timeout=2)


@pytest.fixture
def posted(place, simcord_bot):
    """Puts a message of the bot with these buttons into the channel."""

    async def post(view):
        channel = simcord_bot.get_channel(place.channel.id)
        return await channel.send(view=view)

    return post


def view_of(generation, action):
    index = ALL if action == buttons.ORIGINAL else 0
    return build_layout(buttons.row(buttons.build_button(generation.id, action, index)))


def button_of(message, label):
    return next(part for part in walk(message.components) if part.get("label") == label)


def shown_of(result):
    return (result.followups or [result.response])[0]


async def test_their_person_cancels(place, service, tools, posted):
    generation = service.add(tools.generation(user_id=place.ana.id))
    message = await posted(view_of(generation, buttons.CANCEL))
    result = await place.ana.click(message, label="Cancel")
    assert service.cancellations == [(generation.id, place.ana.id, False)]
    assert shown_of(result).ephemeral
    assert shown_of(result).content == "Cancelled."


async def test_others_are_refused_in_private_and_moderators_are_not(place, service, tools, posted):
    generation = service.add(tools.generation(user_id=place.ana.id, guild_id=place.guild.id))
    message = await posted(view_of(generation, buttons.CANCEL))
    refused = shown_of(await place.ben.click(message, label="Cancel"))
    assert refused.ephemeral
    assert "moderator" in said(refused)
    assert service.cancellations == []
    await place.mo.click(message, label="Cancel")
    assert service.cancellations == [(generation.id, place.mo.id, True)]


async def test_cancelling_what_has_ended_says_so(place, service, tools, posted):
    generation = service.add(
        tools.generation(user_id=place.ana.id, state=GenerationState.SUCCEEDED)
    )
    result = await place.ana.click(
        await posted(view_of(generation, buttons.CANCEL)), label="Cancel"
    )
    assert shown_of(result).content == "Already finished."


async def test_a_button_of_something_forgotten_says_so(place, tools, posted):
    message = await posted(view_of(tools.generation(), buttons.BARE))
    told = shown_of(await place.ana.click(message, label="Without metadata"))
    assert "No result" in said(told)


async def test_anybody_may_try_again_and_it_is_theirs(place, service, tools, posted):
    generation = service.add(tools.generation(user_id=place.ana.id, guild_id=place.guild.id))
    result = await place.ben.click(
        await posted(view_of(generation, buttons.RETRY)), label="Try again"
    )
    (request,) = service.requests
    assert (request.parent_id, request.derivation) == (generation.id, Derivation.RETRY)
    assert request.requester.user_id == place.ben.id
    assert not result.ephemeral
    assert str(place.channel.id) in request.reply


async def test_buttons_work_after_a_restart(place, service, tools, posted, simcord_bot):
    generation = service.add(tools.generation(user_id=place.ana.id))
    message = await posted(view_of(generation, buttons.CANCEL))
    await place.env.restart_bot()
    await place.ana.click(message, label="Cancel")
    assert [one[0] for one in service.cancellations] == [generation.id]


async def test_a_private_result_is_shown_to_nobody_else(place, service, tools, posted):
    generation, contents = tools.result(
        tools.generation(user_id=place.ana.id, private=True), tools.picture()
    )
    service.kept[service.add(generation).id] = contents
    message = await posted(view_of(generation, buttons.ORIGINAL))
    told = shown_of(await place.ben.click(message, label="Original"))
    assert not told.attachments
    assert "Only the person" in said(told)


async def test_the_original_is_sent_to_whoever_asks(place, service, tools, posted):
    generation, contents = tools.result(
        tools.generation(guild_id=place.guild.id), tools.picture(), tools.picture()
    )
    service.kept[service.add(generation).id] = contents
    message = await posted(view_of(generation, buttons.ORIGINAL))
    told = shown_of(await place.ben.click(message, label="Original"))
    assert told.ephemeral
    assert [one.filename for one in told.attachments] == [
        f"limner-{generation.id}-1.png",
        f"limner-{generation.id}-2.png",
    ]


async def test_an_original_that_was_cleared_away_is_not_promised(place, service, tools, posted):
    generation, _ = tools.result(tools.generation(guild_id=place.guild.id), tools.picture())
    service.add(generation)
    told = shown_of(
        await place.ben.click(await posted(view_of(generation, buttons.ORIGINAL)), label="Original")
    )
    assert "no longer stored" in said(told)


async def test_buttons_are_refused_where_the_bot_does_not_serve(
    place, service, tools, posted, simcord_bot
):
    generation = service.add(tools.generation(user_id=place.ana.id))
    message = await posted(view_of(generation, buttons.CANCEL))
    simcord_bot.served_guilds = frozenset({1})
    told = shown_of(await place.ana.click(message, label="Cancel"))
    assert told.ephemeral
    assert "Not allowed in this channel" in said(told)
    assert service.cancellations == []


def test_an_id_of_any_length_fits_a_button(tools):
    generation, _ = tools.result(tools.generation(id="z" * MAX_ID_CHARACTERS), b"x")
    offer = AvailableActions((999,), (999,), (999,), again=True, remix=True)
    view = build_layout(*result_rows(generation, offer))
    for child in view.walk_children():
        if not isinstance(child, ui.ActionRow):
            assert len(child.custom_id) <= 100
            pattern = GenerationButton.__discord_ui_compiled_template__
            assert pattern.fullmatch(child.custom_id)


# The history's pages.


def test_a_page_button_carries_the_longest_question(tools):
    query = HistoryQuery(
        search="(" * SEARCH_CHARACTERS,
        workflow="w" * WORKFLOW_CHARACTERS,
        state=GenerationState.SUCCEEDED,
        page=9999,
        anchor="z" * MAX_ID_CHARACTERS,
        newer=True,
    )
    custom_id = query.custom_id()
    assert len(custom_id) <= 100 - 2 * len("b479a")
    assert read_back(custom_id) == query


def test_the_question_comes_back_as_it_was(tools):
    from_day, to_day = (tools.generation().created_at.replace(hour=0, day=day) for day in (1, 22))
    query = HistoryQuery("a: fox", "txt2img-sd", None, from_day, to_day, 3, "k7f3q", newer=False)
    assert read_back(query.custom_id()) == query


async def test_turning_the_page_asks_for_what_follows(place, service, tools):
    shown = tuple(tools.generation(user_id=place.ana.id) for _ in range(6))
    for one in shown:
        service.add(one)
    service.page = HistoryPage(shown, tools.cursor(shown[-1]), 20)
    first = await place.ana.slash(place.channel, "history", search="fox")
    message = shown_of(first)
    assert "Page 1 of 4 · 20 in all" in said(message)
    await place.ana.click(message.message, label="Older")
    asked, before, after = service.asked[-1]
    assert asked.search == "fox"
    assert asked.user_id == place.ana.id
    assert before == tools.cursor(shown[-1])
    assert after is None
    service.page = HistoryPage(shown, None, 14)
    last = await place.ana.slash(place.channel, "history")
    assert button_of(shown_of(last), "Older")["disabled"]


async def test_a_history_that_is_too_long_to_be_counted_says_so(place, service, tools):
    shown = tuple(tools.generation(user_id=place.ana.id) for _ in range(6))
    service.page = HistoryPage(shown, tools.cursor(shown[-1]), MAX_COUNTED)
    reply = await place.ana.slash(place.channel, "history")
    assert "Page 1 of 167+ · 1000+ in all" in said(shown_of(reply))
    assert not button_of(shown_of(reply), "Older")["disabled"]


def read_back(custom_id):
    match = HistoryButton.__discord_ui_compiled_template__.fullmatch(custom_id)
    assert match, custom_id
    return HistoryQuery.parse(match)


def test_workflow_names_are_no_longer_than_a_page_button_can_carry():
    assert WORKFLOW_NAME.fullmatch("w" * WORKFLOW_CHARACTERS)
    assert not WORKFLOW_NAME.fullmatch("w" * (WORKFLOW_CHARACTERS + 1))
