"""A scriptable backend and notifier, a small library, and services built from them."""

import itertools
import shutil
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
import pytest_asyncio

from db.repositories.guilds import GuildRepository
from db.repositories.policies import PolicyRepository
from tests.support import fake_backend, fake_notifier, pictures, running_service, waiting
from tests.support.fake_backend import FakeBackend
from tests.support.fake_notifier import FakeNotifier
from tests.support.running_service import build_catalog, open_service


@pytest.fixture
def catalog(tmp_path):
    return build_catalog(tmp_path / "workflows")


@pytest.fixture
def notifier():
    return FakeNotifier()


@pytest.fixture
def backend():
    return FakeBackend()


@pytest.fixture
def open_app(tmp_path, catalog, notifier, migrated_engine_file):
    """Builds and starts a service; stops it at the end of the block. One at a time."""

    engine = tmp_path / "engine.db"
    shutil.copyfile(migrated_engine_file, engine)

    def open_(url, *backends, **options):
        settings = {"catalog": catalog, "notifier": notifier, "engine": engine}
        return open_service(url, *backends, **{**settings, **options})

    return open_


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def module_app(tmp_path_factory, migrated_sqlite_file):
    """A service for all tests of a module: starting the engine takes two seconds."""
    folder = tmp_path_factory.mktemp("app")
    shutil.copyfile(migrated_sqlite_file, folder / "limner.db")
    async with open_service(
        f"sqlite:///{folder / 'limner.db'}",
        FakeBackend(),
        catalog=build_catalog(folder / "workflows"),
        notifier=FakeNotifier(),
        engine=folder / "engine.db",
    ) as opened:
        with opened.database.transaction() as session:
            PolicyRepository(session).set_role(5, 77, has_priority=True)
        yield opened


@pytest.fixture
def app(module_app):
    """The module's service, with a backend and a notifier that remember nothing."""
    (backend,) = module_app.backends
    FakeBackend.__init__(backend, is_open=True)
    module_app.notifier.__init__()
    return module_app


NOW = datetime(2026, 1, 1, tzinfo=UTC)

_user_ids = itertools.count(1000)


@pytest.fixture
def user_id():
    """A person of this test's own."""
    return next(_user_ids)


@pytest.fixture
def unhurried():
    """Lets people of the usual guild ask for much, and at once."""

    async def allow(app):
        with app.database.transaction() as session:
            guilds = GuildRepository(session)
            guilds.get_or_create(5, now=NOW)
            guilds.update(5, cooldown_s=0, pictures=1000, max_waiting=100)

    return allow


@pytest.fixture
def tools():
    """What tests of this folder share, in one object."""
    modules = (fake_notifier, fake_backend, pictures, running_service, waiting)
    return SimpleNamespace(
        **{name: value for each in modules for name, value in vars(each).items()}
    )
