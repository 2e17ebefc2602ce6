"""`limner setup` from an empty folder to a checked `.env`."""

import asyncio
import stat

import pytest
from click.testing import CliRunner
from dotenv import dotenv_values

from bot.cli.setup import SetupOptions, run_setup
from bot.client import DiscordAddress
from bot.core import StartupError
from bot.operating.private_files import HAS_MODES
from bot.settings import SettingsError


@pytest.fixture
def set_up(environment, tmp_path, monkeypatch):
    """Run it against both stand-ins, typing `lines`; returns the status and what was shown."""
    monkeypatch.chdir(tmp_path)
    address = DiscordAddress(
        environment.world.address.api_base, environment.world.address.gateway_url
    )

    async def run(*lines: str, **options):
        with CliRunner().isolation(input="\n".join(lines)) as (_, _, out):
            status = await asyncio.to_thread(run_setup, SetupOptions(**options), address=address)
        return status, out.getvalue().decode()

    return run


async def test_the_answers_become_a_checked_file(set_up, environment, tmp_path):
    data = tmp_path / "kept here"
    status, shown = await set_up(
        str(data), "wrong.token", environment.world.token, environment.comfyui.url
    )
    assert status == 0
    assert dotenv_values(".env") == {
        "DISCORD_TOKEN": environment.world.token,
        "COMFYUI_URLS": environment.comfyui.url,
        "LIMNER_DATA": str(data),
    }
    if HAS_MODES:
        assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    assert "refuses this DISCORD_TOKEN" in shown
    assert "Logged in as Limner" in shown
    assert f"client_id={environment.world.application_id}" in shown
    assert "permissions=274878024704" in shown
    assert environment.world.token not in shown


async def test_unattended_keeps_what_the_file_says_besides(set_up, environment, tmp_path):
    (tmp_path / ".env").write_text("# mine\nLIMNER_LOG_LEVEL=warning\nLIMNER_DATA=./old\n")
    status, shown = await set_up(
        unattended=True, token=environment.world.token, comfyui_url=environment.comfyui.url
    )
    assert status == 0
    assert "Found ComfyUI 0.33.0" in shown
    text = (tmp_path / ".env").read_text()
    assert text.startswith("# mine\nLIMNER_LOG_LEVEL=warning\n")
    assert dotenv_values(".env")["LIMNER_DATA"] == str(tmp_path / "old")


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({}, StartupError, "set DISCORD_TOKEN or give --token"),
        ({"token": "wrong.token"}, StartupError, "refuses this DISCORD_TOKEN"),
    ],
)
async def test_nothing_is_written_without_a_good_token(set_up, tmp_path, options, error, sentence):
    with pytest.raises(error, match=sentence):
        await set_up(unattended=True, **options)
    assert not (tmp_path / ".env").exists()


async def test_an_address_that_is_none_is_named(set_up, environment, tmp_path):
    with pytest.raises(SettingsError, match=r"127\.0\.0\.1:8188"):
        await set_up(unattended=True, token=environment.world.token, comfyui_url="my-box:8188")
    assert not (tmp_path / ".env").exists()


async def test_a_comfyui_that_is_away_is_taken_when_confirmed(set_up, environment):
    away = "http://127.0.0.1:9"
    status, shown = await set_up("", away, "n", away, "y", token=environment.world.token)
    assert status == 1
    assert shown.count("No ComfyUI answers at http://127.0.0.1:9") == 2
    assert dotenv_values(".env")["COMFYUI_URLS"] == away
