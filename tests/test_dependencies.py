"""What the packages import is what they declare, so that it is there on every Python."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = PROJECT["tool"]["uv"]["build-backend"]["module-name"]
PROVIDED = {
    "pydantic-core": "pydantic pins it, and documents its error details there",
    "multidict": "aiohttp's headers are its mappings",
    "playwright": "drives a browser for tests and screenshots, which nobody else runs",
}


def distribution(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def declared():
    extras = PROJECT["project"]["optional-dependencies"].values()
    requirements = [
        *PROJECT["project"]["dependencies"],
        *(one for extra in extras for one in extra),
    ]
    return {distribution(re.match(r"[\w.-]+", one)[0]) for one in requirements}


def imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_import_is_a_declared_dependency(package):
    distributions = packages_distributions()
    undeclared = set()
    for path in (ROOT / package).rglob("*.py"):
        for name in imported(path):
            top = name.partition(".")[0]
            if top in sys.stdlib_module_names or top in PACKAGES or top == "compression":
                continue
            providers = {distribution(one) for one in distributions.get(top, [top, name])}
            if not providers & (declared() | PROVIDED.keys()):
                undeclared.add(f"{path.relative_to(ROOT)}: {name}")
    assert undeclared == set()
