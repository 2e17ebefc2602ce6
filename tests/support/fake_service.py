"""The services behind the front end, answered from memory."""

import asyncio
import shutil
import tempfile
import weakref
from collections import defaultdict
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from bot.services import Services
from generation.backends.draining import BackendReport
from generation.backends.object_info_cache import KnownNodes
from generation.backends.pool import BackendPool
from generation.backends.status import BackendState, BackendStatus
from generation.errors import NotYours, UnknownGeneration
from generation.history.queries import HistoryPage
from generation.history.records import Order
from generation.library.library import Library
from generation.library.summaries import WorkflowSummary
from generation.line.positions import LineView
from generation.people.preferences import Defaults, Preferences
from generation.quota.guild_settings import GuildStatus
from generation.quota.policy import GuildLimits
from generation.quota.usage import QuotaStatus
from generation.requests.available_actions import ActionFinder
from generation.requests.derivations import Derivations
from generation.tasks import PendingWork
from tests.support.bot_objects import NOON, build_generation
from tests.support.pictures import build_picture
from tests.support.shipped import load_shipped
from workflows.folders.catalog import LIBRARY, Catalog
from workflows.folders.managed_folder import ManagedFolder

ASKED = frozenset({"prompt", "negative", "seed", "size"})


def find_ancestors(known, generation_id):
    """The recorded ancestors of a generation, the nearest first."""
    found, parent_id = [], known[generation_id].parent_id
    while parent_id in known:
        found.append(known[parent_id])
        parent_id = found[-1].parent_id
    return tuple(found)


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
        self.submissions = PendingWork()
        self.resumed = asyncio.Event()
        self.resumed.set()
        self.model_names = ("alpha.safetensors", "beta.safetensors")

    def add(self, generation):
        self.known[generation.id] = generation
        return generation

    @asynccontextmanager
    async def deciding(self, _requester):
        yield

    async def check(self, request):
        await self._pause()
        if self.early_refusal is not None:
            raise self.early_refusal

    async def submit(self, request, _checked=None):
        await self._pause()
        self._refuse()
        self.requests.append(request)
        self.fetched.append({name: await fetch() for name, fetch in request.files.items()})
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

    async def find_input_names(self, generation_id):
        await self._pause()
        return tuple(file.name for file in self.given.get(generation_id, ()))

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

    async def find_ancestors(self, generation_id):
        await self._pause()
        return find_ancestors(self.known, generation_id)

    async def find_states(self, ids):
        await self._pause()
        return {id_: self.known[id_].state for id_ in ids if id_ in self.known}

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

    async def find_access(self, requester):
        return {}

    def workflows(self, requester=None, access=None):
        return (
            WorkflowSummary("txt2img-sd", "From words", "", "txt2img", ASKED),
            WorkflowSummary("img2img-sd", "From a picture", "", "img2img", ASKED | {"strength"}),
        )

    def workflow_of(self, generation):
        return next(one for one in self.workflows() if one.name == generation.workflow)

    def files(self, kind, workflow=None, requester=None, access=None):
        return self.model_names if kind == "checkpoint" else ("shine.safetensors",)

    async def _pause(self):
        """A database that takes its time."""
        await self.resumed.wait()

    def _refuse(self):
        if self.refusal is not None:
            raise self.refusal


class FakeBackendAdmin:
    """One backend that nobody drained."""

    names = ("alpha",)

    async def reports(self):
        return (BackendReport(BackendStatus("alpha", BackendState.READY, 0, 2)),)


class FakeAdministration:
    """What the cogs ask of Administration, answered from memory."""

    def __init__(self):
        self.is_paused = False
        self.acts = []

    async def set_paused(self, actor, *, is_paused):
        self.acts.append((actor.guild_id, actor.user_id, is_paused))
        changed, self.is_paused = self.is_paused != is_paused, is_paused
        return changed

    async def gallery(self, guild_id):
        return None

    async def status(self, guild_id):
        return GuildStatus(self.is_paused, GuildLimits(timezone="Europe/Vienna"), 1, 2)


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

    async def _find_channel_workflow(self, requester):
        return None

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


class CatalogLoadedOnDemand(Catalog):
    """Reads its folders when it is first asked for workflows: few tests ask."""

    @property
    def workflows(self):
        if not super().workflows:
            self.load()
        return super().workflows


class FakeLibrary(Library):
    """The real one on a folder of its own; its acts are noted here instead of in a database."""

    def __init__(self, catalog, pool):
        folder = Path(tempfile.mkdtemp(prefix="limner-workflows-"))
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        super().__init__(
            catalog=CatalogLoadedOnDemand((LIBRARY, folder)),
            pool=pool,
            managed=ManagedFolder(folder),
            known=KnownNodes(folder / ".object_info"),
            database=None,
            clock=lambda: NOON,
        )
        self.acts = []

    def kind_commands(self):
        """None: which there are depends on the workflows that ship."""
        return ()

    async def seconds(self, name):
        return 12.5

    async def _note(self, actor, action, name, **_detail):
        self.acts.append((action, name, actor.user_id, actor.guild_id))


class FakeModeration:
    """Watches for no words."""

    async def needs_warning(self, generation):
        return False


class FakeRetention:
    """Keeps what guilds joined."""

    async def begin(self, guild_id):
        pass


class FakeReposting:
    """Lets everybody see everything."""

    async def find_obstacle(self, generation, requester, gallery_id=None):
        return None


class FakeImageGate:
    """Lets everything through."""

    async def admit(self, generation, contents, requester):
        return generation


def build_services(service):
    """The fake service, and what is really built on it, with the workflows that ship."""
    catalog = load_shipped()
    pool = BackendPool([])
    action_finder = ActionFinder(catalog, pool)
    return Services(
        generations=service,
        action_finder=action_finder,
        derivations=Derivations(service, action_finder, catalog),
        remover=FakeRemover(service),
        moderation=FakeModeration(),
        reviews=None,
        reposting=FakeReposting(),
        image_gate=FakeImageGate(),
        personal=None,
        retention=FakeRetention(),
        administration=FakeAdministration(),
        backend_admin=FakeBackendAdmin(),
        preferences=FakePreferences(catalog, pool),
        library=FakeLibrary(catalog, pool),
        wildcards=None,
        visible_mark=None,
        transparency=None,
        picture_blocks=None,
        appeals=None,
        moderation_queries=None,  # the whole program's tests use the real one, on a database
    )
