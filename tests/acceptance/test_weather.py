"""The way to Discord breaks, and nobody has to start anything again."""

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
