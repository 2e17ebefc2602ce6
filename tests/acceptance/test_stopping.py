"""SIGTERM, whatever goes on meanwhile: the process ends in time, and its work at the next start."""

import asyncio
import signal
import sqlite3
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest

from benchmarks.chaos.relay import Relay
from bot.client import DiscordAddress
from db import migrations
from db.database import Database
from db.repositories.guilds import GuildRepository
from sandbox.discord_api.errors import NotPossible

PATIENCE_S = 60
STOP_WITHIN_S = 10
"""What service managers are told, and what container engines wait by default."""

REQUESTS_A_SECOND = 20


@pytest.fixture
async def relayed():
    """Stand in for a server at this address: the new address, and what freezes the way there."""
    async with AsyncExitStack() as stack:

        async def relay(url):
            port = urlsplit(url).port
            passage = await stack.enter_async_context(Relay(port))
            return url.replace(f":{port}", f":{passage.port}"), passage

        yield relay


async def stop(child):
    """Send SIGTERM and return what was logged. Raises TimeoutError when it lives on."""
    child.send_signal(signal.SIGTERM)
    async with asyncio.timeout(STOP_WITHIN_S):
        text = (await child.communicate())[1].decode()
    assert child.returncode == 0, text
    assert "Unhandled" not in text
    return text


@asynccontextmanager
async def locked(path):
    """Another program has the whole file for itself."""
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute(f"PRAGMA busy_timeout = {PATIENCE_S * 1000}")
        await asyncio.to_thread(other.execute, "BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


async def request_for_ever(person):
    """Ask again and again, whether or not anybody answers."""
    async with asyncio.TaskGroup() as group:

        async def request():
            with suppress(TimeoutError, NotPossible):
                await person.slash("general", "imagine", prompt="a fox", steps=2)

        while True:
            group.create_task(request())
            await asyncio.sleep(1 / REQUESTS_A_SECOND)


async def allow_everything(environment):
    """Take all that one person asks for."""
    url = f"sqlite:///{environment.data / 'limner.db'}"
    await migrations.upgrade(url)
    database = Database(url)
    with database.transaction() as session:
        guilds = GuildRepository(session)
        guilds.get_or_create(environment.world.guild_id, now=datetime.now(UTC))
        guilds.update(
            environment.world.guild_id, cooldown_s=0, pictures=100_000, max_waiting=10_000
        )
    await database.close()


async def test_under_load(environment, process):
    await allow_everything(environment)
    async with process() as child:
        await environment.world.wait_until_connected(PATIENCE_S)
        asking = asyncio.create_task(request_for_ever(environment.ana))
        try:
            await environment.world.wait_for(
                lambda: len(environment.ana.messages("general")) > 40, PATIENCE_S
            )
            await stop(child)
        finally:
            asking.cancel()
            await asyncio.wait({asking})
    # Refusals are messages, of which Discord takes 30 a minute in a channel.
    environment.world.rate_limits.hits.clear()


async def test_while_the_database_is_locked(environment, process):
    log = environment.comfyui.log
    async with process() as child:
        await environment.world.wait_until_connected(PATIENCE_S)
        reply = await environment.imagine_held()
        async with locked(environment.data / "limner.db"):
            environment.comfyui.release()
            async with asyncio.timeout(PATIENCE_S):
                while any(one.ending is None for one in log.executions):  # noqa: ASYNC110 - another process ends it
                    await asyncio.sleep(0.02)
            asking = asyncio.create_task(request_for_ever(environment.ben))
            await stop(child)
            asking.cancel()
            await asyncio.wait({asking})
    async with process():
        await reply.until(environment.is_done, PATIENCE_S)


async def test_while_the_lines_own_tables_are_locked(environment, process):
    async with process() as child:
        await environment.world.wait_until_connected(PATIENCE_S)
        reply = await environment.imagine_held()
        async with locked(environment.data / "engine.db"):
            environment.comfyui.release()
            await stop(child)
    async with process():
        await reply.until(environment.is_done, PATIENCE_S)


@pytest.mark.parametrize("name", ["limner.db", "engine.db"])
async def test_at_the_start_while_a_database_is_locked(environment, process, name):
    async with process() as child:
        await environment.world.wait_until_connected(PATIENCE_S)
        await stop(child)
    connections = environment.world.gateway.identify_count
    async with locked(environment.data / name), process() as child:
        assert b"Limner starts" in await child.stderr.readline()
        await stop(child)
    assert environment.world.gateway.identify_count == connections


async def test_while_a_backend_is_frozen(environment, process, relayed):
    url, backend = await relayed(environment.comfyui.url)
    async with process(COMFYUI_URLS=url) as child:
        await environment.world.wait_until_connected(PATIENCE_S)
        reply = await environment.imagine_held()
        backend.freeze()
        await stop(child)
    backend.mend()
    environment.comfyui.release()
    async with process(COMFYUI_URLS=url):
        await reply.until(environment.is_done, PATIENCE_S)


async def test_while_discord_is_away(environment, process, relayed):
    url, discord = await relayed(environment.world.api_url)
    async with process(address=DiscordAddress(url, environment.world.gateway_url)) as child:
        await environment.world.wait_until_connected(PATIENCE_S)
        reply = await environment.imagine_held()
        discord.freeze()
        environment.comfyui.release()
        await stop(child)
    async with process():
        await reply.until(environment.is_done, PATIENCE_S)


async def test_while_the_gateway_is_frozen(environment, process, relayed):
    url, gateway = await relayed(environment.world.gateway_url)
    async with process(address=DiscordAddress(environment.world.api_url, url)) as child:
        await environment.world.wait_until_connected(PATIENCE_S)
        reply = await environment.imagine_held()
        gateway.freeze()
        await stop(child)
    environment.comfyui.release()
    async with process():
        await reply.until(environment.is_done, PATIENCE_S)


@pytest.mark.timeout(240)
async def test_while_postgresql_is_frozen(environment, process, relayed, empty_postgres_url):
    url, database = await relayed(empty_postgres_url)
    async with process(DATABASE_URL=url) as child:
        await environment.world.wait_until_connected(PATIENCE_S)
        reply = await environment.imagine_held()
        database.freeze()
        environment.comfyui.release()
        await stop(child)
    async with process(DATABASE_URL=empty_postgres_url):
        # PostgreSQL still counts the old session as alive: it is ended after 20 s without a
        # statement, and what it ran begins again 10 s later.
        await reply.until(environment.is_done, 3 * PATIENCE_S)
