"""The console command as an operator meets it: every mistake is one plain sentence."""

import json
import shutil
import sqlite3
from contextlib import closing

import pytest
from aiohttp import web
from PIL import Image

from sandbox.comfyui import ComfyUIStandIn
from workflows.folders.catalog import LIBRARY


def assert_sentence(result, *expected: str) -> None:
    assert result.returncode == 1
    lines = [line for line in result.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, result.stderr
    assert lines[0].endswith(".")
    for text in expected:
        assert text in lines[0]


@pytest.fixture
async def another_program():
    async def answer(_request):
        return web.Response(text="<h1>It works!</h1>", content_type="text/html")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_run_without_a_token_says_how_to_get_one(limner):
    assert_sentence(await limner("run"), "DISCORD_TOKEN", "limner demo")


async def test_settings_that_cannot_be_used_are_all_named(limner):
    result = await limner("run", COMFYUI_URLS="nonsense", LIMNER_GUILDS="x", LIMNER_HTTP="80")
    assert result.returncode == 1
    assert [line.split(":")[0] for line in result.stderr.splitlines()] == [
        "COMFYUI_URLS",
        "LIMNER_GUILDS",
        "LIMNER_HTTP",
    ]


async def test_an_export_without_a_database_writes_nothing(limner, tmp_path):
    out = tmp_path / "history.csv"
    result = await limner("history", "export", "--out", str(out))
    assert_sentence(result, "There is no database yet", "limner run")
    assert not out.exists()
    assert (await limner("db", "upgrade")).returncode == 0
    empty = await limner("history", "export")
    assert empty.returncode == 0
    assert len(empty.stdout.splitlines()) == 1


@pytest.mark.parametrize("command", ["run", "db upgrade", "db stats", "check"])
async def test_a_wrong_database_address_is_never_repeated(limner, command):
    result = await limner(
        *command.split(), DATABASE_URL="mysql://user:secret@host/x", DISCORD_TOKEN="x.y.z"
    )
    assert result.returncode == 1
    assert "SQLite or PostgreSQL" in result.stdout + result.stderr
    assert "secret" not in result.stdout + result.stderr


async def test_a_database_that_is_no_database(limner, tmp_path):
    (tmp_path / "letters.db").write_text("Dear database, " * 1000)
    result = await limner("db", "upgrade", DATABASE_URL=f"sqlite:///{tmp_path / 'letters.db'}")
    assert_sentence(result, "letters.db", "is not a database")


async def test_a_database_from_a_newer_program(limner, tmp_path):
    url = f"sqlite:///{tmp_path / 'limner.db'}"
    assert (await limner("db", "upgrade", DATABASE_URL=url)).returncode == 0
    with closing(sqlite3.connect(tmp_path / "limner.db")) as connection:
        connection.execute("UPDATE limner_revision SET version_num = '9999'")
        connection.commit()
    assert_sentence(await limner("db", "upgrade", DATABASE_URL=url), "9999", "newer Limner")
    assert "Made by a newer Limner" in (await limner("check", DATABASE_URL=url)).stdout


async def test_generate_without_a_backend(limner):
    result = await limner("generate", "a fox", COMFYUI_URLS="http://127.0.0.1:9")
    assert_sentence(result, "127.0.0.1:9", "Start ComfyUI")


async def test_generate_with_another_program_in_the_place_of_comfyui(limner, another_program):
    result = await limner("generate", "a fox", COMFYUI_URLS=another_program)
    assert_sentence(result, "answers, but not as ComfyUI does")


async def test_generate_saves_a_picture(limner, tmp_path):
    async with ComfyUIStandIn(step_seconds=0.01, load_seconds=0, largest_drawing=128) as comfyui:
        result = await limner(
            *("generate", "a fox", "--seed", "7", "--set", "steps=4", "--set", "aspect=16:9"),
            *("--out", "pictures"),
            COMFYUI_URLS=comfyui.url,
        )
    assert result.returncode == 0, result.stderr
    (path,) = result.stdout.splitlines()
    with Image.open(tmp_path / path) as picture:
        assert picture.format == "PNG"
        assert picture.width > picture.height
    assert "seed 7" in result.stderr


async def test_generate_without_a_prompt(limner, tmp_path):
    workflows = tmp_path / "data" / "workflows"
    workflows.mkdir(parents=True)
    blue = {"width": 64, "height": 64, "batch_size": 1, "color": 255}
    save = {"images": ["1", 0], "filename_prefix": "blue"}
    graph = {
        "1": {"class_type": "EmptyImage", "inputs": blue},
        "9": {"class_type": "SaveImage", "inputs": save},
    }
    (workflows / "blue.json").write_text(json.dumps(graph))
    async with ComfyUIStandIn(step_seconds=0, load_seconds=0) as comfyui:
        places = {"LIMNER_DATA": str(tmp_path / "data"), "COMFYUI_URLS": comfyui.url}
        made = await limner(
            "generate", "--workflow", "blue", "--out", str(tmp_path / "out"), **places
        )
        refused = await limner("generate", **places)
        unused = await limner("generate", "a fox", "--workflow", "blue", **places)
        marked = await limner("generate", "a fox", "--set", "model=[/red] fox.ckpt", **places)
    assert_sentence(marked, "The model [/red] fox.ckpt is not installed")
    assert unused.returncode == 1
    assert "has no place for: prompt" in unused.stderr
    assert made.returncode == 0, made.stderr
    assert len(list((tmp_path / "out").glob("*.png"))) == 1
    assert refused.returncode == 1
    assert "prompt is empty" in refused.stderr


async def test_generate_refuses_an_option_the_workflow_has_no_place_for(limner):
    async with ComfyUIStandIn(step_seconds=0.01, load_seconds=0, largest_drawing=128) as comfyui:
        result = await limner(
            *("generate", "a fox", "--workflow", "txt2img-sd", "--set", "wings=2"),
            COMFYUI_URLS=comfyui.url,
        )
    assert result.returncode == 1
    assert "has no place for: wings" in result.stderr
    assert not comfyui.log.posts


async def test_generate_sets_hidden_inputs(limner, tmp_path):
    folder = tmp_path / "data" / "workflows" / "still"
    folder.mkdir(parents=True)
    shipped = LIBRARY / "txt2img-sd"
    (folder / "graph.json").write_text((shipped / "graph.json").read_text())
    manifest = (shipped / "workflow.toml").read_text()
    (folder / "workflow.toml").write_text(
        manifest.replace('name = "steps"\n', 'name = "steps"\nhidden = true\n')
    )
    async with ComfyUIStandIn(step_seconds=0, load_seconds=0) as comfyui:
        result = await limner(
            *("generate", "a fox", "--workflow", "still", "--set", "steps=3"),
            *("--out", str(tmp_path / "out")),
            COMFYUI_URLS=comfyui.url,
            LIMNER_DATA=str(tmp_path / "data"),
        )
        assert result.returncode == 0, result.stderr
        (post,) = comfyui.log.posts
    assert post.graph["3"]["inputs"]["steps"] == 3


async def test_one_broken_workflow_does_not_stop_the_others(limner, tmp_path):
    folder = tmp_path / "data" / "workflows"
    folder.mkdir(parents=True)
    (folder / "broken.json").write_text("{")
    result = await limner("workflows", "list")
    assert result.returncode == 1
    assert "txt2img-sd" in result.stdout
    assert "broken.json" in result.stderr


async def test_the_list_says_which_workflow_has_which_command(limner, tmp_path):
    for name, command in (("first", "portrait"), ("second", "imagine")):
        folder = tmp_path / "data" / "workflows" / name
        shutil.copytree(LIBRARY / "txt2img-sd", folder)
        manifest = (folder / "workflow.toml").read_text()
        (folder / "workflow.toml").write_text(f'command = "{command}"\n{manifest}')
    result = await limner("workflows", "list")
    assert result.returncode == 1
    assert "Text to picture (/portrait)" in result.stdout
    assert "second does not get the command /imagine" in result.stderr


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
async def test_what_a_console_cannot_show_is_replaced(limner, tmp_path, encoding):
    folder = tmp_path / "data" / "workflows" / "first"
    shutil.copytree(LIBRARY / "txt2img-sd", folder)
    manifest = (folder / "workflow.toml").read_text()
    titled = manifest.replace('title = "Text to picture"', 'title = "狐 in the snow"')
    (folder / "workflow.toml").write_text(titled, encoding="utf-8")
    (folder.parent / "狐.json").write_text("{", encoding="utf-8")
    result = await limner("workflows", "list", PYTHONIOENCODING=encoding)
    assert " in the snow" in result.stdout
    assert "Text to picture" in result.stdout
    assert ".json" in result.stderr
    assert "unforeseen" not in result.stderr


async def test_check_says_of_everything_whether_it_works(limner):
    async with ComfyUIStandIn(step_seconds=0.01, load_seconds=0, largest_drawing=128) as comfyui:
        result = await limner("check", COMFYUI_URLS=comfyui.url, LIMNER_DATE="x")
        printed = await limner("check", "--json", COMFYUI_URLS=comfyui.url)
    assert result.returncode == printed.returncode == 1
    (database,) = [item for item in json.loads(printed.stdout) if item["subject"] == "database"]
    assert database == {"level": "ok", "subject": "database", "sentence": database["sentence"]}
    lines = result.stdout.splitlines()
    assert any("LIMNER_DATE" in line for line in lines)
    assert any(line.startswith("failed discord") for line in lines)
    assert any(line.startswith("ok     database") for line in lines)
    assert any("ComfyUI 0.33.0" in line for line in lines)
    assert any(line.startswith("ok     workflow txt2img-sd") for line in lines)


async def test_backup_and_stats(limner, tmp_path):
    assert (await limner("db", "upgrade")).returncode == 0
    assert (await limner("db", "backup", "copy.db")).returncode == 0
    with closing(sqlite3.connect(tmp_path / "copy.db")) as connection:
        assert connection.execute("SELECT count(*) FROM generations").fetchone() == (0,)
    assert "generations" in (await limner("db", "stats")).stdout
    printed = json.loads((await limner("db", "stats", "--json")).stdout)
    assert printed["rows"]["generations"] == 0
    assert printed["total_bytes"] > 0
    assert_sentence(await limner("db", "backup", "copy.db"), "copy.db")
