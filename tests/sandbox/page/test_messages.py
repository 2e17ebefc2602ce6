"""What the page makes of messages and interactions, with the test in the bot's place."""

import io
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from PIL import Image
from playwright.async_api import expect

from benchmarks.browser import Visitor
from sandbox.discord_api import DiscordStandIn
from sandbox.discord_api.values import Message, Upload
from sandbox.page import page_routes

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

COMMANDS = [
    {"name": "ask", "description": "Ask something"},
    {
        "name": "mod",
        "description": "Moderate",
        "options": [
            {
                "name": "note",
                "description": "Write a note",
                "type": 1,
                "options": [
                    {"name": "who", "description": "About whom", "type": 6, "required": True},
                    {"name": "loud", "description": "For all", "type": 5},
                ],
            }
        ],
    },
    {"name": "Image info", "type": 3},
]
GO = {"type": 1, "components": [{"type": 2, "style": 3, "label": "Go", "custom_id": "go"}]}
COLOURS = [{"label": name, "value": name.lower()} for name in ("Red", "Green", "Blue")]
MENU = {
    "type": 1,
    "components": [{"type": 3, "custom_id": "hue", "placeholder": "Colour", "options": COLOURS}],
}
MODAL = {
    "title": "Tell us",
    "custom_id": "door",
    "components": [
        {"type": 18, "label": "Why", "component": {"type": 4, "custom_id": "why", "style": 1}}
    ],
}


class Scene:
    """A page, and the bot's side of the world behind it."""

    def __init__(self, world: DiscordStandIn, visitor: Visitor) -> None:
        self.world = world
        self.visitor = visitor
        self.page = visitor.page

    def post(self, body: dict[str, Any], *uploads: Upload) -> Message:
        message = self.world.messages.new(
            self.world.channel("general").id, self.world.directory.bot
        )
        return self.world.messages.post(message, body, dict(enumerate(uploads)), frozenset())

    def edit(self, message: Message, body: dict[str, Any]) -> None:
        self.world.messages.edit(message, body, {}, frozenset())

    async def interaction(self) -> Any:
        """Return the newest interaction once there is one that is not answered."""
        return await self.world.wait_for(
            lambda: next(
                (
                    one
                    for one in reversed(self.world.interactions._by_id.values())
                    if not one.is_answered
                ),
                None,
            )
        )

    async def answer(self, kind: int, body: dict[str, Any] | None = None) -> Any:
        interaction = await self.interaction()
        answered = {"type": kind, "data": body or {}}
        self.world.interactions.answer(interaction.id, interaction.token, answered, {})
        return interaction


@pytest_asyncio.fixture(loop_scope="module")
async def scene(visit) -> AsyncIterator[Scene]:
    async with DiscordStandIn(routes=page_routes(), response_seconds=1.5) as world:
        world.commands.overwrite(None, COMMANDS)
        async with visit(world.url) as visitor:
            yield Scene(world, visitor)


def picture(name: str) -> Upload:
    content = io.BytesIO()
    Image.new("RGB", (64, 48), "#d9822b").save(content, "PNG")
    return Upload(name, content.getvalue())


async def test_markdown_is_rendered_and_markup_is_not(scene):
    ana = scene.world.member("ana")
    soon = int(time.time()) + 7200
    text = (
        "**b** *i* __u__ ~~s~~ `c` \\*plain\\* <b>x</b> "
        f"<@{ana.id}> [site](https://example.org/a) [bad](javascript:alert(1)) <t:{soon}:R>\n"
        "-# small\n```py\n<script>1</script>\n```"
    )
    scene.post({"content": text})
    content = scene.page.locator(".message .content")
    for tag, expected in {"strong": "b", "em": "i", "u": "u", "s": "s", "small": "small"}.items():
        await expect(content.locator(tag)).to_have_text(expected)
    await expect(content.locator(".inline-code")).to_have_text("c")
    await expect(content).to_contain_text("*plain* <b>x</b> @Ana site [bad](javascript:alert(1))")
    await expect(content.locator("a")).to_have_attribute("href", "https://example.org/a")
    await expect(content.locator("pre")).to_have_text("<script>1</script>")
    await expect(content.locator("time")).to_have_text("in 2 hours")


async def test_an_embed_shows_its_parts_and_follows_edits(scene):
    embed = {
        "title": "Title",
        "description": "**text**",
        "color": 0x3366CC,
        "fields": [{"name": "A", "value": "1", "inline": True}],
        "footer": {"text": "foot"},
        "image": {"url": "attachment://one.png"},
    }
    message = scene.post({"embeds": [embed]}, picture("one.png"))
    node = scene.page.locator(".embed")
    await expect(node).to_have_css("border-left-color", "rgb(51, 102, 204)")
    await expect(node.locator("strong")).to_have_text("text")
    await expect(node).to_contain_text("foot")
    await scene.visitor.see_picture(scene.page.locator(".message"), ".embed-picture")
    scene.edit(message, {"content": "now", "embeds": [{**embed, "title": "Other"}]})
    await expect(node).to_contain_text("Other")
    await expect(scene.page.locator(".edited")).to_have_text("(edited)")
    scene.world.messages.delete(message)
    await expect(scene.page.locator(".message")).to_have_count(0)


async def test_pictures_make_a_gallery_with_spoilers_and_a_lightbox(scene):
    files = [picture("a.png"), picture("SPOILER_b.png"), Upload("c.txt", b"text")]
    scene.post({"content": "three"}, *files)
    await expect(scene.page.locator(".gallery-2 .tile")).to_have_count(2)
    row = scene.page.locator(".file-row")
    await expect(row).to_contain_text("4 bytes")
    await expect(row.get_by_role("link")).to_have_attribute("download", "c.txt")
    hidden = scene.page.get_by_role("button", name="Spoiler: show")
    await hidden.click()
    await expect(hidden).to_have_count(0)
    await scene.page.locator(".gallery .tile").first.click()
    await expect(scene.page.get_by_text("1 of 2")).to_be_visible()
    await scene.page.keyboard.press("ArrowRight")
    await expect(scene.page.get_by_text("2 of 2")).to_be_visible()
    await scene.page.keyboard.press("Escape")


async def test_a_layout_is_drawn_with_its_parts(scene):
    url = "attachment://a.png"
    parts = [
        {"type": 10, "content": "### A fox\n-# Ana · <t:0:F>"},
        {"type": 12, "items": [{"media": {"url": url}, "description": "fox", "spoiler": True}]},
        {"type": 14},
        {
            "type": 9,
            "components": [{"type": 10, "content": "in a section"}],
            "accessory": {"type": 2, "style": 2, "label": "Open", "custom_id": "open"},
        },
        {
            "type": 9,
            "components": [{"type": 10, "content": "with a thumbnail"}],
            "accessory": {"type": 11, "media": {"url": url}, "description": "small"},
        },
        {"type": 13, "file": {"url": "attachment://b.txt"}},
        {"type": 1, "components": [{"type": 5, "custom_id": "whom", "placeholder": "Whom"}]},
    ]
    container = {"type": 17, "accent_color": 0x5865F2, "components": parts}
    body = {"flags": 1 << 15, "components": [container]}
    scene.post(body, picture("a.png"), Upload("b.txt", b"text"))
    message = scene.visitor.message("in a section")
    box = message.locator(".container")
    await expect(box).to_have_css("border-left-color", "rgb(88, 101, 242)")
    await expect(box.locator(".heading-3")).to_have_text("A fox")
    await expect(box.locator(".gallery .spoiler img[alt=fox]")).to_be_attached()
    await expect(box.locator(".thumbnail img[alt=small]")).to_be_visible()
    await expect(box.locator(".file-name")).to_have_text("b.txt")
    await box.get_by_label("Whom").select_option(label=scene.world.member("ben").display_name)
    chosen = await scene.answer(6)
    assert chosen.name == "whom"
    await box.get_by_role("button", name="Open", exact=True).click()
    assert (await scene.answer(6)).name == "open"


async def test_the_theme_can_be_changed(scene):
    await scene.page.get_by_role("button", name="Light theme").click()
    await expect(scene.page.locator("html")).to_have_attribute("data-theme", "light")
    await scene.page.get_by_role("button", name="Dark theme").click()


async def test_a_modal_takes_files_and_boxes(scene):
    scene.post({"content": "a form", "components": [GO]})
    await scene.visitor.message("a form").get_by_role("button", name="Go").click()
    boxes = [{"label": name, "value": name.lower()} for name in ("One", "Two")]
    inputs = {
        "Files": {"type": 19, "max_values": 2},
        "Kind": {"type": 21, "options": boxes},
        "Some": {"type": 22, "options": boxes, "required": False, "min_values": 0},
        "Sure": {"type": 23},
    }
    labels = [
        {"type": 18, "label": name, "component": {**part, "custom_id": name}}
        for name, part in inputs.items()
    ]
    await scene.answer(9, {**MODAL, "components": labels})
    form = scene.page.locator("dialog.modal")
    file = {"name": "a.png", "mimeType": "image/png", "buffer": picture("a.png").content}
    await form.get_by_label("Files").set_input_files([file])
    await form.get_by_label("Two").first.check()
    await form.get_by_label("Sure").check()
    await form.get_by_role("button", name="Submit").click()
    await scene.answer(4, {"content": "taken"})
    await expect(scene.visitor.message("taken")).to_be_visible()


async def test_a_command_thinks_and_is_then_answered(scene):
    await scene.visitor.begin("ask")
    await scene.visitor.send()
    interaction = await scene.answer(5, {"flags": 64})
    message = scene.visitor.message("Limner is thinking…")
    await expect(message).to_contain_text("Ana used /ask")
    reply = scene.world.messages.get(interaction.original_message_id)
    scene.edit(reply, {"content": "Here."})
    await expect(scene.visitor.message("Here.")).to_contain_text("Only you can see this")
    await expect(scene.page.locator(".edited")).to_have_count(0)


async def test_no_answer_is_told_and_can_be_dismissed(scene):
    await scene.visitor.begin("ask")
    await scene.visitor.send()
    message = scene.visitor.message("The application did not respond")
    await expect(message).to_contain_text("Ana used /ask")
    await message.get_by_role("button", name="Dismiss message").click()
    await expect(message).to_have_count(0)


async def test_a_button_that_nobody_answers_fails(scene):
    scene.post({"content": "press", "components": [GO]})
    await scene.page.get_by_role("button", name="Go").click()
    await expect(scene.page.locator(".button[aria-busy]")).to_have_count(1)
    await expect(scene.visitor.message("press")).to_contain_text("This interaction failed")
    await expect(scene.page.locator(".button[aria-busy]")).to_have_count(0)


async def test_a_menu_sends_what_was_chosen(scene):
    scene.post({"content": "choose", "components": [MENU]})
    await scene.page.get_by_label("Colour").select_option("Green")
    await scene.answer(7, {"content": "chosen"})
    await expect(scene.visitor.message("chosen")).to_be_visible()


async def test_a_modal_is_filled_in(scene):
    scene.post({"content": "press", "components": [GO]})
    await scene.page.get_by_role("button", name="Go").click()
    await scene.answer(9, MODAL)
    dialog = scene.page.get_by_role("dialog", name="Tell us")
    await dialog.get_by_label("Why").fill("because")
    await dialog.get_by_role("button", name="Submit").click()
    await scene.answer(4, {"content": "thanks"})
    await expect(dialog).to_have_count(0)
    await expect(scene.visitor.message("thanks")).to_be_visible()


async def test_a_message_command_is_in_the_message_menu(scene):
    scene.post({"content": "look"})
    message = scene.visitor.message("look")
    await message.hover()
    await message.get_by_label("Apps: commands for this message").click()
    await message.get_by_role("menuitem", name="Image info").click()
    await scene.answer(4, {"content": "about it", "flags": 64})
    await expect(scene.visitor.message("about it")).to_contain_text("Ana used Image info")


async def test_sub_commands_and_their_options(scene):
    await scene.visitor.begin("mod note", "Be")
    await scene.visitor.suggestion("@Ben").click()
    await scene.visitor.add("loud", "True")
    await scene.page.get_by_label("Add an option").focus()
    await scene.visitor.send()
    interaction = await scene.answer(4, {"content": "noted"})
    assert interaction.name == "mod note"
    await expect(scene.visitor.message("noted")).to_contain_text("Ana used /mod note")


async def test_a_lost_connection_comes_back_with_what_was_missed(scene):
    scene.world.broadcast.close()
    scene.post({"content": "while away"})
    await expect(scene.visitor.message("while away")).to_have_count(1)
    scene.post({"content": "afterwards"})
    await expect(scene.visitor.message("afterwards")).to_have_count(1)


async def test_other_channels_are_marked_unread(scene):
    message = scene.world.messages.new(
        scene.world.channel("pictures").id, scene.world.directory.bot
    )
    scene.world.messages.post(message, {"content": "over here"}, {}, frozenset())
    channel = scene.page.get_by_role("button", name="pictures")
    await expect(channel).to_contain_text("(new messages)")
    await channel.click()
    await expect(scene.visitor.message("over here")).to_be_visible()
    await expect(channel).not_to_contain_text("(new messages)")


async def test_an_ordinary_message_is_posted(scene):
    await scene.page.get_by_label("Message", exact=True).fill("hello")
    await scene.page.keyboard.press("Enter")
    await expect(scene.visitor.message("hello")).to_be_visible()
    await expect(scene.page.get_by_label("Message", exact=True)).to_have_value("")


async def test_a_link_to_a_message_jumps_there_and_back_to_the_present(scene):
    scene.post({"content": "the first"})
    first = scene.post({"content": "look here"})
    for number in range(30):
        scene.post({"content": f"filler {number}"})
    channel = scene.world.channel("pictures")
    place = f"https://discord.com/channels/{scene.world.guild_id}/{first.channel_id}/{first.id}"
    message = scene.world.messages.new(channel.id, scene.world.directory.bot)
    scene.world.messages.post(message, {"content": f"[there \u2197]({place})"}, {}, frozenset())
    await scene.page.get_by_role("button", name="pictures").click()
    await scene.page.get_by_role("button", name="there").click()
    await expect(scene.visitor.message("look here")).to_be_in_viewport()
    await expect(scene.visitor.message("filler 29")).not_to_be_in_viewport()
    await scene.page.get_by_role("button", name="Jump to present").click()
    await expect(scene.visitor.message("filler 29")).to_be_in_viewport()


async def test_a_command_that_is_clicked_or_pasted_is_filled_in(scene):
    scene.post({"content": "Write </mod note:1>"})
    await scene.page.get_by_role("button", name="/mod note").click()
    await expect(scene.visitor.option("who")).to_be_visible()
    await scene.page.get_by_role("button", name="Leave the command").click()
    await expect(scene.page.get_by_label("Message", exact=True)).to_be_focused()
    await scene.page.evaluate(
        """text => {
            const clipboardData = new DataTransfer();
            clipboardData.setData("text", text);
            const paste = { clipboardData, bubbles: true, cancelable: true };
            document.activeElement.dispatchEvent(new ClipboardEvent("paste", paste));
        }""",
        "/mod note who: @Ben loud: True",
    )
    await expect(scene.visitor.option("who").locator("input")).to_have_value("@Ben")
    await expect(scene.visitor.option("loud").locator("input")).to_have_value("True")


async def test_a_right_click_opens_the_menu_of_a_message(scene):
    scene.post({"content": "look"})
    await scene.visitor.message("look").locator(".content").click(button="right")
    await scene.page.get_by_role("menuitem", name="Image info").click()
    interaction = await scene.interaction()
    assert interaction.name == "Image info"


async def test_a_person_chooses_the_language_of_their_client(scene):
    translated = {"description_localizations": {"de": "Etwas fragen"}}
    scene.world.commands.overwrite(None, [COMMANDS[0] | translated])
    await scene.page.get_by_label("Language").select_option("de")
    await scene.page.locator("body[data-locale=de]").wait_for()
    await expect(scene.page.locator("html")).to_have_attribute("lang", "de")
    await scene.page.get_by_label("Nachricht", exact=True).fill("/a")
    await expect(scene.visitor.suggestion("Etwas fragen")).to_be_visible()
    assert scene.world.member("ana").locale == "de"
