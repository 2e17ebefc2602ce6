"""The way to Discord breaks, and nobody has to start or to ask anything again."""

import logging

import pytest

from tests.support.messages import is_answered

PATIENCE_S = 60


async def test_a_frame_that_cannot_be_decoded_costs_a_connection_and_no_more(environment, process):
    async with process() as child:
        await environment.world.wait_until_connected(PATIENCE_S)
        waiting = await environment.imagine_held()
        connections = environment.world.gateway.identify_count
        lost = await environment.ben.slash("general", "imagine", prompt="half a character: \ud800")
        assert lost.failure
        await environment.world.wait_for(
            lambda: environment.world.gateway.identify_count > connections, PATIENCE_S
        )
        environment.comfyui.release()
        await waiting.until(environment.is_done, PATIENCE_S)
        reply = await environment.mo.slash("general", "imagine", prompt="a fox", steps=2)
        await reply.until(environment.is_done, PATIENCE_S)
        assert child.returncode is None


@pytest.mark.parametrize("path", ["users/@me", "commands", "gateway"])
async def test_a_connection_dropped_during_the_start_is_made_again(environment, process, path):
    environment.world.lose_next_answer("*", path)
    async with process() as child:
        await environment.world.wait_until_connected(PATIENCE_S)
        reply = await environment.ana.slash("general", "imagine", prompt="a fox", steps=2)
        await reply.until(environment.is_done, PATIENCE_S)
        assert child.returncode is None


@pytest.mark.parametrize("private", [True, False])
async def test_the_answer_to_an_acknowledgement_is_lost(environment, caplog, private):
    async with environment.bot():
        environment.world.lose_next_answer("POST", "callback")
        reply = await environment.ana.slash("general", "imagine", prompt="a fox", private=private)
        await reply.until(environment.is_done, PATIENCE_S)
    assert not [one for one in caplog.records if one.levelno > logging.INFO]


async def test_the_acknowledgement_itself_is_lost(environment):
    async with environment.bot():
        environment.world.lose_next_request("POST", "callback")
        reply = await environment.ana.slash("general", "imagine", prompt="a fox")
        await reply.until(environment.is_done, PATIENCE_S)


async def test_a_private_answer_fills_the_place_of_an_acknowledgement_whose_answer_was_lost(
    environment,
):
    async with environment.bot():
        environment.world.lose_next_answer("POST", "callback")
        reply = await environment.ana.slash("general", "quota")
        await reply.until(is_answered, PATIENCE_S)
    assert len(environment.ana.messages("general")) == 1


async def test_a_press_whose_acknowledgements_answer_is_lost_does_what_it_says(environment):
    async with environment.bot():
        settings = await environment.ana.slash("general", "settings")
        await settings.until(lambda message: message["components"], PATIENCE_S)
        environment.world.lose_next_answer("POST", "callback")
        before = settings.message["components"]
        await environment.ana.click(settings.message, "s:private")
        await settings.until(lambda message: message["components"] != before, PATIENCE_S)


async def test_lost_choices_are_no_error(environment, caplog):
    async with environment.bot():
        environment.world.lose_next_answer("POST", "callback")
        await environment.ana.autocomplete("general", "imagine", "workflow", "t")
        assert await environment.ana.autocomplete("general", "imagine", "workflow", "t")
    assert not [one for one in caplog.records if one.levelno > logging.INFO]
