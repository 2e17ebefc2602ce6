"""The whole service on light backends, without Discord: what a benchmark submits to."""

import json
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from benchmarks.run import SAMPLER, TEXT, build_graph, find_node
from bot.core import Storage, open_core, require_backend
from bot.settings import Settings
from generation.events import Ended, GenerationEvent
from generation.notifier import Notifier
from generation.request import GenerationRequest, Requester
from generation.service import GenerationService

WORKFLOW = "benchmark"
_PEOPLE_A_GUILD = 40
"""Fewer than may wait in one guild."""

_MANIFEST = """
title = "A run of the benchmarks"
kind = "txt2img"

[[input]]
name = "prompt"
type = "text"
required = true
targets = ["{text}.text"]

[[input]]
name = "seed"
type = "seed"
targets = ["{sampler}.seed"]

[[input]]
name = "steps"
type = "integer"
min = 1
max = 1000
targets = ["{sampler}.steps"]
"""


class Clock(Notifier):
    """A notifier that notes when each generation was told to have ended, by its prompt."""

    def __init__(self) -> None:
        self.ended_at: dict[str, float] = {}
        self.failures: dict[str, str] = {}

    def notify(self, event: GenerationEvent) -> None:
        """Note the end."""
        if isinstance(event, Ended):
            self.ended_at[event.generation.prompt] = time.time()
            if event.generation.failure is not None:
                self.failures[event.generation.prompt] = event.generation.failure.sentence


@asynccontextmanager
async def open_service(
    urls: Sequence[str], *, database_url: str | None = None, takes_work: bool = True
) -> AsyncGenerator[tuple[GenerationService, Clock]]:
    """Run a service with a line of its own, by itself on a database that is thrown away."""
    clock = Clock()
    with tempfile.TemporaryDirectory(prefix="limner-benchmark-") as name:
        folder = Path(name)
        write_workflow(folder / "workflows" / WORKFLOW)
        settings = Settings(data=folder, comfyui_urls=tuple(urls), database_url=database_url)
        storage = Storage.of(settings)
        await storage.prepare()
        async with open_core(
            settings, storage, build_notifier=lambda *_: clock, runs_generations=takes_work
        ) as core:
            await require_backend(core)
            for backend in core.backends:
                await core.pool.inventory.refresh(backend.name)
            yield core.service, clock


def build_request(job: str, person: int, steps: int) -> GenerationRequest:
    """One generation of one person; the job's name is the prompt."""
    requester = Requester(person, f"person {person}", 1, guild_id=1 + person // _PEOPLE_A_GUILD)
    return GenerationRequest(requester, job, workflow=WORKFLOW, values={"steps": steps})


def write_workflow(folder: Path, steps: int = 1) -> None:
    """Write the workflow whose prompt is the job's name, with so many steps by itself."""
    folder.mkdir(parents=True)
    graph = build_graph("any", steps)
    manifest = _MANIFEST.format(text=find_node(graph, TEXT), sampler=find_node(graph, SAMPLER))
    (folder / "graph.json").write_text(json.dumps(graph))
    (folder / "workflow.toml").write_text(manifest)
