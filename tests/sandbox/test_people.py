"""Messages as plain text."""

from collections.abc import AsyncIterator

import pytest

from sandbox.discord_api import DiscordStandIn
from sandbox.discord_api.errors import NotPossible
from sandbox.discord_api.model.mentions import USERS_ONLY
from sandbox.discord_api.values import Upload
from sandbox.people import Person, as_text


@pytest.fixture
async def world() -> AsyncIterator[DiscordStandIn]:
    async with DiscordStandIn() as running:
        yield running


async def test_a_message_as_text(world):
    world.commands.overwrite(None, [{"name": "imagine", "description": "d"}])
    ana, general = world.member("ana"), world.channel("general")
    act = world.actions.command(ana, general, int(world.commands.everything()[0]["id"]), [], {})
    embed = {
        "title": "A title",
        "description": "Two\nlines",
        "fields": [{"name": "seed", "value": "7"}],
        "footer": {"text": "the end"},
    }
    parts = [
        {"type": 2, "style": 1, "label": "Again", "emoji": {"name": "🔁"}, "custom_id": "a"},
        {"type": 2, "style": 4, "label": "Cancel", "custom_id": "b", "disabled": True},
    ]
    body = {
        "content": "done",
        "embeds": [embed],
        "components": [{"type": 1, "components": parts}],
        "flags": 64,
    }
    uploads = {0: Upload("SPOILER_a.png", b"12345")}
    world.interactions.answer(act.id, act.token, {"type": 4, "data": body}, uploads)
    (message,) = Person(world, "ana").messages("general")
    assert as_text(message).splitlines() == [
        "Limner  (Ana used /imagine)",
        "done",
        "| A title",
        "| Two",
        "| lines",
        "| seed: 7",
        "| the end",
        "[spoiler file SPOILER_a.png, 5 bytes]",
        "[🔁 Again]  (Cancel)",
        "(only you can see this)",
    ]


async def test_thinking_and_edits_as_text(world):
    message = world.messages.new(world.channel("general").id, world.member("limner"))
    world.messages.post(message, {"content": "one"}, {}, USERS_ONLY)
    world.messages.edit(message, {"content": "two"}, {}, USERS_ONLY)
    (shown,) = Person(world, "ana").messages()
    assert as_text(shown) == "Limner  (edited)\ntwo"


async def test_people_cannot_do_what_is_not_offered(world):
    ana = Person(world, "ana")
    with pytest.raises(NotPossible):
        await ana.slash("general", "imagine")
    with pytest.raises(NotPossible):
        ana.say("moderators", "let me in")
    with pytest.raises(NotPossible):
        await ana.menu(ana.say("general", "x"), "Image info")
    with pytest.raises(NotPossible):
        await ana.click(ana.say("general", "x"), "Again")


async def test_waiting_for_a_message(world):
    ana = Person(world, "ana")
    with pytest.raises(TimeoutError):
        await ana.wait_for(lambda message: True, timeout=0)
    said = ana.say("general", "x")
    assert await ana.wait_for(lambda message: message["content"] == "x") == said
