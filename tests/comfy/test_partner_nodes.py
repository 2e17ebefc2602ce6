"""Nodes that call paid services: the key that goes along, and the text that they show."""

import struct

import pytest

from comfy.kinds import BackendSettings
from comfy.protocol.events import NodeText
from comfy.protocol.messages import MAX_TEXT_BYTES, NodeExecuting, TextFrame, parse_frame
from comfy.run import Run
from comfy.runs import FollowedRuns
from comfy.server import ComfyServer
from sandbox.comfyui import ComfyUIStandIn

KEY = "comfyui-0123456789abcdef"
OWN, OTHER = "0b9ec1a6-9f04-4d0c-8d8c-4b6d7a7d1c11", "1c9ec1a6-9f04-4d0c-8d8c-4b6d7a7d1c22"
GRAPH = {
    "1": {
        "class_type": "EmptyImage",
        "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 0},
    },
    "2": {"class_type": "GetImageSize", "inputs": {"image": ["1", 0]}},
    "3": {"class_type": "PreviewAny", "inputs": {"source": ["2", 0]}},
}


def text_frame(node_id, text, prompt_id=None):
    fields = [part.encode() for part in (prompt_id, node_id) if part is not None]
    parts = b"".join(struct.pack(">I", len(part)) + part for part in fields)
    return struct.pack(">I", 3) + parts + text.encode()


def test_text_names_its_run_where_the_server_knows_how():
    assert parse_frame(text_frame("7:2", "Queued")) == TextFrame("7:2", "Queued")
    assert parse_frame(text_frame("7", "Queued", OWN)) == TextFrame("7", "Queued", OWN)
    assert parse_frame(text_frame("7", "", OWN)) == TextFrame("7", "", OWN)
    assert len(parse_frame(text_frame("7", "x" * 10**6)).text) == MAX_TEXT_BYTES


@pytest.mark.parametrize("cut", range(0, 60, 3))
def test_a_frame_that_is_cut_short_raises_nothing(cut):
    parse_frame(text_frame("7", "Queued", OWN)[:cut])


@pytest.mark.parametrize(
    ("prompt_id", "executing", "is_told"),
    [(OWN, OTHER, True), (OTHER, OWN, False), (None, OWN, True), (None, OTHER, False)],
)
def test_text_goes_to_its_run_or_to_whichever_runs(prompt_id, executing, is_told):
    runs, run = FollowedRuns(), Run(OWN, GRAPH, stall_after=1, now=0)
    with runs.following(run):
        runs.route(NodeExecuting(executing, "7", "7"), client_id="c", now=0)
        runs.route(TextFrame("7", "Price: $0.05", prompt_id), client_id="c", now=0)
        assert (NodeText("7", "Price: $0.05") in run.mailbox._events) is is_told


@pytest.fixture
async def stand_in():
    async with ComfyUIStandIn() as server:
        yield server


async def test_the_key_goes_along_with_graphs_that_have_partner_nodes(stand_in):
    settings = BackendSettings(stand_in.url, api_key_comfy_org=KEY)
    assert KEY not in repr(settings)
    classes = stand_in.installation.classes
    async with ComfyServer(settings) as backend:
        for number, is_paid in enumerate((False, True)):
            classes["GetImageSize"] = {**classes["GetImageSize"], "api_node": is_paid}
            await backend.fetch_object_info(refresh=True)
            prompt_id = f"{OWN[:-1]}{number}"
            GRAPH["1"]["inputs"]["height"] = 64 + number  # what is cached says nothing
            events = [event async for event in backend.run(GRAPH, prompt_id, is_new=True)]
            assert NodeText("2", f"width: 64, height: {64 + number}\n batch size: 1") in events
        record = await backend._http.fetch_json(f"history/{prompt_id}")
    sent = [post.extra_data.get("api_key_comfy_org") for post in stand_in.log.posts]
    assert sent == [None, KEY]
    assert KEY not in str(record)


async def test_what_a_server_says_is_read_without_the_key(stand_in):
    async with ComfyServer(BackendSettings(stand_in.url, api_key_comfy_org=KEY)) as backend:
        graph = {
            **GRAPH,
            "3": {"class_type": "PreviewAny", "inputs": {"source": f"Your key {KEY}"}},
        }
        events = [event async for event in backend.run(graph, OWN, is_new=True)]
    assert KEY not in str(events)
    assert "Your key [key]" in str(events)
