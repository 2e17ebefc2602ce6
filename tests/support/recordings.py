"""Replay what a recording's client did, and compare every message and answer."""

import json
import re
from pathlib import Path
from typing import Any

import aiohttp

from sandbox.comfyui import ComfyUIStandIn
from tests.support.comfyui_client import Client, Socket

RECORDINGS = Path(__file__).parents[1] / "data" / "comfyui"
TINY_MODELS = {
    "checkpoints": ["tiny_sd3.safetensors"],
    "text_encoders": ["tiny_clip_l.safetensors"],
}


async def replay(version: str, name: str, folder: Path) -> None:
    """Do what a recording's client did and compare every message and answer."""
    lines = (RECORDINGS / version / f"standin_{name}.jsonl").read_text().splitlines()
    (folder / "input").mkdir()
    (folder / "input" / "corrupt.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    options = {"step_seconds": 0.05, "load_seconds": 0, "models": TINY_MODELS, "root": folder}
    options["largest_drawing"] = 128
    if name == "two_clients":
        options["load_seconds"] = 1
    async with (
        ComfyUIStandIn(version=version, **options) as comfy,
        aiohttp.ClientSession() as http,
    ):
        replayer = Replay(comfy, http)
        for number, line in enumerate(lines):
            await replayer.follow(json.loads(line), f"{name} line {number + 1}")


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
