"""A person's session on the page: the real bot behind it, both stand-ins, a real browser."""

import io
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from PIL import Image
from playwright.async_api import expect

from benchmarks.browser import PATIENCE_MS, Visitor
from sandbox.demo import Stage, open_stage

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

HOSTILE = '<img src=x onerror="document.title=1"> **bold** @everyone [x](javascript:alert(1))'


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage() -> AsyncIterator[Stage]:
    async with open_stage() as opened:
        # Coarse pictures are drawn sooner.
        opened.comfyui.largest_drawing = 128
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def visitor(visit, stage) -> AsyncIterator[Visitor]:
    async with visit(stage.world.url) as visitor:
        yield visitor
    stage.comfyui.release()
    assert stage.world.unknown_requests == []


@pytest.fixture
def sketch(tmp_path) -> Path:
    content = io.BytesIO()
    Image.new("RGB", (320, 240), "#86b9e8").save(content, "PNG")
    path = tmp_path / "sketch.png"
    path.write_bytes(content.getvalue())
    return path


async def test_a_picture_is_asked_for_by_keyboard_and_arrives(visitor, stage, sketch):
    stage.comfyui.hold()
    page = visitor.page
    await page.get_by_label("Message", exact=True).focus()
    await page.keyboard.type("/ima")
    await expect(visitor.suggestion("/imagine")).to_be_visible()
    await page.keyboard.press("Enter")
    await page.keyboard.type("a lighthouse at dawn")
    await page.keyboard.press("Tab")
    await page.keyboard.type("workflow")
    await page.keyboard.press("Enter")
    await page.keyboard.type("img2")
    await expect(visitor.suggestion("img2img-sd")).to_be_visible()
    await page.keyboard.press("Enter")
    await expect(visitor.option("workflow").locator("input")).to_have_value(
        re.compile("img2img-sd")
    )
    await visitor.attach("image", sketch)
    await expect(visitor.option("image")).to_contain_text("sketch.png")
    await page.get_by_label("Add an option").focus()
    await visitor.send()

    message = visitor.message("a lighthouse at dawn")
    await expect(message).to_contain_text("Ana used /imagine")
    await expect(message.get_by_role("button", name="Cancel")).to_be_visible()
    await stage.comfyui.wait_until_held()
    stage.comfyui.release()
    await expect(message).to_contain_text(re.compile(r"\d+/\d+"))
    await visitor.see_picture(message, ".container .gallery")
    await expect(message).to_contain_text("AI", timeout=PATIENCE_MS)
    await visitor.see_picture(message, ".gallery")
    await expect(message).to_contain_text("Picture to picture")
    await expect(message.get_by_role("button", name="Cancel")).to_have_count(0)

    await message.locator(".gallery .tile").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_cancel_ends_a_running_one_and_says_so_privately(visitor, stage):
    stage.comfyui.hold()
    await visitor.begin("imagine", "a city that nobody needs")
    await visitor.send()
    await stage.comfyui.wait_until_held()
    message = visitor.message("a city that nobody needs")
    await message.get_by_role("button", name="Cancel").click()
    await expect(message).to_contain_text("Cancelled")
    private = visitor.message("Only you can see this")
    await expect(private).to_contain_text("Cancelled")
    await private.get_by_role("button", name="Dismiss message").click()
    await expect(visitor.message("Only you can see this")).to_have_count(0)


async def test_what_only_one_may_see_is_gone_for_another(visitor):
    await visitor.begin("quota")
    await visitor.send()
    await expect(visitor.message("pictures left")).to_contain_text("Only you can see this")
    await visitor.become("Ben", "ben")
    await expect(visitor.page.locator(".welcome")).to_be_visible()
    await expect(visitor.message("pictures left")).to_have_count(0)
    await expect(visitor.page.get_by_role("button", name="moderators")).to_have_count(0)
    await visitor.become("Mo", "mo")
    await expect(visitor.page.get_by_role("button", name="moderators")).to_be_visible()
    await visitor.become("Ana", "ana")
    await expect(visitor.message("pictures left")).to_be_visible()


async def test_a_hostile_prompt_stays_text(visitor, stage):
    stage.comfyui.hold()
    await visitor.begin("imagine", HOSTILE)
    await visitor.send()
    await stage.comfyui.wait_until_held()
    message = visitor.message("onerror")
    content = message.locator(".markdown").first
    await expect(content).to_contain_text('<img src=x onerror="document.title=1"> **bold**')
    await expect(content.locator("img, script, a")).to_have_count(0)
    await expect(visitor.page).to_have_title("general | Limner's Studio")
    assert not any(ping.by == "everyone" for ping in stage.world.pings)
    await message.get_by_role("button", name="Cancel").click()
    await expect(message).to_contain_text("Cancelled")


async def test_wrong_options_are_told_in_the_field(visitor):
    await visitor.begin("imagine")
    await visitor.page.keyboard.press("Enter")
    await expect(visitor.page.get_by_role("alert").filter(has_text="required")).to_have_count(1)
    await visitor.page.keyboard.type("a fox")
    await visitor.add("count", "9")
    await visitor.page.keyboard.press("Enter")
    await expect(visitor.option("count").get_by_role("alert")).to_have_text(
        "Enter a number of 4 or less."
    )
    await expect(visitor.option("count").locator("input")).to_be_focused()
    for _ in range(2):
        await visitor.page.keyboard.press("Backspace")
    await expect(visitor.option("count")).to_have_count(0)
    await visitor.page.keyboard.press("Escape")
    await visitor.page.keyboard.press("Escape")
    await expect(visitor.page.get_by_label("Message", exact=True)).to_be_focused()


async def test_it_can_be_used_on_a_narrow_screen(visitor):
    page = visitor.page
    await page.set_viewport_size({"width": 400, "height": 700})
    await visitor.begin("imagine", "a long prompt that does not fit into one line of this screen")
    await visitor.add("aspect")
    too_wide = await page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert not too_wide
    await expect(page.get_by_role("button", name="pictures")).to_be_hidden()
    channels = page.get_by_role("button", name="Channels")
    await channels.click()
    await expect(page.get_by_role("button", name="pictures")).to_be_visible()
    await page.mouse.click(380, 350)
    await expect(page.get_by_role("button", name="pictures")).to_be_hidden()
    await channels.click()
    await page.get_by_role("button", name="pictures").click()
    await expect(page.get_by_role("heading", name="pictures", exact=True)).to_be_visible()
    await expect(page.get_by_role("button", name="pictures")).to_be_hidden()


async def test_a_dropped_file_goes_to_the_option_that_takes_one(visitor):
    page = visitor.page
    dropped = await page.evaluate_handle(
        """() => {
            const held = new DataTransfer();
            held.items.add(new File(["text"], "dropped.txt", { type: "text/plain" }));
            return held;
        }"""
    )
    await page.dispatch_event(".conversation", "drop", {"dataTransfer": dropped})
    await expect(page.get_by_role("alert").filter(has_text="type /")).to_be_visible()
    await visitor.begin("imagine", "a fox")
    await page.dispatch_event(".conversation", "drop", {"dataTransfer": dropped})
    await expect(visitor.option("image")).to_contain_text("dropped.txt")
