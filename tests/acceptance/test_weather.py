"""The way to Discord breaks, and nobody has to start or to ask anything again."""

import logging

import pytest

PATIENCE_S = 60


async def test_a_frame_that_cannot_be_decoded_costs_a_connection_and_no_more(house, process):
    async with process() as child:
        await house.world.wait_until_connected(PATIENCE_S)
        waiting = await house.imagine_held()
        connections = house.world.gateway.identify_count
        lost = await house.ben.slash("general", "imagine", prompt="half a character: \ud800")
        assert lost.failure
        await house.world.wait_for(
            lambda: house.world.gateway.identify_count > connections, PATIENCE_S
        )
        house.comfyui.release()
        await waiting.until(house.is_done, PATIENCE_S)
        reply = await house.mo.slash("general", "imagine", prompt="a fox", steps=2)
        await reply.until(house.is_done, PATIENCE_S)
        assert child.returncode is None


@pytest.mark.parametrize("path", ["users/@me", "commands", "gateway"])
async def test_a_connection_dropped_during_the_start_is_made_again(house, process, path):
    house.world.lose_next_answer("*", path)
    async with process() as child:
        await house.world.wait_until_connected(PATIENCE_S)
        reply = await house.ana.slash("general", "imagine", prompt="a fox", steps=2)
        await reply.until(house.is_done, PATIENCE_S)
        assert child.returncode is None


@pytest.mark.parametrize("private", [True, False])
async def test_the_answer_to_an_acknowledgement_is_lost(house, caplog, private):
    async with house.bot():
        house.world.lose_next_answer("POST", "callback")
        reply = await house.ana.slash("general", "imagine", prompt="a fox", private=private)
        await reply.until(house.is_done, PATIENCE_S)
    assert not [one for one in caplog.records if one.levelno > logging.INFO]


async def test_the_acknowledgement_itself_is_lost(house):
    async with house.bot():
        house.world.lose_next_request("POST", "callback")
        reply = await house.ana.slash("general", "imagine", prompt="a fox")
        await reply.until(house.is_done, PATIENCE_S)


async def test_a_private_answer_fills_the_place_of_an_acknowledgement_whose_answer_was_lost(house):
    async with house.bot():
        house.world.lose_next_answer("POST", "callback")
        reply = await house.ana.slash("general", "quota")
        await reply.until(lambda message: message["embeds"], PATIENCE_S)
    assert len(house.ana.messages("general")) == 1


async def test_a_press_whose_acknowledgements_answer_is_lost_does_what_it_says(house):
    async with house.bot():
        settings = await house.ana.slash("general", "settings")
        await settings.until(lambda message: message["components"], PATIENCE_S)
        house.world.lose_next_answer("POST", "callback")
        before = settings.message["components"]
        await house.ana.click(settings.message, "s:private")
        await settings.until(lambda message: message["components"] != before, PATIENCE_S)


async def test_lost_choices_are_no_error(house, caplog):
    async with house.bot():
        house.world.lose_next_answer("POST", "callback")
        await house.ana.autocomplete("general", "imagine", "workflow", "t")
        assert await house.ana.autocomplete("general", "imagine", "workflow", "t")
    assert not [one for one in caplog.records if one.levelno > logging.INFO]
