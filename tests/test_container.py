"""The image and the compose files fit the program; no engine runs them here."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from bot.settings import Settings

ROOT = Path(__file__).parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
PACKAGES = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["uv"][
    "build-backend"
]["module-name"]
COMPOSE_FILES = sorted(ROOT.glob("compose*.yaml"))


def copied():
    lines = re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
    return {source for line in lines for source in line.split()[:-1]}


def test_the_image_has_every_package_and_nothing_that_is_not_there():
    assert copied() >= set(PACKAGES)
    assert all((ROOT / source).exists() for source in copied())


def test_what_the_image_copies_is_let_into_its_build():
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert ignored[0] == "*"
    assert copied() <= {line.removeprefix("!") for line in ignored}


@pytest.mark.parametrize("path", COMPOSE_FILES, ids=lambda path: path.name)
def test_services_are_told_of_settings_that_exist(path):
    known = {field.alias for field in Settings.model_fields.values()}
    services = yaml.safe_load(path.read_text(encoding="utf-8"))["services"]
    ours = {name: one for name, one in services.items() if one.get("build") == "."}
    assert ours
    for one in ours.values():
        assert set(one["environment"]) <= known
        assert one["env_file"] == ".env"


def test_every_role_of_a_larger_setup_is_started():
    text = (ROOT / "compose.scale.yaml").read_text(encoding="utf-8")
    services = yaml.safe_load(text)["services"]
    roles = [one["command"][-1] for one in services.values() if "command" in one]
    assert sorted(roles) == ["bot", "worker"]
