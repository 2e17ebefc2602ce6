"""What people do with results, over real sockets."""

import asyncio
import io
from datetime import timedelta

import aiohttp
import pytest
from PIL import Image

from db.repositories.outputs import OutputRepository
from generation.record import GenerationState
from generation.service import utc_now
from sandbox.discord_api.errors import NotPossible
from sandbox.people import as_text, files_of
from tests.support.messages import id_of, is_answered, is_done, labels_of, press_more

PATIENCE_S = 60


async def imagine(person, **options):
    options = {"prompt": "a fox in the snow", "steps": 4, "seed": 7, **options}
    reply = await person.slash("general", "imagine", **options)
    return await reply.until(is_done, PATIENCE_S)


async def press(person, message, label):
    reply = await person.click(message, label)
    return await reply.until(is_done, PATIENCE_S)


async def fetch(message, index=0):
    url = files_of(message)[index]["url"]
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return await response.read()


async def size_of(message):
    return Image.open(io.BytesIO(await fetch(message))).size


async def prune(core, generation_id):
    """As if a week had passed: nothing is pruned before it is known to be delivered."""
    async with asyncio.timeout(PATIENCE_S):
        while await core.service.contents(generation_id):
            with core.database.transaction() as session:
                OutputRepository(session).prune_contents(utc_now() + timedelta(days=1))


async def told(person, text):
    return await person.wait_for(lambda message: text in as_text(message), PATIENCE_S)


@pytest.mark.parametrize("largest_drawing", [256])
async def test_a_chosen_picture_is_upscaled_varied_and_made_again(environment):
    environment.world.attachment_size_limit = 2**26
    async with environment.bot() as core:
        done = await imagine(environment.ana, count=2, aspect="1:1")
        assert labels_of(done) == ["U1", "U2", "🔁", "V1", "V2", "⋯"]
        larger = await press(environment.ben, done, "U2")
        assert await size_of(larger) == (1024, 1024)
        largest = await press(environment.ben, larger, "Upscale")
        assert await size_of(largest) == (4096, 4096)
        assert "Upscale" not in labels_of(largest)
        varied = await press(environment.ben, done, "V1")
        assert await size_of(varied) == (2048, 1024)
        assert (
            f"[Variation of #1 ↗](https://discord.com/channels/{environment.world.guild_id}/"
            in (as_text(varied))
        )
        again = await press(environment.ben, done, "🔁")
        assert "seed 7 " not in as_text(again)
        assert await fetch(again) != await fetch(done)
        first = await core.service.find(id_of(done))
        second = await core.service.find(id_of(larger))
        assert (second.parent_id, second.parent_position) == (first.id, 1)
        assert (second.user_id, second.prompt) == (environment.ben.id, first.prompt)
        deeper = await press(environment.ana, again, "V2")
        reply = await press_more(environment.ana, deeper, "Info")
        shown = await reply.until(is_answered, PATIENCE_S)
        text = as_text(shown)
        assert "varied from picture 2 of" in text
        assert "made again from" in text
        assert id_of(done) in text
        assert shown["ephemeral"]


async def test_a_remix_asks_with_what_was_there(environment):
    async with environment.bot() as core:
        done = await imagine(environment.ana, negative="rain", aspect="3:2")
        reply = await environment.ben.click(done, "Remix")
        values = {
            part["component"]["custom_id"]: part["component"].get("value")
            for part in reply.modal.components
        }
        assert values == {
            "prompt": "a fox in the snow",
            "negative": "rain",
            "aspect": None,
            "more": "count=1\nguidance=7.0\nmodel=sd_xl_base_1.0.safetensors\nseed=7\nsteps=4",
        }
        answered = await environment.ben.fill(
            reply.modal, {"prompt": "a bear in the snow", "aspect": ["1:1"], "more": "steps=4"}
        )
        changed = await answered.until(is_done, PATIENCE_S)
        generation = await core.service.find(id_of(changed))
        assert generation.prompt == "a bear in the snow"
        assert generation.values["size"] == "1024x1024"
        assert generation.values["negative"] == "rain"
        assert generation.seed != 7
        assert (generation.parent_id, generation.user_id) == (id_of(done), environment.ben.id)


async def test_a_remix_with_little_strength_does_not_give_back_what_another_attached(
    environment, picture
):
    attached = picture(colour="#c01010")
    async with environment.bot() as core:
        done = await imagine(environment.ana, prompt="a blue sea", image=attached, strength=0.9)
        given = {}
        for person in (environment.ben, environment.ana):
            form = (await person.click(done, "Remix")).modal
            answered = await person.fill(form, {"prompt": "the same", "more": "strength=0,05"})
            remixed = id_of(await answered.until(is_done, PATIENCE_S))
            with core.database.transaction(read_only=True) as session:
                (row,) = OutputRepository(session).inputs(remixed)
            given[person] = Image.open(io.BytesIO(row.content)).convert("RGB")
        assert given[environment.ana].getpixel((5, 5)) == (0xC0, 0x10, 0x10)
        posted = Image.open(io.BytesIO(await fetch(done))).convert("RGB")
        assert given[environment.ben].tobytes() == posted.tobytes()


async def test_a_form_outlives_a_restart(environment):
    async with environment.bot():
        done = await imagine(environment.ana, count=2)
        reply = await press_more(environment.ana, done, "Use as input")
    async with environment.bot():
        answered = await environment.ana.fill(
            reply.modal, {"prompt": "the same in summer", "picture": ["1"], "strength": "0,5"}
        )
        changed = await answered.until(is_done, PATIENCE_S)
        assert "Edited from #2" in as_text(changed)
        pressed = await press_more(environment.ana, changed, "Info")
        shown = await pressed.until(is_answered, PATIENCE_S)
        assert "`strength` 0.5" in as_text(shown)
        assert "started from picture 2 of" in as_text(shown)


async def test_what_is_typed_wrong_into_a_form_is_refused_in_private(environment):
    async with environment.bot():
        done = await imagine(environment.ana)
        reply = await environment.ben.click(done, "Remix")
        await environment.ben.fill(reply.modal, {"prompt": "x", "more": "seed=seven"})
        refused = await told(environment.ben, "seed must be a whole number")
        assert refused["ephemeral"]


@pytest.mark.parametrize("largest_drawing", [256])
async def test_an_old_result_is_upscaled_from_what_discord_holds(environment):
    async with environment.bot() as core:
        done = await imagine(environment.ana, aspect="1:1")
        await prune(core, id_of(done))
        larger = await press(environment.ana, done, "Upscale")
        assert await size_of(larger) == (1024, 1024)


@pytest.mark.parametrize("who", ["ana", "mo"])
async def test_its_person_and_moderators_delete_it_and_nobody_else(environment, who):
    async with environment.bot() as core:
        done = await imagine(environment.ana)
        with pytest.raises(NotPossible):
            await press_more(environment.ben, done, "Delete")
        person = getattr(environment, who)
        reply = await press_more(person, done, "Delete")
        assert "permanently" in str(reply.modal.components)
        await person.fill(reply.modal, {})
        await told(person, "Deleted")
        assert done["id"] not in {one["id"] for one in environment.ben.messages("general")}
        kept = await core.service.find(id_of(done))
        assert kept.state is GenerationState.SUCCEEDED
        assert kept.removed_at is not None
        assert kept.outputs[0].thumbnail is None
        assert await core.service.contents(kept.id) == ()


async def test_a_person_has_the_files_of_one_press_in_memory_at_a_time(environment):
    async with environment.bot() as core:
        done = await imagine(environment.ana)
        async with core.services.file_slots.take(environment.ana.id):
            waiting = await press_more(environment.ana, done, "Original")
            sent = await press_more(environment.ben, done, "Original")
            await sent.until(files_of, PATIENCE_S)
            shown = await environment.ana.slash("general", "show", result=id_of(done))
            again = await environment.ben.slash("general", "show", result=id_of(done))
            await again.until(files_of, PATIENCE_S)
            assert waiting.is_thinking
            assert shown.is_thinking
        for reply in (waiting, shown):
            await reply.until(files_of, PATIENCE_S)


async def test_an_original_comes_with_its_metadata_or_without(environment):
    async with environment.bot():
        done = await imagine(environment.ana)
        reply = await press_more(environment.ana, done, "Original")
        original = await reply.until(is_done, PATIENCE_S)
        assert "prompt" in Image.open(io.BytesIO(await fetch(original))).info
        reply = await environment.ana.click(original, "Without metadata")
        bare = await reply.until(is_done, PATIENCE_S)
        with_it = Image.open(io.BytesIO(await fetch(original)))
        without = Image.open(io.BytesIO(await fetch(bare)))
        assert without.info.get("prompt") is None
        assert with_it.tobytes() == without.tobytes()


async def test_a_private_result_stays_private_in_all_that_comes_of_it(environment):
    async with environment.bot():
        done = await imagine(environment.ana, private=True)
        again = await press(environment.ana, done, "Again")
        assert again["ephemeral"]
        assert environment.ben.messages("general") == []
