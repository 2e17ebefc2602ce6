"""The forced end of a process whose main thread does not get around to ending it."""

import asyncio
import signal
import sys

import pytest

from bot.operating.signals import STOP_WITHIN_S

PROGRAM = """
import asyncio, ctypes, sqlite3, sys, threading
from bot.operating.signals import run_until_signal

begun = threading.Event()

def tell():
    begun.wait()
    print("begun", flush=True)

async def work():
    threading.Thread(target=tell).start()
{call}

asyncio.run(run_until_signal(work()))
"""

WAITS = """
    first, second = (sqlite3.connect(sys.argv[1], timeout=60) for _ in range(2))
    first.execute("BEGIN EXCLUSIVE")
    # The other thread goes on when this one gives up the interpreter's lock: inside of the call.
    sys.setswitchinterval(60)
    begun.set()
    second.execute("BEGIN EXCLUSIVE")
"""

COMPUTES = """
    # As a calculation in C does, this keeps the interpreter's lock, but it uses no processor.
    sys.setswitchinterval(60)
    print("begun", flush=True)
    for _ in range(2):  # the signal interrupts the first one
        ctypes.pythonapi.sleep(60)
"""


@pytest.mark.parametrize("call", [WAITS, COMPUTES], ids=["waits", "computes"])
async def test_a_call_that_does_not_end_does_not_keep_the_process_alive(tmp_path, call):
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", PROGRAM.format(call=call), str(tmp_path / "file.db")),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert await child.stdout.readline() == b"begun\n"
        child.send_signal(signal.SIGTERM)
        # Neither call ends within a minute.
        async with asyncio.timeout(2 * STOP_WITHIN_S):
            await child.wait()
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
