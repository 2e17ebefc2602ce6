"""The stand-in as a program of its own, and its life cycle."""

import asyncio
import os
import signal
from pathlib import Path

import aiohttp
import pytest

from sandbox.comfyui import ComfyUIStandIn
from tests.support.processes import Program, start_program


async def started(*arguments: str) -> Program | asyncio.subprocess.Process:
    return await start_program("-m", "sandbox.comfyui", *arguments, cwd=Path(), env=os.environ)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_prints_its_address_and_runs_until_told_to_stop(number):
    process = await started("--port", "0", "--version", "0.3.64", "--step-seconds", "0")
    assert process.stdout is not None
    url = (await process.stdout.readline()).decode().strip()
    async with aiohttp.ClientSession() as http, http.get(f"{url}/system_stats") as answer:
        assert (await answer.json())["system"]["comfyui_version"] == "0.3.64"
    process.send_signal(number)
    _, errors = await process.communicate()
    assert (process.returncode, errors) == (0, b"")


async def test_a_taken_port_is_one_plain_sentence(comfy):
    process = await started("--port", str(comfy.port))
    _, errors = await process.communicate()
    assert process.returncode == 1
    assert errors.decode() == (
        f"The stand-in cannot listen on port {comfy.port}: Address already in use.\n"
    )


def test_an_unknown_version_is_refused():
    with pytest.raises(ValueError, match=r"knows versions 0\.33\.0, 0\.3\.64, not 1\.0"):
        ComfyUIStandIn(version="1.0")


async def test_files_go_away_with_the_server(txt2img):
    async with ComfyUIStandIn(step_seconds=0, load_seconds=0) as comfy:
        root = comfy.folders.root
        assert root.is_dir()
    assert not root.exists()


async def test_files_of_a_given_directory_stay(tmp_path):
    async with ComfyUIStandIn(root=tmp_path) as comfy:
        (comfy.folders.folder("temp") / "old.png").touch()
        await comfy.restart()
        assert not list(comfy.folders.folder("temp").iterdir())
    assert (tmp_path / "output").is_dir()


async def test_a_loop_beside_the_graph_does_no_harm(comfy, client, txt2img):
    graph = txt2img()
    for node_id, other in (("20", "21"), ("21", "20")):
        graph[node_id] = {"class_type": "InvertMask", "inputs": {"mask": [other, 0]}}
    prompt_id = await client.run(graph)
    assert (await client.history(prompt_id))["status"]["completed"]


async def test_held_runs_wait_and_can_be_interrupted(comfy, client, txt2img):
    comfy.hold()
    held = (await client.post(txt2img(seed=1)))["prompt_id"]
    await comfy.wait_until_held()
    await client.call("POST", "/interrupt", json={"prompt_id": held})
    await comfy.wait_until_over(held)
    following = (await client.post(txt2img(seed=2)))["prompt_id"]
    await comfy.wait_until_held()
    comfy.release()
    await comfy.wait_until_over(following)
    endings = [run.ending for run in comfy.log.executions]
    assert endings == ["execution_interrupted", "execution_success"]
