"""PostgreSQL databases with our tables, emptied between tests."""

import asyncio
import secrets

from benchmarks.postgres import PostgresServer
from db import migrations
from db.base import Base


class MigratedDatabases:
    """Databases with our tables, and nothing in them: emptied after use, since that is quicker.

    One that a line worked in has the engine's tables too, which it takes long to make.
    """

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._template = create_database(server, "template0")
        asyncio.run(migrations.upgrade(server.url(self._template)))
        self._tables = self._list_tables(self._template)
        self._spare: list[str] = []

    def take(self) -> str:
        """Give one that nobody else has."""
        return self._spare.pop() if self._spare else create_database(self._server, self._template)

    def give_back(self, name: str) -> None:
        """Empty it for the next one, unless more than rows was changed."""
        self._server.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()",
            name,
        )
        if self._list_tables(name) != self._tables:
            drop_database(self._server, name)
            return
        # TRUNCATE makes new files for every table and index, which takes PostgreSQL five times as
        # long. A replica does not check foreign keys.
        deletions = [str(table.delete()) for table in Base.metadata.sorted_tables]
        of_engine = self._server.execute(
            "SELECT format('DELETE FROM dbos.%I', tablename) FROM pg_tables "
            "WHERE schemaname = 'dbos' AND tablename <> 'dbos_migrations'",
            name,
        )
        deletions += [str(deletion) for (deletion,) in of_engine]
        restart = "SELECT setval(seqrelid::regclass, seqstart, false) FROM pg_sequence"
        statements = ["SET session_replication_role = replica", *deletions, restart]
        self._server.execute("; ".join(statements), name)
        self._spare.append(name)

    def _list_tables(self, name: str) -> list[tuple[object, ...]]:
        return self._server.execute(
            "SELECT schemaname, tablename, version_num FROM pg_tables, limner_revision "
            "WHERE schemaname NOT IN ('pg_catalog', 'information_schema', 'dbos') ORDER BY 1, 2",
            name,
        )


def create_database(server: PostgresServer, template: str) -> str:
    name = f"test_{secrets.token_hex(8)}"
    server.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    return name


def drop_database(server: PostgresServer, name: str) -> None:
    server.execute(f"DROP DATABASE {name} WITH (FORCE)")
