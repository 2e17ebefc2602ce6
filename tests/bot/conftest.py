"""A service in memory, generations to show, and the bot on either stand-in Discord."""

import asyncio
import io
import itertools
import shutil
import tempfile
import weakref
from collections import defaultdict
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import discord
import pytest
from discord.gateway import DiscordWebSocket
from discord.http import Route
from hypothesis import settings
from PIL import Image

from bot.client import DiscordAddress, LimnerClient, Shards
from bot.replies.live import Replies
from bot.services import Services
from generation.backends.draining import FleetEntry
from generation.backends.object_info_cache import KnownNodes
from generation.backends.pool import BackendPool, PoolSettings
from generation.backends.status import BackendState, BackendStatus
from generation.errors import FailureKind, NotYours, UnknownGeneration
from generation.events import Ended, Progress, Running, Waiting
from generation.history.queries import Cursor, HistoryPage
from generation.history.records import Order
from generation.ids import ID_ALPHABET
from generation.library.library import Library
from generation.line.positions import LineView
from generation.people.preferences import Defaults, Preferences
from generation.quota.guild_settings import GuildStatus
from generation.quota.policy import GuildLimits
from generation.quota.usage import QuotaStatus
from generation.record import Failure, Generation, GenerationState, Output, OutputContent
from generation.requests.derivations import Derivations
from generation.requests.offers import Offers
from generation.service import WorkflowSummary
from sandbox.discord_api import DiscordStandIn
from sandbox.people import Person
from workflows.catalog import LIBRARY, Catalog
from workflows.shelf import Shelf

# Examples are judged by what comes out, not by how long a busy machine takes.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)

ASKED = frozenset({"prompt", "negative", "seed", "size"})

_numbers = itertools.count()


def build_picture(size=(64, 64), colour="teal"):
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


def build_noise(side):
    """A picture that no format can make much smaller without loss."""
    buffer = io.BytesIO()
    Image.effect_noise((side, side), 120).convert("RGB").save(buffer, "PNG", compress_level=0)
    return buffer.getvalue()


def build_generation(**facts):
    return replace(
        Generation(
            id="k" + "".join(ID_ALPHABET[int(digit)] for digit in f"{next(_numbers):04d}"),
            user_id=1,
            user_name="ana",
            guild_id=5,
            channel_id=9,
            workflow="txt2img-sd",
            prompt="a fox in the snow",
            values={"size": "1024x768"},
            seed=20261122,
            state=GenerationState.WAITING,
            cost=1,
            private=False,
            spoiler=False,
            created_at=NOON,
        ),
        **facts,
    )


def build_result(generation, *contents, media_type="image/png", extension="png", texts=()):
    """The generation as it ended, and what it brought."""
    outputs = []
    for position, content in enumerate(contents):
        output = Output(
            position, f"x_{position}.{extension}", media_type, len(content), 64, 64, thumbnail=None
        )
        outputs.append(OutputContent(output, content))
    for position, text in enumerate(texts, start=len(contents)):
        content = text.encode("utf-8", "replace")
        output = Output(position, "text.txt", "text/plain", len(content), text=text)
        outputs.append(OutputContent(output, content))
    ended = replace(
        generation,
        state=GenerationState.SUCCEEDED,
        started_at=NOON,
        finished_at=NOON + timedelta(seconds=12.4),
        outputs=tuple(one.output for one in outputs),
    )
    return ended, tuple(outputs)


def build_failure(generation, kind=FailureKind.OUT_OF_MEMORY, sentence="Too large for the card."):
    return replace(generation, state=GenerationState.FAILED, failure=Failure(kind, sentence))


class FakeService:
    """What the cogs and buttons ask of a GenerationService, answered from memory."""

    def __init__(self):
        self.known = {}
        self.submitted = asyncio.Queue()
        self.requests = []
        self.fetched = []
        self.cancellations = []
        self.asked = []
        self.kept = {}
        self.given = {}
        self.entries = ()
        self.refusal = None
        self.early_refusal = None
        self.page = HistoryPage((), None, 0)
        self.resumed = asyncio.Event()
        self.resumed.set()
        self.model_names = ("alpha.safetensors", "beta.safetensors")

    def add(self, generation):
        self.known[generation.id] = generation
        return generation

    async def check(self, request):
        await self._pause()
        if self.early_refusal is not None:
            raise self.early_refusal

    async def submit(self, request):
        await self._pause()
        self._refuse()
        self.requests.append(request)
        self.fetched.append({name: await fetch() for name, fetch in request.images.items()})
        asker = request.requester
        generation = build_generation(
            user_id=asker.user_id,
            guild_id=asker.guild_id,
            channel_id=asker.channel_id,
            prompt=request.prompt,
            private=request.private,
            spoiler=request.spoiler,
            layout=request.layout,
            reply=request.reply,
        )
        self.submitted.put_nowait(generation)
        return self.add(generation)

    async def find_order(self, generation_id):
        await self._pause()
        generation = self.known.get(generation_id)
        return generation and Order(generation, self.given.get(generation_id, ()), is_wanted=False)

    async def cancel(self, generation_id, *, user_id, is_moderator=False, guild_id=None):
        await self._pause()
        generation = self.known.get(generation_id)
        if generation is None:
            raise UnknownGeneration(generation_id)
        moderates = is_moderator and guild_id is not None and generation.guild_id == guild_id
        if generation.user_id != user_id and not moderates:
            raise NotYours(generation_id)
        self.cancellations.append((generation_id, user_id, is_moderator))
        return generation

    async def find(self, generation_id):
        await self._pause()
        return self.known.get(generation_id)

    async def contents(self, generation_id):
        await self._pause()
        return self.kept.get(generation_id, ())

    async def quota(self, requester):
        await self._pause()
        self._refuse()
        return QuotaStatus(50, 8, 42, NOON, 1, 2, 1, 3, NOON)

    async def line(self, guild_id, user_id, *, sees_all=False, limit=100):
        await self._pause()
        own = [one for one in self.entries if one.generation.user_id == user_id]
        others = [one for one in self.entries if one.generation.user_id != user_id]
        shown = tuple([*own, *(others if sees_all else ())][:limit])
        return LineView(shown, len(self.entries) - len(shown), len(own) > limit)

    async def unfinished(self, user_id):
        self._refuse()
        await self._pause()
        return tuple(one for one in self.known.values() if one.user_id == user_id)

    async def history(self, asked, before=None, limit=10, *, after=None):
        await self._pause()
        self.asked.append((asked, before, after))
        return self.page

    async def contact_sheet(self, generations):
        return build_picture()

    def workflows(self, requester=None):
        return (
            WorkflowSummary("txt2img-sd", "From words", "", "txt2img", ASKED),
            WorkflowSummary("img2img-sd", "From a picture", "", "img2img", ASKED | {"strength"}),
        )

    def models(self, workflow=None, requester=None):
        return self.model_names

    def loras(self, workflow=None, requester=None):
        return ("shine.safetensors",)

    async def _pause(self):
        """A database that takes its time."""
        await self.resumed.wait()

    def _refuse(self):
        if self.refusal is not None:
            raise self.refusal


class FakeFleet:
    """One backend that nobody drained."""

    names = ("alpha",)

    async def entries(self):
        return (FleetEntry(BackendStatus("alpha", BackendState.READY, 0, 2)),)


class FakeAdministration:
    """What the cogs ask of Administration, answered from memory."""

    def __init__(self):
        self.is_paused = False
        self.acts = []

    async def pause(self, guild_id, *, actor_id):
        return self._set(guild_id, actor_id, is_paused=True)

    async def resume(self, guild_id, *, actor_id):
        return self._set(guild_id, actor_id, is_paused=False)

    async def status(self, guild_id):
        return GuildStatus(self.is_paused, GuildLimits(timezone="Europe/Vienna"), 1, 2)

    def _set(self, guild_id, actor_id, *, is_paused):
        self.acts.append((guild_id, actor_id, is_paused))
        changed, self.is_paused = self.is_paused != is_paused, is_paused
        return changed


class FakePreferences(Preferences):
    """Keeps in memory what the real one keeps in tables."""

    def __init__(self, catalog, pool):
        super().__init__(None, catalog, pool, lambda: NOON)
        self.kept = defaultdict(Defaults)
        self.named = defaultdict(dict)

    async def defaults(self, user_id):
        return self.kept[user_id]

    async def presets(self, user_id):
        return self.named[user_id]

    async def delete_preset(self, user_id, name):
        del self.named[user_id][name]

    async def _change(self, user_id, changes):
        self.kept[user_id] = replace(self.kept[user_id], **changes)
        return self.kept[user_id]

    async def _save_preset(self, user_id, name, values):
        self.named[user_id][name] = values
        return name


class FakeRemover:
    """Takes results away from the fake service."""

    def __init__(self, service):
        self._service = service
        self.removals = []

    async def remove(self, generation_id, *, actor_id, is_moderator):
        generation = self._service.known[generation_id]
        if generation.user_id != actor_id and not is_moderator:
            raise NotYours(generation_id)
        self.removals.append((generation_id, actor_id, is_moderator))
        self._service.add(replace(generation, removed_at=NOON))
        return generation


class FakeLibrary(Library):
    """The real one on a shelf of its own; its acts are noted here instead of in a database."""

    def __init__(self, catalog, pool):
        folder = Path(tempfile.mkdtemp(prefix="limner-shelf-"))
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        super().__init__(
            catalog=Catalog((LIBRARY, folder)),
            pool=pool,
            shelf=Shelf(folder),
            known=KnownNodes(folder / ".object_info"),
            database=None,
            clock=lambda: NOON,
        )
        self._catalog.load()
        self.acts = []

    async def seconds(self, name):
        return 12.5

    async def _audit(self, action, name, actor_id, guild_id):
        self.acts.append((action, name, actor_id, guild_id))


class FakeModeration:
    """Watches for no words."""

    async def asks_for_warning(self, generation_id):
        return False


class FakeReposting:
    """Lets everybody see everything."""

    async def find_obstacle(self, generation, requester):
        return None


class FakeImageGate:
    """Lets everything through."""

    async def admit(self, generation, contents, requester):
        return generation


def build_services(service):
    """The fake service, and what is really built on it, with the workflows that ship."""
    catalog = Catalog((LIBRARY,))
    catalog.load()
    pool = BackendPool([], PoolSettings())
    offers = Offers(catalog, pool)
    return Services(
        generations=service,
        offers=offers,
        derivations=Derivations(service, offers, catalog),
        remover=FakeRemover(service),
        moderation=FakeModeration(),
        reviews=None,
        reposting=FakeReposting(),
        image_gate=FakeImageGate(),
        personal=None,
        retention=None,
        administration=FakeAdministration(),
        fleet=FakeFleet(),
        preferences=FakePreferences(catalog, pool),
        library=FakeLibrary(catalog, pool),
        oversight=None,  # the whole program's tests use the real one, on a database
    )


@pytest.fixture
def service():
    return FakeService()


@pytest.fixture
def services(service):
    return build_services(service)


@pytest.fixture(scope="session")
def tools():
    """What tests of this folder share; they cannot import from here."""

    class Tools:
        picture = staticmethod(build_picture)
        noise = staticmethod(build_noise)
        generation = staticmethod(build_generation)
        result = staticmethod(build_result)
        failure = staticmethod(build_failure)

        @staticmethod
        async def eventually(condition):
            async with asyncio.timeout(10):
                while True:
                    if condition():
                        return
                    await asyncio.sleep(0.005)

        @staticmethod
        def view(*items):
            view = discord.ui.View(timeout=None)
            for item in items:
                view.add_item(item)
            view.stop()
            return view

        @staticmethod
        async def delete(world, message):
            """Somebody deletes a message of the bot."""
            world.messages.delete(world.messages.get(int(message["id"])))

        @staticmethod
        def waiting(generation, position=1, length=1):
            return Waiting(generation, position, length, NOON)

        @staticmethod
        def running(generation, step=1, preview=None):
            progress = Progress(step / 10, "KSampler", step, 10, NOON)
            return Running(replace(generation, state=GenerationState.RUNNING), progress, preview)

        @staticmethod
        def ended(generation):
            return Ended(generation)

        @staticmethod
        def cursor(generation):
            return Cursor(generation.created_at, generation.id)

    return Tools


# In memory: discord.py's own machinery without sockets.


@pytest.fixture
def simcord_bot(services):
    client = LimnerClient(shards=Shards((0,), 1))
    client.serve(services)
    # Discord is brought up to date once the environment is there.
    client.setup_hook = client.sync_commands
    return client


@pytest.fixture
def place(simcord_env):
    """A guild with a channel, ana and ben, mo who moderates, and ada who administers."""

    class Place:
        env = simcord_env
        guild = simcord_env.create_guild()
        channel = guild.create_text_channel("general")
        moderators = guild.create_role(
            "moderators", permissions=discord.Permissions(manage_messages=True)
        )
        ana = guild.add_member(simcord_env.create_user("ana"))
        ben = guild.add_member(simcord_env.create_user("ben"))
        mo = guild.add_member(simcord_env.create_user("mo"), roles=[moderators])
        administrators = guild.create_role(
            "administrators", permissions=discord.Permissions(manage_guild=True)
        )
        ada = guild.add_member(simcord_env.create_user("ada"), roles=[administrators])

    return Place


@pytest.fixture
def errors_are_told(simcord_env):
    """The test wants commands to fail; what they raise is looked at here, not by simcord."""
    yield
    assert simcord_env.errors


# On sockets: rate limits, tokens that die, messages by their id.


class Bot:
    """The real client with replies, connected to a stand-in Discord."""

    def __init__(self, world, client, replies, services):
        self.world = world
        self.client = client
        self.replies = replies
        self.services = services
        self.service = services.generations
        self.ana = Person(world, "ana")
        self.ben = Person(world, "ben")
        self.mo = Person(world, "mo")

    async def imagine(self, person=None, channel="general", **options):
        """A generation that somebody asked for, and what they see of it."""
        reply = await (person or self.ana).slash(
            channel, "imagine", **{"prompt": "a fox in the snow", **options}
        )
        # It is acknowledged first; what it asks for comes after.
        return await asyncio.wait_for(self.service.submitted.get(), 10), reply


@asynccontextmanager
async def run_bot(world, service, *, guild_ids=(), shards=None, **options):
    address = world.address
    client = LimnerClient(
        address=DiscordAddress(address.api_base, address.gateway_url),
        guild_ids=guild_ids,
        shards=shards,
    )
    connection = None
    services = build_services(service)
    replies = Replies(
        client, offers=services.offers, now=world.clock.now, **{"interval_s": 0.0, **options}
    )
    try:
        await client.login(world.token)
        client.serve(services)
        await client.sync_commands()
        connection = asyncio.create_task(client.connect())
        await world.wait_until_connected()
        yield Bot(world, client, replies, services)
    finally:
        await replies.close()
        await client.close()
        if connection is not None:
            connection.cancel()
            with suppress(asyncio.CancelledError):
                await connection


@pytest.fixture
def _address_restored():
    """The library keeps Discord's address for the whole process."""
    base, gateway = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY
    yield
    Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = base, gateway


@pytest.fixture
async def world(_address_restored):
    # A busy machine is no reason for a test to fail.
    async with DiscordStandIn(response_seconds=20.0) as standing:
        yield standing
        assert standing.unknown_requests == []
        assert standing.rate_limit_hits == 0
        assert standing.pings == []


@pytest.fixture
def start_bot():
    return run_bot


@pytest.fixture
async def bot(world, service):
    async with run_bot(world, service) as running:
        yield running
