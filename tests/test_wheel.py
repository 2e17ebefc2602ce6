"""What `pip install` brings: the program and its data, and nothing that serves developers alone."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[1]
BUILD = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["uv"]
PACKAGES = BUILD["build-backend"]["module-name"]
HOOK = "import sys, uv_build; uv_build.build_wheel(sys.argv[1])"


@pytest.fixture(scope="module")
def contents(tmp_path_factory):
    """The names of the files in the wheel, as the build backend of pyproject.toml makes it."""
    folder = tmp_path_factory.mktemp("wheel")
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", HOOK, str(folder)],
        cwd=ROOT,
        check=True,
        env={**os.environ, "PATH": programs},
    )
    (path,) = folder.glob("limner-*.whl")
    with ZipFile(path) as wheel:
        return set(wheel.namelist())


def tracked(package):
    """Every file of a package that is not made by running it."""
    files = (path for path in (ROOT / package).rglob("*") if path.is_file())
    return {path.relative_to(ROOT).as_posix() for path in files if "__pycache__" not in path.parts}


def test_it_has_the_packages_and_its_own_record_alone(contents):
    tops = {name.partition("/")[0] for name in contents}
    (record,) = tops - set(PACKAGES)
    assert record.endswith(".dist-info")
    assert tops - {record} == set(PACKAGES)


@pytest.mark.parametrize("package", PACKAGES)
def test_it_has_every_file_of_a_package(contents, package):
    assert tracked(package) == {
        name for name in contents if name.startswith(f"{package}/") and not name.endswith("/")
    }


@pytest.mark.parametrize("folder", ["bot/i18n/languages", "workflows/library", "sandbox/page"])
def test_it_has_the_data_the_program_reads(contents, folder):
    data = {name for name in contents if name.startswith(f"{folder}/")}
    assert {name for name in data if not name.endswith((".py", "/"))}


@pytest.mark.parametrize("word", ["test", "benchmark", "chaos", "screenshot", "reverse_proxy"])
def test_it_has_nothing_for_developers(contents, word):
    names = (name.rpartition("/")[2] for name in contents)
    assert [name for name in names if word in name] == []
    assert [name for name in contents if f"{word}s/" in name or f"{word}/" in name] == []


def test_the_tests_build_it_with_the_backend_that_installers_use():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (backend,) = project["build-system"]["requires"]
    pins = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8")
    assert f"\n{backend.replace('_', '-')} " in pins
