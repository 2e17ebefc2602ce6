"""The stand-in Discord as discord.py finds it: real library, real sockets."""

import asyncio
import contextlib
import io
import json
import sys
import zlib
from collections.abc import AsyncIterator

import aiohttp
import discord
import pytest
import yarl
from discord import app_commands
from PIL import Image

from sandbox.discord_api import DiscordStandIn
from sandbox.discord_api.errors import NotPossible
from sandbox.discord_api.gateway.protocol import Intent
from sandbox.discord_api.rate_limits import CHANNEL_MESSAGES
from sandbox.discord_api.values import Upload
from sandbox.people import Person

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

INTENTS = discord.Intents(guilds=True, guild_messages=True, dm_messages=True)


def picture(name: str = "p.png") -> discord.File:
    buffer = io.BytesIO()
    Image.new("RGB", (32, 24), "teal").save(buffer, "PNG")
    buffer.seek(0)
    return discord.File(buffer, name)


async def soon(awaitable):
    """Return what comes, or fail when nothing does."""
    return await asyncio.wait_for(awaitable, 20)


class TellUs(discord.ui.Modal, title="Tell us"):
    why = discord.ui.TextInput(label="Why", custom_id="why")

    async def on_submit(self, interaction: discord.Interaction) -> None:
        await interaction.response.send_message(f"because {self.why.value}", ephemeral=True)


class FillIn(discord.ui.Modal, title="Fill in"):
    files = discord.ui.Label(
        text="Files", component=discord.ui.FileUpload(custom_id="files", max_values=2)
    )
    kind = discord.ui.Label(
        text="Kind",
        component=discord.ui.RadioGroup(
            custom_id="kind",
            options=[discord.RadioGroupOption(label=one, value=one) for one in ("a", "b")],
        ),
    )
    some = discord.ui.Label(
        text="Some",
        component=discord.ui.CheckboxGroup(
            custom_id="some",
            max_values=2,
            options=[discord.CheckboxGroupOption(label=one, value=one) for one in ("c", "d")],
        ),
    )
    person = discord.ui.Label(
        text="Person", component=discord.ui.UserSelect(custom_id="person", required=False)
    )
    sure = discord.ui.Label(text="Sure", component=discord.ui.Checkbox(custom_id="sure"))

    async def on_submit(self, interaction: discord.Interaction) -> None:
        parts = [label.component for label in self.children]
        files, kind, some, person, sure = parts
        names = [file.filename for file in files.values]
        chosen = [one.display_name for one in person.values]
        await interaction.response.send_message(
            f"{names} {kind.value} {some.values} {chosen} {sure.value}"
        )


class Buttons(discord.ui.View):
    def __init__(self) -> None:
        super().__init__(timeout=None)

    @discord.ui.button(label="Fill", custom_id="fill")
    async def fill(self, interaction: discord.Interaction, _: discord.ui.Button) -> None:
        await interaction.response.send_modal(FillIn())

    @discord.ui.select(cls=discord.ui.UserSelect, custom_id="whom")
    async def whom(self, interaction: discord.Interaction, menu: discord.ui.UserSelect) -> None:
        await interaction.response.send_message(f"chose {menu.values[0].display_name}")

    @discord.ui.button(label="Again", custom_id="again")
    async def again(self, interaction: discord.Interaction, _: discord.ui.Button) -> None:
        await interaction.response.edit_message(content="pressed", view=None)

    @discord.ui.button(label="Why", custom_id="ask")
    async def ask(self, interaction: discord.Interaction, _: discord.ui.Button) -> None:
        await interaction.response.send_modal(TellUs())

    @discord.ui.button(label="Never", custom_id="never")
    async def never(self, interaction: discord.Interaction, _: discord.ui.Button) -> None:
        """Leave the person without an answer."""

    @discord.ui.select(custom_id="pick", options=[discord.SelectOption(label="A", value="a")])
    async def pick(self, interaction: discord.Interaction, menu: discord.ui.Select) -> None:
        await interaction.response.send_message(f"picked {menu.values[0]}")


class Bot(discord.Client):
    """A small bot that uses everything the real one does."""

    def __init__(self) -> None:
        super().__init__(intents=INTENTS, guild_ready_timeout=0.2)
        self.tree = app_commands.CommandTree(self)
        self.seen: list[bytes] = []
        self.acts: asyncio.Queue[discord.Interaction] = asyncio.Queue()
        self.heard: asyncio.Queue[str] = asyncio.Queue()
        self.resumed = asyncio.Event()
        self._register()

    async def setup_hook(self) -> None:
        self.add_view(Buttons())
        await self.tree.sync()

    async def on_message(self, message: discord.Message) -> None:
        self.heard.put_nowait(message.content)

    async def on_resumed(self) -> None:
        self.resumed.set()

    def _register(self) -> None:
        @self.tree.command(description="Make a picture")
        async def imagine(
            interaction: discord.Interaction,
            prompt: str,
            image: discord.Attachment | None = None,
            count: app_commands.Range[int, 1, 4] = 1,
        ) -> None:
            self.acts.put_nowait(interaction)
            await interaction.response.defer()
            if image is not None:
                self.seen.append(await image.read())
            for step in range(count):
                embed = discord.Embed(title=prompt, description=f"step {step}")
                embed.set_image(url="attachment://p.png")
                await interaction.edit_original_response(embed=embed, attachments=[picture()])
            await interaction.edit_original_response(
                content="done", embed=None, attachments=[picture("a.png"), picture("b.png")]
            )

        @imagine.autocomplete("prompt")
        async def complete(_: discord.Interaction, current: str) -> list[app_commands.Choice[str]]:
            return [app_commands.Choice(name=current.upper(), value=current)]

        @self.tree.command(description="Buttons")
        async def buttons(interaction: discord.Interaction) -> None:
            await interaction.response.send_message("press", view=Buttons())

        @self.tree.command(description="A secret")
        async def secret(interaction: discord.Interaction) -> None:
            await interaction.response.send_message("psst", ephemeral=True)
            await interaction.followup.send("and more", ephemeral=True)

        @self.tree.command(description="Says nothing")
        async def silence(interaction: discord.Interaction) -> None:
            self.acts.put_nowait(interaction)

        @self.tree.command(description="By direct message")
        async def letter(interaction: discord.Interaction) -> None:
            await interaction.response.defer(ephemeral=True)
            await interaction.user.send("hello", file=picture())
            await interaction.followup.send("sent")

        group = app_commands.Group(name="mod", description="For moderators")

        @group.command(description="Who")
        async def show(interaction: discord.Interaction, person: discord.Member) -> None:
            await interaction.response.send_message(f"{person.name} {person.id}")

        self.tree.add_command(group)

        @self.tree.context_menu(name="Image info")
        async def info(interaction: discord.Interaction, message: discord.Message) -> None:
            await interaction.response.send_message(f"info of {message.content}", ephemeral=True)


@pytest.fixture
def discord_at(monkeypatch):
    """Point discord.py at a stand-in, and back to Discord afterwards."""

    def point(world: DiscordStandIn) -> None:
        gateway = yarl.URL(world.gateway_url)
        monkeypatch.setattr(discord.http.Route, "BASE", world.api_url)
        monkeypatch.setattr(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", gateway)

    return point


@pytest.fixture
async def world(discord_at) -> AsyncIterator[DiscordStandIn]:
    async with DiscordStandIn() as running:
        discord_at(running)
        yield running
        assert running.unknown_requests == []


@pytest.fixture
async def bot(world: DiscordStandIn) -> AsyncIterator[Bot]:
    client = Bot()
    async with client:
        running = asyncio.create_task(client.start(world.token))
        ready = asyncio.create_task(client.wait_until_ready())
        await asyncio.wait([running, ready], return_when=asyncio.FIRST_COMPLETED)
        yield client
    with contextlib.suppress(asyncio.CancelledError):
        await running


@pytest.fixture
def ana(world: DiscordStandIn, bot: Bot) -> Person:
    return Person(world, "ana")


async def test_logs_in_and_knows_the_guild(world, bot):
    assert bot.user.id == bot.application_id == world.application_id
    (guild,) = bot.guilds
    assert [channel.name for channel in guild.text_channels] == [
        "general",
        "pictures",
        "moderators",
        "after-dark",
    ]
    assert guild.get_channel(world.channel("after-dark").id).nsfw
    info = await bot.application_info()
    assert info.name == "Limner"
    member = await guild.fetch_member(world.member("mo").id)
    assert member.guild_permissions.manage_messages


async def test_a_command_is_deferred_edited_and_ends_in_files(world, bot, ana):
    content = picture().fp.read()
    reply = await ana.slash("general", "imagine", prompt="a fox", image=content, count=2)
    done = await reply.until(lambda message: message["content"] == "done")
    assert [entry["filename"] for entry in done["attachments"]] == ["a.png", "b.png"]
    assert done["embeds"] == []
    assert done["interaction"]["name"] == "imagine"
    assert bot.seen == [content]
    async with (
        aiohttp.ClientSession() as http,
        http.get(done["attachments"][0]["url"]) as response,
    ):
        assert response.status == 200
    assert world.rate_limit_hits == 0


async def test_the_payload_says_who_where_and_what_is_allowed(world, bot, ana):
    await ana.slash("general", "imagine", prompt="x")
    act = await soon(bot.acts.get())
    assert act.user.id == ana.id
    assert act.user.guild.id == act.guild_id == world.guild_id
    assert act.channel.name == "general"
    assert act.permissions.send_messages
    assert act.app_permissions.attach_files
    assert act.filesize_limit == world.attachment_size_limit
    assert act.context.guild


async def test_autocomplete(ana):
    choices = await ana.autocomplete("general", "imagine", "prompt", "fo")
    assert choices == [{"name": "FO", "value": "fo"}]


async def test_buttons_menus_and_modals(world, ana):
    message = (await ana.slash("general", "buttons")).message
    picked = await Person(world, "ben").choose(message, "pick", "A")
    assert picked.message["content"] == "picked a"
    asked = await ana.click(message, "Why")
    assert asked.modal.title == "Tell us"
    told = await ana.fill(asked.modal, {"why": "of it"})
    assert told.message["content"] == "because of it"
    assert told.message["ephemeral"]
    with pytest.raises(NotPossible):
        await ana.fill(asked.modal, {"why": ""})
    pressed = await ana.click(message, "Again")
    assert pressed.message["id"] == message["id"]
    assert pressed.message["content"] == "pressed"
    with pytest.raises(NotPossible):
        await ana.click(pressed.message, "Again")


async def test_a_modal_takes_files_people_and_boxes(ana):
    message = (await ana.slash("general", "buttons")).message
    chosen = await ana.choose(message, "whom", str(ana.id))
    assert chosen.message["content"] == f"chose {ana.member.display_name}"
    asked = await ana.click(message, "Fill")
    files = [Upload("one.png", b"1"), Upload("two.png", b"2")]
    fields = {"files": files, "kind": "b", "some": ["c"], "person": [str(ana.id)], "sure": True}
    told = await ana.fill(asked.modal, fields)
    name = ana.member.display_name
    assert told.message["content"] == f"['one.png', 'two.png'] b ['c'] ['{name}'] True"
    for wrong in ({"files": [*files, files[0]]}, {"kind": "z"}, {"files": ["1"]}, {"kind": None}):
        with pytest.raises(NotPossible):
            await ana.fill(asked.modal, {**fields, **wrong})


async def test_an_unanswered_act_fails_for_the_person(world, bot, ana):
    waiting = asyncio.create_task(ana.slash("general", "silence"))
    await world.wait_for(lambda: world.interactions._by_id)
    world.advance(0.1)
    assert (await waiting).failure == "The application did not respond"
    act = await soon(bot.acts.get())
    with pytest.raises(discord.NotFound) as late:
        await act.response.send_message("late")
    assert late.value.code == 10062


async def test_ephemeral_replies_are_seen_by_one(world, ana):
    await ana.slash("general", "secret")
    await ana.wait_for(lambda message: message["content"] == "and more")
    assert [message["ephemeral"] for message in ana.messages("general")] == [True, True]
    assert Person(world, "mo").messages("general") == []


async def test_a_direct_message(world, ana):
    await ana.slash("general", "letter")
    letter = await ana.wait_for(lambda message: message["content"] == "hello")
    # Its attachment's address changes with the time at which it is read.
    assert letter["id"] in [message["id"] for message in ana.direct_messages()]
    assert Person(world, "ben").messages() == []
    sent = await ana.wait_for(lambda message: message["content"] == "sent")
    assert sent["ephemeral"]


async def test_a_command_in_direct_messages(world, bot, ana):
    channel = world.directory.direct_channel(ana.member)
    reply = await ana.slash(channel, "imagine", prompt="x")
    done = await reply.until(lambda message: message["content"] == "done")
    act = await soon(bot.acts.get())
    assert act.guild is None
    assert act.user.id == ana.id
    assert act.context.dm_channel
    assert [message["id"] for message in ana.direct_messages()] == [done["id"]]


async def test_sub_commands_and_people(world, ana):
    reply = await ana.slash("general", "mod show", person=world.member("ben"))
    assert reply.message["content"] == f"ben {world.member('ben').id}"


async def test_a_message_menu(ana):
    said = ana.say("general", "look")
    reply = await ana.menu(said, "Image info")
    assert reply.message["content"] == "info of look"


async def test_others_content_needs_the_intent(world, bot, ana):
    ana.say("general", "private talk")
    ana.say("general", f"<@{world.application_id}> hi")
    assert await soon(bot.heard.get()) == ""
    assert await soon(bot.heard.get()) == f"<@{world.application_id}> hi"


async def test_the_token_runs_out(world, bot, ana):
    reply = await ana.slash("general", "imagine", prompt="x")
    await reply.until(lambda message: message["content"] == "done")
    act = await soon(bot.acts.get())
    world.advance(15)
    with pytest.raises(discord.HTTPException) as late:
        await act.edit_original_response(content="late")
    assert (late.value.status, late.value.code) == (401, 50027)
    message = await bot.get_channel(world.channel("general").id).fetch_message(
        int(reply.message["id"])
    )
    await message.edit(content="by the bot's own token")
    assert reply.message["content"] == "by the bot's own token"


async def test_a_429_is_waited_for(world, bot):
    channel = bot.get_channel(world.channel("general").id)
    now = world.rate_limits.now
    world.rate_limits.now = lambda: now() - 4.5  # half a second is left of the window
    for _ in range(5):
        world.rate_limits.take(CHANNEL_MESSAGES, str(channel.id))
    world.rate_limits.now = now
    await channel.send("patience")
    assert world.rate_limit_hits == 1
    assert [entry["content"] for entry in Person(world, "ana").messages()] == ["patience"]


async def test_a_dropped_gateway_is_resumed_and_missed_events_come(world, bot, ana):
    await world.gateway.drop()
    await soon(bot.resumed.wait())
    assert (world.gateway.identify_count, world.gateway.resume_count) == (1, 1)
    reply = await ana.slash("general", "secret")
    assert reply.message["content"] == "psst"


async def test_events_of_the_gap_are_replayed(world, bot, ana):
    for connection in list(world.gateway._connections):
        connection.session.connection = None  # the network swallows what is sent from now on
    ana.say("general", f"<@{world.application_id}> in the gap")
    await world.gateway.drop()
    await soon(bot.resumed.wait())
    assert await soon(bot.heard.get()) == f"<@{world.application_id}> in the gap"


async def test_op_7_makes_it_reconnect(world, bot):
    world.gateway.ask_to_reconnect()
    await soon(bot.resumed.wait())
    assert world.gateway.resume_count == 1


async def test_faults_are_played(world, bot):
    channel = bot.get_channel(world.channel("general").id)
    world.fail_next("POST", "/messages$", 403, 50013)
    with pytest.raises(discord.Forbidden):
        await channel.send("x")
    world.lose_next_answer("POST", "/messages$")
    with pytest.raises((aiohttp.ClientError, OSError)):
        await channel.send("lost")
    assert [entry["content"] for entry in Person(world, "ana").messages("general")] == ["lost"]


async def test_a_wrong_token_is_refused(world):
    async with Bot() as client:
        with pytest.raises(discord.LoginFailure):
            await client.login("wrong.token.here")


async def test_a_privileged_intent_is_refused(world):
    client = discord.Client(intents=discord.Intents(guilds=True, message_content=True))
    async with client:
        with pytest.raises(discord.PrivilegedIntentsRequired):
            await client.start(world.token)
    assert world.gateway.close_codes == [4014]


async def test_a_granted_intent_is_not(discord_at):
    async with DiscordStandIn(granted_intents=Intent.MESSAGE_CONTENT) as world:
        discord_at(world)
        client = discord.Client(intents=discord.Intents(guilds=True, message_content=True))
        async with client:
            await client.login(world.token)
            running = asyncio.create_task(client.connect())
            await world.wait_until_connected()
        await running


@pytest.mark.parametrize("compress", ["", "zlib-stream", "zstd-stream"])
async def test_compression(world, compress):
    url = f"{world.gateway_url}?v=10&encoding=json" + (f"&compress={compress}" if compress else "")
    decode = _decoder(compress)
    async with aiohttp.ClientSession() as http, http.ws_connect(url) as socket:
        assert decode((await socket.receive()).data)["op"] == 10
        await socket.send_json({"op": 2, "d": {"token": world.token, "intents": 1}})
        assert decode((await socket.receive()).data)["t"] == "READY"
        assert decode((await socket.receive()).data)["t"] == "GUILD_CREATE"
        await socket.send_json({"op": 1, "d": 2})
        assert decode((await socket.receive()).data)["op"] == 11


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        ([{"op": 2, "d": {"token": "wrong", "intents": 1}}], 4004),
        ([{"op": 3, "d": {}}], 4003),
        ([{"op": 2, "d": {"token": "right", "intents": 1 << 40}}], 4013),
        ([{"op": 2, "d": {"token": "right", "intents": 2}}], 4014),
        ([{"op": 2, "d": {"token": "right", "intents": 1}}] * 2, 4005),
        ([{"op": 1, "d": None}] * 121, 4008),
        (["nonsense"], 4002),
    ],
    ids=["token", "not yet", "intents", "privileged", "twice", "120 sends", "no frame"],
)
async def test_close_codes(world, frames, code):
    url = f"{world.gateway_url}?v=10&encoding=json"
    async with aiohttp.ClientSession() as http, http.ws_connect(url) as socket:
        for frame in frames:
            if isinstance(frame, dict) and (frame["d"] or {}).get("token") == "right":
                frame["d"]["token"] = world.token
            await socket.send_json(frame)
        async for _ in socket:
            pass
        assert socket.close_code == code


async def test_an_unknown_session_is_not_resumed(world):
    url = f"{world.gateway_url}?v=10&encoding=json"
    async with aiohttp.ClientSession() as http, http.ws_connect(url) as socket:
        await socket.receive()
        resume = {"token": world.token, "session_id": "gone", "seq": 1}
        await socket.send_json({"op": 6, "d": resume})
        assert (await socket.receive_json())["op"] == 9


def _decoder(compress: str):
    if not compress:
        return json.loads
    make = {"zlib-stream": zlib.decompressobj, "zstd-stream": zstd.ZstdDecompressor}[compress]
    stream = make()
    return lambda data: json.loads(stream.decompress(data))
