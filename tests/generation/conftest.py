"""A scriptable backend and audience, a small library, and services built from them."""

import asyncio
import io
import itertools
import json
import random
import shutil
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
import pytest_asyncio
from PIL import Image

from comfy.backend import CancelOutcome
from comfy.errors import BackendUnreachable, RunInterrupted
from comfy.protocol.events import (
    MediaKind,
    NodeStarted,
    OutputFile,
    OutputsReady,
    Preview,
    Started,
    StepDone,
    Submitted,
    Succeeded,
)
from comfy.protocol.object_info import ObjectInfo
from comfy.protocol.responses import BackendDescription
from db.database import Database
from db.repositories.guilds import GuildRepository
from db.repositories.policies import PolicyRepository
from generation.audience import Receipt
from generation.backends.pool import BackendPool, PoolMember, PoolSettings
from generation.events import Ended
from generation.line import EngineSettings, LineTimings
from generation.request import GenerationRequest, Requester
from generation.runs.runner import RunLimits
from generation.service import GenerationService, ServiceSettings
from workflows.catalog import Catalog

STEPS = 4

QUICK = LineTimings(
    reconcile_s=0.1,
    handover_grace_s=0.3,
    takeover_grace_s=0.3,
    stop_pause_s=0.05,
    delivery_pause_s=0.05,
    delivery_max_pause_s=0.1,
)

QUICK_LIMITS = RunLimits(total_s=30, reconnect_s=0.2, pause_s=0.02)


def build_picture(colour="red", size=(64, 64)):
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


PICTURE = build_picture()


def combo(*choices):
    return [list(choices), {}]


def build_object_info(
    models=("alpha.safetensors", "beta.safetensors"), loras=("shine.safetensors",)
):
    def node(**required):
        return {"input": {"required": required}, "output": [], "output_node": False}

    return ObjectInfo.parse(
        {
            "CheckpointLoaderSimple": node(ckpt_name=combo(*models)),
            "LoraLoader": node(lora_name=combo(*loras)),
            "CLIPTextEncode": node(text=["STRING", {}]),
            "EmptyLatentImage": node(width=["INT", {}]),
            "KSampler": node(sampler_name=combo("euler")),
            "LoadImage": node(image=[["a.png"], {"image_upload": True}]),
            "LoadImageMask": node(image=[["a.png"], {"image_upload": True}]),
            "SaveImage": node(filename_prefix=["STRING", {}]),
        }
    )


@dataclass
class Run:
    """How one run goes: pictures, an error, and what holds it up on its way."""

    pictures: tuple[bytes, ...] = (PICTURE,)
    error: Exception | None = None
    hold: asyncio.Event | None = None
    hold_at: int = 2
    text: str | None = None


@dataclass
class FakeBackend:
    """A Backend in memory. `script` gives the next runs; without one every run succeeds."""

    name: str = "alpha"
    info: ObjectInfo = field(default_factory=build_object_info)
    is_reachable: bool = True
    load: int = 0
    default: Run = field(default_factory=Run)
    script: list[Run] = field(default_factory=list)
    submitted: dict[str, object] = field(default_factory=dict)
    submissions: list[str] = field(default_factory=list)
    were_new: list[bool] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    uploads: list[bytes] = field(default_factory=list)
    running: int = 0
    most_running: int = 0
    is_open: bool = False

    def __post_init__(self):
        self._plans = {}
        self._stops = defaultdict(asyncio.Event)
        self._files = {}
        self._changed = asyncio.Event()

    async def open(self):
        self.is_open = True

    async def close(self):
        self.is_open = False

    async def fetch_description(self):
        return BackendDescription("0", ())

    async def fetch_object_info(self, *, refresh=False):
        self._require_reachable()
        return self.info

    async def fetch_load(self):
        self._require_reachable()
        return self.load

    async def upload_image(self, content, *, extension):
        self._require_reachable()
        self.uploads.append(content)
        return f"uploaded-{len(self.uploads)}.{extension}"

    async def run(self, prompt_id, graph, *, previews=True, is_new=False):
        assert not (is_new and prompt_id in self.submissions)
        self.were_new.append(is_new)
        self._require_reachable()
        was_known = prompt_id in self.submitted
        if not was_known:
            self.submitted[prompt_id] = graph
            self.submissions.append(prompt_id)
            self._plans[prompt_id] = self.script.pop(0) if self.script else self.default
        self._changed.set()
        yield Submitted(prompt_id, was_known)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            async for event in self._play(prompt_id, self._plans[prompt_id]):
                yield event
        finally:
            self.running -= 1

    async def _play(self, prompt_id, plan):
        yield Started(frozenset())
        yield NodeStarted("3")
        if plan.hold_at == 0 and plan.hold is not None:
            await self._hold(prompt_id, plan.hold)
        for step in range(1, STEPS + 1):
            yield StepDone("3", step, STEPS)
            yield Preview("image/png", PICTURE, "3")
            if step == plan.hold_at and plan.hold is not None:
                await self._hold(prompt_id, plan.hold)
        if plan.error is not None:
            raise plan.error
        outputs = []
        for number, picture in enumerate(plan.pictures):
            output = OutputFile("9", f"{prompt_id}_{number}.png", "", "output", MediaKind.IMAGE)
            self._files[output] = picture
            outputs.append(output)
        yield OutputsReady(tuple(outputs))
        yield Succeeded(tuple(outputs), fully_cached=False)

    async def _hold(self, prompt_id, hold):
        stop = self._stops[prompt_id]
        waits = [asyncio.create_task(event.wait()) for event in (hold, stop)]
        try:
            while not hold.is_set() and not stop.is_set():
                self._require_reachable()
                await asyncio.wait(waits, timeout=0.02, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if stop.is_set():
            raise RunInterrupted("interrupted")

    async def fetch_output(self, output, *, max_bytes):
        self._require_reachable()
        return self._files[output]

    async def cancel(self, prompt_id):
        self._require_reachable()
        if prompt_id not in self.submitted:
            return CancelOutcome.UNKNOWN
        self.cancelled.append(prompt_id)
        self._stops[prompt_id].set()
        return CancelOutcome.CANCELLED

    def forget(self):
        """As after a restart of ComfyUI."""
        self.submitted.clear()

    def _require_reachable(self):
        if not self.is_reachable:
            raise BackendUnreachable(f"{self.name} is away")


class FakeAudience:
    """Remembers what it was told; `script` holds what the next deliveries raise."""

    def __init__(self):
        self.events = []
        self.deliveries = []
        self.contents = {}
        self.script = []
        self.withdrawn = []

    def notify(self, event):
        self.events.append(event)

    async def deliver(self, generation, contents):
        if self.script:
            raise self.script.pop(0)
        self.deliveries.append(generation)
        self.contents[generation.id] = contents
        return Receipt(f"https://example.invalid/{generation.id}")

    async def withdraw(self, generation):
        self.withdrawn.append(generation)

    def told(self, generation_id):
        return [one for one in self.deliveries if one.id == generation_id]

    def states(self, generation_id):
        return [type(e).__name__ for e in self.events if e.generation.id == generation_id]


GRAPH = {
    "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "alpha.safetensors"}},
    "2": {"class_type": "CLIPTextEncode", "inputs": {"text": "", "clip": ["1", 1]}},
    "3": {
        "class_type": "KSampler",
        "inputs": {
            "seed": 0,
            "steps": STEPS,
            "cfg": 7.0,
            "sampler_name": "euler",
            "denoise": 1.0,
            "model": ["1", 0],
            "positive": ["2", 0],
            "latent_image": ["4", 0],
        },
    },
    "4": {
        "class_type": "EmptyLatentImage",
        "inputs": {"width": 512, "height": 512, "batch_size": 1},
    },
    "9": {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "x"}},
}

MANIFEST = """
title = "From words"
kind = "txt2img"

[[input]]
name = "prompt"
type = "text"
required = true
targets = ["2.text"]

[[input]]
name = "seed"
type = "seed"
targets = ["3.seed"]

[[input]]
name = "steps"
type = "integer"
min = 1
max = 50
targets = ["3.steps"]

[[input]]
name = "count"
type = "integer"
min = 1
max = 4
targets = ["4.batch_size"]

[[input]]
name = "size"
type = "size"
width = ["4.width"]
height = ["4.height"]
multiple = 64

[[input]]
name = "model"
type = "checkpoint"
targets = ["1.ckpt_name"]

[[input]]
name = "lora"
type = "lora"
wraps = "1"
"""

IMAGE_NODE = {"class_type": "LoadImage", "inputs": {"image": "example.png"}}
IMAGE_INPUT = """
[[input]]
name = "image"
type = "image"
required = true
targets = ["7.image"]
"""
MASK_NODE = {"class_type": "LoadImageMask", "inputs": {"image": "mask.png", "channel": "red"}}
MASK_INPUT = """
[[input]]
name = "mask"
type = "mask"
required = true
targets = ["8.image"]
"""


def write_workflow(folder, name, graph, manifest):
    path = folder / name
    path.mkdir(parents=True)
    (path / "graph.json").write_text(json.dumps(graph))
    (path / "workflow.toml").write_text(manifest)


def build_catalog(folder):
    with_image = {**GRAPH, "7": IMAGE_NODE}
    with_mask = {**with_image, "8": MASK_NODE}
    write_workflow(folder, "another-sd", GRAPH, MANIFEST)
    write_workflow(folder, "txt2img-sd", GRAPH, MANIFEST)
    write_workflow(
        folder, "img2img-sd", with_image, MANIFEST.replace("txt2img", "img2img") + IMAGE_INPUT
    )
    write_workflow(
        folder,
        "inpaint-sd",
        with_mask,
        MANIFEST.replace("txt2img", "inpaint") + IMAGE_INPUT + MASK_INPUT,
    )
    loaded = Catalog([folder])
    loaded.load()
    assert loaded.problems == ()
    return loaded


@pytest.fixture
def catalog(tmp_path):
    return build_catalog(tmp_path / "workflows")


@pytest.fixture
def audience():
    return FakeAudience()


@pytest.fixture
def backend():
    return FakeBackend()


@dataclass
class House:
    """A running service with everything it was built from."""

    service: GenerationService
    database: Database
    backends: tuple[FakeBackend, ...]
    audience: FakeAudience
    pool: BackendPool
    settings: ServiceSettings
    catalog: Catalog

    async def informed(self):
        """Once a backend has said what it offers."""
        await eventually(lambda: self.pool.object_infos)

    async def ended(self, generation_id, timeout_s=20.0):
        """The generation once it is final and told."""
        return await eventually(lambda: self._told(generation_id), timeout_s)

    async def _told(self, generation_id):
        found = await self.service.find(generation_id)
        return found if found and found.state.is_final and found.delivered_at else None

    async def until_sampled(self, generation_id):
        async def reached():
            found = await self.service.find(generation_id)
            return found is not None and found.sampled_at is not None

        return await eventually(reached)

    async def until(self, generation_id, state):
        async def reached():
            found = await self.service.find(generation_id)
            return found if found and found.state == state else None

        return await eventually(reached)


async def eventually(condition: Callable[[], object], timeout_s: float = 20.0):
    """What the condition gives once it gives something; fails when it never does."""
    async with asyncio.timeout(timeout_s):
        while True:
            found = condition()
            if isinstance(found, Awaitable):
                found = await found
            if found:
                return found
            await asyncio.sleep(0.02)


@asynccontextmanager
async def open_service(
    url,
    *backends,
    catalog,
    audience,
    engine,
    timings=QUICK,
    limits=QUICK_LIMITS,
    default_models=(),
    runs_generations=True,
    build_gate=None,
):
    database = Database(url)
    pool = BackendPool(
        [PoolMember(one) for one in backends],
        PoolSettings(default_models=tuple(default_models)),
        random.Random(1),  # noqa: S311 - repeatable on purpose
    )
    settings = ServiceSettings(
        EngineSettings.beside(url, engine),
        timings,
        limits,
        runs_generations=runs_generations,
    )
    service = GenerationService(
        settings=settings,
        database=database,
        catalog=catalog,
        pool=pool,
        audience=audience,
        image_gate=build_gate(database) if build_gate else None,
        random_source=random.Random(7),  # noqa: S311 - repeatable on purpose
    )
    try:
        await service.start()
        await eventually(lambda: pool.object_infos or not pool.is_any_reachable)
        yield House(service, database, tuple(backends), audience, pool, settings, catalog)
    finally:
        await service.stop()
        await database.close()


@pytest.fixture
def open_house(tmp_path, catalog, audience):
    """Builds and starts a service; stops it at the end of the block. One at a time."""

    def open_(url, *backends, **options):
        settings = {"catalog": catalog, "audience": audience, "engine": tmp_path / "engine.db"}
        return open_service(url, *backends, **{**settings, **options})

    return open_


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def module_house(tmp_path_factory, migrated_sqlite_file):
    """A service for all tests of a module: starting the engine takes two seconds."""
    folder = tmp_path_factory.mktemp("house")
    shutil.copyfile(migrated_sqlite_file, folder / "limner.db")
    async with open_service(
        f"sqlite:///{folder / 'limner.db'}",
        FakeBackend(),
        catalog=build_catalog(folder / "workflows"),
        audience=FakeAudience(),
        engine=folder / "engine.db",
    ) as opened:
        async with opened.database.transaction() as session:
            await PolicyRepository(session).set_role(5, 77, has_priority=True)
        yield opened


@pytest.fixture
def house(module_house):
    """The module's service, with a backend and an audience that remember nothing."""
    (backend,) = module_house.backends
    FakeBackend.__init__(backend, is_open=True)
    module_house.audience.__init__()
    return module_house


_user_ids = itertools.count(1000)


@pytest.fixture
def user_id():
    """A person of this test's own."""
    return next(_user_ids)


def attached(content):
    """What fetches these bytes, as a front end hands it over."""

    async def fetch():
        return content

    return fetch


def ask(prompt="a fox in the snow", *, user_id=1, guild_id=5, workflow="txt2img-sd", **options):
    images = {name: attached(content) for name, content in options.pop("images", {}).items()}
    requester = Requester(
        user_id,
        f"user{user_id}",
        channel_id=9,
        guild_id=guild_id,
        role_ids=frozenset(options.pop("role_ids", ())),
    )
    return GenerationRequest(
        requester,
        prompt,
        workflow=workflow,
        aspect=options.pop("aspect", None),
        values=options,
        images=images,
        reply="where to",
    )


NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def unhurried():
    """Lets people of the usual guild ask for much, and at once."""

    async def allow(house):
        async with house.database.transaction() as session:
            guilds = GuildRepository(session)
            await guilds.get_or_create(5, now=NOW)
            await guilds.update(5, cooldown_s=0, pictures=1000, max_waiting=100)

    return allow


@pytest.fixture
def tools():
    """What tests of this folder share; they cannot import from here."""

    class Tools:
        pass

    shared = Tools()
    for one in (
        ask,
        attached,
        eventually,
        Run,
        FakeBackend,
        FakeAudience,
        Ended,
        build_picture,
        PICTURE,
    ):
        name = one.__name__ if hasattr(one, "__name__") else "PICTURE"
        setattr(shared, name, one)
    shared.build_object_info = build_object_info
    shared.GRAPH = GRAPH
    shared.QUICK = QUICK
    shared.QUICK_LIMITS = QUICK_LIMITS
    return shared
