"""What surrounds the runs: results over redirects, attached pictures, nodes, and descriptions."""

import gzip
import json

import pytest
from aiohttp import web

from comfy.api_v2.client import ComfyApiV2
from comfy.api_v2.job_store import MemoryJobStore
from comfy.errors import BackendRefused, BackendUnavailable, NotComfyUI, OutputGone
from comfy.http.client import HttpClient
from comfy.protocol.events import MediaKind, OutputFile
from comfy.settings import BackendSettings
from tests.support.comfy_api_service import KEY, NODES, PICTURE, Refusal

FILE = OutputFile("9", "a.png", "", "output", MediaKind.IMAGE, "asset-1")


async def test_a_signed_address_gets_no_credentials(service, connect):
    headers = {"X-Secret": "s"}
    async with connect(service, headers=headers) as backend:
        assert await backend.fetch_output(FILE, max_bytes=1000) == PICTURE

    (sent,) = service.storage_headers
    assert not {"Authorization", "X-Secret", "Cookie"} & set(sent)


async def test_a_result_may_not_be_too_large_behind_a_redirect_either(service, connect):
    async with connect(service) as backend:
        with pytest.raises(BackendRefused, match="more than 10 bytes"):
            await backend.fetch_output(FILE, max_bytes=10)


@pytest.mark.parametrize("location", ["file:///etc/passwd", "gopher://127.0.0.1/", "http://"])
async def test_odd_addresses_are_not_followed(service, connect, location):
    service.location = location
    async with connect(service) as backend:
        with pytest.raises(BackendRefused):
            await backend.fetch_output(FILE, max_bytes=1000)


async def test_links_are_resolved_against_the_origin_and_never_leave_it(timing):
    http = HttpClient(BackendSettings("https://gateway.example.org/deployment/d"), timing)
    link = "/deployment/d/api/v2/jobs/1"
    assert http.resolve(link) == f"https://gateway.example.org{link}"
    assert http.resolve("https://other.example.org/api/v2/jobs/1") is None
    assert http.resolve("//other.example.org/jobs") is None
    assert http.resolve(None) is None
    await http.close()


async def test_an_attached_picture_becomes_an_asset(service, connect, follow, graph, prompt_id):
    async with connect(service) as backend:
        value = await backend.upload_image(b"picture", extension="png")
        assert not service.assets
        loader = {"class_type": "LoadImage", "inputs": {"image": value, "text": "".join(value)}}
        await follow(backend, prompt_id, {**graph, "1": loader})

    ((asset_id, (path, content)),) = service.assets.items()
    (job,) = service.jobs.values()
    assert (path, content) == ("".join(value), b"picture")
    # Text that a person types cannot refer to the file, whatever it is.
    sent = {"image": {"__type": "core/ASSET", "info": {"id": asset_id}}, "text": path}
    assert job.body["workflow"]["1"]["inputs"] == sent


async def test_a_key_for_partner_nodes_goes_along(service, connect, follow, graph, prompt_id):
    async with connect(service, api_key_comfy_org="org-secret") as backend:
        await follow(backend, prompt_id, graph)
        assert "org-secret" not in repr(backend)
    (job,) = service.jobs.values()
    assert job.body["extra_data"] == {"api_key_comfy_org": "org-secret"}


@pytest.mark.parametrize("compress", [False, True])
async def test_nodes_come_from_a_saved_file(service, connect, tmp_path, compress):
    content = json.dumps(NODES).encode()
    saved = tmp_path / "object_info.json"
    saved.write_bytes(gzip.compress(content) if compress else content)
    async with connect(service, object_info=saved) as backend:
        assert (await backend.fetch_object_info()).has("SaveImage")


@pytest.mark.parametrize("content", [None, b"{", b"[]", b"\x1f\x8bno"])
async def test_a_bad_file_is_named(service, connect, tmp_path, content):
    saved = tmp_path / "nodes.json"
    if content is not None:
        saved.write_bytes(content)
    async with connect(service, object_info=saved) as backend:
        with pytest.raises(NotComfyUI, match=r"cloud: .*nodes\.json"):
            await backend.fetch_object_info()


async def test_without_a_file_it_says_how_to_make_one(service, connect):
    async with connect(service) as backend:
        with pytest.raises(BackendRefused, match=r"object_info in backends\.toml"):
            await backend.fetch_object_info()


async def test_it_says_what_it_cannot_be_asked_for(service, cloud, connect):
    async with connect(service) as backend:
        description = await backend.fetch_description()
        assert description.lacks == ("load", "memory")
        assert await backend.fetch_load() is None
    async with connect(cloud) as backend:
        assert "list of jobs" in (await backend.fetch_description()).lacks


@pytest.mark.parametrize(
    ("refusal", "sentence", "passes"),
    [
        (Refusal(402, "insufficient_credits"), "has no credits left: add some", False),
        (Refusal(422, "deployment_stopped"), "is stopped: start its deployment", False),
        (Refusal(429, "deployment_not_ready"), "is still starting", True),
        (Refusal(429, "queue_full"), "has a full queue", True),
        (Refusal(429, "rate_limited"), "asks us to send less", True),
    ],
    ids=lambda value: getattr(value, "code", None),
)
async def test_a_service_that_takes_nothing_says_why(service, connect, refusal, sentence, passes):
    service.refuses_all = refusal
    async with connect(service) as backend:
        with pytest.raises(BackendUnavailable, match=f"^cloud {sentence}") as caught:
            await backend.fetch_description()
    assert caught.value.passes is passes


async def test_a_server_of_another_kind_is_said(connect):
    app = web.Application()
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()

    class Other:
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"

    async with connect(Other) as backend:
        with pytest.raises(NotComfyUI, match="not as the Comfy API v2 does"):
            await backend.fetch_description()
    await runner.cleanup()


async def test_a_wrong_key_is_said(service, connect):
    async with connect(service, bearer_token="wrong") as backend:
        with pytest.raises(BackendRefused, match="credentials") as caught:
            await backend.fetch_description()
    assert caught.value.status == 401


async def test_an_address_of_something_else_is_said(timing):
    async def answer(_):
        return web.Response(text="<html>")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    settings = BackendSettings(f"http://127.0.0.1:{runner.addresses[0][1]}", bearer_token=KEY)
    backend = ComfyApiV2(settings, MemoryJobStore(), timing)
    with pytest.raises(NotComfyUI, match="Comfy API v2"):
        await backend.fetch_description()
    await backend.close()
    await runner.cleanup()


async def test_a_file_that_is_gone_is_said(service, connect):
    service.location = f"{service.storage_url}/nothing"
    async with connect(service) as backend:
        with pytest.raises(OutputGone):
            await backend.fetch_output(FILE, max_bytes=1000)
