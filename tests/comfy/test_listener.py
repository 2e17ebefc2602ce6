import asyncio
import logging

import pytest

from comfy.http.client import HttpClient
from comfy.kinds import BackendSettings
from comfy.listener import Listener
from comfy.protocol.messages import QueueStatus
from comfy.timeouts import Timing

QUICK = Timing(backoff_first=0.01, backoff_most=0.02, socket_wait=2)


@pytest.fixture
async def listen(comfy):
    """Listen to the scripted server; returns listener and what it heard."""
    opened = []

    def start(has_runs=lambda _: False):
        http = HttpClient(BackendSettings(comfy.url), QUICK)
        heard = []
        listener = Listener(
            http,
            QUICK,
            on_message=heard.append,
            on_connected=lambda: heard.append("connected"),
            has_runs=has_runs,
        )
        opened.append((http, listener))
        listener.start()
        return listener, heard

    yield start
    for http, listener in opened:
        await listener.close()
        await listener.close()
        await http.close()


async def test_hears_and_drains(comfy, listen, eventually):
    listener, heard = listen()
    assert await listener.wait_connected()
    await eventually(lambda: len(heard) >= 3)

    assert heard[0] == "connected"
    assert heard[1] == QueueStatus(0, listener.client_id)
    assert listener.is_connected


async def test_comes_back_with_a_fresh_client_id(comfy, listen, eventually):
    listener, _ = listen()
    await eventually(lambda: comfy.sockets)
    first = listener.client_id
    comfy.kill(comfy.every_socket[0])
    await eventually(lambda: len(comfy.every_socket) == 2 and listener.is_connected)

    assert listener.client_id != first


async def test_keeps_the_client_id_that_runs_report_to(comfy, listen, eventually):
    listener, _ = listen(has_runs=lambda _: True)
    await eventually(lambda: comfy.sockets)
    first = listener.client_id
    comfy.kill(comfy.every_socket[0])
    await eventually(lambda: len(comfy.every_socket) == 2 and listener.is_connected)
    assert listener.client_id == first

    listener.reopen()
    await eventually(lambda: len(comfy.every_socket) == 3 and listener.is_connected)
    assert listener.client_id != first, "asked for anew, it is fresh in any case"


async def test_first_failure_warns_and_repeats_do_not(comfy, listen, eventually, caplog):
    caplog.set_level(logging.DEBUG, "comfy.listener")
    await comfy.stop()
    _, heard = listen()
    await eventually(lambda: len(caplog.records) >= 4)
    await comfy.start()
    await eventually(lambda: "connected again" in caplog.text)

    levels = [record.levelno for record in caplog.records]
    assert levels[0] == logging.WARNING
    assert set(levels[1:-1]) == {logging.DEBUG}
    assert levels[-1] == logging.INFO
    assert "connected" in heard


async def test_waiting_ends_with_the_attempt(comfy, listen):
    await comfy.stop()
    listener, _ = listen()

    async with asyncio.timeout(5):
        assert not await listener.wait_connected()


async def test_a_bug_in_a_callback_does_not_end_it(comfy, eventually, caplog):
    http = HttpClient(BackendSettings(comfy.url), QUICK)
    messages = []

    def stumble(message):
        messages.append(message)
        if len(messages) == 1:
            raise LookupError("a bug")

    listener = Listener(
        http, QUICK, on_message=stumble, on_connected=lambda: None, has_runs=lambda _: False
    )
    listener.start()
    await eventually(lambda: len(messages) > 2)
    await listener.close()
    await http.close()

    assert "a bug" in caplog.text
    assert not listener.is_connected
