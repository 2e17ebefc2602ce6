"""The privacy notice says what the settings are."""

import re

import pytest

from bot.cli.privacy import write_notice
from bot.i18n.language import languages
from bot.settings import Settings

HOSTED = """
[[backend]]
name = "mine"
url = "http://127.0.0.1:8188"

[[backend]]
name = "Comfy Cloud"
kind = "comfy-api"
url = "https://cloud.comfy.org"
api_key_comfy_org = "comfyui-secret"
"""


@pytest.fixture
def settings(tmp_path):
    def build(backends="", **facts):
        (tmp_path / "backends.toml").write_text(backends)
        return Settings(data=tmp_path, **facts).with_backends_file()

    return build


def test_it_says_what_is_set(settings):
    usual = write_notice(settings(keep_days=3), "en", "")
    assert "for 3 days" in usual
    assert "on the machine that the bot runs on" in usual
    assert "say that AI made them" in usual
    assert "service outside" not in usual
    assert usual.endswith("**Ask**: the people who run this bot")
    database = "postgresql://limner:secret@db/limner"
    other = settings(HOSTED, database_url=database, credentials="off")
    notice = write_notice(other, "en", "help@example.org")
    assert "a database server of the people" in notice
    assert "a service outside: Comfy Cloud." in notice
    assert "paid services" in notice
    assert "say that AI made them" not in notice
    assert notice.endswith("**Ask**: help@example.org")
    assert "secret" not in notice


@pytest.mark.parametrize("language", sorted(languages()))
def test_it_is_whole_in_every_language(settings, language):
    english = write_notice(settings(HOSTED), "en", "help@example.org").split("\n\n")
    notice = write_notice(settings(HOSTED), language, "help@example.org").split("\n\n")
    assert len(notice) == len(english)
    assert not set(notice) & set(english)
    assert not re.search(r"[{}]", "".join(notice))
