"""What `limner service` would install, for each platform."""

import plistlib
import shlex
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from bot.cli import service as services
from bot.cli.invocation import CommandError
from bot.cli.main import limner
from bot.settings import load_settings

PROGRAM = services.Program(
    ("/opt/my tools/python", "-P", "-m", "bot", "run"), Path("/srv/50% bot"), Path("/srv/my data")
)
TASK = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"


def test_a_unit_names_command_and_folders():
    lines = services.find_manager("linux").render(PROGRAM).splitlines()
    assert 'ExecStart="/opt/my tools/python" "-P" "-m" "bot" "run"' in lines
    assert "WorkingDirectory=/srv/50%% bot" in lines
    assert 'ReadWritePaths="/srv/my data"' in lines
    assert f"TimeoutStopSec={services.STOP_WITHIN_S}" in lines


def test_a_unit_may_write_where_the_database_is(manager, settings, tmp_path, monkeypatch):
    (tmp_path / ".env").write_text(f"DATABASE_URL=sqlite:///{tmp_path}/kept elsewhere/limner.db\n")
    program = services.Program.of(load_settings())
    lines = services.find_manager("linux").render(program).splitlines()
    assert f'ReadWritePaths="{tmp_path}/data" "{tmp_path}/kept elsewhere"' in lines
    services.install(load_settings(), manager("start"))
    assert (tmp_path / "kept elsewhere").is_dir()
    for url in ("sqlite:///data/limner.db", "postgresql://limner@127.0.0.1/limner"):
        monkeypatch.setenv("DATABASE_URL", url)
        assert services.Program.of(load_settings()).database is None


def test_a_launch_agent_names_command_and_folders():
    manager = services.find_manager("darwin")
    agent = plistlib.loads(manager.render(PROGRAM).encode())
    assert agent["ProgramArguments"] == list(PROGRAM.command)
    assert agent["WorkingDirectory"] == "/srv/50% bot"
    assert agent["KeepAlive"] == {"SuccessfulExit": False}
    assert manager.start[0][-1] == str(manager.path)


def test_a_task_names_command_and_folders():
    manager = services.find_manager("win32")
    program = services.Program(
        (r"C:\Program Files\python.exe", "-m", "bot", "run"), Path(r"C:\bot"), Path(r"C:\a & b")
    )
    task = ElementTree.fromstring(manager.render(program).encode(manager.encoding))  # noqa: S314 - ours
    execution = task.find(f"{TASK}Actions/{TASK}Exec")
    assert execution.findtext(f"{TASK}WorkingDirectory") == r"C:\bot"
    arguments = execution.findtext(f"{TASK}Arguments")
    assert r'"C:\Program Files\python.exe" -m bot run 2> "' in arguments
    assert r"C:\a & b" in arguments
    assert task.findtext(f"{TASK}Settings/{TASK}ExecutionTimeLimit") == "PT0S"


def test_an_unknown_platform_is_told_what_to_do():
    with pytest.raises(CommandError, match="start `limner run` yourself"):
        services.find_manager("plan9")


@pytest.fixture
def manager(tmp_path):
    """A manager whose control program notes its calls and refuses to start what is called bad."""
    script = tmp_path / "control"
    script.write_text(
        f"#!{sys.executable}\nimport sys\n"
        f"print(*sys.argv[1:], file=open({str(tmp_path / 'calls')!r}, 'a'))\n"
        "sys.exit('it is bad' if 'bad' in sys.argv else 0)\n"
    )
    script.chmod(0o755)

    def build(*start: str):
        return services.ServiceManager(
            tmp_path / "made" / "limner.service",
            lambda program: shlex.join(program.command),
            start=[(str(script), *start)],
            stop=[(str(script), "stop")],
            logs="cat log",
        )

    return build


@pytest.fixture
def settings(tmp_path, monkeypatch, no_test_variables):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("LIMNER_DATA=data\n")
    return load_settings()


def test_install_and_uninstall(manager, settings, tmp_path):
    made = manager("start")
    services.install(settings, made)
    assert made.path.read_text().endswith("-P -m bot run")
    assert (tmp_path / "data").is_dir(), "a unit that may write only there needs it"
    services.uninstall(made)
    assert not made.path.exists()
    assert (tmp_path / "calls").read_text() == "start\nstop\n"
    with pytest.raises(CommandError, match="not installed"):
        services.uninstall(made)


def test_a_manager_that_refuses_is_quoted(manager, settings):
    with pytest.raises(CommandError, match="failed: it is bad"):
        services.install(settings, manager("bad"))


def test_without_settings_nothing_is_installed(manager, settings, tmp_path):
    (tmp_path / ".env").unlink()
    with pytest.raises(CommandError, match="limner setup"):
        services.install(settings, manager("start"))
    assert not (tmp_path / "made").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="checks the unit that Linux gets")
def test_print_shows_it_and_installs_nothing(settings, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    shown = CliRunner().invoke(limner, ["service", "install", "--print"])
    assert shown.exit_code == 0
    assert f'ReadWritePaths="{tmp_path / "data"}"' in shown.stdout
    assert not (tmp_path / "config").exists()
