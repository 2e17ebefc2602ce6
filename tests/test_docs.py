"""The documents say what the program does."""

import ast
import re
import tomllib
from pathlib import Path

import click
import pytest
import yaml

from bot.cli.main import limner
from bot.settings import Settings
from bot.ui.error_messages import FAILURE_TITLES
from generation.errors import FailureKind
from tests.support.shipped import load_shipped

ROOT = Path(__file__).parents[1]
SETTINGS = sorted(str(field.alias) for field in Settings.model_fields.values())
PACKAGES = ("bot", "comfy", "db", "generation", "sandbox", "workflows")
DOCUMENTS = sorted((ROOT / "docs").rglob("*.md")) + sorted(ROOT.glob("*.md"))


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def console_commands(group: click.Group, prefix: str = "limner") -> list[str]:
    names = []
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            names += console_commands(command, f"{prefix} {name}")
        else:
            names.append(f"{prefix} {name}")
    return names


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_is_documented(name):
    assert re.search(rf"^{name}=", read(".env.example"), re.MULTILINE)
    assert f"| `{name}` |" in read("docs/configuration.md")


def test_env_example_names_nothing_else():
    names = re.findall(r"^([A-Z_]+)=", read(".env.example"), re.MULTILINE)
    assert sorted(names) == SETTINGS


@pytest.mark.parametrize("name", console_commands(limner))
def test_every_console_command_is_documented(name):
    assert f"`{name}" in read("docs/operating.md")


@pytest.mark.parametrize("kind", FailureKind)
def test_every_failure_is_documented(kind):
    assert f"| {FAILURE_TITLES[kind]} |" in read("docs/commands.md")


def test_every_page_has_its_place_on_the_website():
    pages = re.findall(r"([\w/-]+\.md)$", read("mkdocs.yml"), re.MULTILINE)
    folder = ROOT / "docs"
    assert sorted(pages) == sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*.md")
    )


def test_every_shipped_workflow_is_documented():
    for name in load_shipped().workflows:
        assert f"`{name}`" in read("docs/workflows.md")


def packages():
    """The folders of modules, as the documents name them."""
    inits = (path for root in PACKAGES for path in (ROOT / root).rglob("__init__.py"))
    return sorted(path.parent.relative_to(ROOT).as_posix() for path in inits)


@pytest.mark.parametrize("folder", packages())
def test_every_folder_of_modules_is_in_the_tree(folder):
    assert f"\n| `{folder}/` | " in read("docs/architecture.md")


@pytest.mark.parametrize("document", ["docs/architecture.md", "CONTRIBUTING.md"])
def test_paths_in_documents_exist(document):
    paths = re.findall(
        r"`((?:bot|comfy|db|generation|sandbox|tests|workflows)/[\w./-]*)`", read(document)
    )
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []


def definitions(path):
    """Functions and classes of a module, and the classes' members as `Class.member`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        for member in node.body if isinstance(node, ast.ClassDef) else ():
            target = member.target if isinstance(member, ast.AnnAssign) else member
            yield f"{node.name}.{getattr(target, 'name', getattr(target, 'id', ''))}"


def test_functions_of_the_data_flows_exist():
    flows = read("docs/architecture.md").partition("## Data flows")[2].partition("\n## ")[0]
    modules = (path for root in PACKAGES for path in (ROOT / root).rglob("*.py"))
    known = {name for path in modules for name in definitions(path)}
    assert set(re.findall(r"`([A-Za-z_.]+)`", flows)) - known == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(document):
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8")):
        assert (document.parent / target).exists(), target


def test_the_gate_finds_the_test_command_of_the_readme():
    assert "grep -m1 ' pytest -n 6 ' README.md" in read(".ci/run")
    (command,) = re.findall(r"^.* pytest -n 6 .*$", read("README.md"), re.MULTILINE)
    assert "--with-requirements requirements-dev.txt" in command


def test_the_gate_and_pre_commit_take_their_steps_from_one_place():
    assert "\nrun nox --tags check\n" in read(".ci/run")
    (repository,) = yaml.safe_load(read(".pre-commit-config.yaml"))["repos"]
    assert [hook["entry"] for hook in repository["hooks"]] == ["nox --tags commit"]
    assert re.findall(r"ruff|mypy|lint-imports|migrations check", read(".ci/run")) == []


def test_the_workflow_tests_every_python_and_ignores_what_exists():
    text = read(".github/workflows/tests.yml")
    versions = yaml.safe_load(text)["jobs"]["tests"]["strategy"]["matrix"]["python"]
    project = tomllib.loads(read("pyproject.toml"))["project"]
    assert f">={versions[0]}" == project["requires-python"]
    ignored = re.findall(r"--ignore=(\S+)", text)
    assert ignored
    assert [path for path in ignored if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_pinned_versions_name_no_download_address(name):
    text = read(name)
    assert "://" not in text
    assert "--hash=sha256:" in text
    for line in text.splitlines():
        assert line.startswith("    --hash=") or re.match(r"[a-z0-9._-]+(\[[a-z,]+\])?==\S+", line)


def test_packages_are_installed_where_the_next_line_runs_them():
    """`python3 -m uv` installs into that Python, whatever environment was made before."""
    documents = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md"))
    commands = [
        part
        for document in documents
        for line in document.read_text(encoding="utf-8").splitlines()
        for part in line.split("&&")
        if "uv pip install" in part
    ]
    assert len(commands) > 1
    assert [one for one in commands if "--python .venv" not in one] == []


def test_extras_are_installed_the_way_limner_was():
    assert "\nuv tool install . " in read("README.md")
    commands = re.findall(
        r'^uv tool install "\.\[([a-z]+)\]"', read("docs/operating.md"), re.MULTILINE
    )
    project = tomllib.loads(read("pyproject.toml"))["project"]
    assert sorted(commands) == sorted(project["optional-dependencies"])
