"""`limner demo`, as somebody meets it who has just installed it."""

import asyncio
import io
import os
import re
import signal
from contextlib import asynccontextmanager

import aiohttp
import pytest
from PIL import Image
from rich.console import Console

from sandbox.demo import open_stage
from sandbox.scenarios import OutOfMemory
from sandbox.script import Script, ScriptFailed
from tests.support.processes import start_program

PATIENCE_S = 100
"""For a whole session on a slow machine."""

KEPT_VARIABLES = ("PATH", "HOME", "PYTHONPATH", "SYSTEMROOT", "TMPDIR")

CONSOLE = {"PYTHONWARNINGS": "ignore", "PYTHONUNBUFFERED": "1", "COLUMNS": "200"}


@pytest.fixture
def demo(tmp_path):
    """Start the command in an empty folder; it is over when the block ends."""

    @asynccontextmanager
    async def start(*arguments: str, **variables: str):
        kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
        process = await start_program(
            *("-m", "bot", "demo", *arguments),
            cwd=tmp_path,
            env=kept | CONSOLE | variables,
            joins_errors=True,
        )
        try:
            async with asyncio.timeout(PATIENCE_S):
                yield process
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    return start


async def test_the_script_plays_a_whole_session_and_saves_its_pictures(demo, tmp_path):
    async with demo("--script", "--out", "pictures") as process:
        out, _ = await process.communicate()
    text = out.decode()
    assert process.returncode == 0, text
    for sign in ("is offered", " % · ", "presses Cancel", "Cancelled", "Daily limit reached"):
        assert sign in text
    for sign in ("Your quota", "presses Undo 1", "Your history", "Everything happened"):
        assert sign in text
    sizes = {path.stem: _size(path) for path in (tmp_path / "pictures").iterdir()}
    assert sizes.keys() == {"from-prompt", "from-picture", "history"}
    assert all(side > 0 for size in sizes.values() for side in size)


WITHOUT_POSIX = """
import asyncio, os, signal

for name in ("chown", "fchmod", "fork", "getegid", "geteuid", "getgid", "getuid", "killpg"):
    delattr(os, name)
for name in ("SIGHUP", "SIGKILL", "SIGUSR1"):
    delattr(signal, name)

def add_signal_handler(self, number, callback, *args):
    raise NotImplementedError

asyncio.SelectorEventLoop.add_signal_handler = add_signal_handler
"""


async def test_the_script_is_played_without_posix_on_a_console_that_lacks_characters(
    demo, tmp_path
):
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_POSIX)
    path = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    async with demo("--script", PYTHONIOENCODING="cp1252", PYTHONPATH=path) as process:
        out, _ = await process.communicate()
    assert process.returncode == 0, out
    assert b"Everything happened" in out


async def test_the_page_is_served_until_the_demo_is_told_to_stop(demo):
    async with demo("--no-browser") as process:
        lines = []
        while not (address := re.search(r"http://127\.0\.0\.1:\d+", "".join(lines))):
            line = await process.stdout.readline()
            assert line, "".join(lines)
            lines.append(line.decode())
        async with aiohttp.ClientSession() as session, session.get(address[0]) as response:
            assert response.status == 200
            assert "Limner" in await response.text()
        process.send_signal(signal.SIGTERM)
        rest, _ = await process.communicate()
    assert process.returncode == 0, rest.decode()
    assert "Traceback" not in rest.decode()


async def test_a_session_in_which_something_did_not_happen_says_what(tmp_path):
    async with open_stage(step_seconds=0.01) as stage:
        stage.comfyui.faults.add(OutOfMemory(times=100))
        script = Script(
            stage.world, stage.application.core, Console(file=io.StringIO()), tmp_path / "pictures"
        )
        with pytest.raises(ScriptFailed) as failed:
            await script.play()
    assert str(failed.value).endswith(".")
    assert len(str(failed.value).splitlines()) == 1


async def test_a_comfyui_that_does_not_answer_is_one_sentence_at_once(demo):
    async with demo("--script", "--comfyui", "http://127.0.0.1:1") as process:
        out, _ = await process.communicate()
    assert process.returncode == 1
    assert len(out.decode().splitlines()) == 1, out.decode()
    assert "127.0.0.1:1" in out.decode()
    assert "--comfyui" in out.decode()


async def test_a_port_that_is_taken_is_one_sentence(demo):
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        async with demo("--no-browser", "--port", str(port)) as process:
            out, _ = await process.communicate()
    assert process.returncode == 1
    assert len(out.decode().splitlines()) == 1, out.decode()
    assert str(port) in out.decode()
    assert "--port" in out.decode()


async def test_a_script_that_is_stopped_cleans_up(demo, tmp_path):
    async with demo("--script", TMPDIR=str(tmp_path)) as process:
        await process.stdout.readline()
        assert list(tmp_path.glob("limner-demo-*"))
        process.send_signal(signal.SIGTERM)
        rest, _ = await process.communicate()
    assert process.returncode == 130, rest.decode()
    assert "Traceback" not in rest.decode()
    assert not list(tmp_path.glob("limner-demo-*"))


def _size(path):
    with Image.open(path) as picture:
        picture.load()
        return picture.size
