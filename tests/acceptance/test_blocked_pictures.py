"""A moderator's day with a member who tries everything: what is kept out, what gets through."""

import io

import aiohttp
import pytest
from PIL import Image, ImageOps

from sandbox.comfyui.painting.painter import Brief, paint
from sandbox.discord_api.errors import NotPossible
from sandbox.discord_api.values import Upload
from sandbox.people import as_text, files_of
from tests.support.messages import id_of

PATIENCE_S = 60


def painted(prompt, seed=1):
    return paint(Brief(prompt, seed, (384, 256)), 384)


def encode(image, file_format="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def is_done(message):
    text = as_text(message)
    return "thinking" not in text and "Cancel" not in text


async def imagine(person, **options):
    """What somebody is told of a request in the end, in public or alone."""
    known = {one["id"] for one in person.messages()}
    await person.slash("general", "imagine", steps=1, **options)
    return await person.wait_for(lambda one: one["id"] not in known and is_done(one), PATIENCE_S)


async def download(file):
    async with aiohttp.ClientSession() as session, session.get(file["url"]) as response:
        return await response.read()


async def answer(person, command, **options):
    reply = await person.slash("general", command, **options)
    return as_text(await reply.until(is_done, PATIENCE_S))


async def block(moderator, message, **fields):
    asked = await moderator.menu(message, "Block this picture")
    told = await moderator.fill(asked.modal, fields)
    return as_text(await told.until(is_done, PATIENCE_S))


async def test_a_day_with_a_member_who_tries_everything(environment):
    async with environment.bot() as core:
        await environment.limit(core, max_waiting=99, max_line=999, pictures=999)
        rude = painted("a castle at night")
        await attach_what_is_blocked(environment, rude)
        await make_what_is_blocked(environment)
        await move_the_list(environment, rude)
        await disguise_words(environment)
        await appeal_in_bulk(environment)
        reply = await environment.mo.slash("general", "mod transparency")
        counted = as_text(await reply.until(files_of, PATIENCE_S))
        for line in (
            "**Refused for the wording** 4",
            "**Refused because blocked** 3",
            "**Refused for an attached file** 4",
            "**Blocked by the image filter** 1",
            "**Held for a moderator** 1",
            "**Appeals** 1",
        ):
            assert line in counted


async def attach_what_is_blocked(environment, rude):
    """A picture is known again in other files; a tenth cut off gets through."""
    mo, ana = environment.mo, environment.ana
    harmless = encode(painted("a fox in the snow"))
    files = [Upload("rude.png", encode(rude)), Upload("harmless.png", harmless)]
    posted = ana.say("general", "look", files)
    with pytest.raises(NotPossible):
        await ana.menu(posted, "Block this picture")
    first = files_of(posted)[0]["id"]
    assert "Blocked 1 picture." in await block(mo, posted, picture=[first], reason="gore")
    assert "Already blocked." in await block(mo, posted, picture=[first])
    for content in (
        encode(rude),
        encode(rude, "JPEG", quality=60),
        encode(ImageOps.mirror(rude), "WEBP", quality=75),
        encode(rude.resize((192, 128), Image.Resampling.BILINEAR)),
    ):
        told = await imagine(ana, prompt="nicer", image=content)
        assert "This picture is blocked here. Use another one." in as_text(told)
        assert told["ephemeral"]
    assert files_of(await imagine(ana, prompt="nicer", image=harmless))
    cut = rude.crop((19, 13, 365, 243))
    assert files_of(await imagine(ana, prompt="nicer", image=encode(cut)))


async def make_what_is_blocked(environment):
    """A result is blocked by its record, and is neither made again nor shown."""
    mo, ana = environment.mo, environment.ana
    made = await imagine(ana, prompt="a town", seed=7)
    assert "Blocked 1 picture." in await block(mo, made)
    again = await imagine(ana, prompt="a town", seed=7)
    assert "The result shows a blocked picture." in as_text(again)
    assert not files_of(again)
    shown = await ana.slash("general", "show", result=id_of(made))
    await ana.wait_for(lambda one: "doesn't allow it in this channel" in as_text(one))
    assert shown.message is None
    assert "a town" in await answer(mo, "mod history", flagged=True)
    await answer(mo, "mod pictures mode", mode="hold")
    held = await imagine(environment.ben, prompt="a town", seed=7)
    assert "Waiting for mod" in as_text(held)
    assert not files_of(held)


async def move_the_list(environment, rude):
    """It is saved, emptied, and comes back."""
    mo, ana = environment.mo, environment.ana
    listed = await answer(mo, "mod pictures list")
    assert "gore" in listed
    assert "held for `/mod review`" in listed
    reply = await mo.slash("general", "mod pictures export")
    content = await download(files_of(await reply.until(files_of, PATIENCE_S))[0])
    for number in (1, 2):
        assert "Unblocked" in await answer(mo, "mod pictures remove", number=number)
    assert "No picture 2 is blocked" in await answer(mo, "mod pictures remove", number=2)
    assert files_of(await imagine(ana, prompt="nicer", image=encode(rude)))
    told = await answer(mo, "mod pictures import", file=content + b"nonsense\n")
    assert "Blocked 2 pictures." in told
    assert "1 line without a hash: 3" in told
    assert "Already blocked." in await answer(mo, "mod pictures add", image=encode(rude))
    audit = await answer(mo, "mod audit")
    assert "Imported a picture blocklist" in audit
    assert "Put on the picture blocklist" in audit


async def disguise_words(environment):
    """Words are found in disguise, and not in another language."""
    await answer(environment.mo, "mod words add", word="fox")
    for disguised in ("f0x", "f o x", "\uff46\uff4f\uff58", "f\u043ex"):
        told = await imagine(environment.ana, prompt=f"a {disguised}")
        assert "don't allow" in as_text(told)
    assert files_of(await imagine(environment.ana, prompt="un renard"))


async def appeal_in_bulk(environment):
    """Of many appeals against a block the moderators read one."""
    mo, ana = environment.mo, environment.ana
    await answer(mo, "mod block", user=ana.member, reason="enough")
    for count in range(3):
        told = await imagine(ana, prompt=f"a cat {count}")
        form = (await ana.click(told, "Appeal")).modal
        reply = await ana.fill(form, {"text": f"please {count}"})
        await reply.until(is_done, PATIENCE_S)
    appeals = await answer(mo, "mod appeals")
    assert appeals.count("please") == 1


async def test_the_operator_blocks_a_picture_everywhere_in_direct_messages(environment):
    world, ana, ben = environment.world, environment.ana, environment.ben
    world.directory.operator = ben.member
    rude = Upload("rude.png", encode(painted("a castle at night")))
    async with environment.bot():
        posted = ana.say(world.directory.direct_channel(ana.member), "look", [rude])
        await ana.menu(posted, "Block this picture")
        await ana.wait_for(lambda one: "You need Manage Messages" in as_text(one), PATIENCE_S)
        direct = world.directory.direct_channel(ben.member)
        posted = ben.say(direct, "look", [rude])
        assert "Blocked 1 picture." in await block(ben, posted, reason="gore")
        reply = await ben.slash(direct, "imagine", prompt="a town", steps=1, seed=7)
        made = await reply.until(lambda one: files_of(one) and is_done(one), PATIENCE_S)
        assert "Blocked 1 picture." in await block(ben, made)
        again = await imagine(ana, prompt="a town", seed=7)
        assert "The result shows a blocked picture." in as_text(again)
        told = await imagine(ana, prompt="nicer", image=rude.content)
        assert "This picture is blocked here." in as_text(told)
        assert "gore" not in await answer(environment.mo, "mod pictures list")
