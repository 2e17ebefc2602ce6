"""The message menu, on the bot's own messages and on others'."""

import io
from dataclasses import replace

import pytest
from PIL import Image, PngImagePlugin

from bot.commands.message_menu import READ_FILES, FileFacts, build_card
from bot.ui.layout import build_layout
from generation.marking.credentials import SourceType, open_credentials
from generation.marking.statements import Statement
from generation.media.metadata import Metadata, Program
from sandbox.discord_api.values import Upload
from sandbox.people import as_text, files_of
from tests.support.messages import check_layout, is_answered

PARAMETERS = "a <@1> *heron*\nNegative prompt: rain\nSteps: 20, Seed: 42, Model: ink"


def picture_with(parameters):
    buffer = io.BytesIO()
    info = PngImagePlugin.PngInfo()
    if parameters:
        info.add_text("parameters", parameters)
    Image.new("RGB", (64, 48), "teal").save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


async def told_by(reply):
    return as_text(await reply.until(is_answered))


async def test_any_picture_says_what_it_knows_of_itself(bot):
    files = [Upload("x.png", picture_with(PARAMETERS)), Upload("y.png", picture_with(""))]
    message = bot.ben.say("general", "look", files)
    reply = await bot.ana.menu(message, "Image info")
    text = await told_by(reply)
    assert reply.message["ephemeral"]
    assert "**Seed** 42" in text
    assert r"**Prompt** a \<@1> \*heron\*" in text
    assert "**Negative** rain" in text
    assert "written by A1111" in text
    assert "doesn't say how it was made" in text
    assert "Nothing in this file says whether AI made it" in text


async def test_a_signed_picture_says_who_states_what(bot, tmp_path):
    signer = open_credentials("on", tmp_path)
    content = signer.sign(picture_with(PARAMETERS), "image/png", SourceType.MADE)
    message = bot.ben.say("general", "look", [Upload("x.png", content)])
    text = await told_by(await bot.ana.menu(message, "Image info"))
    assert "**Content Credentials** made by AI, says Limner" in text
    assert "Signed with Limner · unchanged since · anyone can sign under this name" in text
    assert "**IPTC** made by AI; not signed" in text
    assert "**Seed** 42" in text


@pytest.mark.parametrize("name", ["Image info", "Use as input"])
async def test_a_message_without_a_picture_is_refused_in_private(bot, name):
    files = [Upload("x.txt", b"text")]
    message = bot.ben.say("general", "nothing here", files)
    await bot.ana.menu(message, name)
    told = await bot.ana.wait_for(lambda one: "No usable picture in this message" in as_text(one))
    assert told["ephemeral"]


async def test_a_result_shows_its_record(bot, tools, service):
    generation, reply = await bot.imagine()
    ended, contents = tools.result(generation, tools.picture())
    service.add(ended)
    await bot.replies.deliver(ended, contents)
    told = await told_by(await bot.ben.menu(reply.message, "Image info"))
    assert f"### {ended.id}" in told


async def test_somebodys_picture_becomes_the_beginning_of_another(bot, service):
    files = [Upload("x.png", picture_with("")), Upload("y.png", picture_with(PARAMETERS))]
    message = bot.ben.say("general", "look", files)
    reply = await bot.ana.menu(message, "Use as input")
    second = files_of(message)[1]["id"]
    await bot.ana.fill(reply.modal, {"prompt": "in ink", "strength": "0.4", "picture": [second]})
    await service.submitted.get()
    (request,) = service.requests
    assert (request.prompt, request.values) == ("in ink", {"strength": 0.4})
    assert service.fetched[-1]["image"] == files[1].content
    assert request.requester.user_id == bot.ana.id


async def test_a_file_that_no_workflow_takes_is_refused_before_anything_is_asked_for(bot, service):
    message = bot.ben.say("general", "look", [Upload("x.png", picture_with(""))])
    reply = await bot.ana.menu(message, "Use as input")
    await bot.ana.fill(reply.modal, {"prompt": "in ink", "pictures": [Upload("x.txt", b"text")]})
    await bot.ana.wait_for(lambda one: "Attach a PNG, JPEG or WebP" in as_text(one))
    assert service.requests == []


async def test_a_result_that_components_show_is_described(bot, tools, service):
    generation, reply = await bot.imagine()
    ended, contents = tools.result(generation, tools.picture())
    service.add(ended)
    await bot.replies.deliver(ended, contents)
    assert reply.message["attachments"] == []
    await bot.ben.menu(reply.message, "Describe")
    await service.submitted.get()
    assert service.requests[-1].kinds == ("describe",)
    assert service.fetched[-1]["image"]


async def test_a_mask_is_uploaded_in_the_form(bot, service):
    message = bot.ben.say("general", "look", [Upload("x.png", picture_with(""))])
    reply = await bot.ana.menu(message, "Use as input")
    mask = Upload("mask.png", picture_with(PARAMETERS))
    await bot.ana.fill(reply.modal, {"prompt": "in ink", "mask": [mask]})
    await service.submitted.get()
    assert service.fetched[-1]["mask"] == mask.content


async def test_a_form_about_a_picture_outlives_a_restart(world, start_bot, service):
    async with start_bot(world, service) as bot:
        message = bot.ben.say("general", "look", [Upload("x.png", picture_with(""))])
        reply = await bot.ana.menu(message, "Use as input")
    async with start_bot(world, service) as bot:
        await bot.ana.fill(reply.modal, {"prompt": "in ink"})
        await service.submitted.get()
    assert service.fetched[-1]["image"] == picture_with("")


async def test_a_picture_that_was_deleted_meanwhile_is_asked_for_again(
    world, start_bot, service, tools
):
    async with start_bot(world, service) as bot:
        message = bot.ben.say("general", "look", [Upload("x.png", picture_with(""))])
        reply = await bot.ana.menu(message, "Use as input")
        await tools.delete(world, message)
    async with start_bot(world, service) as bot:
        await bot.ana.fill(reply.modal, {"prompt": "in ink"})
        told = await bot.ana.wait_for(lambda one: "Couldn't get the picture" in as_text(one))
    assert told["ephemeral"]
    assert service.requests == []


async def test_a_result_is_used_from_its_record(bot, tools, service):
    generation, reply = await bot.imagine(prompt="a fox in the snow")
    ended, contents = tools.result(generation, tools.picture(), tools.picture(colour="red"))
    service.kept[service.add(replace(ended)).id] = contents
    await bot.replies.deliver(ended, contents)
    asked = await bot.ben.menu(reply.message, "Use as input")
    await bot.ben.fill(asked.modal, {"prompt": "in ink", "picture": ["1"]})
    await service.submitted.get()
    request = service.requests[-1]
    assert (request.parent_id, request.parent_position) == (ended.id, 1)
    assert service.fetched[-1]["image"]


@pytest.mark.parametrize("count", range(1, READ_FILES + 1))
def test_what_files_say_never_has_more_than_a_message_has_room_for(count):
    facts = {f"{number}{'*' * 60}": "*" * 500 for number in range(30)}
    found = Metadata(Program.A1111, "*" * 5000, "_" * 5000, facts)
    stated = Statement("*" * 100, "*" * 100, ("*" * 100,) * 9, xmp_source_type="*" * 60)
    facts = FileFacts(found, stated)
    cards = [build_card("*" * 200, facts, share=1 / count) for _ in range(count)]
    check_layout(build_layout(*cards))


async def test_help_asks_for_a_prompt_and_makes_it(bot, service):
    reply = await bot.ana.slash("general", "help")
    form = (await bot.ana.click(reply.message, "Try it")).modal
    await bot.ana.fill(form, {"prompt": "a heron"})
    await service.submitted.get()
    assert service.requests[-1].prompt == "a heron"
