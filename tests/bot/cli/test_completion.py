import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PATH = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])


def limner(*arguments, **environment):
    return run([sys.executable, "-m", "bot", *arguments], environment)


def run(command, environment=None):
    return subprocess.run(  # noqa: S603 - our own words
        command,
        capture_output=True,
        check=False,
        encoding="utf-8",
        env={**os.environ, "PATH": PATH, **(environment or {})},
    )


def complete_in_powershell(*words, incomplete):
    """The suggestions and their help, asked for as the script asks."""
    result = limner(
        _LIMNER_COMPLETE="powershell_complete",
        COMP_WORDS="\n".join(words),
        COMP_CWORD=incomplete,
    )
    assert result.returncode == 0
    assert result.stderr == ""
    return dict(line.split("\t") for line in result.stdout.splitlines() if line)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_each_shell_gets_a_script_that_asks_limner(shell):
    result = limner("completion", shell)
    assert result.returncode == 0
    assert f"{shell}_complete" in result.stdout
    assert "_LIMNER_COMPLETE" in result.stdout
    assert "%(" not in result.stdout


def test_another_shell_is_refused_with_those_that_are_known():
    result = limner("completion", "tcsh")
    assert result.returncode == 2
    assert "'bash', 'zsh', 'fish', 'powershell'" in result.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="bash there is another system's")
def test_bash_completes_commands_by_the_script():
    commands = (
        'eval "$(limner completion bash)"',
        "COMP_WORDS=(limner workflows in)",
        "COMP_CWORD=2",
        "_limner_completion limner",
        'echo "${COMPREPLY[@]}"',
    )
    result = run([shutil.which("bash"), "-euc", "\n".join(commands)])
    assert (result.stdout.strip(), result.stderr) == ("inspect", "")


def test_powershell_gets_commands_with_their_help():
    suggestions = complete_in_powershell("limner", incomplete="wo")
    assert suggestions == {"workflows": "Manage workflow files."}


def test_powershell_gets_options_and_choices():
    assert "--workflow" in complete_in_powershell("limner", "generate", incomplete="--w")
    roles = complete_in_powershell("limner", "run", "--role", incomplete="")
    assert roles == {"all": "all", "bot": "bot", "worker": "worker"}


def test_powershell_completes_paths_itself():
    folder = r"C:\My pictures\new"
    assert (
        complete_in_powershell("limner", "generate", "--out", folder, "--image", incomplete="")
        == {}
    )
    assert "--seed" in complete_in_powershell(
        "limner", "generate", "--out", folder, incomplete="--s"
    )
