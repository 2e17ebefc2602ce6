"""Whole runs through a reverse proxy with TLS, a base path and every way to say who one is."""

import base64
import uuid

import pytest

from comfy.errors import BackendRefused, BackendUnreachable, BackendUntrusted
from comfy.kinds import BackendSettings
from comfy.protocol.events import Preview, Succeeded
from comfy.server import ComfyServer
from sandbox.comfyui import ComfyUIStandIn
from tests.support.reverse_proxy import ReverseProxy

PASSWORD = "correct horse: battery/staple@home"


def picture_graph(name):
    return {
        "1": {"class_type": "LoadImage", "inputs": {"image": name}},
        "4": {
            "class_type": "CheckpointLoaderSimple",
            "inputs": {"ckpt_name": "tiny_sd3.safetensors"},
        },
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a fox", "clip": ["4", 1]}},
        "5": {"class_type": "VAEEncode", "inputs": {"pixels": ["1", 0], "vae": ["4", 2]}},
        "3": {
            "class_type": "KSampler",
            "inputs": {
                "seed": 7,
                "steps": 4,
                "cfg": 4.0,
                "sampler_name": "euler",
                "scheduler": "normal",
                "denoise": 0.7,
                "model": ["4", 0],
                "positive": ["6", 0],
                "negative": ["6", 0],
                "latent_image": ["5", 0],
            },
        },
        "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
        "9": {"class_type": "SaveImage", "inputs": {"images": ["8", 0], "filename_prefix": "a"}},
    }


@pytest.fixture(params=["0.33.0", "0.3.64"])
async def stand_in(request):
    models = {"checkpoints": ["tiny_sd3.safetensors"]}
    async with ComfyUIStandIn(
        version=request.param, step_seconds=0, load_seconds=0, models=models, largest_drawing=64
    ) as stand_in:
        yield stand_in


@pytest.fixture
async def open_backend(quick):
    opened = []

    async def build(url, **settings):
        backend = ComfyServer(BackendSettings(url, **settings), quick)
        opened.append(backend)
        await backend.open()
        return backend

    yield build
    for backend in opened:
        await backend.close()


def header(name, value):
    return lambda request: request.headers.get(name) == value


BASIC = "Basic " + base64.b64encode(f"ana:{PASSWORD}".encode()).decode()
WAYS = {
    "bearer": (header("Authorization", "Bearer s3cret"), "", {"bearer_token": "s3cret"}),
    "header": (header("X-Api-Key", "s3cret"), "", {"headers": {"x-api-key": "s3cret"}}),
    "basic": (
        header("Authorization", BASIC),
        "ana:correct%20horse%3A%20battery%2Fstaple%40home@",
        {},
    ),
}


@pytest.mark.parametrize("way", WAYS)
async def test_a_whole_run_through_a_guarded_tls_proxy_with_a_base_path(
    stand_in, open_backend, follow, make_certificate, png, way
):
    guard, login, settings = WAYS[way]
    ca_file, context = make_certificate()
    async with ReverseProxy(stand_in.url, base_path="/gpu/one", guard=guard, tls=context) as proxy:
        url = f"https://{login}{proxy.authority}/gpu/one/"
        backend = await open_backend(url, ca_file=ca_file, **settings)
        name = await backend.upload_image(png, extension="png")
        events = await follow(backend, str(uuid.uuid4()), picture_graph(name))
        content = await backend.fetch_output(events[-1].outputs[0], max_bytes=10_000_000)
        await backend.fetch_object_info()

        assert content.startswith(b"\x89PNG")
        assert any(isinstance(event, Preview) for event in events), "/ws goes through it too"
        assert proxy.refused == 0
        paths = {path for path, _ in proxy.seen}
        assert {"/gpu/one/ws", "/gpu/one/prompt", "/gpu/one/view"} <= paths


@pytest.mark.parametrize("way", WAYS)
async def test_wrong_credentials_are_told_in_words(stand_in, open_backend, follow, way):
    guard, _, _ = WAYS[way]
    async with ReverseProxy(stand_in.url, guard=guard) as proxy:
        backend = await open_backend(proxy.url, bearer_token="wrong")

        with pytest.raises(BackendRefused, match="does not accept our credentials"):
            await backend.fetch_description()
        with pytest.raises(BackendRefused, match="does not accept our credentials"):
            await follow(backend, str(uuid.uuid4()), picture_graph("x.png"), is_new=True)
        assert proxy.seen == []


async def test_a_proxy_that_passes_no_web_sockets(stand_in, open_backend, follow, png):
    async with ReverseProxy(stand_in.url, passes_sockets=False) as proxy:
        backend = await open_backend(proxy.url)
        name = await backend.upload_image(png, extension="png")
        events = await follow(backend, str(uuid.uuid4()), picture_graph(name))

        assert isinstance(events[-1], Succeeded)


async def test_an_upload_that_a_proxy_finds_too_large_is_told_in_words(stand_in, open_backend, png):
    async with ReverseProxy(stand_in.url, max_bytes=100) as proxy:
        backend = await open_backend(proxy.url)
        with pytest.raises(BackendRefused, match="raise client_max_body_size of the proxy"):
            await backend.upload_image(png, extension="png")


async def test_a_proxy_whose_comfyui_is_down_and_comes_back(stand_in, open_backend, follow, png):
    async with ReverseProxy(stand_in.url) as proxy:
        backend = await open_backend(proxy.url)
        name = await backend.upload_image(png, extension="png")
        await stand_in.stop()
        with pytest.raises(BackendUnreachable, match="proxy"):
            await backend.fetch_load()
        await stand_in.start()
        events = await follow(backend, str(uuid.uuid4()), picture_graph(name))

        assert isinstance(events[-1], Succeeded)


@pytest.mark.parametrize(
    ("certificate", "trusts", "words"),
    [
        ({}, False, "authority that is not trusted; name its ca_file"),
        ({"name": "DNS:elsewhere.example"}, True, "for another host name"),
        ({"days": 0}, True, "has expired"),
    ],
)
async def test_tls_failures_are_told_in_words(
    stand_in, open_backend, make_certificate, certificate, trusts, words
):
    ca_file, context = make_certificate(**certificate)
    async with ReverseProxy(stand_in.url, tls=context) as proxy:
        backend = await open_backend(proxy.url, ca_file=ca_file if trusts else None)

        with pytest.raises(BackendUntrusted, match=words):
            await backend.fetch_description()
        assert not backend.is_reachable
        # It tries again by itself. The proxy notices during another request that its connections
        # ended, which would outlive the loop.
        await backend.close()
        await (await open_backend(stand_in.url)).fetch_description()


async def test_https_where_only_http_is_spoken(stand_in, open_backend):
    backend = await open_backend(stand_in.url.replace("http:", "https:"))

    with pytest.raises(BackendUntrusted, match="must begin with http://"):
        await backend.fetch_description()
