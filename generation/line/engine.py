"""Starts the engine and shuts it down."""

import asyncio
import logging
import secrets
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from dbos import DBOS

from db.database import IDLE_TRANSACTION_TIMEOUT_S
from generation.line.engine_log import configure_engine_log
from generation.line.serializer import JSONSerializer
from generation.line.settings import APPLICATION_VERSION, EngineSettings

LIFE_SEPARATOR = "@"
"""Between the name of a process and what tells its lives apart."""

_POLL_S = 0.1
"""Between two looks of the engine for notifications, which nobody here sends. A shutdown waits for
the next one: with the engine's own interval, a second."""


async def launch_engine(settings: EngineSettings, slot: str) -> str:
    """Start it with the workflows declared so far; the executor under which it notes them.

    That is another one in each life of a process: what was interrupted is not resumed as it was,
    but begins again from our own records, in this life or another process.
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
            # With them, PostgreSQL is listened to and a hundred times a second looked for news.
            "use_listen_notify": False,
        }
    )
    configure_engine_log(logging.getLogger("dbos"))
    # Turns are not given by the engine's queues: none is looked at, whatever earlier versions left.
    DBOS.listen_queues([])
    # On the loop itself, although it blocks for a moment: the engine runs its workflows on the
    # loop that it is launched on.
    DBOS.launch()
    _stop_polling(engine)
    return executor


def _stop_polling(engine: DBOS) -> None:
    """Stop the threads that ask the engine's tables every second for what is not used here.

    That is its queues, schedules, delayed workflows and deadlines: three quarters of the CPU time
    of a bot at rest.
    """
    unused = (
        *engine.background_thread_stop_events,
        engine._background_jobs_stop_event,  # noqa: SLF001 - there is no setting for it
    )
    for stopped in unused:
        stopped.set()


def slot_of(executor: str) -> str:
    """The name of the process whose life this was."""
    return executor.partition(LIFE_SEPARATOR)[0]


def _switch_to_wal(path: Path) -> None:
    """The engine leaves the journal as it is; writers would wait for readers."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")


async def destroy_engine() -> None:
    """Give the loop back threads of its own, and shut the engine down.

    The engine makes its thread pool the loop's default one with each call, and closes it: others
    need threads meanwhile, and calls that are under way put it back.
    """
    loop = asyncio.get_running_loop()
    threads = ThreadPoolExecutor(thread_name_prefix="worker")
    loop.set_default_executor(threads)
    with ThreadPoolExecutor(1, thread_name_prefix="engine-shutdown") as pool:
        await loop.run_in_executor(pool, lambda: DBOS.destroy(destroy_registry=True))
    loop.set_default_executor(threads)
