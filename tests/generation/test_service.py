from generation.record import GenerationState


async def test_a_prompt_becomes_a_picture(house, tools):
    accepted = await house.service.submit(tools.ask())
    assert accepted.state is GenerationState.WAITING
    ended = await house.ended(accepted.id)
    assert ended.state is GenerationState.SUCCEEDED
    assert ended.message_url == f"https://example.invalid/{accepted.id}"
    assert [one.id for one in house.audience.deliveries] == [accepted.id]
    (output,) = ended.outputs
    assert output.thumbnail
    (content,) = house.audience.contents[accepted.id]
    assert content.content == tools.PICTURE
    states = house.audience.states(accepted.id)
    assert "Running" in states
    assert states[-1] == "Ended"
