"""What people are told when something does not work, whatever was said to them before."""

import logging
from types import SimpleNamespace

import aiohttp
import discord
import pytest
from discord import app_commands

from bot.ui.error_messages import explain, tell
from generation.errors import (
    FailureKind,
    GenerationError,
    NotYours,
    RequestRefused,
    ServiceUnavailable,
    UnknownGeneration,
)
from sandbox.discord_api.rate_limits import WEBHOOK_POSTS
from sandbox.people import as_text
from tests.support.messages import texts_of

SLOW = RequestRefused(FailureKind.SLOW_DOWN, "One at a time, please.")


def is_refusal(message):
    return "### Slow down" in as_text(message)


async def test_what_can_be_refused_at_once_is_refused_in_private_from_the_start(bot, service):
    service.early_refusal = SLOW
    reply = await bot.ana.slash("general", "imagine", prompt="a fox")
    assert is_refusal(reply.message)
    assert "only you can see this" in as_text(reply.message)
    assert bot.ben.messages("general") == []
    assert service.requests == []


async def test_a_refusal_takes_the_public_waiting_message_away(bot, service):
    service.refusal = SLOW
    reply = await bot.ana.slash("general", "imagine", prompt="a fox")
    told = await bot.ana.wait_for(is_refusal)
    assert told["ephemeral"]
    assert "One at a time, please." in as_text(told)
    assert reply.message is None
    assert bot.ben.messages("general") == []


async def test_a_late_refusal_comes_also_while_others_wait_for_their_acknowledgement(bot, service):
    service.refusal = SLOW
    with bot.client.services.acknowledgements.pending():
        await bot.ana.slash("general", "imagine", prompt="a fox")
        assert (await bot.ana.wait_for(is_refusal))["ephemeral"]


async def test_a_private_waiting_message_is_filled(bot, service):
    service.refusal = SLOW
    reply = await bot.ana.slash("general", "imagine", prompt="a fox", private=True)
    told = await reply.until(is_refusal)
    assert told["ephemeral"]
    assert len(bot.ana.messages("general")) == 1


async def test_refusals_in_private_do_not_use_up_the_messages_of_a_channel(bot, service):
    service.refusal = SLOW
    for _ in range(WEBHOOK_POSTS.limit + 1):
        reply = await bot.ana.slash("general", "imagine", prompt="a fox", private=True)
        await reply.until(is_refusal)
    assert bot.world.rate_limit_hits == 0


async def test_the_person_is_told_even_when_the_waiting_message_stays(bot, service):
    service.refusal = SLOW
    bot.world.fail_next("DELETE", r"/webhooks/", 403)
    reply = await bot.ana.slash("general", "imagine", prompt="a fox")
    await reply.until(is_refusal)


async def test_a_button_that_is_refused_leaves_its_message_alone(bot, service, tools):
    generation, reply = await bot.imagine()
    await bot.replies.deliver(tools.failure(generation), ())
    service.refusal = SLOW
    await bot.ben.click(reply.message, "Try again")
    told = await bot.ben.wait_for(is_refusal)
    assert told["ephemeral"]
    assert "### Out of GPU memory" in as_text(reply.message)
    assert not [one for one in bot.ana.messages("general") if is_refusal(one)]


async def test_a_private_failure_is_tried_again_in_private(bot, service, tools):
    generation, reply = await bot.imagine(private=True)
    await bot.replies.deliver(tools.failure(generation), ())
    again = await bot.ana.click(reply.message, "Try again")
    await tools.eventually(lambda: len(service.requests) > 1)
    assert again.message["ephemeral"]
    assert service.requests[-1].private
    assert bot.ben.messages("general") == []


async def test_somebody_who_cannot_be_told_is_logged(bot, service, tools, caplog):
    service.refusal = SLOW
    bot.world.fail_next("PATCH", r"/webhooks/", 404, 10015)
    await bot.ana.slash("general", "quota")
    await tools.eventually(lambda: "could not be told" in caplog.text)


class Connected:
    """A client, as far as errors look at one."""

    def __init__(self, *, is_closed=False):
        self.is_closed = lambda: is_closed


class Asking:
    """An interaction that nobody answered yet, as far as the command tree looks at one."""

    client = Connected()

    def __init__(self):
        self.extras = {}
        self.response = self
        self.told = []

    def is_done(self):
        return False

    async def send_message(self, *, view, ephemeral):
        assert ephemeral
        self.told += texts_of(view)


async def test_a_command_that_is_no_more_says_what_to_do(simcord_bot):
    asking = Asking()
    await simcord_bot.tree.on_error(asking, app_commands.CommandNotFound("old", []))
    (text,) = asking.told
    assert text.startswith("### Invalid option\n")
    assert "Restart Discord" in text


class Answered:
    """An interaction that somebody else answered, or nobody did in time."""

    client = Connected()

    class response:  # noqa: N801 - an attribute of the library
        @staticmethod
        def is_done():
            raise AssertionError("there is nobody to answer any more")


@pytest.mark.parametrize(("code", "words"), [(10062, "in time"), (40060, "running twice")])
async def test_an_interaction_that_is_over_is_logged_once(code, words, caplog):
    await tell(Answered(), build_http_error(code))
    (record,) = caplog.records
    assert words in record.getMessage()


async def test_nothing_is_said_once_the_bot_stops(caplog):
    """The session that it would be sent over is closed by then, or is about to be."""
    asking = Asking()
    asking.client = Connected(is_closed=True)
    await tell(asking, RuntimeError("Session is closed"))
    assert asking.told == []
    assert not [record for record in caplog.records if record.levelno > logging.INFO]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (UnknownGeneration("k7f3q"), 'No result "k7f3q".'),
        (NotYours("k7f3q"), "Only the person who made this, or a moderator, can do that."),
        (GenerationError("Something of ours."), "Something of ours."),
        (ServiceUnavailable("db7.internal"), "Try again in a minute"),
        (RuntimeError("db7.internal"), "reference"),
    ],
)
def test_what_an_error_means_to_a_person(error, words):
    text = "".join(texts_of(explain(error)))
    assert words in text
    assert "db7.internal" not in text


@pytest.mark.parametrize(
    "error",
    [
        aiohttp.ServerDisconnectedError(),
        ConnectionResetError(),
        discord.HTTPException(SimpleNamespace(status=429, reason="no"), None),
        discord.DiscordServerError(SimpleNamespace(status=503, reason="no"), None),
    ],
)
def test_an_answer_that_discord_loses_is_nothing_unforeseen(error, caplog):
    assert "Try again in a minute" in "".join(texts_of(explain(error)))
    assert [(record.levelname, record.exc_info) for record in caplog.records] == [("WARNING", None)]


def build_http_error(code):
    class Response:
        status = 404 if code == 10062 else 400
        reason = "no"

    kind = discord.NotFound if code == 10062 else discord.HTTPException
    return kind(Response(), {"code": code, "message": "over"})
