"""A program for test_crash: a service on files that kills itself where it is told to.

Arguments: folder, user id, point. It resumes what is there, submits one generation for that
user, and dies at the point; without a point ("none") it submits nothing, waits until everything
has ended and was told, and prints what there is as JSON.
"""

import asyncio
import json
import os
import random
import signal
import sys
import time
from pathlib import Path

from comfy.backend import CancelOutcome
from comfy.protocol.events import (
    MediaKind,
    OutputFile,
    OutputsReady,
    Started,
    StepDone,
    Submitted,
    Succeeded,
)
from comfy.protocol.object_info import ObjectInfo
from comfy.protocol.responses import BackendDescription
from db.database import Database
from generation.backends.members import PoolMember
from generation.backends.pool import BackendPool
from generation.events import Ended
from generation.history.queries import HistoryFilter
from generation.line import EngineSettings, LineTimings
from generation.moderation.blocks import Moderation
from generation.moderation.image_filter import ImageGate
from generation.moderation.review import Reviews
from generation.notifier import Notifier, Receipt
from generation.prompts.wildcard_lists import WildcardLists
from generation.request import GenerationRequest, Requester
from generation.runs.runner import RunLimits
from generation.service import GenerationService, ServiceSettings, utc_now
from workflows.folders.catalog import Catalog

RUN_S = 0.5
STEPS = 5


def die():
    os.kill(os.getpid(), signal.SIGKILL)


class FileBackend:
    """A backend that outlives the program: what it was handed is in files."""

    name = "files"
    is_reachable = True

    def __init__(self, folder, dies_in_run_of):
        self._folder = folder
        self._dies_in_run_of = dies_in_run_of

    async def open(self):
        pass

    async def close(self):
        pass

    async def fetch_description(self):
        return BackendDescription("0", ())

    async def fetch_object_info(self, *, refresh=False):
        return ObjectInfo.parse({})

    async def fetch_load(self):
        return 0

    async def upload_image(self, content, *, extension):
        return f"a.{extension}"

    async def run(self, graph, prompt_id, *, previews=True, is_new=False):
        file = self._folder / prompt_id
        was_known = file.exists()
        assert not (was_known and is_new)
        if not was_known:
            file.touch()
            with (self._folder / "submissions").open("a") as log:
                log.write(f"{prompt_id}\n")
        yield Submitted(prompt_id, was_known)
        yield Started(frozenset())
        for step in range(1, STEPS + 1):
            yield StepDone("3", step, STEPS)
            if step == 2 and self._dies_in_run_of == graph["2"]["inputs"]["text"]:
                die()
            await asyncio.sleep(max(file.stat().st_mtime + RUN_S * step / STEPS - time.time(), 0))
        output = OutputFile("9", f"{prompt_id}.png", "", "output", MediaKind.IMAGE)
        yield OutputsReady((output,))
        yield Succeeded((output,), fully_cached=False)

    async def fetch_output(self, output, *, max_bytes):
        return (self._folder / "picture.png").read_bytes()

    async def cancel(self, prompt_id):
        return CancelOutcome.UNKNOWN


class FileNotifier(Notifier):
    """Posts by appending to a file; like a face, it can see what it posted before."""

    def __init__(self, folder, point, prompt):
        self._posts = folder / "posts"
        self._posts.touch()
        self._point = point
        self._prompt = prompt

    def notify(self, event):
        is_ours = event.generation.prompt == self._prompt
        if self._point == "settled" and is_ours and isinstance(event, Ended):
            die()

    async def deliver(self, generation, contents):
        is_ours = generation.prompt == self._prompt
        if self._point == "telling" and is_ours:
            die()
        if f"{generation.id}\n" not in self._posts.read_text():
            assert [one.content for one in contents] or generation.failure
            with self._posts.open("a") as posts:
                posts.write(f"{generation.id}\n")
        if self._point == "told" and is_ours:
            die()
        return Receipt(f"https://example.invalid/{generation.id}")

    async def withdraw(self, generation):
        raise AssertionError(generation.id)


async def main(folder, user_id, point):
    prompt = f"{user_id} {point}"
    url = f"sqlite:///{folder / 'limner.db'}"
    catalog = Catalog([folder / "workflows"])
    catalog.load()
    backend = FileBackend(folder, prompt if point == "running" else None)
    timings = LineTimings(reconcile_s=0.1)
    database = Database(url)
    service = GenerationService(
        settings=ServiceSettings(
            EngineSettings.beside(url, folder / "engine.db"), timings, RunLimits()
        ),
        database=database,
        catalog=catalog,
        pool=BackendPool([PoolMember(backend)]),
        notifier=FileNotifier(folder, point, prompt),
        moderation=Moderation(database, utc_now),
        wildcards=WildcardLists(database, None, utc_now),
        reviews=Reviews(database, utc_now),
        image_gate=ImageGate(database, None, utc_now),
        clock=utc_now,
        random_source=random.SystemRandom(),
    )
    await service.start()
    if point == "accepted":
        service._hand_over = lambda *_arguments, **_options: die()
    if point != "none":
        await service.submit(
            GenerationRequest(Requester(user_id, "x", 1), prompt, workflow="txt2img-sd")
        )
        await asyncio.sleep(30)
        raise AssertionError(point)
    print(json.dumps(await settled(service)))  # noqa: T201 - the answer
    await service.stop()
    await database.close()


async def settled(service):
    while True:
        page = await service.history(HistoryFilter(), limit=100)
        if all(one.state.is_final and one.delivered_at for one in page.generations):
            return {
                one.prompt: [one.id, one.state.value, len(one.outputs)] for one in page.generations
            }
        await asyncio.sleep(0.1)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
