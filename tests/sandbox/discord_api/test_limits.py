"""Every limit of the stand-in Discord, over plain HTTP."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from PIL import Image

from sandbox.discord_api import DiscordStandIn
from sandbox.discord_api.values import Interaction, Permission, Upload

COMMAND = {"name": "imagine", "description": "Make a picture", "type": 1, "contexts": [0, 1]}


@dataclass
class Answer:
    status: int
    body: Any
    headers: Any = field(repr=False)

    @property
    def code(self) -> Any:
        return self.body["code"]


class RawBot:
    """Speaks REST without a library in between, so that it can break every rule."""

    def __init__(self, world: DiscordStandIn, http: aiohttp.ClientSession) -> None:
        self.world = world
        self._http = http
        self.channel = f"/channels/{world.channel('general').id}"

    async def ask(
        self, method: str, path: str, body: Any = None, files: dict[str, bytes] | None = None, **how
    ) -> Answer:
        headers = {"Authorization": how.get("authority", f"Bot {self.world.token}")}
        data: Any = None
        if files is not None:
            data = aiohttp.FormData(quote_fields=False)
            data.add_field("payload_json", json.dumps(body or {}))
            for index, (name, content) in enumerate(files.items()):
                data.add_field(f"files[{index}]", io.BytesIO(content), filename=name)
        elif body is not None:
            data = json.dumps(body)
            headers["Content-Type"] = "application/json"
        url = self.world.api_url + path
        async with self._http.request(method, url, data=data, headers=headers) as response:
            text = await response.text()
            return Answer(response.status, json.loads(text) if text else None, response.headers)

    async def send(self, body: Any, files: dict[str, bytes] | None = None) -> Answer:
        return await self.ask("POST", f"{self.channel}/messages", body, files)

    async def register(self, *commands: Any) -> Answer:
        path = f"/applications/{self.world.application_id}/commands"
        return await self.ask("PUT", path, list(commands))

    async def command(self, who: str = "ana", where: str = "general") -> Interaction:
        if not self.world.commands.everything():
            await self.register(COMMAND)
        world = self.world
        command_id = int(world.commands.everything()[0]["id"])
        return world.actions.command(world.member(who), world.channel(where), command_id, [], {})

    async def answer(
        self, act: Interaction, kind: int, data: Any = None, files: dict[str, bytes] | None = None
    ) -> Answer:
        path = f"/interactions/{act.id}/{act.token}/callback?with_response=1"
        return await self.ask("POST", path, {"type": kind, "data": data or {}}, files)

    async def hook(self, method: str, act: Interaction, rest: str = "", *how: Any) -> Answer:
        path = f"/webhooks/{self.world.application_id}/{act.token}{rest}"
        return await self.ask(method, path, *how)

    async def original(self, act: Interaction, body: Any, files: Any = None) -> Answer:
        return await self.hook("PATCH", act, "/messages/@original", body, files)


@pytest.fixture
async def world() -> AsyncIterator[DiscordStandIn]:
    async with DiscordStandIn() as running:
        yield running


@pytest.fixture
async def bot(world: DiscordStandIn) -> AsyncIterator[RawBot]:
    async with aiohttp.ClientSession() as http:
        yield RawBot(world, http)


@pytest.fixture
def still_time(world: DiscordStandIn) -> None:
    """Hold the windows' clock, so that a slow machine does not open a new window."""
    world.rate_limits.now = lambda: 0.0


def picture(size: tuple[int, int] = (32, 24)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, "teal").save(buffer, "PNG")
    return buffer.getvalue()


def button(**changes: Any) -> dict[str, Any]:
    return {"type": 2, "style": 1, "label": "Go", "custom_id": "go", **changes}


def rows(*buttons: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"type": 1, "components": list(buttons)}]


def text(content: str = "x") -> dict[str, Any]:
    return {"type": 10, "content": content}


def section(*texts: dict[str, Any], accessory: Any = None) -> dict[str, Any]:
    return {"type": 9, "components": list(texts), "accessory": accessory or button()}


def gallery(*urls: str) -> dict[str, Any]:
    return {"type": 12, "items": [{"media": {"url": url}} for url in urls]}


def layout(*components: dict[str, Any]) -> dict[str, Any]:
    return {"flags": 1 << 15, "components": list(components)}


# Messages


GOOD_MESSAGES: dict[str, Any] = {
    "content of 2000": {"content": "x" * 2000},
    "ten embeds": {"embeds": [{"title": "t"}] * 10},
    "6000 in all": {"embeds": [{"description": "x" * 3000}] * 2},
    "five rows of five": {
        "components": [
            {"type": 1, "components": [button(custom_id=f"{row}-{i}") for i in range(5)]}
            for row in range(5)
        ]
    },
    "label of 80, id of 100": {"components": rows(button(label="x" * 80, custom_id="y" * 100))},
    "emoji without a label": {"components": rows(button(label=None, emoji={"name": "🔁"}))},
    "a link": {"components": rows({"type": 2, "style": 5, "label": "a", "url": "https://a.b"})},
    "40 components": layout(*[{"type": 17, "components": [text()] * 9}] * 4),
    "4000 characters": layout(text("x" * 4000)),
    "every layout component": layout(
        {
            "type": 17,
            "accent_color": 0xFFFFFF,
            "components": [
                text("### title"),
                section(text(), text(), text()),
                section(text(), accessory={"type": 11, "media": {"url": "https://a.b/c.png"}}),
                {"type": 14, "divider": False, "spacing": 2},
                gallery(*["https://a.b/c.png"] * 10),
                {"type": 1, "components": [{"type": 5, "custom_id": "person"}]},
            ],
        }
    ),
    "a menu": {
        "components": rows({"type": 3, "custom_id": "m", "options": [{"label": "a", "value": "b"}]})
    },
}

BAD_MESSAGES: dict[str, Any] = {
    "content": {"content": "x" * 2001},
    "eleven embeds": {"embeds": [{"title": "t"}] * 11},
    "title": {"embeds": [{"title": "x" * 257}]},
    "description": {"embeds": [{"description": "x" * 4097}]},
    "footer": {"embeds": [{"footer": {"text": "x" * 2049}}]},
    "author": {"embeds": [{"author": {"name": "x" * 257}}]},
    "26 fields": {"embeds": [{"fields": [{"name": "n", "value": "v"}] * 26}]},
    "field name": {"embeds": [{"fields": [{"name": "x" * 257, "value": "v"}]}]},
    "field value": {"embeds": [{"fields": [{"name": "n", "value": "x" * 1025}]}]},
    "empty field": {"embeds": [{"fields": [{"name": "n", "value": ""}]}]},
    "6000 in all": {"embeds": [{"description": "x" * 3001}, {"description": "x" * 3000}]},
    "picture that is not there": {"embeds": [{"image": {"url": "attachment://no.png"}}]},
    "address without scheme": {"embeds": [{"url": "example.org"}]},
    "six rows": {
        "components": [{"type": 1, "components": [button(custom_id=f"{i}")]} for i in range(6)]
    },
    "six buttons": {"components": rows(*(button(custom_id=f"{i}") for i in range(6)))},
    "label": {"components": rows(button(label="x" * 81))},
    "custom id": {"components": rows(button(custom_id="x" * 101))},
    "no custom id": {"components": rows(button(custom_id=""))},
    "the same custom id": {"components": rows(button(), button())},
    "neither label nor emoji": {"components": rows(button(label=None))},
    "emoji that is none": {"components": rows(button(emoji={"name": "x"}))},
    "a symbol that is no emoji": {"components": rows(button(emoji={"name": "⋯"}))},
    "link with an id": {"components": rows(button(style=5, url="https://a.b"))},
    "menu of 26": {
        "components": rows(
            {
                "type": 3,
                "custom_id": "m",
                "options": [{"label": "a", "value": f"{i}"} for i in range(26)],
            }
        )
    },
    "menu beside a button": {
        "components": rows(
            button(), {"type": 3, "custom_id": "m", "options": [{"label": "a", "value": "b"}]}
        )
    },
    "layout without its flag": {"components": [{"type": 10, "content": "x"}]},
    "41 components": layout(*[text()] * 41),
    "41 with nested ones": layout(*[{"type": 17, "components": [text()] * 10}] * 4),
    "4001 characters": layout(text("x" * 2000), text("x" * 2001)),
    "an empty text": layout(text("")),
    "gallery of none": layout({"type": 12, "items": []}),
    "gallery of eleven": layout(gallery(*["https://a.b/c.png"] * 11)),
    "gallery of a file that is not there": layout(gallery("attachment://no.png")),
    "section of four": layout(section(*[text()] * 4)),
    "section without accessory": layout({"type": 9, "components": [text()]}),
    "section with a menu": layout(section(text(), accessory={"type": 3})),
    "container in a container": layout({"type": 17, "components": [{"type": 17}]}),
    "a file from elsewhere": layout({"type": 13, "file": {"url": "https://a.b/c.png"}}),
    "layout with content": {**layout(text()), "content": "x"},
    "layout with embeds": {**layout(text()), "embeds": [{"title": "x"}]},
    "an unknown component": layout({"type": 99}),
    "a poll": {"poll": {"question": {"text": "?"}}},
    "parse and list": {
        "content": "x",
        "allowed_mentions": {"parse": ["users"], "users": ["1"]},
    },
    "long nonce": {"content": "x", "nonce": "n" * 26},
}


@pytest.mark.parametrize("body", GOOD_MESSAGES.values(), ids=GOOD_MESSAGES)
async def test_accepts_up_to_the_limit(bot, body):
    assert (await bot.send(body)).status == 200


@pytest.mark.parametrize("body", BAD_MESSAGES.values(), ids=BAD_MESSAGES)
async def test_refuses_beyond_the_limit(bot, body):
    refused = await bot.send(body)
    assert (refused.status, refused.code) == (400, 50035)
    assert not bot.world.messages.in_channel(bot.world.channel("general").id)


@pytest.mark.parametrize("body", [{}, {"content": ""}, {"content": "  "}, {"embeds": []}])
async def test_refuses_an_empty_message(bot, body):
    refused = await bot.send(body)
    assert (refused.status, refused.code) == (400, 50006)


async def test_numbers_the_components(bot):
    sent = await bot.send({"components": rows(button(), button(custom_id="b"))})
    assert sent.body["components"][0]["id"] == 1
    assert [part["id"] for part in sent.body["components"][0]["components"]] == [2, 3]


async def test_the_same_nonce_posts_once(bot):
    body = {"content": "once", "nonce": "n1", "enforce_nonce": True}
    first, second = await bot.send(body), await bot.send(body)
    assert first.body["id"] == second.body["id"]
    assert len((await bot.ask("GET", f"{bot.channel}/messages")).body) == 1


async def test_lists_messages_newest_first_and_in_pages(bot):
    ids = [(await bot.send({"content": f"{i}"})).body["id"] for i in range(4)]
    listed = await bot.ask("GET", f"{bot.channel}/messages?limit=2&before={ids[3]}")
    assert [message["id"] for message in listed.body] == [ids[2], ids[1]]
    after = await bot.ask("GET", f"{bot.channel}/messages?limit=2&after={ids[0]}")
    assert [message["id"] for message in after.body] == [ids[2], ids[1]]
    assert (await bot.ask("GET", f"{bot.channel}/messages?limit=101")).status == 400


async def test_a_deleted_message_is_unknown(bot):
    path = f"{bot.channel}/messages/{(await bot.send({'content': 'x'})).body['id']}"
    assert (await bot.ask("DELETE", path)).status == 204
    for method, body in (("GET", None), ("PATCH", {"content": "y"}), ("DELETE", None)):
        gone = await bot.ask(method, path, body)
        assert (gone.status, gone.code) == (404, 10008)


async def test_others_messages_are_not_the_bots(bot):
    world = bot.world
    said = world.actions.say(world.member("ana"), world.channel("general"), "hello")
    path = f"{bot.channel}/messages/{said.id}"
    assert (await bot.ask("PATCH", path, {"content": "y"})).code == 50005
    assert (await bot.ask("DELETE", path)).code == 50013


# Files


async def test_a_file_is_served_while_its_message_lives(bot):
    content = picture()
    sent = await bot.send({}, {"a b.png": content})
    (attachment,) = sent.body["attachments"]
    assert attachment["filename"] == "a_b.png"
    assert attachment["size"] == len(content)
    assert (attachment["width"], attachment["height"]) == (32, 24)
    assert attachment["content_type"] == "image/png"
    async with aiohttp.ClientSession() as http:
        async with http.get(attachment["url"]) as response:
            assert (response.content_type, await response.read()) == ("image/png", content)
        async with http.get(attachment["url"].split("?")[0]) as response:
            assert response.status == 404
        await bot.ask("DELETE", f"{bot.channel}/messages/{sent.body['id']}")
        async with http.get(attachment["url"]) as response:
            assert response.status == 404


async def test_addresses_run_out_after_a_day(bot):
    sent = await bot.send({}, {"a.png": picture()})
    path = f"{bot.channel}/messages/{sent.body['id']}"
    bot.world.advance(25 * 60)
    async with aiohttp.ClientSession() as http:
        async with http.get(sent.body["attachments"][0]["url"]) as response:
            assert response.status == 404
        fresh = (await bot.ask("GET", path)).body["attachments"][0]["url"]
        async with http.get(fresh) as response:
            assert response.status == 200


async def test_a_file_shown_in_an_embed_is_no_attachment(bot):
    body = {"embeds": [{"image": {"url": "attachment://p.png"}}]}
    sent = await bot.send(body, {"p.png": picture(), "q.png": picture()})
    assert [entry["filename"] for entry in sent.body["attachments"]] == ["q.png"]
    assert sent.body["embeds"][0]["image"]["width"] == 32
    assert "/attachments/" in sent.body["embeds"][0]["image"]["url"]


async def test_a_file_shown_by_a_component_is_no_attachment(bot):
    body = layout({"type": 17, "components": [gallery("attachment://a.png")]})
    sent = (await bot.send(body, {"a.png": picture(), "b.png": picture()})).body
    media = sent["components"][0]["components"][0]["items"][0]["media"]
    assert [file["filename"] for file in sent["attachments"]] == ["b.png"]
    assert (media["width"], media["content_type"]) == (32, "image/png")
    assert "/a.png?" in media["url"]
    assert media["attachment_id"] in media["url"]


async def test_an_edit_without_attachments_keeps_what_components_show(bot):
    sent = (await bot.send(layout(gallery("attachment://a.png")), {"a.png": picture()})).body
    path = f"{bot.channel}/messages/{sent['id']}"
    again = {"components": [text("new"), *sent["components"]]}
    edited = (await bot.ask("PATCH", path, again)).body
    media = edited["components"][1]["items"][0]["media"]
    assert media["attachment_id"] == sent["components"][0]["items"][0]["media"]["attachment_id"]
    replaced = {"components": [gallery("attachment://b.png")], "attachments": [{"id": 0}]}
    edited = (await bot.ask("PATCH", path, replaced, {"b.png": picture()})).body
    assert not edited["attachments"]
    refused = await bot.ask("PATCH", path, {"components": [gallery("attachment://a.png")]})
    assert "ATTACHMENT_NOT_FOUND" in str(refused.body)


async def test_the_flag_of_layouts_comes_by_an_edit_and_stays(bot):
    act = await bot.command()
    await bot.answer(act, 5)
    assert (await bot.original(act, {"content": "old"})).status == 200
    assert (await bot.original(act, layout(text()))).status == 400
    assert (await bot.original(act, {**layout(text()), "content": None})).status == 200
    path = f"{bot.channel}/messages/{act.original_message_id}"
    assert (await bot.ask("PATCH", path, {"flags": 0})).status == 400
    assert (await bot.ask("PATCH", path, {"content": "x"})).status == 400
    edited = await bot.ask("PATCH", path, {"components": [text("new")]})
    assert edited.body["flags"] & 1 << 15


async def test_mentions_in_texts_of_a_layout_notify_as_content_does(bot):
    ana = bot.world.member("ana")
    await bot.send(layout(text(f"<@{ana.id}>")))
    assert [ping.user_id for ping in bot.world.messages.pings] == [ana.id]


async def test_edits_keep_append_and_replace_files(bot):
    sent = await bot.send({}, {"a.png": picture()})
    path = f"{bot.channel}/messages/{sent.body['id']}"

    async def names(body: Any, files: Any = None) -> list[str]:
        edited = await bot.ask("PATCH", path, body, files)
        assert edited.status == 200
        return [entry["filename"] for entry in edited.body["attachments"]]

    first = sent.body["attachments"][0]["id"]
    assert await names({"content": "kept"}) == ["a.png"]
    assert await names({}, {"b.png": picture()}) == ["a.png", "b.png"]
    new = {"id": 0, "filename": "c.png"}
    assert await names({"attachments": [{"id": first}, new]}, {"c.png": b"1"}) == [
        "a.png",
        "c.png",
    ]
    assert await names({"attachments": []}) == []


async def test_listing_only_attachments_deletes_the_embeds_file(bot):
    body = {"content": "x", "embeds": [{"image": {"url": "attachment://p.png"}}]}
    sent = await bot.send(body, {"p.png": picture()})
    path = f"{bot.channel}/messages/{sent.body['id']}"
    edited = await bot.ask("PATCH", path, {"attachments": sent.body["attachments"]})
    async with (
        aiohttp.ClientSession() as http,
        http.get(edited.body["embeds"][0]["image"]["url"]) as response,
    ):
        assert response.status == 404


@pytest.mark.parametrize(
    ("files", "status", "code"),
    [
        ({"a.bin": b"x" * 1000}, 200, None),
        ({"a.bin": b"x" * 1001}, 413, 40005),
        ({f"{index}.bin": b"x" for index in range(11)}, 400, 50035),
    ],
    ids=["at the limit", "beyond the limit", "eleven files"],
)
async def test_file_limits(bot, files, status, code):
    bot.world.attachment_size_limit = 1000
    answer = await bot.send({}, files)
    assert (answer.status, answer.body.get("code")) == (status, code)


@pytest.mark.parametrize("content", [b"", b"text", picture()[:40], b"\x89PNG\r\n\x1a\n"])
async def test_a_broken_picture_has_no_size(bot, content):
    sent = await bot.send({}, {"a.png": content})
    assert "width" not in sent.body["attachments"][0]


async def test_a_request_has_25_mib_in_all(bot):
    third = b"x" * (9 * 1024 * 1024)
    answer = await bot.send({}, {"a": third, "b": third, "c": third})
    assert (answer.status, answer.code) == (413, 40005)


# Mentions


@pytest.mark.parametrize(
    ("allowed", "pinged"),
    [
        (None, {"ana"}),
        ({"parse": []}, set()),
        ({"parse": ["everyone", "users", "roles"]}, {"ana", "mo"}),
        ({"parse": ["roles"]}, {"mo"}),
        ({"users": ["1172603318894231552"]}, {"ana"}),
    ],
    ids=["interactions parse users", "none", "all", "roles", "listed"],
)
async def test_mentions_of_replies(bot, allowed, pinged):
    world = bot.world
    moderator_role = world.member("mo").role_ids[0]
    content = f"<@{world.member('ana').id}> <@&{moderator_role}> @everyone"
    act = await bot.command("ben")
    body = {"content": content} | ({"allowed_mentions": allowed} if allowed else {})
    answered = await bot.answer(act, 4, body)
    names = {world.member(ping.user_id).name for ping in world.pings}
    assert names == pinged
    mentioned = {user["username"] for user in answered.body["resource"]["message"]["mentions"]}
    assert mentioned == pinged & {"ana"}


async def test_channel_messages_parse_everything(bot):
    moderator_role = bot.world.member("mo").role_ids[0]
    await bot.send({"content": f"<@&{moderator_role}> <@{bot.world.member('ana').id}>"})
    assert {ping.by for ping in bot.world.pings} == {"role", "user"}


# Interactions


async def test_without_an_answer_the_person_is_told_and_the_token_is_dead(bot):
    act = await bot.command()
    bot.world.advance(0.1)
    (failed,) = bot.world.failed_interactions
    assert failed.sentence == "The application did not respond"
    late = await bot.answer(act, 4, {"content": "late"})
    assert (late.status, late.code) == (404, 10062)


async def test_a_second_answer_is_refused(bot):
    act = await bot.command()
    assert (await bot.answer(act, 5)).status == 200
    again = await bot.answer(act, 4, {"content": "x"})
    assert (again.status, again.code) == (400, 40060)


async def test_the_webhook_needs_an_answer_first(bot):
    act = await bot.command()
    early = await bot.original(act, {"content": "x"})
    assert (early.status, early.code) == (404, 10015)
    unknown = await bot.ask("POST", f"/webhooks/{bot.world.application_id}/nonsense", {})
    assert (unknown.status, unknown.code) == (404, 10015)


async def test_the_token_lives_fifteen_minutes(bot):
    act = await bot.command()
    await bot.answer(act, 4, {"content": "x"})
    bot.world.advance(14.9)
    assert (await bot.original(act, {"content": "y"})).status == 200
    bot.world.advance(0.2)
    late = await bot.original(act, {"content": "z"})
    assert (late.status, late.code) == (401, 50027)


async def test_a_defer_sets_only_ephemeral(bot):
    act = await bot.command()
    assert (await bot.answer(act, 5, {"flags": 4})).code == 50035
    deferred = await bot.answer(act, 5, {"flags": 64})
    assert deferred.body["interaction"]["response_message_ephemeral"]
    assert deferred.body["interaction"]["response_message_loading"]


async def test_the_first_follow_up_fills_the_loading_message(bot):
    act = await bot.command()
    deferred = await bot.answer(act, 5)
    loading_id = deferred.body["interaction"]["response_message_id"]
    filled = await bot.hook("POST", act, "", {"content": "here", "flags": 64})
    assert filled.body["id"] == loading_id
    assert filled.body["flags"] == 0
    assert filled.body["edited_timestamp"] is None
    second = await bot.hook("POST", act, "", {"content": "more"})
    assert second.body["id"] != loading_id
    assert second.body["interaction_metadata"]["original_response_message_id"] == loading_id


async def test_an_ephemeral_reply_is_its_readers_alone(bot):
    world = bot.world
    act = await bot.command()
    answered = await bot.answer(act, 4, {"content": "secret", "flags": 64})
    message_id = answered.body["interaction"]["response_message_id"]
    for method in ("GET", "PATCH", "DELETE"):
        hidden = await bot.ask(method, f"{bot.channel}/messages/{message_id}")
        assert (hidden.status, hidden.code) == (404, 10008)
    assert (await bot.ask("GET", f"{bot.channel}/messages")).body == []
    assert len(world.messages.visible_to(world.member("ana"))) == 1
    assert not world.messages.visible_to(world.member("ada"))
    edited = await bot.original(act, {"content": "still secret", "flags": 0})
    assert edited.body["flags"] == 64


async def test_an_original_that_was_deleted_is_unknown(bot):
    act = await bot.command()
    await bot.answer(act, 4, {"content": "x"})
    assert (await bot.hook("DELETE", act, "/messages/@original")).status == 204
    gone = await bot.original(act, {"content": "y"})
    assert (gone.status, gone.code) == (404, 10008)


@pytest.mark.parametrize("kind", [6, 7, 8, 10, 12])
async def test_a_command_cannot_be_answered_so(bot, kind):
    act = await bot.command()
    assert (await bot.answer(act, kind, {"content": "x"})).code == 50035


async def test_a_button_updates_its_message(bot):
    sent = await bot.send({"content": "press", "components": rows(button())})
    world = bot.world
    act = world.actions.component(world.member("ben"), int(sent.body["id"]), "go", None)
    answered = await bot.answer(act, 7, {"content": "pressed", "components": []})
    assert answered.body["resource"]["message"]["content"] == "pressed"
    assert answered.body["resource"]["message"]["id"] == sent.body["id"]
    edited = await bot.original(act, {"content": "and again"})
    assert edited.body["id"] == sent.body["id"]


MODAL_ITEM = {"type": 18, "label": "Why", "component": {"type": 4, "custom_id": "w", "style": 1}}


def labelled(kind: int, **about: Any) -> dict[str, Any]:
    return {**MODAL_ITEM, "component": {"type": kind, "custom_id": "w", **about}}


def options(count: int) -> list[dict[str, Any]]:
    return [{"label": f"{number}", "value": f"{number}"} for number in range(count)]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, 200),
        ({"title": "x" * 46}, 400),
        ({"custom_id": ""}, 400),
        ({"components": []}, 400),
        ({"components": [MODAL_ITEM] * 6}, 400),
        ({"components": [MODAL_ITEM] * 2}, 400),
        ({"components": [{**MODAL_ITEM, "label": "x" * 46}]}, 400),
        ({"components": [labelled(19, max_values=10)]}, 200),
        ({"components": [labelled(19, max_values=11)]}, 400),
        ({"components": [labelled(21, options=options(2))]}, 200),
        ({"components": [labelled(21, options=options(1))]}, 400),
        ({"components": [labelled(22, options=options(11))]}, 400),
        ({"components": [labelled(24)]}, 400),
    ],
    ids=[
        *("good", "title", "no id", "empty", "six", "same id", "label"),
        *("files", "too many files", "radio", "radio of one", "boxes", "unknown"),
    ],
)
async def test_modal_limits(bot, changes, status):
    act = await bot.command()
    modal = {"title": "t", "custom_id": "m", "components": [MODAL_ITEM], **changes}
    assert (await bot.answer(act, 9, modal)).status == status


# Permissions and authority


@pytest.mark.parametrize(
    ("denied", "body", "files", "code"),
    [
        (Permission.VIEW_CHANNEL, {"content": "x"}, None, 50001),
        (Permission.SEND_MESSAGES, {"content": "x"}, None, 50013),
        (Permission.ATTACH_FILES, {"content": "x"}, {"a.png": b"1"}, 50013),
        (Permission.EMBED_LINKS, {"embeds": [{"title": "x"}]}, None, 50013),
    ],
    ids=["view", "send", "files", "embeds"],
)
async def test_channel_messages_need_permissions(bot, denied, body, files, code):
    bot.world.deny_bot("general", denied)
    refused = await bot.send(body, files)
    assert (refused.status, refused.code) == (403, code)
    bot.world.deny_bot("general", Permission(0))
    assert (await bot.send(body, files)).status == 200


async def test_replies_need_no_channel_permission(bot):
    bot.world.deny_bot("general", Permission.VIEW_CHANNEL)
    act = await bot.command()
    assert (await bot.answer(act, 4, {"content": "x"}, {"a.png": b"1"})).status == 200


async def test_closed_direct_messages_are_refused(bot):
    ana = bot.world.member("ana")
    opened = await bot.ask("POST", "/users/@me/channels", {"recipient_id": str(ana.id)})
    path = f"/channels/{opened.body['id']}/messages"
    assert (await bot.ask("POST", path, {"content": "hi"})).status == 200
    ana.accepts_direct_messages = False
    refused = await bot.ask("POST", path, {"content": "hi"})
    assert (refused.status, refused.code) == (403, 50007)


async def test_a_wrong_token_is_unauthorized(bot):
    refused = await bot.ask("GET", "/users/@me", authority="Bot wrong")
    assert refused.status == 401


async def test_what_is_not_known_is_recorded(bot):
    unknown = await bot.ask("POST", f"{bot.channel}/webhooks", {"name": "x"})
    assert unknown.status == 404
    assert bot.world.unknown_requests == [f"POST /api/v10{bot.channel}/webhooks"]


async def test_a_request_that_breaks_the_stand_in_is_recorded(bot):
    assert (await bot.send({"content": "x", "flags": "many"})).status >= 400
    broken = await bot.send({"embeds": [{"footer": "text"}]})
    assert broken.status == 500
    assert bot.world.unknown_requests


# Commands


def option(**changes: Any) -> dict[str, Any]:
    return {"name": "o", "description": "d", "type": 3, **changes}


CHOICE = {"name": "c", "value": "v"}
BAD_COMMANDS: dict[str, Any] = {
    "upper case": {"name": "Imagine"},
    "a space": {"name": "two words"},
    "no name": {"name": ""},
    "long name": {"name": "x" * 33},
    "no description": {"description": ""},
    "long description": {"description": "x" * 101},
    "26 options": {"options": [option(name=f"o{i}") for i in range(26)]},
    "required after optional": {"options": [option(), option(name="b", required=True)]},
    "the same option": {"options": [option(), option()]},
    "26 choices": {"options": [option(choices=[CHOICE] * 26)]},
    "choices and autocomplete": {"options": [option(choices=[CHOICE], autocomplete=True)]},
    "choices of a boolean": {"options": [option(type=5, choices=[CHOICE])]},
    "long choice": {"options": [option(choices=[{"name": "x" * 101, "value": "v"}])]},
    "bounds beyond 2^53": {"options": [option(type=4, max_value=2**64)]},
    "mixed with sub-commands": {"options": [option(), option(name="s", type=1)]},
    "8000 characters": {
        "options": [
            option(
                name=f"o{i}",
                choices=[{"name": "x" * 100, "value": f"{j:0100}"} for j in range(25)],
            )
            for i in range(2)
        ]
    },
    "long name in German": {"name_localizations": {"de": "x" * 33}},
    "long description in German": {"description_localizations": {"de": "x" * 101}},
    "no description in German": {"description_localizations": {"de": ""}},
    "long option in German": {"options": [option(description_localizations={"de": "x" * 101})]},
    "long choice in German": {
        "options": [option(choices=[{**CHOICE, "name_localizations": {"de": "x" * 101}}])]
    },
    "8000 characters in German": {
        "options": [
            option(
                name=f"o{i}",
                choices=[
                    {
                        "name": "x",
                        "name_localizations": {"de": "x" * 100},
                        "value": f"{j:0100}",
                    }
                    for j in range(25)
                ],
            )
            for i in range(2)
        ]
    },
    "a menu with options": {"type": 3, "description": "", "options": [option()]},
}


@pytest.mark.parametrize("changes", BAD_COMMANDS.values(), ids=BAD_COMMANDS)
async def test_refuses_a_command(bot, changes):
    refused = await bot.register({**COMMAND, **changes})
    assert (refused.status, refused.code) == (400, 50035)
    assert bot.world.commands.everything() == []


async def test_refuses_too_many_commands_and_the_same_twice(bot):
    many = [{**COMMAND, "name": f"c{i}"} for i in range(101)]
    assert (await bot.register(*many)).code == 30032
    assert (await bot.register(COMMAND, COMMAND)).code == 50035


async def test_registering_again_keeps_ids_and_the_daily_count(bot):
    first = await bot.register(COMMAND)
    same = await bot.register(COMMAND)
    changed = await bot.register({**COMMAND, "description": "other"})
    assert first.body == same.body
    assert changed.body[0]["id"] == first.body[0]["id"]
    assert changed.body[0]["version"] != first.body[0]["version"]
    for start in range(0, 300, 100):
        names = [{**COMMAND, "name": f"c{start + i}"} for i in range(100)]
        answer = await bot.register(*names)
    assert answer.code == 30034


async def test_one_command_at_a_time(bot):
    every = f"/applications/{bot.world.application_id}/guilds/{bot.world.guild_id}/commands"
    created = await bot.ask("POST", every, COMMAND)
    assert created.status == 201
    one = f"{every}/{created.body['id']}"
    changed = await bot.ask("PATCH", one, {"description": "other"})
    assert (await bot.ask("GET", one)).body == changed.body
    assert (await bot.ask("DELETE", one)).status == 204
    gone = await bot.ask("GET", one)
    assert (gone.status, gone.code) == (404, 10063)


# Rate limits


async def test_a_channel_takes_five_messages_in_five_seconds(bot, still_time):
    answers = [await bot.send({"content": f"{i}"}) for i in range(6)]
    assert [answer.status for answer in answers] == [200] * 5 + [429]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers[:5]] == list("43210")
    refused = answers[5]
    assert refused.headers["Via"]
    assert refused.headers["X-RateLimit-Scope"] == "user"
    assert int(refused.headers["Retry-After"]) >= refused.body["retry_after"] > 0
    assert refused.body["global"] is False
    assert bot.world.rate_limit_hits == 1


async def test_edits_of_a_channel_have_their_own_window(bot, still_time):
    sent = await bot.send({"content": "x"})
    path = f"{bot.channel}/messages/{sent.body['id']}"
    answers = [await bot.ask("PATCH", path, {"content": f"{i}"}) for i in range(6)]
    assert [answer.status for answer in answers] == [200] * 5 + [429]


async def test_a_token_takes_five_requests_in_two_seconds(bot, still_time):
    act = await bot.command()
    await bot.answer(act, 5)
    answers = [await bot.original(act, {"content": f"{i}"}) for i in range(6)]
    assert [answer.status for answer in answers] == [200] * 5 + [429]


async def test_a_channel_takes_thirty_webhook_posts_a_minute(bot, still_time):
    statuses = []
    for _ in range(7):
        act = await bot.command()
        await bot.answer(act, 4, {"content": "x"})
        statuses += [(await bot.hook("POST", act, "", {"content": "y"})) for _ in range(5)]
    refused = [answer for answer in statuses if answer.status == 429]
    assert len(refused) == 5
    assert refused[0].body["retry_after"] > 40
    assert "X-RateLimit-Remaining" not in refused[0].headers


async def test_fifty_requests_a_second_in_all_but_interactions_are_exempt(bot, still_time):
    act = await bot.command()
    answers = await asyncio.gather(
        *(bot.ask("GET", path) for path in ["/users/@me", "/gateway/bot"] * 30)
    )
    limited = [answer for answer in answers if answer.status == 429]
    assert limited
    assert limited[0].body["global"] is True
    assert limited[0].headers["X-RateLimit-Scope"] == "global"
    assert (await bot.answer(act, 5)).status == 200


# What people may do


async def test_the_page_is_refused_what_a_client_would_not_offer(bot):
    world = bot.world
    await bot.register(
        {**COMMAND, "options": [option(name="prompt", required=True)]},
        {**COMMAND, "name": "mod", "default_member_permissions": str(1 << 13)},
        {**COMMAND, "name": "adult", "nsfw": True},
    )
    ids = {entry["name"]: entry["id"] for entry in world.commands.everything()}
    general = str(world.channel("general").id)

    async def act(who: str, name: str, **more: Any) -> int:
        body = {"member": who, "channel_id": general, "command_id": ids[name], **more}
        url = f"{world.url}/sandbox/interactions/command"
        async with aiohttp.ClientSession() as http, http.post(url, json=body) as response:
            return response.status

    prompt = {"name": "prompt", "type": 3, "value": "a fox"}
    assert await act("ana", "imagine") == 400
    assert await act("ana", "imagine", options=[{**prompt, "value": 3}]) == 400
    assert await act("ana", "imagine", options=[prompt, {**prompt, "name": "no"}]) == 400
    assert await act("ana", "imagine", options=[prompt]) == 200
    assert await act("ana", "mod") == 400
    assert await act("mo", "mod") == 200
    assert await act("ana", "adult") == 400


async def test_pages_of_others_may_not_ask(bot):
    url = f"{bot.world.url}/sandbox/state?member=ana"
    async with aiohttp.ClientSession() as http:
        async with http.get(url, headers={"Origin": "https://example.org"}) as response:
            assert response.status == 403
        async with http.get(url, headers={"Host": "example.org"}) as response:
            assert response.status == 403


async def test_an_attached_file_is_resolved(bot):
    world = bot.world
    await bot.register({**COMMAND, "options": [option(name="image", type=11)]})
    command_id = int(world.commands.everything()[0]["id"])
    upload = Upload("in.png", picture())
    channel, ana = world.channel("general"), world.member("ana")
    act = world.actions.command(ana, channel, command_id, [], {"image": upload})
    assert not act.is_dead
    file = next(iter(world.files._kept.values()))
    url = world.files.attachment(file)["url"]
    assert "/ephemeral-attachments/" in url
    async with aiohttp.ClientSession() as http, http.get(url) as response:
        assert await response.read() == upload.content
