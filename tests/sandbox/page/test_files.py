"""The page's files as a browser gets them."""

import re
from collections.abc import AsyncIterator

import aiohttp
import pytest

from sandbox.discord_api import DiscordStandIn
from sandbox.page import CONTENT_TYPES, FOLDER, page_routes

SERVED = sorted(path for path in FOLDER.iterdir() if path.suffix in CONTENT_TYPES)


@pytest.fixture
async def served() -> AsyncIterator[aiohttp.ClientSession]:
    async with (
        DiscordStandIn(routes=page_routes()) as world,
        aiohttp.ClientSession(world.url) as http,
    ):
        yield http


async def test_every_file_is_served_with_a_strict_policy(served):
    for path in ["/", *(f"/page/{path.name}" for path in SERVED)]:
        async with served.get(path) as response:
            assert response.status == 200
            policy = response.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "script-src 'self';" in policy
            assert "unsafe" not in policy
            assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "name", ["__init__.py", "browser.py", "index.html", "..%2Fdemo.py", "no.js"]
)
async def test_nothing_else_is_served(served, name):
    async with served.get(f"/page/{name}") as response:
        assert response.status == 404


async def test_every_import_is_a_file_that_is_there():
    names = {path.name for path in SERVED}
    for path in SERVED:
        for name in re.findall(r'from "\./([\w.]+)"', path.read_text("utf-8")):
            assert name in names, f"{path.name} imports {name}"


async def test_nothing_is_loaded_from_elsewhere_and_no_text_becomes_markup():
    for path in [*SERVED, FOLDER / "index.html"]:
        text = path.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"""["'(]https?://""", text), path.name
        for sink in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
            assert sink not in text, f"{path.name} uses {sink}"
