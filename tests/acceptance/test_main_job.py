"""From slash command to posted pictures, over real sockets, as people see it."""

import io
import re

import aiohttp
import pytest
from PIL import Image, ImageChops, ImageDraw

from sandbox.people import as_text, files_of
from sandbox.scenarios import NodeFails, OutOfMemory, Restart
from tests.support.messages import is_answered, labels_of

PATIENCE_S = 60


def has_pictures(message):
    return bool(files_of(message)) and "Cancel" not in as_text(message)


def has_failed(message):
    return "### Cancelled" in as_text(message) or "Try again" in labels_of(message)


def shown_ids(message):
    return re.findall(r" · ([a-z0-9]{5})$", as_text(message), re.MULTILINE)


async def imagine(person, **options):
    options.setdefault("steps", 4)
    return await person.slash("general", "imagine", **options)


async def finished(reply):
    return await reply.until(
        lambda message: has_pictures(message) or has_failed(message), PATIENCE_S
    )


async def told_privately(person, text):
    message = await person.wait_for(lambda message: text in as_text(message), PATIENCE_S)
    assert "only you can see this" in as_text(message)
    return message


async def fetch(message, index=0) -> Image.Image:
    url = files_of(message)[index]["url"]
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        picture = Image.open(io.BytesIO(await response.read()))
        picture.load()
        return picture


@pytest.mark.parametrize("largest_drawing", [1024])
async def test_a_prompt_becomes_a_picture_in_one_message(environment):
    environment.comfyui.step_seconds = 0.15
    states = []
    async with environment.bot():
        reply = await imagine(environment.ana, prompt="a fox in the snow", seed=7, steps=30)

        def look(message):
            text = as_text(message)
            if text not in states:
                states.append(text)
            return has_pictures(message)

        done = await reply.until(look, PATIENCE_S)
        picture = await fetch(done)
    assert picture.size == (1024, 1024)
    assert "thinking" in states[0]
    assert any("/30" in text and "preview.jpg" in text and "Cancel" in text for text in states)
    assert "Text to picture · 1024×1024" in states[-1]  # noqa: RUF001
    assert "seed 7" in states[-1]
    assert len(files_of(done)) == 1
    assert "preview" not in str(files_of(done))
    assert len(environment.ana.messages("general")) == 1


async def test_an_attachment_and_a_mask_choose_the_workflow(environment, picture):
    mask = Image.new("L", (320, 240), 0)
    ImageDraw.Draw(mask).rectangle((160, 0, 320, 240), fill=255)
    content = io.BytesIO()
    mask.save(content, "PNG")
    async with environment.bot():
        image = picture(colour="#3366cc")
        changed = await finished(await imagine(environment.ana, prompt="a red sea", image=image))
        assert "Picture to picture" in as_text(changed)
        reply = await imagine(
            environment.ben, prompt="a red sea", image=image, mask=content.getvalue()
        )
        painted = await finished(reply)
        assert "Repaint a part" in as_text(painted)
        result = (await fetch(painted)).convert("RGB")
    width, height = result.size
    kept = result.crop((0, 0, width // 2 - width // 8, height))
    plain = Image.new("RGB", kept.size, "#3366cc")
    assert max(high for _, high in ImageChops.difference(kept, plain).getextrema()) <= 8
    assert result.crop((width * 5 // 8, 0, width, height)).getcolors(maxcolors=100) is None


async def test_an_upscale_is_really_larger(environment, picture):
    async with environment.bot():
        reply = await environment.ana.slash(
            "general", "imagine", prompt="larger", workflow="upscale", image=picture(size=(64, 48))
        )
        done = await finished(reply)
        assert (await fetch(done)).size == (256, 192)


@pytest.mark.parametrize("largest_drawing", [256])
async def test_four_pictures_come_in_one_message(environment):
    async with environment.bot() as core:
        done = await finished(await imagine(environment.ana, prompt="four foxes", count=4))
        (grid,) = files_of(done)
        assert grid["width"] == grid["height"] == 512
        reply = await environment.ana.slash("general", "quota")
        quota = await reply.until(is_answered, PATIENCE_S)
        assert "46 of 50" in as_text(quota)
        assert core.service.workflows()


@pytest.mark.parametrize("largest_drawing", [1024])
async def test_results_over_the_size_limit_are_made_smaller_and_never_lost(environment):
    environment.world.attachment_size_limit = 300_000
    async with environment.bot():
        done = await finished(await imagine(environment.ana, prompt="a noisy forest"))
    (attachment,) = files_of(done)
    assert environment.world.files.get(int(attachment["attachment_id"])) is not None
    assert len(environment.world.files.get(int(attachment["attachment_id"])).content) <= 300_000
    assert (await fetch(done)).size[0] >= 512
    assert "⋯" in labels_of(done)


async def test_only_the_requester_and_moderators_cancel(environment):
    environment.comfyui.hold()
    async with environment.bot():
        first = await imagine(environment.ana, prompt="mine", steps=20)
        message = await first.until(lambda message: "Cancel" in as_text(message), PATIENCE_S)
        await environment.ben.click(message, "Cancel")
        await told_privately(environment.ben, "Only the person who made this")
        assert not has_failed(first.message)
        await environment.mo.click(message, "Cancel")
        ended = await finished(first)
        assert "Cancelled" in as_text(ended)
        reply = await environment.ana.slash("general", "quota")
        quota = await reply.until(is_answered, PATIENCE_S)
        assert "50 of 50" in as_text(quota)


async def test_a_refusal_is_private_and_leaves_no_trace(environment):
    async with environment.bot() as core:
        await imagine(environment.ana, prompt="a fox", strength=0.5)
        await told_privately(environment.ana, "txt2img-sd has no place for: strength")
        await environment.limit(core, pictures=0)
        await imagine(environment.ana, prompt="a fox")
        await told_privately(environment.ana, "Daily limit reached")
    assert environment.ben.messages("general") == []
    assert not environment.comfyui.log.posts


@pytest.mark.parametrize(
    ("fault", "title"),
    [
        (OutOfMemory(), "Out of GPU memory"),
        (NodeFails(), "Workflow error"),
    ],
)
async def test_a_failure_is_stated_costs_nothing_and_can_be_tried_again(environment, fault, title):
    environment.comfyui.faults.add(fault)
    async with environment.bot():
        failed = await finished(await imagine(environment.ana, prompt="a fox"))
        text = as_text(failed)
        assert title in text
        assert "nothing was charged" in text
        done = await finished(await environment.ben.click(failed, "Try again"))
        assert "a fox" in as_text(done)
        assert "-# Ben · " in as_text(done)
        reply = await environment.ana.slash("general", "quota")
        assert "50 of 50" in as_text(await reply.until(is_answered, PATIENCE_S))


async def test_a_private_generation_is_seen_by_its_requester_alone(environment):
    async with environment.bot():
        done = await finished(await imagine(environment.ana, prompt="a secret", private=True))
        assert "only you can see this" in as_text(done)
    assert environment.ben.messages() == []
    assert environment.mo.messages() == []


async def test_a_hostile_prompt_is_shown_as_typed_and_pings_nobody(environment):
    prompt = f"@everyone <@{environment.ben.id}> **bold** [x](http://e.invalid) `c` \u202etxt ||s||"
    async with environment.bot():
        done = await finished(await imagine(environment.ana, prompt=prompt))
    assert environment.world.pings == []
    assert "\u202e" not in as_text(done)
    assert "](" not in as_text(done).replace("\\](", "")


async def test_a_restart_of_the_bot_finishes_in_the_same_message(environment):
    environment.comfyui.hold()
    async with environment.bot():
        reply = await imagine(environment.ana, prompt="a patient fox", steps=12)
        await reply.until(lambda message: "Cancel" in as_text(message), PATIENCE_S)
        await environment.world.wait_for(lambda: environment.comfyui.log.posts, PATIENCE_S)
    environment.world.advance(16)
    async with environment.bot():
        environment.comfyui.release()
        done = await finished(reply)
        assert has_pictures(done)
    assert len(environment.comfyui.log.posts) == 1
    assert len(environment.ana.messages("general")) == 1


async def test_a_restart_of_comfyui_loses_nothing(environment):
    environment.comfyui.faults.add(Restart(at_step=2))
    async with environment.bot():
        done = await finished(await imagine(environment.ana, prompt="a stubborn fox", steps=6))
        assert has_pictures(done)


async def test_history_pages_through_everything(environment):
    async with environment.bot() as core:
        await environment.limit(core, cooldown_s=0, pictures=100)
        for number in range(11):
            await finished(await imagine(environment.ana, prompt=f"picture {number}", steps=1))
        reply = await environment.ana.slash("general", "history")
        first = await reply.until(is_answered, PATIENCE_S)
        assert "Page 1 of 2 · 11 in all" in as_text(first)
        assert "picture 10" in as_text(first)
        await environment.ana.click(first, "Older")
        second = await reply.until(lambda m: "Page 2 of 2" in as_text(m), PATIENCE_S)
        assert "picture 0" in as_text(second)
        assert "picture 10" not in as_text(second)
        await environment.ana.click(second, "Newer")
        again = await reply.until(lambda m: "Page 1 of 2" in as_text(m), PATIENCE_S)
        assert shown_ids(again) == shown_ids(first)
        found = await environment.ana.slash("general", "history", search="PICTURE 3", status="done")
        only = await found.until(is_answered, PATIENCE_S)
        assert "1 in all" in as_text(only)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"GIF89a not a picture we take", "Invalid attachment"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 64, "Invalid attachment"),
    ],
)
async def test_what_is_no_picture_is_refused_in_private(environment, content, sentence):
    async with environment.bot():
        await imagine(environment.ana, prompt="x", image=content)
        await told_privately(environment.ana, sentence)
    assert not environment.comfyui.log.posts


async def test_private_answers_do_not_use_up_what_a_channel_may_be_sent(environment):
    async with environment.bot():
        for _ in range(40):
            reply = await environment.ana.slash("general", "quota")
            await reply.until(lambda message: "Your quota" in as_text(message), PATIENCE_S)
    assert environment.world.rate_limit_hits == 0
