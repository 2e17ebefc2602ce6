"""The HTTP API through which the page lets people act."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from sandbox.discord_api import DiscordStandIn
from sandbox.discord_api.values import Interaction

COMMAND = {
    "name": "imagine",
    "description": "Make a picture",
    "options": [
        {"name": "prompt", "description": "p", "type": 3, "required": True, "autocomplete": True},
        {"name": "image", "description": "i", "type": 11},
    ],
}
MENU = {"name": "Image info", "type": 3}
MODAL = {
    "title": "Tell us",
    "custom_id": "door",
    "components": [
        {"type": 18, "label": "Why", "component": {"type": 4, "custom_id": "why", "style": 1}}
    ],
}
BUTTON = {"type": 2, "style": 1, "label": "Go", "custom_id": "go"}


class Page:
    """One person's page, and the events it gets."""

    def __init__(self, world: DiscordStandIn, http: aiohttp.ClientSession) -> None:
        self.world = world
        self._http = http
        self.events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.is_open = asyncio.Event()

    async def state(self, who: str = "ana") -> dict[str, Any]:
        url = f"{self.world.url}/sandbox/state"
        async with self._http.get(url, params={"member": who}) as response:
            return await response.json()

    async def post(self, act: str, payload: Any, data: Any = None) -> dict[str, Any]:
        url = f"{self.world.url}/sandbox/{act}"
        body = {"json": {"member": "ana", **payload}} if data is None else {"data": data}
        async with self._http.post(url, **body) as response:
            answer = await response.json()
            assert (response.status == 200) == ("error" not in answer) or act.endswith("complete")
            return answer

    async def follow(self) -> None:
        url = f"{self.world.url}/sandbox/events"
        async with self._http.get(url, params={"member": "ana"}) as response:
            self.is_open.set()
            async for line in response.content:
                if line.startswith(b"data: "):
                    self.events.put_nowait(json.loads(line.removeprefix(b"data: ")))

    async def event(self, kind: str) -> dict[str, Any]:
        while True:
            event = await asyncio.wait_for(self.events.get(), 10)
            if event["type"] == kind:
                return event

    def act(self, answer: dict[str, Any]) -> Interaction:
        return self.world.interactions.get(int(answer["interaction_id"]))

    def answer(self, answer: dict[str, Any], kind: int, data: Any = None) -> Any:
        act = self.act(answer)
        body = {"type": kind, "data": data or {}}
        return self.world.interactions.answer(act.id, act.token, body, {})


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with DiscordStandIn() as world, aiohttp.ClientSession() as http:
        world.commands.overwrite(None, [COMMAND, MENU])
        opened = Page(world, http)
        following = asyncio.create_task(opened.follow())
        await opened.is_open.wait()
        yield opened
        await world.close()
        await following


@pytest.fixture
async def place(page) -> dict[str, str]:
    state = await page.state()
    return {"channel_id": state["channels"][0]["id"], "command_id": state["commands"][0]["id"]}


async def test_state_is_what_this_member_sees(page):
    ana, mo = await page.state("ana"), await page.state("mo")
    names = [channel.get("name") for channel in ana["channels"]]
    assert names == ["general", "pictures", "after-dark", None]
    assert ana["channels"][-1]["recipients"][0]["username"] == "ana"
    assert "moderators" in [channel.get("name") for channel in mo["channels"]]
    assert ana["me"]["user"]["username"] == "ana"
    assert ana["me"]["avatar_color"].startswith("#")
    assert {member["user"]["username"] for member in ana["members"]} >= {"ana", "mo", "Limner"}
    assert [command["name"] for command in ana["commands"]] == ["imagine", "Image info"]
    assert ana["application"]["name"] == "Limner"
    assert set(ana["messages"]) == {channel["id"] for channel in ana["channels"]}


async def test_a_command_with_a_file_and_its_messages(page, place):
    options = [{"name": "prompt", "type": 3, "value": "a fox"}]
    form = aiohttp.FormData()
    form.add_field("payload", json.dumps({"member": "ana", **place, "options": options}))
    form.add_field("image", b"content", filename="in.png")
    begun = await page.post("interactions/command", {}, form)
    page.answer(begun, 4, {"content": "for you", "flags": 64})
    event = await page.event("message_create")
    assert event["message"]["ephemeral"] is True
    assert event["message"]["interaction_metadata"]["id"] == begun["interaction_id"]
    assert (await page.event("interaction_success"))["interaction_id"] == begun["interaction_id"]
    (message,) = (await page.state())["messages"][place["channel_id"]]
    assert message["content"] == "for you"
    assert (await page.state("mo"))["messages"][place["channel_id"]] == []


async def test_a_failure_is_told(page, place):
    options = [{"name": "prompt", "type": 3, "value": "a fox"}]
    begun = await page.post("interactions/command", {**place, "options": options})
    page.world.advance(0.1)
    failed = await page.event("interaction_failed")
    assert failed["interaction_id"] == begun["interaction_id"]
    assert failed["message"] == "The application did not respond"


@pytest.mark.parametrize("is_answered", [True, False])
async def test_autocomplete(page, place, is_answered):
    options = [{"name": "prompt", "type": 3, "value": "f", "focused": True}]
    asking = asyncio.create_task(
        page.post("interactions/autocomplete", {**place, "options": options})
    )
    (act,) = await page.world.wait_for(lambda: list(page.world.interactions._by_id.values()))
    choices = [{"name": "Fox", "value": "fox"}]
    if is_answered:
        page.answer({"interaction_id": act.id}, 8, {"choices": choices})
        assert await asking == {"choices": choices}
    else:
        page.world.advance(0.1)
        assert "error" in await asking


async def test_components_modals_and_menus(page, place):
    target = page.world.actions.say(page.world.member("ben"), page.world.channel("general"), "hi")
    menu_id = (await page.state())["commands"][1]["id"]
    about = {"command_id": menu_id, "target_message_id": str(target.id)}
    begun = await page.post("interactions/context", about)
    row = {"type": 1, "components": [BUTTON]}
    shown = page.answer(begun, 4, {"content": "info", "components": [row]})
    message_id = shown["resource"]["message"]["id"]
    press = {"message_id": message_id, "custom_id": "go"}
    pressed = await page.post("interactions/component", press)
    page.answer(pressed, 9, MODAL)
    modal = await page.event("modal")
    assert modal["modal"] == MODAL
    fields = {"interaction_id": modal["interaction_id"], "custom_id": "door"}
    sent = await page.post("interactions/modal", {**fields, "fields": {"why": "so"}})
    page.answer(sent, 7, {"content": "changed"})
    assert (await page.event("message_update"))["message"]["content"] == "changed"
    page.world.messages.delete(page.world.messages.find(int(message_id)))
    assert (await page.event("message_delete"))["message_id"] == message_id


@pytest.mark.parametrize(
    ("act", "payload"),
    [
        ("component", {"message_id": "1", "custom_id": "go"}),
        ("component", {"message_id": "x", "custom_id": "go"}),
        ("modal", {"interaction_id": "1", "custom_id": "door", "fields": {}}),
        ("context", {"command_id": "1", "target_message_id": "1"}),
        ("command", {"channel_id": "1", "command_id": "1"}),
        ("command", {"member": "nobody", "channel_id": "1", "command_id": "1"}),
    ],
)
async def test_what_is_not_there_is_said(page, act, payload):
    answer = await page.post(f"interactions/{act}", payload)
    assert answer["error"].strip()


async def test_new_commands_are_told(page):
    url = f"{page.world.api_url}/applications/{page.world.application_id}/commands"
    headers = {"Authorization": f"Bot {page.world.token}"}
    async with aiohttp.ClientSession() as http, http.put(url, json=[MENU], headers=headers):
        pass
    assert [entry["name"] for entry in (await page.event("commands"))["commands"]] == ["Image info"]


async def test_people_write(page, place):
    await page.post("messages", {"channel_id": place["channel_id"], "content": "hello"})
    event = await page.event("message_create")
    assert event["message"]["author"]["username"] == "ana"
