"""A stand-in ComfyUI with nothing to wait for, a client for it, recordings, and a browser."""

import asyncio
import json
import os
import re
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser

from benchmarks.browser import CHROMIUM_MISSING, find_chromium, open_browser
from sandbox.comfyui import ComfyUIStandIn

RECORDINGS = Path(__file__).parents[1] / "data" / "comfyui"
TINY_MODELS = {
    "checkpoints": ["tiny_sd3.safetensors"],
    "text_encoders": ["tiny_clip_l.safetensors"],
}
PATIENCE = 20
"""Seconds after which a message is not coming any more."""


class Socket:
    """A web socket of the stand-in and what came over it."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def frame(self) -> aiohttp.WSMessage:
        async with asyncio.timeout(PATIENCE):
            return await self.socket.receive()

    async def next(self) -> Any:
        """Return the next text message, or a small description of a binary one."""
        frame = await self.frame()
        if frame.type is aiohttp.WSMsgType.TEXT:
            return json.loads(frame.data)
        assert frame.type is aiohttp.WSMsgType.BINARY, frame
        return describe(frame.data)

    async def until(self, kind: str, **facts: Any) -> list[Any]:
        """Return everything up to the first message of this kind with these facts."""
        seen = []
        while True:
            seen.append(await self.next())
            last = seen[-1]
            if last.get("type") == kind and facts.items() <= last["data"].items():
                return seen

    async def until_over(self) -> list[Any]:
        return await self.until("executing", node=None)


def describe(content: bytes) -> dict[str, Any]:
    event = struct.unpack(">I", content[:4])[0]
    if event == 3:
        length = struct.unpack(">I", content[4:8])[0]
        return {"text_frame": [content[8 : 8 + length].decode(), content[8 + length :].decode()]}
    if event == 4:
        length = struct.unpack(">I", content[4:8])[0]
        return {
            "preview": 4,
            "about": json.loads(content[8 : 8 + length]),
            "file": content[8 + length :],
        }
    return {
        "preview": event,
        "image_type": struct.unpack(">I", content[4:8])[0],
        "file": content[8:],
    }


class Client:
    """What a program does with a ComfyUI."""

    def __init__(self, comfy: ComfyUIStandIn, http: aiohttp.ClientSession) -> None:
        self.comfy = comfy
        self.http = http

    async def connect(self, client_id: str = "me", *, flags: bool = False) -> Socket:
        socket = Socket(
            await self.http.ws_connect(f"{self.comfy.url}/ws?clientId={client_id}", max_msg_size=0)
        )
        await socket.until("status")
        if flags:
            await socket.socket.send_json(
                {"type": "feature_flags", "data": {"supports_preview_metadata": True}}
            )
            await socket.until("feature_flags")
        return socket

    async def post(self, graph: Any, client_id: str | None = "me", **more: Any) -> dict[str, Any]:
        body = {"prompt": graph, **more} | ({"client_id": client_id} if client_id else {})
        async with self.http.post(f"{self.comfy.url}/prompt", json=body) as answer:
            found: dict[str, Any] = await answer.json()
            return found

    async def call(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        async with self.http.request(method, self.comfy.url + path, **options) as answer:
            if answer.content_type == "application/json":
                return answer.status, await answer.json()
            if answer.content_type.startswith("image/"):
                return answer.status, await answer.read()
            return answer.status, (await answer.text()) or None

    async def history(self, prompt_id: str) -> dict[str, Any]:
        _, found = await self.call("GET", f"/history/{prompt_id}")
        return found.get(prompt_id, {})

    async def picture(self, prompt_id: str, node: str = "9", index: int = 0) -> bytes:
        item = (await self.history(prompt_id))["outputs"][node]["images"][index]
        status, content = await self.call("GET", "/view", params=item)
        assert status == 200
        return content

    async def run(self, graph: Any, **more: Any) -> str:
        """Run a graph to its end and return its prompt id."""
        answer = await self.post(graph, **more)
        assert "error" not in answer, answer
        async with asyncio.timeout(PATIENCE):
            await self.comfy.wait_until_over(answer["prompt_id"])
        return answer["prompt_id"]


@pytest.fixture
async def comfy() -> AsyncIterator[ComfyUIStandIn]:
    async with ComfyUIStandIn(step_seconds=0, load_seconds=0) as stand_in:
        yield stand_in


@pytest.fixture
async def client(comfy: ComfyUIStandIn) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession() as http:
        yield Client(comfy, http)


@pytest.fixture
async def old_client() -> AsyncIterator[Client]:
    async with (
        ComfyUIStandIn(version="0.3.64", step_seconds=0, load_seconds=0) as comfy,
        aiohttp.ClientSession() as http,
    ):
        yield Client(comfy, http)


@pytest.fixture(params=["0.33.0", "0.3.64"])
async def any_client(request) -> AsyncIterator[Client]:
    async with (
        ComfyUIStandIn(version=request.param, step_seconds=0, load_seconds=0) as comfy,
        aiohttp.ClientSession() as http,
    ):
        yield Client(comfy, http)


@pytest.fixture
def txt2img() -> Callable[..., dict[str, Any]]:
    def build(
        prompt: str = "a red fox in the snow",
        seed: int = 42,
        steps: int = 4,
        side: int = 64,
        checkpoint: str = "dreamshaper_8.safetensors",
    ) -> dict[str, Any]:
        sampler = {
            "seed": seed,
            "steps": steps,
            "cfg": 4.0,
            "sampler_name": "euler",
            "scheduler": "normal",
            "denoise": 1.0,
            "model": ["4", 0],
            "positive": ["6", 0],
            "negative": ["7", 0],
            "latent_image": ["5", 0],
        }
        size = {"width": side, "height": side, "batch_size": 1}
        return {
            "3": {"class_type": "KSampler", "inputs": sampler},
            "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": checkpoint}},
            "5": {"class_type": "EmptyLatentImage", "inputs": size},
            "6": {"class_type": "CLIPTextEncode", "inputs": {"text": prompt, "clip": ["4", 1]}},
            "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "", "clip": ["4", 1]}},
            "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
            "9": {
                "class_type": "SaveImage",
                "inputs": {"filename_prefix": "fox", "images": ["8", 0]},
            },
        }

    return build


@pytest.fixture
def replay(tmp_path: Path) -> Callable[[str, str], Awaitable[None]]:
    """Do what a recording's client did and compare every message and answer."""

    async def play(version: str, name: str) -> None:
        lines = (RECORDINGS / version / f"standin_{name}.jsonl").read_text().splitlines()
        (tmp_path / "input").mkdir()
        (tmp_path / "input" / "corrupt.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
        options = {"step_seconds": 0.05, "load_seconds": 0, "models": TINY_MODELS, "root": tmp_path}
        if name == "two_clients":
            options["load_seconds"] = 1
        async with (
            ComfyUIStandIn(version=version, **options) as comfy,
            aiohttp.ClientSession() as http,
        ):
            replayer = Replay(comfy, http)
            for number, line in enumerate(lines):
                await replayer.follow(json.loads(line), f"{name} line {number + 1}")

    return play


class Replay:
    def __init__(self, comfy: ComfyUIStandIn, http: aiohttp.ClientSession) -> None:
        self.client = Client(comfy, http)
        self.sockets: dict[str, Socket] = {}
        self.recorded_ids: dict[str, str] = {}
        self.real_ids: dict[str, str] = {}

    async def follow(self, event: dict[str, Any], where: str) -> None:
        if "ran_before" in event:
            await self.client.run(event["ran_before"], client_id="before")
        elif "http" in event:
            await self.request(event, where)
        elif "open" in event:
            url = f"{self.client.comfy.url}/ws"
            socket = await self.client.http.ws_connect(url, params=event["query"])
            self.sockets[event["open"]] = Socket(socket)
        elif "sent" in event:
            await self.sockets[event["sent"]].socket.send_str(event["text"])
        elif "on" in event:
            await self.compare(event, where)

    async def request(self, event: dict[str, Any], where: str) -> None:
        method, path = event["http"]
        body, translated = event["request"], self.translate(path)
        options = {"data": body} if isinstance(body, str) else {}
        if body is not None and not isinstance(body, str):
            options = {"json": json.loads(self.translate(json.dumps(body)))}
        status, answer = await self.client.call(method, translated, **options)
        assert (status, path) == (event["status"], path), (where, answer)
        recorded = event["answer"]
        if path == "/prompt" and status == 200:
            self.recorded_ids[recorded["prompt_id"]] = f"prompt {len(self.recorded_ids)}"
            self.real_ids[answer["prompt_id"]] = f"prompt {len(self.real_ids)}"
            recorded, answer = recorded["node_errors"], answer["node_errors"]
        assert self.normal(answer, self.real_ids) == self.normal(recorded, self.recorded_ids), where

    async def compare(self, event: dict[str, Any], where: str) -> None:
        socket = self.sockets[event["on"]]
        if "message" not in event:
            assert await self.next_binary(socket, event) == event, where
            return
        found = await socket.next()
        while is_step(found):
            found = await socket.next()
        expected = self.normal(event["message"], self.recorded_ids)
        assert self.normal(found, self.real_ids) == expected, where

    async def next_binary(self, socket: Socket, event: dict[str, Any]) -> dict[str, Any]:
        """Wait for the frame, passing by progress; previews are compared in their kind alone."""
        while True:
            found = await socket.next()
            if "text_frame" in found:
                return {"on": event["on"], "text_frame": found["text_frame"]}
            if "preview" in found:
                return event | {"preview": found["preview"]}
            assert is_step(found), found

    def translate(self, text: str) -> str:
        """Put the stand-in's prompt ids where the recording has its own."""
        real = {name: prompt_id for prompt_id, name in self.real_ids.items()}
        for prompt_id, name in self.recorded_ids.items():
            text = text.replace(prompt_id, real[name])
        return text

    def normal(self, value: Any, ids: dict[str, str], key: str | None = None) -> Any:
        """Take out what differs from run to run: ids, times, counters, paths, orders of sets."""
        if key in {"timestamp", "create_time", "sid", "traceback"}:
            return key
        if key in {"current_inputs", "executed", "current_outputs"} and value:
            return sorted(value)
        if isinstance(value, str):
            return re.sub(r"_\d{5}_", "_N_", ids.get(value, value))
        if isinstance(value, list):
            return without_number([self.normal(item, ids) for item in value])
        if not isinstance(value, dict):
            return value
        graph = {ids.get(k, k): self.normal(v, ids, k) for k, v in value.items()}
        return "graph" if is_graph(value) else graph


def is_graph(value: dict[str, Any]) -> bool:
    nodes = [node for node in value.values() if isinstance(node, dict) and "class_type" in node]
    return bool(value) and len(nodes) == len(value) and all("inputs" in node for node in nodes)


def without_number(items: list[Any]) -> list[Any]:
    """Take the number off a queue or history tuple, and the order off its outputs."""
    if len(items) == 5 and isinstance(items[4], list):
        return [*items[1:4], sorted(items[4])]
    return items


def is_step(message: dict[str, Any]) -> bool:
    if "preview" in message:
        return message["image_type" if "image_type" in message else "preview"] in {1, 4}
    if message.get("type") == "progress":
        return True
    nodes = (
        message.get("data", {}).get("nodes", {}) if message.get("type") == "progress_state" else {}
    )
    return any(node["state"] == "running" and node["value"] > 0 for node in nodes.values())


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Browser]:
    if find_chromium() is None:
        if os.environ.get("CI"):
            pytest.fail(CHROMIUM_MISSING)
        pytest.skip(CHROMIUM_MISSING)
    async with open_browser() as opened:
        yield opened
