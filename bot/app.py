"""The composition root: builds everything by constructor and closes it in reverse."""

import asyncio
import gc
import logging
import math
import random
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any, Self

import discord

from bot.alerts import tell_operator
from bot.client import DiscordAddress, LimnerClient, Shards
from bot.health import HealthServer
from bot.metrics import Metrics
from bot.network import NETWORK_ERRORS, growing_pauses
from bot.private_files import keep_private
from bot.reload import follow_workflows
from bot.replies.live import LiveReplies
from bot.services import Services
from bot.settings import BackendEntry, RequestEntry, Settings, find_unknown_names
from bot.signals import run_until_signal
from comfy.api_v2.job_store import JobStore
from comfy.backend import Backend
from comfy.calls import HttpCall
from comfy.errors import ComfyError
from comfy.kinds import BackendSettings, build_backend
from comfy.protocol.responses import BackendDescription
from db import migrations
from db.database import Database
from db.errors import DatabaseError
from db.urls import sqlite_files
from generation.alerts import Alerts
from generation.backends.draining import BackendAdmin
from generation.backends.object_info_cache import KnownNodes
from generation.backends.pool import BackendPool, PoolMember, PoolSettings
from generation.backends.power_calls import PowerCall, PowerSettings
from generation.backends.sent_jobs import SentJobs
from generation.errors import ServiceUnavailable
from generation.history.removal import Remover
from generation.history.retention import Retention
from generation.library.library import Library
from generation.line import EngineSettings
from generation.marking.credentials import open_credentials
from generation.marking.marker import Marker
from generation.marking.visible import VisibleMark
from generation.media import memory
from generation.moderation.appeals import Appeals
from generation.moderation.blocks import Moderation
from generation.moderation.case_file import ModerationQueries
from generation.moderation.image_filter import ImageGate
from generation.moderation.image_hashes import PictureBlocks
from generation.moderation.image_policy import ImageChecker
from generation.moderation.nudenet import find_checker
from generation.moderation.review import Reviews
from generation.moderation.transparency import Transparency
from generation.notifier import Notifier, ReviewChannel
from generation.people.personal_data import PersonalData
from generation.people.preferences import Preferences
from generation.prompts.wildcard_lists import WildcardLists
from generation.quota.guild_settings import Administration
from generation.requests.available_actions import ActionFinder
from generation.requests.derivations import Derivations
from generation.requests.reposting import Reposting
from generation.service import GenerationService, ServiceSettings, utc_now
from generation.tasks import TaskOwner
from workflows.catalog import LIBRARY, Catalog
from workflows.managed_folder import ManagedFolder

KNOWN_NODES = "object_info"
"""Folder inside the data folder that caches each backend's last `/object_info`."""

WILDCARDS = "wildcards"
"""Folder inside the data folder with the operator's wildcard lists."""

BACKEND_GREETING_S = 5.0
"""Seconds that start-up waits for a backend before it continues without it."""

MEASURE_S = 5.0
"""Seconds that metrics wait for the database; Prometheus times out after 10 by default."""

ANSWER_TIMEOUT_S = 30.0
"""Seconds for a backend's description; a ComfyUI with many custom nodes needs several at first."""

LOGIN_IMPOSSIBLE = (
    "DISCORD_TOKEN is not set. Make a bot at https://discord.com/developers/applications, copy "
    "its token from the Bot page into the file .env, and start again. `limner demo` needs none."
)
LOGIN_REFUSED = (
    "Discord refuses this DISCORD_TOKEN. Press Reset Token on your application's Bot page, copy "
    "the new token into the file .env, and start again."
)
INTENTS_REFUSED = "Discord refuses the intents; Limner needs none: update it."
CONNECTION_REFUSED = (
    "Discord closed the connection for good (code {code}). Start it again; with code 4004, set a "
    "new DISCORD_TOKEN first."
)

ROLE_NEEDS_POSTGRESQL = (
    "--role bot and --role worker share their work through PostgreSQL. Set DATABASE_URL to one, or "
    "leave --role away."
)

_log = logging.getLogger(__name__)


class StartupError(Exception):
    """The program cannot start; the message is one sentence that says what to do."""


class DiscordUnreachable(StartupError):
    """Discord cannot be reached at the moment; a later attempt may succeed."""


@dataclass(frozen=True, slots=True)
class Core:
    """The core services and adapters, without the Discord front end."""

    database: Database
    catalog: Catalog
    pool: BackendPool
    backends: tuple[Backend, ...]
    services: Services

    @property
    def service(self) -> GenerationService:
        """The service that accepts and runs generations."""
        return self.services.generations


@dataclass(frozen=True, slots=True)
class Storage:
    """Locations of the database and of the engine's tables."""

    database_url: str = field(repr=False)
    engine: EngineSettings

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the storage in the settings."""
        url = settings.effective_database_url
        return cls(url, EngineSettings.beside(url, settings.data / "engine.db"))

    @classmethod
    def inside(cls, folder: Path) -> Self:
        """Return SQLite storage inside `folder`, separate from the configured one."""
        url = f"sqlite:///{folder / 'limner.db'}"
        return cls(url, EngineSettings.beside(url, folder / "engine.db"))

    async def prepare(self) -> None:
        """Migrate the database to this version. Raises DatabaseError."""
        await migrations.upgrade(self.database_url)


@asynccontextmanager
async def open_core(
    settings: Settings,
    storage: Storage,
    *,
    build_notifier: Callable[[ActionFinder, Marker], Notifier],
    runs_generations: bool = True,
    tells_places: bool = True,
    build_checker: Callable[[], ImageChecker | None] = find_checker,
) -> AsyncGenerator[Core]:
    """Load the workflows and run the service on prepared storage for the length of the context.

    `build_notifier` receives the follow-up actions that results offer, and what marks results.

    Raises GenerationError or StartupError, each with its sentence.
    """
    async with AsyncExitStack() as stack:
        database = Database(storage.database_url)
        stack.push_async_callback(database.close)
        catalog = Catalog(
            (LIBRARY, *settings.workflow_folders), preferred=settings.default_workflows
        )
        members = build_pool_members(settings, SentJobs(database))
        pool = BackendPool(members, PoolSettings(default_models=settings.default_models))
        library = Library(
            catalog=catalog,
            pool=pool,
            managed=ManagedFolder(settings.managed_folder),
            known=KnownNodes(settings.data / KNOWN_NODES),
            database=database,
            clock=utc_now,
        )
        await library.open()
        action_finder = ActionFinder(catalog, pool)
        moderation = Moderation(database, utc_now)
        credentials = await asyncio.to_thread(open_credentials, settings.credentials, settings.data)
        visible_mark = VisibleMark(database, utc_now)
        marker = Marker(credentials, visible_mark)
        notifier = build_notifier(action_finder, marker)
        review_channel = notifier if isinstance(notifier, ReviewChannel) else None
        reviews = Reviews(database, utc_now, review_channel)
        image_gate = ImageGate(database, build_checker(), utc_now)
        stack.callback(image_gate.close)
        await image_gate.warn_if_missed()
        wildcards = WildcardLists(database, settings.data / WILDCARDS, utc_now)
        service = GenerationService(
            settings=ServiceSettings(
                storage.engine,
                runs_generations=runs_generations,
                tells_places=tells_places,
                contents_kept=timedelta(days=settings.keep_days),
            ),
            database=database,
            catalog=catalog,
            pool=pool,
            notifier=notifier,
            moderation=moderation,
            wildcards=wildcards,
            reviews=reviews,
            image_gate=image_gate,
            clock=utc_now,
            random_source=random.SystemRandom(),
        )
        backend_admin = BackendAdmin(database, pool, utc_now, service.refresh_line)
        # Before any work is handed out, so that a drained backend stays drained over a restart.
        await backend_admin.apply()

        async def apply_changes() -> None:
            await backend_admin.apply()
            await reviews.finish_decisions()

        service.before_reconciliation(apply_changes)
        stack.push_async_callback(reviews.stop)
        stack.push_async_callback(service.stop)
        await service.start()
        preferences = Preferences(database, catalog, pool, utc_now)
        services = Services(
            generations=service,
            action_finder=action_finder,
            marker=marker,
            visible_mark=visible_mark,
            derivations=Derivations(service, action_finder, catalog),
            remover=Remover(database, utc_now),
            moderation=moderation,
            reviews=reviews,
            reposting=Reposting(database, catalog, moderation, utc_now),
            image_gate=image_gate,
            personal=PersonalData(database, utc_now, preferences),
            retention=Retention(database, utc_now),
            moderation_queries=ModerationQueries(database, utc_now),
            transparency=Transparency(database, utc_now),
            picture_blocks=PictureBlocks(database, utc_now),
            appeals=Appeals(database, utc_now),
            administration=Administration(database, utc_now, service.refresh_line),
            backend_admin=backend_admin,
            preferences=preferences,
            library=library,
            wildcards=wildcards,
        )
        yield Core(database, catalog, pool, tuple(m.backend for m in members), services)


def build_pool_members(
    settings: Settings,
    store: JobStore | None = None,
    *,
    note_problem: Callable[[str], None] = _log.warning,
) -> tuple[PoolMember, ...]:
    """Build an unopened pool member for each configured backend that can be used.

    `note_problem` is called with a sentence about each other one. Without a store nothing may be
    run, since jobs on hosted services would be forgotten. Raises StartupError if none is left.
    """
    members: dict[str, PoolMember] = {}
    problems = []
    for entry in settings.backends:
        try:
            backend = build_backend(_backend_settings(entry, settings.data), store)
        except (ValueError, ComfyError) as error:
            problems.append(str(error))
            continue
        if backend.name in members:
            problems.append(
                f"Two backends are called {backend.name}, and the second is left out: give it a "
                "name of its own in backends.toml."
            )
            continue
        members[backend.name] = PoolMember(
            backend,
            entry.concurrency,
            entry.tags,
            weight=entry.weight,
            cost=entry.cost,
            max_wait_s=entry.max_wait,
            power=_power_settings(entry),
            has_key=entry.api_key_comfy_org is not None,
        )
    if not members:
        raise StartupError(" ".join(problems))
    for problem in problems:
        note_problem(problem)
    return tuple(members.values())


def _backend_settings(entry: BackendEntry, data: Path) -> BackendSettings:
    token, key = entry.bearer_token, entry.api_key_comfy_org
    return BackendSettings(
        url=entry.url,
        name=entry.name,
        kind=entry.kind,
        headers={name: value.get_secret_value() for name, value in entry.headers.items()},
        bearer_token=token.get_secret_value() if token else None,
        api_key_comfy_org=key.get_secret_value() if key else None,
        ca_file=entry.ca_file,
        concurrency=entry.concurrency,
        object_info=data / entry.object_info if entry.object_info else None,
    )


def _power_settings(entry: BackendEntry) -> PowerSettings:
    idle_s = math.inf if entry.idle_minutes is None else entry.idle_minutes * 60
    return PowerSettings(_power_call(entry.wake), _power_call(entry.sleep), idle_s)


def _power_call(entry: tuple[str, ...] | RequestEntry | None) -> PowerCall | None:
    if not isinstance(entry, RequestEntry):
        return entry
    headers = {name: value.get_secret_value() for name, value in entry.headers.items()}
    return HttpCall(entry.url, entry.method, headers, entry.body)


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

        Raises StartupError, DatabaseError or GenerationError, each with its sentence.
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
            _log.warning("%s is not a setting: is it a typing error? See .env.example.", name)
        storage = Storage.of(self._settings)
        if self._role is not Role.ALL and storage.engine.sqlite_path is not None:
            raise StartupError(ROLE_NEEDS_POSTGRESQL)
        await storage.prepare()
        shards = self._settings.shards
        client = LimnerClient(
            address=self._address,
            guild_ids=self._settings.guilds,
            shards=Shards(shards.ids, shards.count) if shards else None,
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
                build_checker=self._build_checker,
            )
        )
        self._core = core
        if self._replies is not None:
            # On PostgreSQL other processes may have told the end of what this one shows.
            is_shared = storage.engine.sqlite_path is None
            self._replies.use_records(core.service, is_shared=is_shared)
            self._stack.push_async_callback(self._replies.close)
        for problem in core.catalog.problems:
            _log.warning("A workflow is left out. %s", problem)
        await _greet_backends(core)
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


async def log_in(client: discord.Client, token: str) -> None:
    """Check the token with Discord. Raises StartupError, including DiscordUnreachable."""
    try:
        await client.login(token)
    except discord.LoginFailure:
        raise StartupError(LOGIN_REFUSED) from None
    except (discord.HTTPException, *NETWORK_ERRORS) as error:
        raise DiscordUnreachable(
            f"Discord cannot be reached just now ({type(error).__name__}). Check the network of "
            "this machine and https://discordstatus.com."
        ) from error


async def log_in_with_retries(client: discord.Client, token: str) -> None:
    """Log in, retrying while Discord cannot be reached. Raises StartupError."""
    for pause_s in growing_pauses():
        try:
            await log_in(client, token)
        except DiscordUnreachable as error:
            _log.warning("%s Another attempt follows in %g s.", error, pause_s)
        else:
            return
        # discord.py opens another HTTP session with each attempt.
        await client.http.close()
        await asyncio.sleep(pause_s)


async def sync(client: LimnerClient) -> None:
    """Sync the commands with Discord, or leave it to `keep_synced`. Raises StartupError."""
    try:
        await client.sync_commands()
    except (discord.DiscordServerError, discord.RateLimited, *NETWORK_ERRORS) as error:
        _log.warning("Discord did not take the commands yet (%s).", type(error).__name__)
        client.sync_later()
    except discord.DiscordException as error:
        raise StartupError(
            f"Discord does not take the commands: {error}. Start it again in a few minutes."
        ) from error


async def run_bot(
    settings: Settings, *, role: Role = Role.ALL, address: DiscordAddress | None = None
) -> None:
    """Run until SIGINT or SIGTERM, or until Discord ends the connection for good.

    Raises what `Application.start` raises, and StartupError when Discord ends it.
    """
    memory.bound()
    files = sqlite_files(settings.effective_database_url)
    await asyncio.to_thread(keep_private, settings.data, *files)
    await run_until_signal(_run_until_end(Application(settings, address=address, role=role)))


async def _run_until_end(application: Application) -> None:
    async with application:
        _log.info("Limner is running; stop it with Ctrl+C.")
        # What exists by now lives as long as the process. Searching all of it for garbage again and
        # again would stop everything for a tenth of a second each time.
        gc.collect()
        gc.freeze()
        try:
            await application.wait()
        except discord.PrivilegedIntentsRequired:
            raise StartupError(INTENTS_REFUSED) from None
        except discord.ConnectionClosed as error:
            raise StartupError(CONNECTION_REFUSED.format(code=error.code)) from error
        finally:
            _log.info("Limner stops; what runs is picked up at the next start.")


async def require_backend(core: Core) -> None:
    """Require at least one backend that answers. Raises StartupError with the problem of each.

    The bot waits for its backends; a person at a terminal should not have to, unless one can be
    started.
    """
    problems = []
    for backend in core.backends:
        try:
            await _learn(core, backend, ANSWER_TIMEOUT_S)
        except TimeoutError:
            problems.append(f"{backend.name} does not answer in time.")
        except ComfyError as error:
            problems.append(str(error))
        else:
            return
    if core.pool.is_any_usable:
        return
    raise StartupError(
        f"No backend can be used. {' '.join(problems)} Start ComfyUI, or correct COMFYUI_URLS."
    )


async def _greet_backends(core: Core) -> None:
    """Read the node classes of each backend; generations wait for those that do not answer."""
    for name, power in core.pool.powers.items():
        if problem := power.find_problem():
            _log.warning("Backend %s: %s", name, problem)

    async def greet(backend: Backend) -> None:
        try:
            description = await _learn(core, backend, BACKEND_GREETING_S)
        except TimeoutError:
            _log.warning("Backend %s does not answer; its work waits until it does.", backend.name)
        except ComfyError as error:
            _log.warning("Backend %s cannot be used yet: %s", backend.name, error)
        else:
            _log.info("Backend %s: %s.", backend.name, description.title)

    await asyncio.gather(*(greet(backend) for backend in core.backends))


async def _learn(core: Core, backend: Backend, timeout_s: float) -> BackendDescription:
    """Fetch a backend's description and node classes. Raises ComfyError, TimeoutError."""
    async with asyncio.timeout(timeout_s):
        description = await backend.fetch_description()
        await core.pool.refresh(backend.name)
        return description


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
