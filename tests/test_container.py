"""The image and the compose files fit the program; no engine runs them here."""

import re
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from bot.settings import Settings

ROOT = Path(__file__).parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
PACKAGES = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["uv"][
    "build-backend"
]["module-name"]
KNOWN = {field.alias for field in Settings.model_fields.values()}
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


def services_of(path):
    """The services of a compose file, with what they extend."""
    services = yaml.safe_load(path.read_text(encoding="utf-8"))["services"]
    for name, service in services.items():
        if base := service.get("extends"):
            extended = services_of(path.with_name(base["file"]))[base["service"]]
            environment = extended["environment"] | service["environment"]
            services[name] = extended | service | {"environment": environment}
    return services


@pytest.mark.parametrize("path", COMPOSE_FILES, ids=lambda path: path.name)
def test_services_are_told_of_settings_that_exist(path):
    ours = [one for one in services_of(path).values() if one.get("build") == "."]
    assert ours
    for one in ours:
        assert set(one["environment"]) <= KNOWN
        assert one["env_file"] == ".env"


def test_a_cluster_and_an_unraid_box_are_told_of_settings_that_exist():
    parts = yaml.safe_load_all((ROOT / "deploy" / "kubernetes.yaml").read_text(encoding="utf-8"))
    pod = next(one for one in parts if one["kind"] == "Deployment")["spec"]["template"]["spec"]
    assert {one["name"] for one in pod["containers"][0]["env"]} <= KNOWN
    assert f"--uid {pod['securityContext']['runAsUser']} " in DOCKERFILE
    template = ElementTree.parse(ROOT / "deploy" / "limner.unraid.xml")  # noqa: S314 - our own
    fields = {one.get("Target"): one for one in template.iterfind("Config")}
    assert fields.keys() - {"/data"} <= KNOWN
    assert fields["DISCORD_TOKEN"].get("Mask") == "true"


def test_every_role_of_a_larger_setup_is_started():
    text = (ROOT / "compose.scale.yaml").read_text(encoding="utf-8")
    services = yaml.safe_load(text)["services"]
    roles = [one["command"][-1] for one in services.values() if "command" in one]
    assert sorted(roles) == ["bot", "worker"]
