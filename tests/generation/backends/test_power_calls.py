"""What starts and stops a backend, carried out for real."""

import asyncio
import logging
import os
import sys

import pytest
from aiohttp import web

from comfy.calls import HttpCall
from generation.backends.power_calls import PowerCallFailed, PowerSettings, carry_out

LONG_S = 60.0


def python(program, *arguments):
    return (sys.executable, "-c", program, *map(str, arguments))


@pytest.fixture
async def landlord():
    """A service that starts machines; `answer` decides what it says."""

    class Landlord:
        def __init__(self):
            self.requests = []
            self.answer = web.Response

        async def handle(self, request):
            self.requests.append((request, await request.text()))
            answer = self.answer()
            return await answer if asyncio.iscoroutine(answer) else answer

    landlord = Landlord()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", landlord.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    landlord.address = f"127.0.0.1:{runner.addresses[0][1]}"
    yield landlord
    await runner.cleanup()


async def failure_of(call, timeout_s=LONG_S):
    with pytest.raises(PowerCallFailed) as caught:
        await carry_out(call, "The wake call of big", timeout_s=timeout_s)
    return str(caught.value)


async def test_a_command_is_run_as_it_stands_and_its_output_logged(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    file = tmp_path / "started"
    program = "import sys; open(sys.argv[1], 'w').write(sys.argv[2]); print('It boots.')"
    await carry_out(python(program, file, "$HOME; *"), "The wake call", timeout_s=LONG_S)
    assert file.read_text() == "$HOME; *"
    assert "The wake call: It boots." in caplog.messages


async def test_a_command_that_fails_says_how():
    program = "import sys; print('x' * 9000); print('No such pod.'); sys.exit(3)"
    assert await failure_of(python(program)) == (
        "The wake call of big ended with status 3: No such pod.."
    )


async def test_a_command_that_is_not_there():
    assert "cannot be run: No such file" in await failure_of(("no-such-program",))
    assert "cannot be run" in await failure_of(("\0",))
    problem = PowerSettings(wake=("no-such-program",)).find_problem()
    assert problem == (
        "Its wake command no-such-program is not installed here: correct backends.toml."
    )
    assert PowerSettings(wake=(sys.executable,), sleep=HttpCall("http://x")).find_problem() is None


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs process groups")
async def test_a_command_that_hangs_is_killed_with_what_it_started(tmp_path, tools):
    file = tmp_path / "pids"
    program = (
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "open(sys.argv[1] + '.new', 'w').write(f'{os.getpid()} {child.pid}')\n"
        "os.rename(sys.argv[1] + '.new', sys.argv[1])\n"
        "time.sleep(600)\n"
    )
    running = asyncio.create_task(
        carry_out(python(program, file), "The wake call", timeout_s=LONG_S)
    )
    await tools.eventually(file.exists)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    pids = [int(pid) for pid in file.read_text().split()]
    await tools.eventually(lambda: not any(is_running(pid) for pid in pids))


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123 - of the kernel
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_a_command_has_its_time():
    assert "did not end within 0.1 s" in await failure_of(
        python("import time; time.sleep(600)"), timeout_s=0.1
    )


async def test_what_a_command_leaves_running_is_not_waited_for():
    program = (
        "import subprocess, sys\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(5)'])\n"
    )
    async with asyncio.timeout(LONG_S):
        await carry_out(python(program), "The wake call", timeout_s=LONG_S)


async def test_a_request_is_sent_once_as_it_stands(landlord):
    url = f"http://me:secret@{landlord.address}/pods/7/start?zone=a"
    call = HttpCall(url, "PUT", {"X-Key": "k"}, {"state": "running"})
    await carry_out(call, "The wake call", timeout_s=LONG_S)
    ((request, body),) = landlord.requests
    assert (request.method, request.path_qs) == ("PUT", "/pods/7/start?zone=a")
    assert request.headers["X-Key"] == "k"
    assert request.headers["Authorization"] == "Basic bWU6c2VjcmV0"
    assert body == '{"state": "running"}'
    assert "secret" not in repr(call)
    assert "X-Key" not in repr(call)


async def test_a_body_of_text_is_sent_as_it_is(landlord):
    await carry_out(HttpCall(f"http://{landlord.address}", body="on"), "It", timeout_s=LONG_S)
    ((request, body),) = landlord.requests
    assert (request.method, request.path, body) == ("POST", "/", "on")


async def test_a_request_that_fails_says_how(landlord):
    call = HttpCall(f"http://me:secret@{landlord.address}/start?key=secret")
    landlord.answer = lambda: web.Response(status=404, text="No such pod.")
    assert await failure_of(call) == ("The wake call of big was answered with 404: No such pod.")
    landlord.answer = lambda: web.Response(status=302, headers={"Location": "http://else.where"})
    assert "302" in await failure_of(call)
    landlord.answer = asyncio.Event().wait
    said = await failure_of(call, timeout_s=0.2)
    assert "did not answer within 0.2 s" in said
    assert "secret" not in said
    assert "cannot be reached" in await failure_of(HttpCall("http://127.0.0.1:9"))
