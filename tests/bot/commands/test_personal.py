"""`/settings`, `/presets` and `/show`, as people use them."""

from dataclasses import replace

import pytest

from bot.commands.show import show_command
from generation.history.queries import HistoryPage
from generation.people.preferences import Defaults
from generation.request import Layout
from generation.runs.outputs import MAX_RESULTS
from sandbox.discord_api.model.components import interactive
from sandbox.people import as_text, files_of
from tests.support.messages import is_answered


def labelled(message, label):
    for part in interactive(message["components"]):
        if str(part.get("label")).partition(":")[0] == label:
            return part
    raise AssertionError(label)


def chosen(message, custom_id):
    for part in interactive(message["components"]):
        if part.get("custom_id") == custom_id:
            return [one["value"] for one in part["options"] if one.get("default")]
    return None


async def panel(person):
    reply = await person.slash("general", "settings")
    await reply.until(lambda message: message["components"])
    return reply


async def test_the_panel_shows_and_changes_what_is_set(bot):
    reply = await panel(bot.ana)
    assert reply.message["ephemeral"]
    await bot.ana.choose(reply.message, "s:aspect", "16:9")
    await reply.until(lambda message: chosen(message, "s:aspect") == ["16:9"])
    await bot.ana.choose(reply.message, "s:count", "3")
    await reply.until(lambda message: chosen(message, "s:count") == ["3"])
    await bot.ana.choose(reply.message, "s:workflow", "img2img-sd")
    await reply.until(lambda message: chosen(message, "s:workflow") == ["img2img-sd"])
    for label in ("Private", "Grid", "Keep metadata"):
        button = labelled(reply.message, label)
        before = button["style"]
        await bot.ana.click(reply.message, button["label"])
        await reply.until(lambda m, la=label, b=before: labelled(m, la)["style"] != b)
    form = await bot.ana.click(reply.message, "Things to avoid…")
    await bot.ana.fill(form.modal, {"negative": "rain *and* snow"})
    await reply.until(lambda message: "rain" in as_text(message))
    kept = bot.services.preferences.kept[bot.ana.id]
    assert kept == Defaults(
        "img2img-sd",
        "16:9",
        3,
        "rain *and* snow",
        private=True,
        layout=Layout.SEPARATE,
        keeps_metadata=False,
    )
    await bot.ana.click(reply.message, "Reset all")
    await reply.until(lambda message: chosen(message, "s:count") == ["any"])
    assert bot.services.preferences.kept[bot.ana.id] == Defaults()


async def test_a_workflow_beyond_the_menu_can_be_named(bot):
    reply = await bot.ana.slash("general", "settings", workflow="img2img-sd")
    await reply.until(lambda message: chosen(message, "s:workflow") == ["img2img-sd"])
    await bot.ana.slash("general", "settings", workflow="gone")
    await bot.ana.wait_for(lambda message: "no workflow of that name" in as_text(message))


async def test_defaults_are_taken_and_what_is_said_wins(bot):
    await bot.services.preferences.change(bot.ana.id, private=True, count=2, spoiler=True)
    generation, reply = await bot.imagine()
    assert reply.message["ephemeral"]
    assert generation.private
    assert bot.service.requests[-1].values == {"count": 2}
    _, reply = await bot.imagine(private=False, count=1)
    assert not reply.message.get("ephemeral")
    assert bot.service.requests[-1].values == {"count": 1}
    assert bot.service.requests[-1].spoiler


async def test_a_preset_is_saved_used_listed_and_deleted(bot):
    await bot.ana.slash("general", "presets save", name="Ink", steps=20, aspect="3:2", private=True)
    await bot.ana.wait_for(lambda message: "Saved **Ink**" in message["content"])
    (choice,) = await bot.ana.autocomplete("general", "presets use", "name", "in")
    assert choice["value"] == "Ink"
    reply = await bot.ana.slash("general", "presets use", name="ink", prompt="a heron")
    assert reply.message["ephemeral"]
    await bot.service.submitted.get()
    request = bot.service.requests[-1]
    assert (request.prompt, request.aspect, request.values) == ("a heron", "3:2", {"steps": 20})
    reply = await bot.ana.slash("general", "presets list")
    listed = await reply.until(is_answered)
    assert "**Ink** aspect 3:2 · steps 20 · private True" in as_text(listed)
    assert await bot.ben.autocomplete("general", "presets use", "name", "") == []
    await bot.ben.slash("general", "presets use", name="Ink", prompt="x")
    await bot.ben.wait_for(lambda message: "no preset of that name" in as_text(message))
    reply = await bot.ana.slash("general", "presets delete", name="Ink")
    await reply.until(lambda message: "Deleted" in message["content"])


async def test_a_preset_takes_the_options_of_a_result(bot, tools, service):
    values = {"size": "1024x768", "steps": 12, "seed": 5, "negative": "", "megapixels": 1.0}
    service.add(tools.generation(id="k7f3q", user_id=bot.ana.id, values=values))
    await bot.ana.slash("general", "presets save", name="same", result="k7f3q", steps=30)
    await bot.ana.wait_for(lambda message: "Saved **" in message["content"])
    assert bot.services.preferences.named[bot.ana.id]["same"] == {
        "workflow": "txt2img-sd",
        "size": "1024x768",
        "steps": 30,
    }


async def test_a_result_comes_back_with_its_buttons(bot, tools, service):
    generation, contents = tools.result(
        tools.generation(id="k7f3q", user_id=bot.ana.id), tools.picture(), tools.picture()
    )
    service.kept[service.add(generation).id] = contents
    service.page = HistoryPage((generation,), None, 1)
    (choice,) = await bot.ana.autocomplete("general", "show", "result", "fox")
    assert choice["value"] == "k7f3q"
    reply = await bot.ana.slash("general", "show", result="k7f3q")
    shown = await reply.until(files_of)
    assert not shown.get("ephemeral")
    assert len(files_of(shown)) == 2
    assert labelled(shown, "V2")["custom_id"] == "g:k7f3q:vary:1"
    reply = await bot.ana.slash("general", "show", result="k7f3q", picture=2)
    alone = await reply.until(files_of)
    assert [one["filename"] for one in files_of(alone)] == ["limner-k7f3q-2.png"]
    assert labelled(alone, "Vary")["custom_id"] == "g:k7f3q:vary:1"
    await bot.ana.slash("general", "show", result="k7f3q", picture=3)
    await bot.ana.wait_for(lambda message: "It has no picture 3." in as_text(message))
    assert show_command.get_parameter("picture").max_value == MAX_RESULTS


async def test_a_result_whose_bytes_are_gone_comes_back_as_it_was_posted(bot, tools, service):
    generation, reply = await bot.imagine()
    ended, contents = tools.result(generation, tools.picture((80, 60)))
    receipt = await bot.replies.deliver(ended, contents)
    service.add(replace(ended, message_url=receipt.message_url))
    again = await bot.ana.slash("general", "show", result=ended.id)
    shown = await again.until(files_of)
    assert (files_of(shown)[0]["width"], files_of(shown)[0]["height"]) == (80, 60)
    await tools.delete(bot.world, reply.message)
    thumbnail = tools.picture((16, 16))
    service.add(
        replace(service.known[ended.id], outputs=(replace(ended.outputs[0], thumbnail=thumbnail),))
    )
    again = await bot.ana.slash("general", "show", result=ended.id)
    shown = await again.until(files_of)
    assert files_of(shown)[0]["width"] == 16
    assert "small copy" in as_text(shown)


@pytest.mark.parametrize("facts", [{"private": True}, {"guild_id": 404}])
async def test_others_results_are_shown_only_where_they_were_made(bot, tools, service, facts):
    place = {"guild_id": bot.world.guild_id}
    theirs, contents = tools.result(
        tools.generation(id="k7f3q", user_id=bot.ben.id, **{**place, **facts}), tools.picture()
    )
    service.kept[service.add(theirs).id] = contents
    await bot.ana.slash("general", "show", result="k7f3q")
    told = await bot.ana.wait_for(lambda message: "Only the person" in as_text(message))
    assert told["ephemeral"]


async def test_a_private_result_is_shown_in_private(bot, tools, service):
    mine, contents = tools.result(
        tools.generation(id="k7f3q", user_id=bot.ana.id, private=True), tools.picture()
    )
    service.kept[service.add(mine).id] = contents
    reply = await bot.ana.slash("general", "show", result="k7f3q")
    shown = await reply.until(files_of)
    assert shown["ephemeral"]


async def test_four_pictures_come_as_one_unless_somebody_likes_them_separate(bot, tools):
    generation, reply = await bot.imagine(count=4)
    assert bot.service.requests[-1].layout is Layout.GRID
    colours = ("red", "green", "blue", "yellow")
    ended, contents = tools.result(
        replace(generation, layout=Layout.GRID), *(tools.picture((64, 48), one) for one in colours)
    )
    await bot.replies.deliver(ended, contents)
    (attachment,) = files_of(reply.message)
    assert attachment["filename"] == f"limner-{ended.id}-grid.jpg"
    assert (attachment["width"], attachment["height"]) == (128, 96)
    assert labelled(reply.message, "U4")
