"""What only a real ComfyUI of our own can be made to do: killed, frozen, cleared, robbed of files.

`LIMNER_TEST_COMFYUI_COMMAND` is the command that starts one, up to `main.py` and what it needs to
find its models; address and folders are added here.
"""

import asyncio
import os
import random
import shlex
import signal
import subprocess
import tempfile
import time
import uuid
from contextlib import aclosing, suppress
from pathlib import Path

import aiohttp
import pytest

from comfy.errors import (
    BackendRefused,
    BackendUnreachable,
    OutputGone,
    RunInterrupted,
    RunLost,
)
from comfy.kinds import BackendSettings
from comfy.protocol.events import MediaKind, OutputFile, StepDone
from comfy.server import ComfyServer
from sandbox.comfyui.nodes.cube import build_cube

CHECKPOINT = "tiny_sd3.safetensors"
WITHIN_S = 15
"""By then it has settled, reckoned from when the server answers again."""

START_S = 120
"""A ComfyUI imports for long before it listens."""

pytestmark = [pytest.mark.real_comfyui, pytest.mark.timeout(300)]


class OwnServer:
    """One ComfyUI as a process, with folders of its own."""

    def __init__(self, command, folder, port):
        self.url = f"http://127.0.0.1:{port}"
        self.output, self.input = folder / "output", folder / "input"
        folders = {name: folder / name for name in ("output", "input", "temp", "user")}
        for path in folders.values():
            path.mkdir()
        self._arguments = [*shlex.split(command), "--listen", "127.0.0.1", "--port", str(port)]
        for name, path in folders.items():
            self._arguments += [f"--{name}-directory", str(path)]
        self._arguments += ["--database-url", "sqlite:///:memory:", "--max-upload-size", "1"]
        self._log = folder / "log"
        self._process = None

    def start(self):
        """Return at once; it listens later."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._arguments, stdout=log, stderr=log)  # noqa: S603 - the tester's own command

    async def wait_until_up(self):
        """Until it answers."""
        async with asyncio.timeout(START_S), aiohttp.ClientSession() as client:
            while True:
                assert self._process.poll() is None, self._log.read_text()[-2000:]
                with suppress(aiohttp.ClientError):
                    async with client.get(f"{self.url}/system_stats"):
                        return
                await asyncio.sleep(0.1)

    def signal(self, number):
        """Send it to the process."""
        self._process.send_signal(number)

    def kill(self):
        """End it without a word to anybody."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@pytest.fixture(scope="module")
def process(unused_tcp_port_factory):
    command = os.environ.get("LIMNER_TEST_COMFYUI_COMMAND")
    if not command:
        pytest.skip("LIMNER_TEST_COMFYUI_COMMAND is not set")
    with tempfile.TemporaryDirectory() as folder:
        server = OwnServer(command, Path(folder), unused_tcp_port_factory())
        server.start()
        yield server
        server.kill()


@pytest.fixture
async def own(process):
    await process.wait_until_up()
    return process


@pytest.fixture
async def backend(own):
    async with ComfyServer(BackendSettings(own.url)) as backend:
        yield backend


def node(class_type, **inputs):
    return {"class_type": class_type, "inputs": inputs}


def sampler_graph(steps):
    sampler = {"cfg": 4.0, "sampler_name": "euler", "scheduler": "normal", "denoise": 1.0}
    links = {"model": ["4", 0], "positive": ["6", 0], "negative": ["6", 0]}
    return {
        "4": node("CheckpointLoaderSimple", ckpt_name=CHECKPOINT),
        "6": node("CLIPTextEncode", text="a red fox", clip=["4", 1]),
        "5": node("EmptyLatentImage", width=64, height=64, batch_size=1),
        "3": node(
            "KSampler",
            seed=random.getrandbits(40),
            steps=steps,
            latent_image=["5", 0],
            **sampler,
            **links,
        ),
        "8": node("VAEDecode", samples=["3", 0], vae=["4", 2]),
        "9": node("SaveImage", images=["8", 0], filename_prefix="limner_test/own"),
    }


def plain_graph():
    """Nothing to load and to sample."""
    color = random.getrandbits(24)
    return {
        "1": node("EmptyImage", width=64, height=64, batch_size=1, color=color),
        "9": node("SaveImage", images=["1", 0], filename_prefix="limner_test/own"),
    }


def new_id():
    return str(uuid.uuid4())


async def settle(backend, graph):
    return [event async for event in backend.run(graph)]


async def settle_in_time(backend, graph):
    async with asyncio.timeout(60):
        return await settle(backend, graph)


async def until_sampling(events):
    async for event in events:
        if isinstance(event, StepDone):
            return


async def until_queued(backend, count):
    async with asyncio.timeout(60):
        while True:
            if await backend.fetch_load() >= count:
                return
            await asyncio.sleep(0.05)


async def rest_of(events):
    return [event async for event in events]


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT], ids=["killed", "ended"])
async def test_restart_with_work_waiting_and_running(own, backend, ending):
    """Killed there is no close frame; either way nobody knows the runs afterwards."""
    runs = [asyncio.create_task(settle(backend, sampler_graph(9000))) for _ in range(3)]
    await until_queued(backend, 3)
    own.signal(ending)
    own.kill()
    own.start()
    await own.wait_until_up()
    answering = time.monotonic()
    async with asyncio.timeout(60):
        ends = await asyncio.gather(*runs, return_exceptions=True)

    # Who starts for longer than a backend may be silent gets its runs back as unreachable.
    assert {type(end) for end in ends} <= {RunLost, BackendUnreachable}
    assert time.monotonic() - answering < WITHIN_S
    assert (await settle_in_time(backend, sampler_graph(4)))[-1].outputs


async def test_server_that_freezes_for_a_while(own, backend):
    """No answer, no frame, no end of the connection; then it goes on as if nothing had been."""
    run = backend.run(sampler_graph(12))
    async with asyncio.timeout(90), aclosing(run) as events:
        await until_sampling(events)
        own.signal(signal.SIGSTOP)
        try:
            with pytest.raises(BackendUnreachable, match="did not answer"):
                await backend.fetch_load()
        finally:
            own.signal(signal.SIGCONT)
        assert (await rest_of(events))[-1].outputs


async def test_cached_run_whose_file_is_gone(own, backend):
    graph = plain_graph()
    (output,) = (await settle_in_time(backend, graph))[-1].outputs
    (own.output / output.subfolder / output.filename).unlink()
    (cached,) = (await settle_in_time(backend, graph))[-1].outputs

    assert cached == output
    with pytest.raises(OutputGone, match=output.filename):
        await backend.fetch_output(cached, max_bytes=10**6)


async def test_queue_cleared_by_somebody_else(own, backend, stranger):
    """Who runs goes on, who waits is gone without a word."""
    run = backend.run(sampler_graph(20))
    async with asyncio.timeout(90), aclosing(run) as events:
        await until_sampling(events)
        waiting = asyncio.create_task(settle(backend, plain_graph()))
        await until_queued(backend, 2)
        async with stranger.post(f"{own.url}/queue", json={"clear": True}) as answer:
            assert answer.status == 200
        async with asyncio.timeout(WITHIN_S):
            with pytest.raises(RunLost):
                await waiting
        assert (await rest_of(events))[-1].outputs


async def test_whatever_runs_is_interrupted_by_somebody_else(own, backend, stranger):
    """The editor's button names no prompt."""
    run = backend.run(sampler_graph(9000))
    async with asyncio.timeout(WITHIN_S + 30), aclosing(run) as events:
        await until_sampling(events)
        async with stranger.post(f"{own.url}/interrupt") as answer:
            assert answer.status == 200
        with pytest.raises(RunInterrupted):
            await rest_of(events)


async def test_history_cleared_by_somebody_else_while_running(own, backend, stranger):
    run = backend.run(sampler_graph(12))
    async with asyncio.timeout(90), aclosing(run) as events:
        await until_sampling(events)
        async with stranger.post(f"{own.url}/history", json={"clear": True}) as answer:
            assert answer.status == 200
        assert (await rest_of(events))[-1].outputs


async def test_upload_too_large(backend):
    with pytest.raises(BackendRefused) as caught:
        await backend.upload_image(os.urandom(2**20 + 2**16), extension="png")

    assert caught.value.status == 413


async def test_3d_files(own, backend):
    """A model that was put there, through the nodes that load and save it: no AI needed."""
    object_info = await backend.fetch_object_info()
    if not object_info.has("Load3DAdvanced"):
        pytest.skip("this version makes 3D with a large AI model only")
    name = f"{new_id()}.glb"
    (own.input / "3d").mkdir(exist_ok=True)
    (own.input / "3d" / name).write_bytes(build_cube())
    size = {"width": 64, "height": 64, "viewport_state": ""}
    graph = {
        "1": node("Load3DAdvanced", model_file=f"3d/{name}", **size),
        "9": node("SaveGLB", mesh=["1", 0], filename_prefix="limner_test/cube"),
    }
    (output,) = (await settle_in_time(backend, graph))[-1].outputs

    assert isinstance(output, OutputFile)
    assert (output.kind, output.filename.endswith(".glb")) == (MediaKind.MODEL_3D, True)
    assert (await backend.fetch_output(output, max_bytes=10**6)).startswith(b"glTF")
