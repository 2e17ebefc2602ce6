import asyncio
import logging

import pytest
from aiohttp import web

from comfy.errors import (
    BackendRefused,
    BackendUnreachable,
    ComfyError,
    NotComfyUI,
    OutputGone,
)
from comfy.kinds import BackendSettings, build_backend
from comfy.protocol.events import MediaKind, OutputFile
from comfy.server import ComfyServer

SECRET = "hunter2"
FILE = OutputFile("9", "a.png", "", "output", MediaKind.IMAGE)


@pytest.fixture
async def serve():
    """Serve one handler for every path; returns the address."""
    runners = []

    async def start(handler, ssl_context=None):
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handler)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        runners.append(runner)
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=ssl_context)
        await site.start()
        return f"127.0.0.1:{site._server.sockets[0].getsockname()[1]}"

    yield start
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def build():
    backends = []

    def make(url, **settings):
        backend = build_backend(BackendSettings(url, **settings))
        backends.append(backend)
        return backend

    yield make
    for backend in backends:
        await backend.close()


def answering(**response):
    async def handler(request):
        return web.Response(**response)

    return handler


async def test_another_program(serve, build):
    backend = build(
        f"http://{await serve(answering(text='<html>hello', content_type='text/html'))}"
    )

    with pytest.raises(NotComfyUI):
        await backend.fetch_description()


@pytest.mark.parametrize(
    "response",
    [
        {"text": '{"status": "ok"}', "content_type": "application/json"},
        {"text": "{broken", "content_type": "application/json"},
        {"text": "[" * 100_000, "content_type": "application/json"},
        {"text": "null", "content_type": "application/json"},
        {"body": b"\xff\xfe", "content_type": "application/json"},
        {"status": 404, "text": "nothing here"},
        {"status": 405, "text": "405: Method Not Allowed"},
    ],
)
async def test_documents_of_other_programs(serve, build, response):
    backend = build(f"http://{await serve(answering(**response))}")

    with pytest.raises(NotComfyUI):
        await backend.fetch_description()
    with pytest.raises(NotComfyUI):
        await backend.fetch_load()


@pytest.mark.parametrize("status", [401, 403, 407])
async def test_credentials_refused(serve, build, status):
    backend = build(f"http://{await serve(answering(status=status))}")

    with pytest.raises(BackendRefused, match="credentials") as caught:
        await backend.fetch_load()
    assert caught.value.status == status


@pytest.mark.parametrize("status", [502, 503, 504])
async def test_a_proxy_says_it_is_down(serve, build, status):
    backend = build(f"http://{await serve(answering(status=status))}")

    with pytest.raises(BackendUnreachable, match="proxy"):
        await backend.fetch_load()
    assert not backend.is_reachable


async def test_redirects_are_not_followed(serve, build):
    seen = []

    async def handler(request):
        seen.append(request.path)
        raise web.HTTPFound("/elsewhere")

    backend = build(f"http://{await serve(handler)}", bearer_token=SECRET)

    with pytest.raises(BackendRefused, match="another address"):
        await backend.fetch_load()
    assert seen == ["/prompt"]


async def test_refused_connection(build, unused_tcp_port):
    backend = build(f"http://127.0.0.1:{unused_tcp_port}")

    with pytest.raises(BackendUnreachable, match="refused"):
        await backend.fetch_description()
    assert not backend.is_reachable


async def test_no_answer_in_time(serve, connect):
    forever = asyncio.Event()

    async def handler(request):
        await forever.wait()

    backend = await connect(f"http://{await serve(handler)}", request=0.05)

    with pytest.raises(BackendUnreachable, match=r"within 0\.05 s"):
        await backend.fetch_load()


async def test_an_answer_that_breaks_off(serve, build):
    async def handler(request):
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b"half")
        request.transport.abort()
        return response

    backend = build(f"http://{await serve(handler)}")

    with pytest.raises(BackendUnreachable):
        await backend.fetch_output(FILE, max_bytes=5000)


@pytest.mark.parametrize("is_announced", [True, False])
async def test_a_result_that_is_too_large(serve, build, is_announced):
    async def handler(request):
        if is_announced:
            return web.Response(body=bytes(2000))
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        await response.write(bytes(2000))
        return response

    backend = build(f"http://{await serve(handler)}")

    with pytest.raises(BackendRefused, match="more than 1000 bytes"):
        await backend.fetch_output(FILE, max_bytes=1000)
    assert len(await backend.fetch_output(FILE, max_bytes=2000)) == 2000


async def test_a_result_that_grows_when_unpacked(serve, build):
    """A small length says nothing about what a proxy has compressed."""

    async def handler(request):
        response = web.Response(body=bytes(100_000))
        response.enable_compression(web.ContentCoding.gzip)
        return response

    backend = build(f"http://{await serve(handler)}")
    with pytest.raises(BackendRefused, match="more than 99999 bytes"):
        await backend.fetch_output(FILE, max_bytes=99_999)
    assert await backend.fetch_output(FILE, max_bytes=100_000) == bytes(100_000)


async def test_a_result_that_is_gone(serve, build):
    backend = build(f"http://{await serve(answering(status=404))}")

    with pytest.raises(OutputGone, match=r"a\.png"):
        await backend.fetch_output(FILE, max_bytes=1000)


@pytest.mark.parametrize(
    ("status", "text", "said"),
    [
        (413, "Maximum request body size 104857600 exceeded", "raise client_max_body_size"),
        (500, "500 Internal Server Error", "500 Internal Server Error"),
        (500, "<html><h1>Oops</h1></html>", "answers with 500: no reason given"),
    ],
)
async def test_an_upload_that_is_refused(serve, build, status, text, said):
    backend = build(f"http://{await serve(answering(status=status, text=text))}")

    with pytest.raises(BackendRefused, match=said) as caught:
        await backend.upload_image(b"x", extension="png")
    assert caught.value.status == status


async def test_uploads_are_named_by_content(comfy, backend):
    name = await backend.upload_image(b"one picture", extension="png")

    folder, filename = name.split("/")
    assert folder == "limner"
    assert filename.removesuffix(".png").isalnum()
    assert len(filename) == 36
    assert await backend.upload_image(b"one picture", extension="png") == name
    assert await backend.upload_image(b"another", extension="png") != name
    first = comfy.uploads["limner", filename][0]
    assert first["image"] == b"one picture"
    assert (first["type"], first["overwrite"]) == ("input", "false")


async def test_a_large_upload(comfy, backend):
    name = await backend.upload_image(bytes(8 * 2**20), extension="png")

    assert len(comfy.uploads[tuple(name.split("/"))][0]["image"]) == 8 * 2**20


@pytest.mark.parametrize("extension", ["../x", "p.g", "", "PNG", "a" * 9])
async def test_an_extension_is_no_path(backend, extension):
    with pytest.raises(ValueError, match="extension"):
        await backend.upload_image(b"x", extension=extension)


async def test_description_load_and_node_classes(comfy, backend):
    description = await backend.fetch_description()

    assert description.version == "0.33.0"
    assert description.devices[0].memory_free == 4
    assert await backend.fetch_load() == 0
    object_info = await backend.fetch_object_info()
    assert object_info.choices("CheckpointLoaderSimple", "ckpt_name") == ("a.safetensors",)
    assert await backend.fetch_object_info() is object_info
    assert await backend.fetch_object_info(refresh=True) is object_info
    assert comfy.count("GET", "/object_info") == 2
    assert backend.is_reachable


async def test_base_path_query_headers_and_credentials(serve, build):
    seen = []

    async def handler(request):
        seen.append((request.path, dict(request.query), request.headers))
        return web.json_response({"exec_info": {"queue_remaining": 2}})

    address = await serve(handler)
    plain = build(f"http://ana:{SECRET}@{address}/comfy/?key=abc", headers={"X-Gate": "7"})
    assert await plain.fetch_load() == 2
    path, query, headers = seen[-1]
    assert (path, query) == ("/comfy/prompt", {"key": "abc"})
    assert headers["X-Gate"] == "7"
    assert headers["Authorization"] == "Basic YW5hOmh1bnRlcjI="

    bearer = build(f"http://{address}", bearer_token=SECRET)
    await bearer.fetch_load()
    assert seen[-1][2]["Authorization"] == f"Bearer {SECRET}"


async def test_the_socket_carries_them_too(serve, connect, eventually):
    seen = []

    async def handler(request):
        seen.append(request)
        return web.Response(status=403)

    address = await serve(handler)
    await connect(f"http://u:p@{address}/comfy?key=abc")
    await eventually(lambda: seen)

    assert seen[0].path == "/comfy/ws"
    assert seen[0].query["key"] == "abc"
    assert seen[0].query["clientId"]
    assert seen[0].headers["Authorization"].startswith("Basic ")
    assert "Sec-WebSocket-Extensions" not in seen[0].headers


async def test_secrets_are_never_shown(serve, connect, caplog, graph):
    caplog.set_level(logging.DEBUG, "comfy")
    settings = BackendSettings(
        f"http://ana:{SECRET}@127.0.0.1:1/?key={SECRET}",
        bearer_token=SECRET,
        headers={"X-Gate": SECRET},
    )
    backend = ComfyServer(settings)
    with pytest.raises(ComfyError) as caught:
        await anext(backend.run(graph))
    await backend.close()

    assert settings.name == "127.0.0.1:1"
    assert SECRET not in f"{settings!r} {caught.value} {caught.value!r} {caplog.text}"


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:8188", "ftp://x", f"http://a:{SECRET}@:x", "http://"]
)
def test_urls_that_cannot_be(url):
    with pytest.raises(ValueError, match="A backend's URL") as caught:
        BackendSettings(url)
    assert SECRET not in str(caught.value)


def test_kinds_and_names():
    assert build_backend(BackendSettings("https://gpu.example/comfy")).name == "gpu.example"
    assert BackendSettings("http://[::1]:8188").name == "[::1]:8188"
    with pytest.raises(ValueError, match="no kind 'magic'"):
        build_backend(BackendSettings("http://a", kind="magic"))
    with pytest.raises(ValueError, match="concurrency"):
        BackendSettings("http://a", concurrency=0)


@pytest.fixture(scope="module")
def authority(make_certificate):
    """A certificate that only its own authority's file vouches for."""
    return make_certificate()


async def test_own_certificate_authority(serve, build, authority, tmp_path):
    certificate, context = authority
    load = answering(text='{"exec_info": {"queue_remaining": 1}}', content_type="application/json")
    address = await serve(load, context)

    assert await build(f"https://{address}", ca_file=certificate).fetch_load() == 1
    with pytest.raises(BackendUnreachable, match="certificate"):
        await build(f"https://{address}").fetch_load()
    with pytest.raises(BackendUnreachable, match=r"none\.pem"):
        await build(f"https://{address}", ca_file=tmp_path / "none.pem").fetch_load()


async def test_http_on_a_tls_port_and_the_other_way_round(serve, build, authority):
    _, context = authority
    tls = await serve(answering(), context)
    plain = await serve(answering())

    with pytest.raises(ComfyError):
        await build(f"http://{tls}").fetch_load()
    with pytest.raises(BackendUnreachable):
        await build(f"https://{plain}").fetch_load()


async def test_a_closed_backend_says_so(build, unused_tcp_port, graph):
    backend = build(f"http://127.0.0.1:{unused_tcp_port}")
    await backend.close()
    await backend.close()

    with pytest.raises(BackendUnreachable, match="closed"):
        await backend.fetch_load()
    with pytest.raises(BackendUnreachable, match="closed"):
        await anext(backend.run(graph))
