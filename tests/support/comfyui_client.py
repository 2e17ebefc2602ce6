"""What a program does with a ComfyUI: sockets, requests, pictures."""

import asyncio
import json
import struct
from typing import Any

import aiohttp

from sandbox.comfyui import ComfyUIStandIn

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
