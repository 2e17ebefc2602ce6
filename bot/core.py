"""Builds the core's services and adapters by constructor."""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Self

from bot.pool_members import ANSWER_TIMEOUT_S, KNOWN_NODES, build_pool_members
from bot.services import Services
from bot.settings import Settings
from comfy.backend import Backend
from comfy.errors import ComfyError
from comfy.protocol.responses import BackendDescription
from db import migrations
from db.database import Database
from generation.backends.draining import BackendAdmin
from generation.backends.object_info_cache import KnownNodes
from generation.backends.pool import BackendPool
from generation.backends.sent_jobs import SentJobs
from generation.history.removal import Remover
from generation.history.retention import Retention
from generation.library.library import Library
from generation.line import EngineSettings
from generation.marking.credentials import open_credentials
from generation.marking.marker import Marker
from generation.marking.visible import VisibleMark
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
from workflows.folders.catalog import LIBRARY, Catalog
from workflows.folders.managed_folder import ManagedFolder

WILDCARDS = "wildcards"
"""Folder inside the data folder with the operator's wildcard lists."""

BACKEND_GREETING_S = 5.0
"""Seconds that start-up waits for a backend before it continues without it."""

_log = logging.getLogger(__name__)


class StartupError(Exception):
    """The program cannot start; the message is one sentence that says what to do."""


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
    is_connected: Callable[[], bool] = lambda: True,
    build_checker: Callable[[], ImageChecker | None] = find_checker,
) -> AsyncGenerator[Core]:
    """Load the workflows and run the service on prepared storage for the length of the context.

    `build_notifier` receives the follow-up actions that results offer, and what marks results.
    `is_connected` tells whether the front end knows the servers' languages.

    Raises GenerationError, StartupError or SettingsError, each with its sentence.
    """
    async with AsyncExitStack() as stack:
        database = Database(storage.database_url)
        stack.push_async_callback(database.close)
        catalog = Catalog(
            (LIBRARY, *settings.workflow_folders), preferred=settings.default_workflows
        )
        members = build_pool_members(settings, SentJobs(database))
        pool = BackendPool(members, settings.default_models)
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
            if is_connected():
                await reviews.update_messages()

        service.before_reconciliation(apply_changes)
        stack.push_async_callback(reviews.stop)
        stack.push_async_callback(service.stop)
        await service.start()
        preferences = Preferences(database, catalog, pool, utc_now)
        derivations = Derivations(service, action_finder, catalog)
        services = Services(
            generations=service,
            action_finder=action_finder,
            marker=marker,
            visible_mark=visible_mark,
            derivations=derivations,
            remover=Remover(database, utc_now),
            moderation=moderation,
            reviews=reviews,
            reposting=Reposting(database, catalog, moderation, derivations.lineage, utc_now),
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


async def greet_backends(core: Core) -> None:
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
        await core.pool.inventory.refresh(backend.name)
        return description
