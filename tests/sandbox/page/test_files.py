"""The page's files as a browser gets them."""

import json
import re
from collections.abc import AsyncIterator

import aiohttp
import pytest

from sandbox.discord_api import DiscordStandIn
from sandbox.discord_api.model.interactions import FAILURES
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


_TABLE = re.compile(r"^const WORDS = (\{.*^\});", re.MULTILINE | re.DOTALL)
WORDS = json.loads(_TABLE.search((FOLDER / "words.js").read_text("utf-8"))[1])
COLUMNS = 5


def test_the_page_says_nothing_without_a_translation():
    directory = DiscordStandIn().directory
    said = {*FAILURES.values(), *(channel.topic for channel in directory.guild_channels())}
    people = (member for member in directory.members.values() if not member.is_bot)
    said |= {directory.roles[role_id].name for member in people for role_id in member.role_ids}
    html = (FOLDER / "index.html").read_text("utf-8")
    said |= {*re.findall(r'aria-label="([^"]+)"', html), *re.findall(r"skip-link.*>(.*)</a>", html)}
    for path in SERVED:
        if path.suffix != ".js" or path.name == "words.js":
            continue
        text = path.read_text("utf-8")
        said |= set(re.findall(r'\b(?:t|sayAround)\("([^"]+)"', text))
        said |= set(re.findall(r'keepSaid\(.*?, "([A-Z][^"]*)"(?:, "aria-label")?\);', text))
        shown = r'"aria-label": (?:"|`[A-Z])|(?:title|placeholder): "[^"]+|\), "[A-Za-z ]{3,}"\)'
        unsaid = re.sub(r"keepSaid\(.*", "", text)
        assert not re.findall(shown, unsaid), f"{path.name} has words in English only"
    assert said == set(WORDS)


@pytest.mark.parametrize("english", WORDS)
def test_every_word_of_the_page_is_in_every_language(english):
    places = re.findall(r"\{\w+\}", english)
    assert len(WORDS[english]) == COLUMNS
    for translation in WORDS[english]:
        assert translation.strip()
        assert sorted(re.findall(r"\{\w+\}", translation)) == sorted(places)
