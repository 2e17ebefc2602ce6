"""`python -m benchmarks.screenshots`: pictures of the demo page, taken by real clicks and keys."""

import argparse
import asyncio
import io
import logging
import re
import shutil
import sys
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw
from playwright.async_api import Locator, expect

from benchmarks.browser import PATIENCE_MS, ChromiumMissing, Visitor, open_browser
from sandbox.comfyui import ComfyUIStandIn
from sandbox.demo import Stage, open_stage
from sandbox.people import Person, as_text
from sandbox.scenarios import OutOfMemory
from workflows.catalog import LIBRARY
from workflows.sources import GRAPH_FILE

logger = logging.getLogger(__name__)

WIDTH: Final = 1280
PHONE: Final = 400
COLOURS: Final = 256
MOST_BYTES: Final = 400_000
"""A picture larger than this has no place in a repository."""

STEP_SECONDS: Final = 0.25
"""Slow enough for a preview to be seen half done."""

HELD_S: Final = 60.0
"""For a generation to wait for a moderator."""

SKETCH: Final = Path("sketch.png")
WORKFLOW: Final = Path("poster.json")
HANDED_IN: Final = "txt2img-z-image"
"""The shipped graph that is handed in as that file."""


class Studio:
    """Sets scenes up on the page and takes their pictures."""

    def __init__(self, stage: Stage, comfyui: ComfyUIStandIn, visitor: Visitor, out: Path) -> None:
        self._stage = stage
        self._comfyui = comfyui
        self._visitor = visitor
        self._out = out

    async def take_all(self) -> None:
        """Take every picture, in an order in which each scene sets up the next."""
        await self._failed()
        await self._done()
        await self._forms()
        await self._record()
        await self._settings()
        await self._demo()
        await self._running_and_waiting()
        await self._lists()
        await self._composer()
        await self._moderating()
        await self._administering()
        await self.hand_in()

    async def _failed(self) -> None:
        await self._become("Ben", "ben", "general", height=560)
        self._comfyui.faults.add(OutOfMemory())
        message = await self._imagine("a cathedral made of clouds, extremely detailed")
        await expect(message).to_contain_text("Out of GPU memory", timeout=PATIENCE_MS)
        await self._take("failed")

    async def _done(self) -> None:
        await self._become("Ana", "ana", "pictures", height=860)
        options = {"count": "4", "seed": "20261122"}
        message = await self._imagine("a fox in the snow under a red sunset", **options)
        await self._visitor.see_picture(message)
        await expect(message).to_contain_text("V4", timeout=PATIENCE_MS)
        await self._take("done")
        await self._visitor.page.set_viewport_size({"width": PHONE, "height": 860})
        await self._take("phone")

    async def _forms(self) -> None:
        await self._become("Ana", "ana", "pictures", height=720)
        await self._press("⋯")
        await self._visitor.message("Copy prompt").wait_for()
        await self._take("more")
        for name, button in (("remix", "Remix"), ("input", "Use as input"), ("delete", "Delete")):
            await self._press(button)
            form = self._visitor.page.locator("dialog.modal")
            await form.wait_for()
            await self._take(name)
            await form.get_by_role("button", name="Cancel").click()

    async def _record(self) -> None:
        await self._become("Ana", "ana", "pictures", height=900)
        await self._press("V2")
        varied = self._visitor.message("Variation of #2")
        await self._visitor.see_picture(varied)
        await varied.get_by_role("button", name="⋯", exact=True).click()
        await self._visitor.message("Copy prompt").last.get_by_role("button", name="Info").click()
        record = self._visitor.message("Made from")
        await expect(record).to_contain_text("varied from picture 2", timeout=PATIENCE_MS)
        await self._take("info")

    async def _settings(self) -> None:
        await self._become("Ben", "ben", "pictures", height=620)
        await self._visitor.begin("settings")
        await self._visitor.send()
        panel = self._visitor.message("Your settings")
        await panel.get_by_role("button", name="Reset all").wait_for()
        await self._take("settings")

    async def _demo(self) -> None:
        await self._become("Ana", "ana", "general", height=1040)
        options = {"aspect": "21:9", "seed": "11"}
        finished = await self._imagine("mountains above a lake at night, stars", **options)
        await self._visitor.see_picture(finished)
        await self._become("Ben", "ben", "general", height=1040)
        options = {"aspect": "16:9", "seed": "4", "steps": "30"}
        running = await self._imagine("a red fox in a birch forest, autumn morning", **options)
        await self._hold_at_preview(running)
        await self._take("demo")
        self._comfyui.release()
        await self._visitor.see_picture(running)

    async def _running_and_waiting(self) -> None:
        await self._become("Ana", "ana", "pictures", height=700)
        options = {"aspect": "3:2", "seed": "8", "steps": "30"}
        running = await self._imagine("a quiet lake in the mountains, spring", **options)
        await self._hold_at_preview(running)
        await self._take("running")
        for name, prompt in (
            ("ben", "a harbour at dawn"),
            ("ben", "a street in the rain"),
            ("mo", "a chess board, close up"),
            ("mo", "an old tree on a hill"),
        ):
            await Person(self._stage.world, name).slash("general", "imagine", prompt=prompt)
        waiting = await self._imagine("the same lake in winter", aspect="3:2")
        await expect(waiting).to_contain_text("in the queue", timeout=PATIENCE_MS)
        await self._visitor.page.set_viewport_size({"width": WIDTH, "height": 560})
        await self._take("waiting")
        await self._become("Ben", "ben", "general", height=620)
        await self._panel("queue", "queue", "Refresh")
        await self._become("Ana", "ana", "pictures", height=560)
        self._comfyui.release()
        await self._visitor.see_picture(running)
        await self._visitor.see_picture(waiting)

    async def _lists(self) -> None:
        await self._become("Ana", "ana", "pictures", height=860)
        await self._visitor.begin("history")
        await self._visitor.send()
        message = self._visitor.message("Your history")
        await self._visitor.see_picture(message, ".thumbnail")
        await self._take("history")
        await self._visitor.page.set_viewport_size({"width": WIDTH, "height": 620})
        await self._panel("quota", "quota", "Your quota")
        await self._panel("workflows", "workflows", "Better prompt")

    async def _composer(self) -> None:
        await self._become("Ana", "ana", "general", height=720)
        await self._visitor.begin("imagine", "the same place at night, in ink")
        await self._visitor.attach("image", self._out / SKETCH)
        await self._visitor.add("strength", "0.6")
        await self._visitor.add("model")
        await self._visitor.suggestion("safetensors").wait_for()
        await self._take("composer")

    async def _moderating(self) -> None:
        world = self._stage.world
        ana, ben, mo = (Person(world, name) for name in ("ana", "ben", "mo"))
        await mo.slash("moderators", "mod channel", channel=world.channel("moderators").id)
        await mo.slash("moderators", "mod review", mode="hold")
        await mo.slash("moderators", "mod words add", word="thunderstorm", action="hold")
        asked = [
            await person.slash("pictures", "imagine", prompt=prompt, aspect="3:2", seed=seed)
            for person, prompt, seed in (
                (ana, "a lighthouse in a thunderstorm", 3),
                (ben, "a meadow with poppies at noon", 5),
                (ana, "a cat asleep on a window sill", 7),
                (ben, "snow on the roofs of a small town", 9),
            )
        ]
        for reply in asked:
            await reply.until(lambda message: "moderator approval" in as_text(message), HELD_S)
        await self._become("Mo", "mo", "moderators", height=700)
        case = self._visitor.message("a lighthouse")
        await self._reveal(case)
        await case.scroll_into_view_if_needed()
        await self._take("case")
        await self._visitor.page.set_viewport_size({"width": WIDTH, "height": 960})
        await self._visitor.begin("mod review")
        await self._visitor.send()
        sheet = self._visitor.message("Open one…")
        await self._reveal(sheet)
        await self._take("review")
        await self._press("Approve all 4")
        await expect(sheet).to_have_count(0, timeout=PATIENCE_MS)
        await self._panel("mod history", "mod-history", "a lighthouse")
        await mo.slash("moderators", "mod review", mode="off")

    async def _administering(self) -> None:
        await self._become("Ada", "ada", "moderators", height=760)
        await self._panel("limner limits", "limits", "Limits")
        await self._panel("limner status", "status", "GPUs")

    async def hand_in(self) -> None:
        """From a file to a command, as docs/workflows.md tells it."""
        await self._become("Ada", "ada", "moderators", height=760)
        await self._visitor.begin("limner workflows add")
        files = self._visitor.option("file").locator("input[type=file]")
        await files.set_input_files(self._out / WORKFLOW)
        await self._take("workflow-add")
        await self._visitor.send()
        report = self._visitor.message("Takes")
        await report.get_by_role("button", name="Enable").wait_for()
        await self._take("workflow-report")
        await report.get_by_role("button", name="Enable").click()
        await self._visitor.message("can be used now").wait_for()
        await self._become("Ana", "ana", "pictures", height=860)
        await self._visitor.begin(WORKFLOW.stem, "a lighthouse on a cliff, evening light")
        await self._take("workflow-command")
        await self._visitor.send()
        message = self._visitor.message("a lighthouse on a cliff")
        await self._visitor.see_picture(message)
        await expect(message).to_contain_text("Delete", timeout=PATIENCE_MS)
        await self._take("workflow-result")

    async def _panel(self, command: str, name: str, text: str) -> None:
        """What a command without options answers, in private."""
        await self._visitor.begin(command)
        await self._visitor.send()
        message = self._visitor.message(text)
        await expect(message).to_contain_text("Only you can see this", timeout=PATIENCE_MS)
        for picture in await message.locator(".thumbnail img").all():
            await expect(picture).to_have_js_property("complete", value=True, timeout=PATIENCE_MS)
        await self._take(name)

    async def _reveal(self, message: Locator) -> None:
        """Look behind the spoilers of a message."""
        await self._visitor.see_picture(message, ".spoiler")
        for tile in await message.locator(".spoiler").all():
            await tile.click()

    async def _become(self, name: str, member: str, channel: str, *, height: int) -> None:
        await self._visitor.page.set_viewport_size({"width": WIDTH, "height": height})
        await self._visitor.become(name, member)
        await self._visitor.page.get_by_role("button", name=channel).click()

    async def _imagine(self, prompt: str, **options: str) -> Locator:
        await self._visitor.begin("imagine", prompt)
        for name, text in options.items():
            await self._visitor.add(name, text)
        await self._visitor.send()
        return self._visitor.message(prompt)

    async def _press(self, button: str) -> None:
        """Press a button of the last message that has it."""
        await self._visitor.page.get_by_role("button", name=button, exact=True).last.click()

    async def _hold_at_preview(self, message: Locator) -> None:
        """Stop a run where its preview begins to show what it will be."""
        await self._visitor.see_picture(message, ".container .gallery")
        for step in ("1", "2"):
            await expect(message).to_contain_text(re.compile(rf" {step}\d?/"), timeout=PATIENCE_MS)
        self._comfyui.hold()
        await self._comfyui.wait_until_held()

    async def _take(self, name: str) -> None:
        await self._visitor.page.mouse.move(WIDTH - 10, 300)
        await self._visitor.page.evaluate("document.fonts.ready")
        content = await self._visitor.page.screenshot(animations="disabled")
        path = self._out / f"{name}.png"
        size = await asyncio.to_thread(save_small, content, path)
        logger.info("%s  %d kB", path, size // 1000)


def save_small(content: bytes, path: Path) -> int:
    """Save a PNG, with a palette where it must; its size in bytes. Raises ValueError."""
    picture = Image.open(io.BytesIO(content)).convert("RGB")
    picture.save(path, "PNG", optimize=True)
    if path.stat().st_size > MOST_BYTES:
        picture.quantize(COLOURS).save(path, "PNG", optimize=True)
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise ValueError(f"{path} has {size} bytes; at most {MOST_BYTES} are wanted.")
    return size


async def take_pictures(out: Path) -> None:
    """Start everything, take the pictures, stop everything. Raises ChromiumMissing."""
    sketch = out / SKETCH
    async with open_browser() as browser, open_stage(step_seconds=STEP_SECONDS) as stage:
        if stage.comfyui is None:
            raise AssertionError
        visitor = Visitor(await browser.new_page())
        await asyncio.to_thread(_draw, sketch)
        await asyncio.to_thread(shutil.copy, LIBRARY / HANDED_IN / GRAPH_FILE, out / WORKFLOW)
        try:
            await visitor.open(stage.world.url)
            await Studio(stage, stage.comfyui, visitor, out).take_all()
        finally:
            await asyncio.to_thread(sketch.unlink)
            await asyncio.to_thread((out / WORKFLOW).unlink)


def _draw(path: Path) -> None:
    """Save what somebody might attach."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.new("RGB", (480, 360), "#86b9e8")
    draw = ImageDraw.Draw(picture)
    draw.ellipse((330, 40, 420, 130), fill="#ffd24a")
    draw.polygon(((0, 360), (165, 130), (320, 360)), fill="#3f5f46")
    picture.save(path)


def main() -> int:
    """Read the command line and take the pictures; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.screenshots", description=__doc__)
    logging.basicConfig(format="%(message)s")
    logger.setLevel(logging.INFO)
    parser.add_argument("--out", type=Path, default=Path("docs/pictures"))
    try:
        asyncio.run(take_pictures(parser.parse_args().out))
    except ChromiumMissing as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
