"""The bot as a process: killed, stopped, started twice."""

import asyncio
import re
import signal
import socket
import struct
import sys
import zlib
from io import BytesIO
from pathlib import Path

import aiohttp
import pytest
from PIL import Image, ImageDraw

from sandbox.people import Person, as_text

PATIENCE_S = 60


async def said(child) -> str:
    async with asyncio.timeout(PATIENCE_S):
        return (await child.communicate())[1].decode()


async def eventually(ask, expected):
    async with asyncio.timeout(PATIENCE_S):
        while (await ask())[0] != expected:  # noqa: ASYNC110 - another process says it, when asked
            await asyncio.sleep(0.1)


async def test_killed_in_the_middle_it_finishes_after_the_next_start(environment, process):
    async with process() as child:
        await environment.world.wait_until_connected(PATIENCE_S)
        reply = await environment.imagine_held()
        child.kill()
    environment.comfyui.release()
    async with process():
        await reply.until(environment.is_done, PATIENCE_S)
    assert not environment.comfyui.log.repeated()
    assert len(environment.ana.messages("general")) == 1


async def test_sigterm_ends_it_in_good_order_and_keeps_the_work(environment, process):
    async with process() as child:
        await environment.world.wait_until_connected(PATIENCE_S)
        reply = await environment.imagine_held()
        child.send_signal(signal.SIGTERM)
        text = await said(child)
        assert child.returncode == 0, text
        assert "Traceback" not in text
    environment.comfyui.release()
    async with process():
        await reply.until(environment.is_done, PATIENCE_S)
    assert not environment.comfyui.log.repeated()


async def test_a_second_process_on_the_same_data_is_refused(environment, process):
    async with process():
        await environment.world.wait_until_connected(PATIENCE_S)
        async with process() as second:
            text = await said(second)
        assert second.returncode == 1
        assert "Another Limner is already running" in text.splitlines()[-1]
        reply = await environment.ana.slash("general", "imagine", prompt="a fox", steps=2)
        await reply.until(environment.is_done, PATIENCE_S)


async def test_a_bot_and_a_worker_share_the_work_through_postgresql(
    environment, process, empty_postgres_url
):
    shared = {"DATABASE_URL": empty_postgres_url}
    async with process(role="bot", **shared) as bot:
        await environment.world.wait_until_connected(PATIENCE_S)
        reply = await environment.ana.slash("general", "imagine", prompt="a patient fox", steps=4)
        await reply.until(lambda message: "Cancel" in as_text(message), PATIENCE_S)
        assert not environment.comfyui.log.posts
        async with process(role="worker", **shared):
            await reply.until(environment.is_done, PATIENCE_S)
        assert bot.returncode is None
    assert len(environment.comfyui.log.posts) == 1


async def running(child):
    """Once it says that it is up."""
    async with asyncio.timeout(PATIENCE_S):
        while line := await child.stderr.readline():
            if b"Limner is running" in line:
                return
    raise AssertionError("It ended before it was up.")


async def test_a_worker_that_dies_has_its_run_taken_over(environment, process, empty_postgres_url):
    shared = {"DATABASE_URL": empty_postgres_url}
    async with process(role="bot", **shared), process(role="worker", **shared) as first:
        await environment.world.wait_until_connected(PATIENCE_S)
        reply = await environment.imagine_held()
        async with process(role="worker", **shared) as second:
            await running(second)
            first.kill()
            await first.wait()
            environment.comfyui.release()
            await reply.until(environment.is_done, PATIENCE_S)
    assert len(environment.comfyui.log.posts) == 1
    assert not environment.comfyui.log.repeated()


async def test_a_backend_is_handed_two_graphs_at_a_time_by_all_processes_together(
    environment, process, empty_postgres_url
):
    people = [environment.ana, environment.ben, environment.mo, Person(environment.world, "ada")]
    log = environment.comfyui.log
    most = 0
    shared = {"DATABASE_URL": empty_postgres_url}
    async with (
        process(role="bot", **shared),
        process(role="worker", **shared) as first,
        process(role="worker", **shared) as second,
    ):
        await environment.world.wait_until_connected(PATIENCE_S)
        await running(first)
        await running(second)
        asked = [await one.slash("general", "imagine", prompt="a fox", steps=8) for one in people]
        async with asyncio.timeout(PATIENCE_S):
            while not all(environment.is_done(reply.message) for reply in asked):
                ended = sum(one.ending is not None for one in log.executions)
                most = max(most, len(log.posts) - ended)
                await asyncio.sleep(0.005)
    assert most == 2
    assert not log.repeated()


async def test_the_process_of_a_guilds_shard_dies_and_another_ends_its_work(
    environment, process, empty_postgres_url
):
    shared = {"DATABASE_URL": empty_postgres_url}
    async with (
        process(LIMNER_SHARDS="0/2", **shared) as first,
        process(LIMNER_SHARDS="1/2", **shared) as second,
    ):
        await asyncio.gather(running(first), running(second))
        await environment.world.wait_for(
            lambda: len(environment.world.gateway.shards) == 2, PATIENCE_S
        )
        assert environment.world.gateway.shards == {(0, 2), (1, 2)}
        reply = await environment.imagine_held()
        # The other one hears nothing of this guild, and brings its work to an end all the same.
        (first, second)[(environment.world.guild_id >> 22) % 2].kill()
        environment.comfyui.release()
        await reply.until(environment.is_done, PATIENCE_S)
    assert len(environment.ana.messages("general")) == 1
    assert not environment.comfyui.log.repeated()


async def test_roles_need_postgresql(process):
    async with process(role="worker") as child:
        text = await said(child)
    assert child.returncode == 1
    assert "Set DATABASE_URL" in text.splitlines()[-1]


async def test_a_wrong_token_is_one_sentence(process):
    async with process(DISCORD_TOKEN="wrong.token.indeed") as child:
        text = await said(child)
    assert child.returncode == 1
    assert "Discord refuses this DISCORD_TOKEN" in text.splitlines()[-1]
    assert "wrong.token" not in text


async def test_health_paths_say_what_works(environment, process):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    async with process(LIMNER_HTTP=f"127.0.0.1:{port}"), aiohttp.ClientSession() as session:
        await environment.world.wait_until_connected(PATIENCE_S)

        async def status(path):
            async with session.get(f"http://127.0.0.1:{port}{path}") as response:
                return response.status, await response.text()

        assert (await status("/healthz"))[0] == 200
        await eventually(lambda: status("/readyz"), 200)
        assert "process_cpu_seconds_total" in (await status("/metrics"))[1]
        await environment.comfyui.stop()
        await eventually(lambda: status("/readyz"), 503)


MOST_ADDED_AT_THE_PEAK_MB = 350
MOST_KEPT_MB = 60


def memory_mb(child, name):
    """What the kernel says of the process: `VmRSS` is now, `VmHWM` the most that ever was."""
    status = Path(f"/proc/{child.pid}/status").read_text()
    return int(re.search(rf"{name}:\s+(\d+) kB", status)[1]) / 1024


def empty_picture(side=4096):
    """A PNG of some 130 kB whose pixels take 134 MB: 16-bit RGBA, all of it transparent black."""

    def chunk(kind, body):
        checksum = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + checksum

    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(1 + 8 * side)) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 16, 6, 0, 0, 0)
    signature = b"\x89PNG\r\n\x1a\n"
    return signature + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def erased_mask(side=4096):
    """A WebP mask with an erased disc, whose pixels take 270 MB while they are decoded."""
    ramp = Image.linear_gradient("L").resize((side, side))
    mask = Image.merge("RGBA", (ramp, ramp, ramp, Image.new("L", ramp.size, 255)))
    ImageDraw.Draw(mask).ellipse((side // 4, side // 4, side // 2, side // 2), (0, 0, 0, 0))
    content = BytesIO()
    mask.save(content, "WEBP", quality=80, method=0)
    return content.getvalue()


def count_refused(person):
    return sum("Slow down" in as_text(message) for message in person.messages("general"))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_members_who_attach_large_pictures_all_at_once_do_not_fill_the_memory(
    environment, process
):
    async with process() as child:
        await environment.world.wait_until_connected(PATIENCE_S)
        before = memory_mb(child, "VmRSS")
        asking = {"prompt": "a fox", "image": empty_picture(), "steps": 1}
        await asyncio.gather(
            *(environment.ana.slash("general", "imagine", **asking) for _ in range(24))
        )
        await environment.world.wait_for(lambda: count_refused(environment.ana) == 23, PATIENCE_S)
        await environment.ana.wait_for(environment.is_done, PATIENCE_S)
        mask = erased_mask()
        asking = {"prompt": "a fox", "image": mask, "mask": mask, "steps": 1}
        others = [environment.ben, Person(environment.world, "ada")]
        for reply in await asyncio.gather(
            *(one.slash("general", "imagine", **asking) for one in others)
        ):
            done = await reply.until(environment.is_done, PATIENCE_S)
            assert "Repaint a part" in as_text(done)
        assert memory_mb(child, "VmHWM") - before < MOST_ADDED_AT_THE_PEAK_MB
        async with asyncio.timeout(PATIENCE_S):
            while memory_mb(child, "VmRSS") - before > MOST_KEPT_MB:  # noqa: ASYNC110 - the kernel tells nobody
                await asyncio.sleep(0.1)
