"""`limner service`: keep `limner run` running by the platform's own service manager."""

import os
import plistlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from bot.cli.invocation import CommandError
from bot.operating.private_files import keep_private
from bot.settings import ENV_FILE, Settings
from db.urls import sqlite_files

STOP_WITHIN_S = 20
"""Seconds before the manager kills the process; Limner itself ends within ten."""


@dataclass(frozen=True, slots=True)
class Program:
    """What the service runs: the command, the folder with `.env`, and the data folder.

    It writes to the data folder, and to the one of a SQLite file elsewhere, its `database`.
    """

    command: tuple[str, ...]
    folder: Path
    data: Path
    database: Path | None = None

    @classmethod
    def of(cls, settings: Settings) -> "Program":
        """This installation's `limner run`, from the current folder."""
        # -P: a folder called `bot` in the current one is not taken for the package.
        command = (sys.executable, "-P", "-m", "bot", "run")
        database_url = settings.effective_database_url
        data, file = settings.data.resolve(), next(iter(sqlite_files(database_url)), None)
        folder = file.resolve().parent if file is not None else data
        return cls(command, Path.cwd(), data, None if folder.is_relative_to(data) else folder)


@dataclass(frozen=True, slots=True)
class ServiceManager:
    """A platform's service manager: a file that describes the service, and commands."""

    path: Path
    render: Callable[[Program], str]
    start: Sequence[Sequence[str]]
    stop: Sequence[Sequence[str]]
    logs: str
    """Where to read the log, for people."""
    encoding: str = "utf-8"


def find_manager(platform: str = sys.platform) -> ServiceManager:
    """Return the manager of this platform. Raises CommandError where there is none."""
    match platform:
        case "linux":
            return _systemd()
        case "darwin":
            return _launchd()
        case "win32":
            return _task_scheduler()
        case _:
            raise CommandError(f"There is no service for {platform}: start `limner run` yourself.")


def install(settings: Settings, manager: ServiceManager) -> None:
    """Write the description and start the service. Raises CommandError."""
    if not ENV_FILE.exists():
        raise CommandError("There is no .env in this folder. Run `limner setup` here first.")
    _require(manager.start)
    program = Program.of(settings)
    text = manager.render(program)
    # systemd starts nothing that is to write to a folder which does not exist.
    keep_private(settings.data)
    if program.database is not None:
        program.database.mkdir(parents=True, exist_ok=True)
    manager.path.parent.mkdir(parents=True, exist_ok=True)
    manager.path.write_text(text, encoding=manager.encoding)
    for command in manager.start:
        _run(command)


def uninstall(manager: ServiceManager) -> None:
    """Stop the service and remove its description; settings and data stay. Raises CommandError."""
    if not manager.path.exists():
        raise CommandError("The service is not installed.")
    _require(manager.stop)
    for command in manager.stop:
        _run(command)
    manager.path.unlink(missing_ok=True)


def _require(commands: Sequence[Sequence[str]]) -> None:
    program = commands[0][0]
    if shutil.which(program) is None:
        raise CommandError(
            f"{program} is not installed here. `limner service install --print` shows what it "
            "would run."
        )


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(  # noqa: S603 - the commands are constants of this module
        command, capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode != 0:
        reason = (done.stderr or done.stdout).strip()
        raise CommandError(f"`{' '.join(command)}` failed: {reason}")


def _systemd() -> ServiceManager:
    config = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    control = ("systemctl", "--user")
    return ServiceManager(
        config / "systemd" / "user" / "limner.service",
        _unit,
        start=((*control, "daemon-reload"), (*control, "enable", "--now", "limner.service")),
        stop=((*control, "disable", "--now", "limner.service"),),
        logs="journalctl --user --unit limner --follow",
    )


def _unit(program: Program) -> str:
    command = " ".join(map(_quoted, program.command))
    written = (program.data, *([program.database] if program.database else ()))
    return f"""\
[Unit]
Description=Limner, ComfyUI workflows as Discord commands

[Service]
ExecStart={command}
WorkingDirectory={_specifiers(str(program.folder))}
Restart=on-failure
RestartSec=10
TimeoutStopSec={STOP_WITHIN_S}
UMask=0077
NoNewPrivileges=yes
PrivateTmp=yes
ProtectSystem=strict
ReadWritePaths={" ".join(_quoted(str(folder)) for folder in written)}
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service

[Install]
WantedBy=default.target
"""


def _quoted(text: str) -> str:
    """Quote an argument as systemd.syntax(7) and systemd.service(5) require."""
    plain = _specifiers(text).replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    return f'"{plain}"'


def _specifiers(text: str) -> str:
    return text.replace("%", "%%")


def _launchd() -> ServiceManager:
    path = Path.home() / "Library" / "LaunchAgents" / "limner.plist"
    domain = f"gui/{os.getuid() if hasattr(os, 'getuid') else 0}"
    return ServiceManager(
        path,
        _launch_agent,
        start=(("launchctl", "bootstrap", domain, str(path)),),
        stop=(("launchctl", "bootout", f"{domain}/limner"),),
        logs=f"tail -f {_launch_log()}",
    )


def _launch_log() -> Path:
    return Path.home() / "Library" / "Logs" / "limner.log"


def _launch_agent(program: Program) -> str:
    return plistlib.dumps(
        {
            "Label": "limner",
            "ProgramArguments": list(program.command),
            "WorkingDirectory": str(program.folder),
            "RunAtLoad": True,
            "KeepAlive": {"SuccessfulExit": False},
            "ThrottleInterval": 30,
            "ExitTimeOut": STOP_WITHIN_S,
            "Umask": 0o077,
            "StandardErrorPath": str(_launch_log()),
        }
    ).decode()


def _task_scheduler() -> ServiceManager:
    root = os.environ.get("LOCALAPPDATA")
    path = (Path(root) if root else Path.home() / "AppData" / "Local") / "Limner" / "task.xml"
    return ServiceManager(
        path,
        _task,
        start=(
            ("schtasks", "/Create", "/TN", "Limner", "/XML", str(path), "/F"),
            ("schtasks", "/Run", "/TN", "Limner"),
        ),
        stop=(
            ("schtasks", "/End", "/TN", "Limner"),
            ("schtasks", "/Delete", "/TN", "Limner", "/F"),
        ),
        logs="type limner.log in the data folder",
        encoding="utf-16",
    )


def _task(program: Program) -> str:
    # The scheduler keeps no output. Each start truncates the file, so it stays small.
    command = subprocess.list2cmdline(program.command)
    log = program.data / "limner.log"
    arguments = f'/d /s /c "{command} 2> "{log}""'
    return f"""\
<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <Triggers><LogonTrigger><Enabled>true</Enabled></LogonTrigger></Triggers>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <RestartOnFailure><Interval>PT1M</Interval><Count>255</Count></RestartOnFailure>
  </Settings>
  <Actions>
    <Exec>
      <Command>cmd.exe</Command>
      <Arguments>{escape(arguments)}</Arguments>
      <WorkingDirectory>{escape(str(program.folder))}</WorkingDirectory>
    </Exec>
  </Actions>
</Task>
"""
