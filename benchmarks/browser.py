"""Driver of the demo's page in headless Chromium, for its tests and screenshots."""

import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from playwright.async_api import Browser, ConsoleMessage, Locator, Page, async_playwright, expect

CHROMIUM_MISSING: Final = (
    "Chromium is not installed: apt-get install chromium (or put one on the PATH as `chromium`)."
)

_ARGUMENTS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""Chromium keeps to this machine, and runs as root in a container too."""

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome")

PATIENCE_MS: Final = 30_000
"""Seconds for anything to appear: a generation on a slow machine takes this long at most."""


class ChromiumMissing(Exception):
    """Chromium is not installed."""


def find_chromium() -> str | None:
    """Return where the system's Chromium is, if there is one."""
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


@asynccontextmanager
async def open_browser() -> AsyncGenerator[Browser]:
    """Run a headless Chromium. Raises ChromiumMissing."""
    path = find_chromium()
    if path is None:
        raise ChromiumMissing(CHROMIUM_MISSING)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=list(_ARGUMENTS))
        try:
            yield browser
        finally:
            await browser.close()


class Visitor:
    """A user of the page, with keyboard and mouse."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.problems: list[str] = []
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", self._listen)

    async def open(self, url: str, member: str = "ana") -> None:
        """Open the page as a member and wait until it is live."""
        await self.page.goto(f"{url}/?member={member}")
        await self.wait_until_live(member)

    async def wait_until_live(self, member: str) -> None:
        """Wait until what a member sees is there."""
        body = self.page.locator(f"body[data-live=true][data-member={member}]")
        await body.wait_for(state="attached")

    async def become(self, name: str, member: str) -> None:
        """Switch to another member at the bottom left, by the beginning of the shown name."""
        switch = self.page.get_by_label("You are")
        value = await switch.locator("option", has_text=name).first.get_attribute("value")
        await switch.select_option(value)
        await self.wait_until_live(member)

    async def begin(self, command: str, prompt: str = "") -> None:
        """Type a command's name, and its first option's text."""
        await self.page.get_by_label("Message", exact=True).focus()
        await self.page.keyboard.type(f"/{command} ")
        await self.page.locator(".command").wait_for()
        await self.page.keyboard.type(prompt)

    async def add(self, option: str, text: str = "") -> None:
        """Add an option, type its text and take the first choice where there are choices."""
        more = self.page.get_by_label("Add an option")
        await more.focus()
        await self.page.keyboard.type(option)
        await self.page.keyboard.press("Enter")
        if not text:
            return
        await self.page.keyboard.type(text)
        field = self.option(option)
        if await field.locator("[role=combobox]").count():
            await self.suggestion(text).wait_for()
            await self.page.keyboard.press("Enter")

    async def attach(self, option: str, path: Path) -> None:
        """Choose a file for an option."""
        await self.add(option)
        await self.option(option).locator("input[type=file]").set_input_files(path)

    async def send(self) -> None:
        """Press Enter and wait until the command has left the composer."""
        await self.page.keyboard.press("Enter")
        await self.page.locator(".command").wait_for(state="hidden")

    def option(self, name: str) -> Locator:
        """Return an option's field."""
        return self.page.locator(f".pill[data-option={name}]")

    def suggestion(self, text: str) -> Locator:
        """Return the first suggestion with a text."""
        return self.page.get_by_role("option").filter(has_text=text).first

    def message(self, text: str) -> Locator:
        """Return the newest message with a text."""
        body = self.page.locator(".message-body", has_text=text)
        return self.page.locator(".message").filter(has=body).last

    async def see_picture(self, message: Locator, kind: str = ".gallery") -> None:
        """Wait until every picture of a kind in a message has been loaded and drawn."""
        await message.locator(f"{kind} img").first.wait_for()
        for picture in await message.locator(f"{kind} img").all():
            await expect(picture).to_have_js_property("complete", value=True, timeout=PATIENCE_MS)
            width = await picture.evaluate("picture => picture.naturalWidth")
            if not width:
                raise AssertionError("A picture is on the page, but there is nothing in it.")

    def _listen(self, said: ConsoleMessage) -> None:
        if said.type == "error":
            self.problems.append(said.text)
