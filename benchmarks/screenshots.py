"""`python -m benchmarks.screenshots`: pictures of the demo page, taken by real clicks and keys."""

import argparse
import asyncio
import io
import logging
import re
import shutil
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw
from playwright.async_api import Locator, Page, expect

from benchmarks.browser import ChromiumMissing, Visitor, open_browser
from sandbox.comfyui import ComfyUIStandIn
from sandbox.demo import Stage, open_stage
from sandbox.people import Person, as_text
from sandbox.scenarios import OutOfMemory
from workflows.folders.catalog import LIBRARY
from workflows.folders.sources import GRAPH_FILE

logger = logging.getLogger(__name__)

WIDTH: Final = 1280
PHONE: Final = 390
FILM_SIZE: Final = (760, 640)

QUALITY: Final = 82
"""Of WebP, at which small text stays sharp."""

FILM_QUALITY: Final = 75

MOST_BYTES: Final = 150_000
FILM_BYTES: Final = 3_000_000
"""Larger pictures than these have no place in a repository."""

FRAME_S: Final = 0.3
LONGEST_FRAME_S: Final = 1.0
LAST_FRAME_S: Final = 4.0

STEP_SECONDS: Final = 0.25
"""Slow enough for a preview to be seen half done."""

PATIENCE_MS: Final = 180_000
"""For anything to appear, on a machine that does something else as well."""

HELD_S: Final = PATIENCE_MS / 1000
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

    async def take(self, names: Sequence[str]) -> None:
        """Take the pictures of these scenes, in an order in which each sets up the next."""
        scenes: dict[str, Callable[[], Awaitable[None]]] = {
            "film": self._film,
            "failed": self._failed,
            "done": self._done,
            "forms": self._forms,
            "record": self._record,
            "settings": self._settings,
            "demo": self._demo,
            "running": self._running_and_waiting,
            "lists": self._lists,
            "composer": self._composer,
            "moderating": self._moderating,
            "administering": self._administering,
            "workflow": self._hand_in,
        }
        for name, scene in scenes.items():
            if name in names or not names:
                await scene()

    async def _film(self) -> None:
        """Film one request, from typing to the result."""
        await self._become("Ana", "ana", "general", width=FILM_SIZE[0], height=FILM_SIZE[1])
        film = Film(self._visitor.page)
        async with film.running():
            await self._visitor.begin("imagine", "a fox in the snow under a red sunset")
            await asyncio.sleep(1)
            await self._visitor.send()
            message = self._visitor.message("a fox in the snow")
            await self._button("Upscale", message).wait_for()
            await self._visitor.see_picture(message)
        size = await asyncio.to_thread(film.save, self._out / "film.webp")
        logger.info("film  %d kB", size // 1000)

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
        await self._take("phone-light", theme="light")

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
        await self._press("Dismiss message")

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
        for message in (running, waiting):
            await self._button("Upscale", message).wait_for()

    async def _lists(self) -> None:
        await self._become("Ana", "ana", "pictures", height=860)
        await self._visitor.begin("history")
        await self._visitor.send()
        message = self._visitor.message("Your history")
        await self._visitor.see_picture(message, ".thumbnail")
        await self._take("history")
        await self._visitor.page.set_viewport_size({"width": WIDTH, "height": 620})
        await self._panel("quota", "quota", "Your quota")
        await self._visitor.page.set_viewport_size({"width": WIDTH, "height": 900})
        await self._panel("workflows", "workflows", "What you can make here")

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
        watched = await mo.slash("moderators", "mod words add", word="thunderstorm", action="hold")
        await watched.until(lambda message: "thunderstorm" in as_text(message), HELD_S)
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
        await self._visitor.page.set_viewport_size({"width": WIDTH, "height": 1120})
        await self._visitor.begin("mod review")
        await self._visitor.send()
        sheet = self._visitor.message("Decide on single ones…")
        await self._reveal(sheet)
        await self._take("review")
        await self._press("Approve all 4")
        await expect(sheet).to_have_count(0, timeout=PATIENCE_MS)
        await self._take("undo")
        await self._panel("mod history", "mod-history", "a lighthouse")
        await self._decided()
        await mo.slash("moderators", "mod review", mode="off")

    async def _decided(self) -> None:
        """A card in the moderators' channel with its decision, and the form of a refusal."""
        await self._become("Mo", "mo", "moderators", height=700)
        card = self._visitor.page.locator(".message", has_text="a cat asleep").first
        await card.get_by_role("button", name="Undo").click()
        await card.get_by_role("button", name="Refuse…").click()
        form = self._visitor.page.locator("dialog.modal")
        await form.get_by_text("Shows a real person").click()
        await self._take("refuse")
        await form.get_by_role("button", name="Submit").click()
        await expect(card).to_contain_text("Refused by", timeout=PATIENCE_MS)
        await card.scroll_into_view_if_needed()
        await self._take("decided")

    async def _administering(self) -> None:
        await self._become("Ada", "ada", "moderators", height=760)
        await self._panel("limner setup", "setup", "Who may make pictures?")
        await self._panel("limner limits", "limits", "Limits")
        await self._panel("limner status", "status", "GPUs")

    async def _hand_in(self) -> None:
        """From a file to a command, as docs/workflows.md tells it."""
        await self._become("Ada", "ada", "moderators", height=760)
        await self._visitor.begin("limner workflows add")
        files = self._visitor.option("file").locator("input[type=file]")
        await files.set_input_files(self._out / WORKFLOW)
        await self._take("workflow-add")
        await self._visitor.send()
        report = self._visitor.message("Options")
        await report.get_by_role("button", name="Enable").wait_for()
        await self._take("workflow-report")
        await report.get_by_role("button", name="Enable").click()
        await self._visitor.message("is enabled").wait_for()
        await self._become("Ana", "ana", "pictures", height=860)
        await self._visitor.begin(WORKFLOW.stem, "a lighthouse on a cliff, evening light")
        await self._take("workflow-command")
        await self._visitor.send()
        message = self._visitor.message("a lighthouse on a cliff")
        await self._visitor.see_picture(message)
        await self._button("⋯", message).wait_for()
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

    async def _become(
        self, name: str, member: str, channel: str, *, width: int = WIDTH, height: int
    ) -> None:
        await self._visitor.page.set_viewport_size({"width": width, "height": height})
        await self._visitor.become(name, member)
        channels = self._visitor.page.locator("#channels")
        await channels.get_by_role("button", name=channel).click()

    async def _imagine(self, prompt: str, **options: str) -> Locator:
        await self._visitor.begin("imagine", prompt)
        for name, text in options.items():
            await self._visitor.add(name, text)
        await self._visitor.send()
        return self._visitor.message(prompt)

    async def _press(self, button: str) -> None:
        """Press a button of the last message that has it."""
        await self._button(button, self._visitor.page).click()

    @staticmethod
    def _button(label: str, within: Page | Locator) -> Locator:
        """The last button with this label, with or without an emoji before it."""
        name = re.compile(rf"(^|\W){re.escape(label)}$")
        return within.get_by_role("button", name=name).last

    async def _hold_at_preview(self, message: Locator) -> None:
        """Stop a run where its preview begins to show what it will be."""
        await self._visitor.see_picture(message, ".container .gallery")
        for step in ("1", "2"):
            await expect(message).to_contain_text(re.compile(rf" {step}\d?/"), timeout=PATIENCE_MS)
        self._comfyui.hold()
        await self._comfyui.wait_until_held()

    async def _take(self, name: str, *, theme: str = "dark") -> None:
        page = self._visitor.page
        await page.mouse.move(WIDTH - 10, 300)
        await page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
        await page.evaluate("document.fonts.ready")
        content = await page.screenshot(animations="disabled")
        await page.evaluate("document.documentElement.dataset.theme = 'dark'")
        path = self._out / f"{name}.webp"
        size = await asyncio.to_thread(save_small, content, path)
        logger.info("%s  %d kB", path, size // 1000)


class Film:
    """Frames of a page with their times, and the animated picture made of them."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._frames: list[tuple[float, bytes]] = []

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Film the page until the end of the block, its last state included."""
        filming = asyncio.create_task(self._take_frames())
        try:
            yield
        finally:
            filming.cancel()
            await asyncio.wait({filming})
        await self._take_frame()

    async def _take_frames(self) -> None:
        while True:
            await self._take_frame()
            await asyncio.sleep(FRAME_S)

    async def _take_frame(self) -> None:
        content = await self._page.screenshot()
        if not self._frames or content != self._frames[-1][1]:
            self._frames.append((time.monotonic(), content))

    def save(self, path: Path) -> int:
        """Save it as a WebP that repeats; its size in bytes. Raises ValueError."""
        moments = [moment for moment, _ in self._frames]
        pictures = [Image.open(io.BytesIO(content)).convert("RGB") for _, content in self._frames]
        seconds = [min(later - moment, LONGEST_FRAME_S) for moment, later in pairwise(moments)]
        pictures[0].save(
            path,
            "WEBP",
            save_all=True,
            append_images=pictures[1:],
            duration=[round(1000 * one) for one in (*seconds, LAST_FRAME_S)],
            loop=0,
            quality=FILM_QUALITY,
            method=6,
        )
        return _require_small(path, FILM_BYTES)


def save_small(content: bytes, path: Path) -> int:
    """Save a screenshot as WebP; its size in bytes. Raises ValueError."""
    Image.open(io.BytesIO(content)).convert("RGB").save(path, "WEBP", quality=QUALITY, method=6)
    return _require_small(path, MOST_BYTES)


def _require_small(path: Path, most_bytes: int) -> int:
    size = path.stat().st_size
    if size > most_bytes:
        raise ValueError(f"{path} has {size} bytes; at most {most_bytes} are wanted.")
    return size


async def take_pictures(out: Path, scenes: Sequence[str]) -> None:
    """Start everything, take the pictures, stop everything. Raises ChromiumMissing."""
    sketch = out / SKETCH
    async with open_browser() as browser, open_stage(step_seconds=STEP_SECONDS) as stage:
        if stage.comfyui is None:
            raise AssertionError
        visitor = Visitor(await browser.new_page())
        visitor.page.set_default_timeout(PATIENCE_MS)
        await asyncio.to_thread(_draw, sketch)
        await asyncio.to_thread(shutil.copy, LIBRARY / HANDED_IN / GRAPH_FILE, out / WORKFLOW)
        try:
            await visitor.open(stage.world.url)
            await Studio(stage, stage.comfyui, visitor, out).take(scenes)
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
    parser.add_argument("scenes", nargs="*", help="only these, such as: moderating workflow")
    arguments = parser.parse_args()
    try:
        asyncio.run(take_pictures(arguments.out, arguments.scenes))
    except ChromiumMissing as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
