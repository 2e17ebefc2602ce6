"""`limner backends` against the stand-in ComfyUI, with and without records."""

import json
import shutil

import pytest

from bot.cli.backends import run_backends
from bot.settings import load_settings
from sandbox.comfyui import ComfyUIStandIn


@pytest.fixture
async def comfyui():
    async with ComfyUIStandIn() as server:
        yield server


async def test_each_backend_is_shown(comfyui, tmp_path, capsys):
    away = "http://127.0.0.1:9"
    settings = load_settings(comfyui_urls=f"{comfyui.url},{away}", data=tmp_path)
    assert await run_backends(settings, as_json=False) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("ready, ComfyUI 0.33.0")
    assert lines[1] == "  0 of 2 running, 0 in its queue"
    assert "GiB free" in lines[2]
    assert lines[3] == "  0 GPU seconds today"
    assert lines[4] == "127.0.0.1:9: unreachable"
    assert "cannot be reached" in lines[-1]
    assert not (tmp_path / "limner.db").exists()


async def test_programs_get_a_list(comfyui, tmp_path, capsys, migrated_sqlite_file):
    shutil.copyfile(migrated_sqlite_file, tmp_path / "limner.db")
    settings = load_settings(comfyui_urls=comfyui.url, data=tmp_path)
    assert await run_backends(settings, as_json=True) == 0
    (report,) = json.loads(capsys.readouterr().out)
    assert (report["state"], report["load"], report["running"]) == ("ready", 0, 0)
    assert (report["gpu_seconds_today"], report["last_failure"]) == (0, None)
    assert report["devices"][0].keys() == {"name", "memory_total", "memory_free"}


async def test_without_one_that_answers_the_status_is_1(tmp_path):
    settings = load_settings(comfyui_urls="http://127.0.0.1:9", data=tmp_path)
    assert await run_backends(settings, as_json=False) == 1
