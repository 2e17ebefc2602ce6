"""A GenerationService with its line on a database, over scriptable backends."""

import json
import random
from contextlib import asynccontextmanager
from dataclasses import dataclass

from db.database import Database
from generation.backends.members import PoolMember
from generation.backends.pool import BackendPool
from generation.backends.power import PowerTimings
from generation.line import EngineSettings, LineTimings
from generation.line.engine import destroy_engine, launch_engine
from generation.moderation.blocks import Moderation
from generation.moderation.image_filter import ImageGate
from generation.moderation.review import Reviews
from generation.prompts.wildcard_lists import WildcardLists
from generation.request import GenerationRequest, Requester
from generation.runs.runner import RunLimits
from generation.service import GenerationService, ServiceSettings, utc_now
from tests.support.fake_backend import STEPS, FakeBackend
from tests.support.fake_notifier import FakeNotifier
from tests.support.waiting import eventually
from workflows.folders.catalog import Catalog

QUICK = LineTimings(
    reconcile_s=0.1,
    handover_grace_s=0.3,
    takeover_grace_s=0.3,
    stop_pause_s=0.05,
    delivery_pause_s=0.05,
    delivery_max_pause_s=0.1,
)

QUICK_POWER = PowerTimings(call_s=20, wake_s=20, poll_s=0.02, check_s=0.05)

QUICK_LIMITS = RunLimits(total_s=30, reconnect_s=0.2, pause_s=0.02)


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


@dataclass
class RunningService:
    """A running service with everything it was built from."""

    service: GenerationService
    database: Database
    backends: tuple[FakeBackend, ...]
    notifier: FakeNotifier
    pool: BackendPool
    settings: ServiceSettings
    catalog: Catalog

    async def informed(self):
        """Once a backend has said what it offers."""
        await eventually(lambda: self.pool.inventory.infos)

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


@asynccontextmanager
async def open_service(
    url,
    *backends,
    catalog,
    notifier,
    engine,
    timings=QUICK,
    limits=QUICK_LIMITS,
    power=QUICK_POWER,
    default_models=(),
    runs_generations=True,
    build_gate=None,
):
    database = Database(url)
    pool = BackendPool(
        [one if isinstance(one, PoolMember) else PoolMember(one) for one in backends],
        default_models,
        random.Random(1),  # noqa: S311 - repeatable on purpose
    )
    settings = ServiceSettings(
        EngineSettings.beside(url, engine),
        timings,
        limits,
        power,
        runs_generations=runs_generations,
    )
    service = GenerationService(
        settings=settings,
        database=database,
        catalog=catalog,
        pool=pool,
        notifier=notifier,
        moderation=Moderation(database, utc_now),
        wildcards=WildcardLists(database, None, utc_now),
        reviews=Reviews(database, utc_now),
        image_gate=build_gate(database) if build_gate else ImageGate(database, None, utc_now),
        clock=utc_now,
        random_source=random.Random(7),  # noqa: S311 - repeatable on purpose
    )
    try:
        await service.start()
        await eventually(lambda: pool.inventory.infos or not pool.is_any_reachable)
        yield RunningService(service, database, tuple(backends), notifier, pool, settings, catalog)
    finally:
        await service.stop()
        await database.close()


async def migrate_engine(path):
    """Make the engine's tables in a SQLite file."""
    await launch_engine(EngineSettings(f"sqlite:///{path}"), "template")
    await destroy_engine()


def attached(content):
    """What fetches these bytes, as a front end hands it over."""

    async def fetch():
        return content

    return fetch


def ask(prompt="a fox in the snow", *, user_id=1, guild_id=5, workflow="txt2img-sd", **options):
    files = {name: attached(content) for name, content in options.pop("files", {}).items()}
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
        files=files,
        reply="where to",
    )
