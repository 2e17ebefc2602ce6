"""The composition root: builds everything by constructor and closes it in reverse."""

import asyncio
import gc
import logging
import sys
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress
from enum import StrEnum
from functools import partial
from typing import Any, Self

import discord

from bot.client import DiscordAddress, LimnerClient
from bot.core import Core, StartupError, Storage, greet_backends, open_core
from bot.login import LOGIN_IMPOSSIBLE, log_in_with_retries
from bot.network import NETWORK_ERRORS
from bot.operating.alerts import tell_operator
from bot.operating.health import HealthServer
from bot.operating.metrics import Metrics
from bot.operating.private_files import keep_private
from bot.operating.signals import run_until_signal
from bot.reload import follow_workflows
from bot.replies.live import LiveReplies
from bot.settings import Settings, find_unknown_names
from db.database import Database
from db.errors import DatabaseError
from db.urls import sqlite_files
from generation.alerts import Alerts
from generation.errors import ServiceUnavailable
from generation.marking.marker import Marker
from generation.media import memory
from generation.moderation.image_policy import ImageChecker
from generation.moderation.nudenet import find_checker
from generation.requests.available_actions import ActionFinder
from generation.service import utc_now
from generation.tasks import TaskOwner

SWITCH_S = 0.0005
"""Seconds for which a thread may keep the interpreter from others. With Python's 5 ms, statements
of database threads wait that long, several times a picture, while another thread packs it."""

MEASURE_S = 5.0
"""Seconds that metrics wait for the database; Prometheus times out after 10 by default."""

INTENTS_REFUSED = "Discord refuses the intents; Limner needs none: update it."
CONNECTION_REFUSED = (
    "Discord closed the connection (code {code}). Start it again; with code 4004, set a "
    "new DISCORD_TOKEN first."
)

ROLE_NEEDS_POSTGRESQL = (
    "--role bot and --role worker share their work through PostgreSQL. Set DATABASE_URL to one, or "
    "leave --role away."
)

_log = logging.getLogger(__name__)


class Role(StrEnum):
    """The part of the work that a process does; two processes can share it on PostgreSQL only."""

    ALL = "all"
    BOT = "bot"
    WORKER = "worker"


class Application:
    """The running bot. Start it once, wait for its end, stop it; stopping twice is safe."""

    def __init__(
        self,
        settings: Settings,
        *,
        address: DiscordAddress | None = None,
        role: Role = Role.ALL,
        build_checker: Callable[[], ImageChecker | None] = find_checker,
    ) -> None:
        self._settings = settings
        self._address = address
        self._role = role
        self._build_checker = build_checker
        self._stack = AsyncExitStack()
        self._connection: asyncio.Task[None] | None = None
        self._core: Core | None = None
        self._replies: LiveReplies | None = None
        self._metrics = Metrics()

    @property
    def core(self) -> Core:
        """The core; available after `start`."""
        if self._core is None:
            raise RuntimeError("The application has not been started.")
        return self._core

    async def start(self) -> None:
        """Log in, open the core and connect; errors are raised before any work starts.

        Raises StartupError, SettingsError, DatabaseError or GenerationError, each with a sentence.
        """
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise

    async def wait(self) -> None:
        """Wait until the connection to Discord ends for good. Raises the error that ended it."""
        if self._connection is None:
            await asyncio.Event().wait()
        else:
            await self._connection

    async def stop(self) -> None:
        """Accept no new work, leave running work resumable, and close all in reverse."""
        await self._stack.aclose()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _start(self) -> None:
        token = self._settings.discord_token
        if token is None:
            raise StartupError(LOGIN_IMPOSSIBLE)
        _log.info("Limner starts.")
        for name in find_unknown_names():
            _log.warning("%s is not a setting. Check its spelling in .env.example.", name)
        storage = Storage.of(self._settings)
        if self._role is not Role.ALL and storage.engine.sqlite_path is not None:
            raise StartupError(ROLE_NEEDS_POSTGRESQL)
        await storage.prepare()
        client = LimnerClient(
            address=self._address,
            guild_ids=self._settings.guilds,
            shards=self._settings.shards,
            note_status=self._metrics.count_response,
        )
        self._stack.push_async_callback(client.close)
        await log_in_with_retries(client, token.get_secret_value())
        core = await self._stack.enter_async_context(
            open_core(
                self._settings,
                storage,
                build_notifier=partial(self._build_replies, client),
                runs_generations=self._role is not Role.BOT,
                tells_places=self._role is not Role.WORKER,
                is_connected=client.is_ready,
                build_checker=self._build_checker,
            )
        )
        self._core = core
        if self._replies is not None:
            # On PostgreSQL another process may have delivered the end of a reply shown here.
            is_shared = storage.engine.sqlite_path is None
            self._replies.use_records(core.service, is_shared=is_shared)
            self._stack.push_async_callback(self._replies.close)
        for problem in core.catalog.problems:
            _log.warning("A workflow is left out. %s", problem)
        await greet_backends(core)
        await self._serve_health(core, client)
        tasks = TaskOwner(_log)
        self._stack.push_async_callback(tasks.close)
        core.services.library.listen(client.refresh_commands)
        tasks.start(
            follow_workflows(core.catalog.watch, client.refresh_commands), "changed workflows"
        )
        if self._settings.alerts:
            alerts = Alerts(
                core.database,
                core.pool,
                self._settings.data,
                tell=partial(tell_operator, client, self._settings.alerts),
                is_responsible=lambda: core.service.gives_turns,
                now=utc_now,
            )
            tasks.start(alerts.watch(), "alerts")
        if self._role is not Role.WORKER:
            client.serve(core.services)
            await sync(client)
            tasks.start(client.keep_synced(), "changed commands")
            self._stack.push_async_callback(client.leave)
            self._connection = asyncio.create_task(client.connect(), name="gateway")
            self._stack.push_async_callback(_end, self._connection)

    def _build_replies(
        self, client: LimnerClient, action_finder: ActionFinder, marker: Marker
    ) -> LiveReplies:
        self._replies = LiveReplies(
            client, action_finder=action_finder, metrics=self._metrics, marker=marker
        )
        return self._replies

    async def _serve_health(self, core: Core, client: LimnerClient) -> None:
        address = self._settings.http
        if address is None:
            return

        async def readiness() -> Mapping[str, bool]:
            return {
                "discord": client.is_ready() or self._role is Role.WORKER,
                "line": core.service.is_running or self._role is Role.BOT,
                "database": await _answers(core.database),
                "backend": core.pool.is_any_usable,
            }

        async def measure() -> bytes:
            return await _measure(core, self._metrics)

        server = HealthServer(
            host=address.host, port=address.port, readiness=readiness, measure=measure
        )
        try:
            await server.start()
        except OSError as error:
            raise StartupError(
                f"LIMNER_HTTP: {address.host}:{address.port} cannot be used ({error.strerror}). "
                "Choose another port."
            ) from None
        self._stack.push_async_callback(server.close)


async def sync(client: LimnerClient) -> None:
    """Sync the commands with Discord, or leave it to `keep_synced`. Raises StartupError."""
    try:
        await client.sync_commands()
    except (discord.DiscordServerError, discord.RateLimited, *NETWORK_ERRORS) as error:
        _log.warning("Discord has not accepted the commands yet (%s).", type(error).__name__)
        client.sync_later()
    except discord.DiscordException as error:
        raise StartupError(
            f"Discord rejected the commands: {error}. Start it again in a few minutes."
        ) from error


async def run_bot(
    settings: Settings, *, role: Role = Role.ALL, address: DiscordAddress | None = None
) -> None:
    """Run until SIGINT or SIGTERM, or until Discord ends the connection for good.

    Raises what `Application.start` raises, and StartupError when Discord ends it.
    """
    memory.bound()
    sys.setswitchinterval(SWITCH_S)
    files = sqlite_files(settings.effective_database_url)
    await asyncio.to_thread(keep_private, settings.data, *files)
    await run_until_signal(_run_until_end(Application(settings, address=address, role=role)))


async def _run_until_end(application: Application) -> None:
    async with application:
        _log.info("Limner is running; stop it with Ctrl+C.")
        # Objects created so far live as long as the process. Every collection that traverses them
        # would stop the event loop for a tenth of a second.
        gc.collect()
        gc.freeze()
        # Resets the size by which Python delays full collections: garbage would stay for long.
        gc.collect()
        try:
            await application.wait()
        except discord.PrivilegedIntentsRequired:
            raise StartupError(INTENTS_REFUSED) from None
        except discord.ConnectionClosed as error:
            raise StartupError(CONNECTION_REFUSED.format(code=error.code)) from error
        finally:
            _log.info("Limner is stopping; running work resumes at the next start.")


async def _measure(core: Core, metrics: Metrics) -> bytes:
    """Set the gauges that are computed on request; an unreachable database affects no others."""
    metrics.set_backends(core.pool.occupancies)
    metrics.set_line()
    with suppress(ServiceUnavailable, TimeoutError):
        async with asyncio.timeout(MEASURE_S):
            metrics.set_line(*await core.service.count_unfinished())
    return metrics.render()


async def _answers(database: Database) -> bool:
    try:
        await database.read(lambda _: None)
    except DatabaseError:
        return False
    return True


async def _end(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError, Exception):
        await task
