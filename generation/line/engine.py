"""Start and shutdown of the engine."""

import asyncio
import logging
import secrets
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

from dbos import DBOS

from db.engine import IDLE_TRANSACTION_TIMEOUT_S
from generation.line.engine_log import configure_engine_log
from generation.line.serializer import JSONSerializer
from generation.line.settings import APPLICATION_VERSION, EngineSettings

LIFE_SEPARATOR = "@"
"""Separates a process's name from the part of the executor id that differs between its starts."""

_POLL_S = 0.1
"""Interval in which the engine polls for notifications, until that is stopped. A shutdown right
after the start waits for it, which takes a second with the engine's own interval."""


async def launch_engine(settings: EngineSettings, slot: str) -> str:
    """Start the engine with the declared workflows; return the executor id it records.

    Each start of a process has another executor id, so that the engine does not resume interrupted
    workflows: they begin again from our own records, here or in another process.
    """
    if settings.sqlite_path is not None:
        await asyncio.to_thread(_switch_to_wal, settings.sqlite_path)
    executor = f"{slot}{LIFE_SEPARATOR}{secrets.token_hex(4)}"
    engine = DBOS(
        config={
            "name": "limner",
            "system_database_url": settings.url,
            "executor_id": executor,
            "application_version": APPLICATION_VERSION,
            "serializer": JSONSerializer(),
            "console_log_level": "WARNING",
            "db_engine_kwargs": settings.connection_options,
            "sys_db_idle_transaction_timeout_sec": float(IDLE_TRANSACTION_TIMEOUT_S),
            "notification_listener_polling_interval_sec": _POLL_S,
            # With these, the engine polls PostgreSQL's notifications a hundred times a second.
            "use_listen_notify": False,
        }
    )
    configure_engine_log(logging.getLogger("dbos"))
    # Scheduling does not use the engine's queues, including those that earlier versions left.
    DBOS.listen_queues([])
    # On the loop, although it blocks briefly: the engine runs workflows on the loop from which it
    # is launched.
    DBOS.launch()
    _stop_polling(engine)
    return executor


def _stop_polling(engine: DBOS) -> None:
    """Stop the threads that look every second or more often for what is not used here.

    That is its queues, schedules, delayed workflows, deadlines and notifications: three quarters of
    the CPU time of a bot at rest.
    """
    for stopped in engine.background_thread_stop_events:
        stopped.set()
    # There is no setting for these. A release that names them differently polls on.
    with suppress(AttributeError):
        engine._background_jobs_stop_event.set()  # noqa: SLF001
        engine._sys_db._run_background_processes = False  # noqa: SLF001


def slot_of(executor: str) -> str:
    """Return the process name in an executor id."""
    return executor.partition(LIFE_SEPARATOR)[0]


def _switch_to_wal(path: Path) -> None:
    """Switch to WAL, which the engine does not do; otherwise writers wait for readers."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")


async def destroy_engine() -> None:
    """Restore the loop's own executor, and shut the engine down.

    Each call of the engine makes its thread pool the loop's default executor, and the shutdown
    closes it. Other tasks need threads meanwhile, and engine calls in progress would set it again.
    """
    loop = asyncio.get_running_loop()
    threads = ThreadPoolExecutor(thread_name_prefix="worker")
    loop.set_default_executor(threads)
    with ThreadPoolExecutor(1, thread_name_prefix="engine-shutdown") as pool:
        await loop.run_in_executor(pool, lambda: DBOS.destroy(destroy_registry=True))
    loop.set_default_executor(threads)
