"""A scriptable `comfy.backend.Backend` in memory."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field

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
from tests.support.pictures import build_picture

STEPS = 4

PICTURE = build_picture(colour="red")


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
        self._require_reachable()
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

    async def run(self, graph, prompt_id, *, previews=True, is_new=False):
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
        is_over = False
        try:
            async for event in self._play(prompt_id, self._plans[prompt_id]):
                if isinstance(event, Succeeded):
                    # As in ComfyUI, whoever is told of it finds the place free.
                    is_over = True
                    self.running -= 1
                yield event
        finally:
            if not is_over:
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
