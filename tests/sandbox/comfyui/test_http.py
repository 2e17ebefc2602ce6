"""The stand-in's HTTP doors: jobs, files, information, the queue's rules."""

import io

import aiohttp
import pytest
from PIL import Image

from sandbox.comfyui import ComfyUIStandIn
from sandbox.comfyui.nodes.registry import QUICK_NODES, SLOW_NODES

STATUSES = "pending, in_progress, completed, failed, cancelled"


def picture(size=(64, 64), colour=(200, 30, 30), mode="RGB") -> bytes:
    stream = io.BytesIO()
    Image.new(mode, size, colour).save(stream, "PNG")
    return stream.getvalue()


def form(content: bytes, filename: str, *, quote: bool = True, **fields: str) -> aiohttp.FormData:
    data = aiohttp.FormData(quote_fields=quote)
    data.add_field("image", content, filename=filename, content_type="image/png")
    for name, value in fields.items():
        data.add_field(name, value)
    return data


async def upload(client, *arguments, **options):
    return await client.call("POST", "/upload/image", data=form(*arguments, **options))


async def test_jobs_tell_what_waits_runs_and_is_done(comfy, client, txt2img):
    done = await client.run(
        txt2img(seed=1), extra_data={"extra_pnginfo": {"workflow": {"id": "wf"}}}
    )
    comfy.hold()
    running = (await client.post(txt2img(seed=2)))["prompt_id"]
    await comfy.wait_until_held()
    waiting = (await client.post(txt2img(seed=3)))["prompt_id"]
    _, found = await client.call("GET", "/api/jobs")
    assert [(job["id"], job["status"]) for job in found["jobs"]] == [
        (waiting, "pending"),
        (running, "in_progress"),
        (done, "completed"),
    ]
    assert found["jobs"][2]["workflow_id"] == "wf"
    assert found["jobs"][2]["preview_output"]["nodeId"] == "9"
    assert found["pagination"] == {"offset": 0, "limit": None, "total": 3, "has_more": False}
    _, one = await client.call("GET", f"/api/jobs/{done}")
    assert one["outputs"]["9"]["images"][0]["filename"] == "fox_00001_.png"
    assert one["execution_status"]["completed"]


async def test_cancelling_a_job(comfy, client, txt2img):
    comfy.hold()
    running = (await client.post(txt2img(seed=2)))["prompt_id"]
    await comfy.wait_until_held()
    waiting = (await client.post(txt2img(seed=3)))["prompt_id"]
    for prompt_id, cancelled in ((waiting, True), (running, True), ("zzz", False)):
        answer = await client.call("POST", f"/api/jobs/{prompt_id}/cancel")
        assert answer == (200, {"cancelled": cancelled})
    await comfy.wait_until_over(running)
    assert (await client.call("GET", f"/api/jobs/{waiting}"))[0] == 404
    assert (await client.call("GET", f"/api/jobs/{running}"))[1]["status"] == "cancelled"
    assert await client.call("POST", f"/api/jobs/{running}/cancel") == (200, {"cancelled": False})


@pytest.mark.parametrize(
    ("query", "error"),
    [
        (
            "status=bogus",
            f"Invalid status value(s): bogus. Valid values: {STATUSES}",
        ),
        ("limit=0", "limit must be a positive integer"),
        ("limit=x", "limit must be an integer"),
        ("sort_by=zzz", "sort_by must be 'created_at' or 'execution_duration'"),
    ],
)
async def test_jobs_refuse_bad_parameters(client, query, error):
    assert await client.call("GET", f"/api/jobs?{query}") == (400, {"error": error})


async def test_the_older_version_has_no_jobs_and_takes_any_id(old_client, txt2img):
    assert (await old_client.call("GET", "/api/jobs"))[0] == 404
    assert (await old_client.post(txt2img(), prompt_id="my-job-1"))["prompt_id"] == "my-job-1"
    assert "EmptyFlux2LatentImage" not in (await old_client.call("GET", "/object_info"))[1]
    assert (await old_client.call("GET", "/features"))[1].keys() == {
        "supports_preview_metadata",
        "max_upload_size",
    }


async def test_the_older_version_sends_previews_whatever_is_asked(old_client, txt2img):
    socket = await old_client.connect()
    await old_client.post(txt2img(), extra_data={"preview_method": "none"})
    assert [m["preview"] for m in await socket.until_over() if "preview" in m] == [1, 1, 1, 1]


@pytest.mark.parametrize("chosen", ["CC1913AB-5AAA-49B8-BE1B-EA8DC9BD6EF0", "my-job-1"])
async def test_only_canonical_prompt_ids_are_taken(client, txt2img, chosen):
    answer = await client.post(txt2img(), prompt_id=chosen)
    assert answer["error"]["type"] == "invalid_prompt_id"


async def test_interrupting_a_waiting_prompt_does_nothing(comfy, client, txt2img):
    comfy.hold()
    await client.post(txt2img(seed=1))
    await comfy.wait_until_held()
    waiting = (await client.post(txt2img(seed=2)))["prompt_id"]
    await client.call("POST", "/interrupt", json={"prompt_id": waiting})
    comfy.release()
    await comfy.wait_until_over(waiting)
    assert [run.ending for run in comfy.log.executions] == ["execution_success"] * 2


async def test_front_goes_first_and_equal_numbers_by_id(comfy, client, txt2img):
    comfy.hold()
    first = await client.post(txt2img(seed=1))
    await comfy.wait_until_held()
    plain = await client.post(txt2img(seed=2))
    front = await client.post(txt2img(seed=3), front=True)
    comfy.release()
    await comfy.wait_until_over(plain["prompt_id"])
    order = [run.prompt_id for run in comfy.log.executions]
    assert order == [first["prompt_id"], front["prompt_id"], plain["prompt_id"]]
    assert front["number"] == -2


async def test_previews_can_be_declined(comfy, client, txt2img):
    socket = await client.connect()
    await client.post(txt2img(), extra_data={"preview_method": "none"})
    seen = await socket.until_over()
    assert [message for message in seen if "preview" in message] == []
    assert [m["data"]["value"] for m in seen if m.get("type") == "progress"] == [1, 2, 3, 4]


async def test_a_reconnecting_client_hears_where_its_run_is(comfy, client, txt2img):
    comfy.hold()
    socket = await client.connect()
    await client.post(txt2img())
    await comfy.wait_until_held()
    await socket.socket.close()
    again = await client.http.ws_connect(f"{comfy.url}/ws?clientId=me")
    assert (await again.receive_json())["data"]["sid"] == "me"
    assert await again.receive_json() == {"type": "executing", "data": {"node": "3"}}


async def test_the_old_socket_of_a_client_id_takes_the_new_one_with_it(comfy, client, txt2img):
    old, new = await client.connect("dup"), await client.connect("dup")
    await client.run(txt2img(seed=1), client_id="dup")
    await new.until_over()
    await old.socket.close()
    while comfy.hub.connected > 1:
        await client.call("GET", "/queue")
    await client.run(txt2img(seed=2), client_id="dup")
    await comfy.hub.flushed()
    with pytest.raises(TimeoutError):
        await new.socket.receive(timeout=0.05)
    assert not new.socket.closed


async def test_a_client_less_prompt_ends_without_a_word(comfy, client, txt2img):
    socket = await client.connect()
    await client.run(txt2img(), client_id=None)
    last = {"exec_info": {"queue_remaining": 0}}
    kinds = {
        message.get("type", "preview") for message in await socket.until("status", status=last)
    }
    assert kinds == {"status", "progress", "progress_state", "preview"}


async def test_a_result_over_the_socket_is_a_png_and_runs_every_time(comfy, client, txt2img):
    graph = txt2img()
    graph["9"] = {"class_type": "SaveImageWebsocket", "inputs": {"images": ["8", 0]}}
    socket = await client.connect()
    for _ in range(2):
        answer = await client.post(graph)
        seen = await socket.until_over()
        results = [m["file"] for m in seen if "preview" in m and m["image_type"] == 2]
        assert Image.open(io.BytesIO(results[0])).size == (64, 64)
        assert (await client.history(answer["prompt_id"]))["outputs"] == {}
    assert comfy.log.executions[1].nodes == ["9"]


async def test_uploads_keep_their_name_or_get_a_number(comfy, client):
    red, green = picture(), picture(colour=(30, 200, 30))
    expected = [("a.png", red), ("a.png", red), ("a (1).png", green), ("a (1).png", green)]
    for name, content in expected:
        status, answer = await upload(client, content, "a.png")
        assert (status, answer) == (200, {"name": name, "subfolder": "", "type": "input"})
    assert (await upload(client, green, "a.png", overwrite="true"))[1]["name"] == "a.png"
    assert [stored.name for stored in comfy.log.uploads][-1] == "a.png"
    nested = await upload(client, red, "s.png", subfolder="deep/er")
    assert nested[1] == {"name": "s.png", "subfolder": "deep/er", "type": "input"}
    _, info = await client.call("GET", "/object_info/LoadImage")
    assert info["LoadImage"]["input"]["required"]["image"][0] == ["a (1).png", "a.png"]


@pytest.mark.parametrize(
    ("filename", "quote", "fields", "status"),
    [
        ("../../x.png", False, {}, 400),
        ("x.png", True, {"subfolder": "../.."}, 400),
        ("x.png", True, {"subfolder": "/abs"}, 400),
        ("nodir/x.png", False, {}, 500),
        ("/nodir/abs.png", False, {}, 500),
        (".", False, {}, 500),
        ("..", False, {}, 400),
        ("n" * 300 + ".png", True, {}, 500),
        ("x.png", True, {"type": "bogus"}, 500),
        ("x.png", True, {"type": ""}, 500),
        ("", True, {}, 500),
    ],
)
async def test_uploads_that_lead_elsewhere_are_refused(client, filename, quote, fields, status):
    assert (await upload(client, picture(), filename, quote=quote, **fields))[0] == status


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("filename=a.png&type=input", 200),
        ("filename=a.png [input]", 200),
        ("filename=a.png", 404),
        ("", 404),
        ("filename=", 400),
        ("filename=a.png&type=bogus", 400),
        ("filename=../a.png&type=input", 400),
        ("filename=a..b.png&type=input", 400),
        ("filename=/etc/passwd", 400),
        ("filename=passwd&subfolder=../../etc", 403),
        ("filename=passwd&subfolder=/etc", 403),
        ("filename=a.png&type=input&preview=webp;9999", 500),
    ],
)
async def test_view_answers_by_its_rules(client, query, status):
    await upload(client, picture(), "a.png")
    assert (await client.call("GET", f"/view?{query}"))[0] == status


async def test_view_names_the_file_and_converts_previews(client):
    await upload(client, picture(), "a.png")
    url = f"{client.comfy.url}/api/view?filename=a.png&type=input"
    async with client.http.get(url) as answer:
        assert answer.headers["Content-Disposition"] == 'filename="a.png"'
        assert answer.headers["ETag"]
    for wish, kind in (("jpeg;50", "JPEG"), ("webp", "WEBP"), ("png;90", "WEBP")):
        async with client.http.get(f"{url}&preview={wish}") as answer:
            assert Image.open(io.BytesIO(await answer.read())).format == kind


async def test_html_is_handed_out_as_an_attachment(client):
    await upload(client, b"<script>", "x.html")
    async with client.http.get(f"{client.comfy.url}/view?filename=x.html&type=input") as answer:
        assert answer.content_type == "application/octet-stream"
        assert answer.headers["Content-Disposition"] == 'attachment; filename="x.html"'


async def test_information_lists_what_is_installed(client):
    _, folders = await client.call("GET", "/models")
    assert {"checkpoints", "loras", "upscale_models"} <= set(folders)
    assert "dreamshaper_8.safetensors" in (await client.call("GET", "/models/checkpoints"))[1]
    assert (await client.call("GET", "/models/nope"))[0] == 404
    _, info = await client.call("GET", "/api/object_info")
    options = info["UpscaleModelLoader"]["input"]["required"]["model_name"][1]["options"]
    assert "RealESRGAN_x4plus.safetensors" in options
    assert (await client.call("GET", "/object_info/Nope"))[1] == {}
    _, stats = await client.call("GET", "/system_stats")
    assert stats["system"]["comfyui_version"] == "0.33.0"
    assert (await client.call("GET", "/embeddings"))[1] == ["easynegative"]


async def test_classes_can_be_missing(txt2img):
    async with (
        ComfyUIStandIn(missing=["KSampler"]) as comfy,
        aiohttp.ClientSession() as http,
        http.post(f"{comfy.url}/prompt", json={"prompt": txt2img()}) as answer,
    ):
        assert (await answer.json())["error"]["type"] == "missing_node_type"


async def test_foreign_pages_are_refused(client):
    for header in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert (await client.call("GET", "/queue", headers=header))[0] == 403


async def test_a_cached_file_that_is_gone_stays_gone(comfy, client, txt2img):
    first = await client.run(txt2img())
    item = (await client.history(first))["outputs"]["9"]["images"][0]
    comfy.folders.inside("output", item["filename"]).unlink()
    again = await client.run(txt2img())
    assert (await client.history(again))["outputs"]["9"]["images"] == [item]
    assert (await client.call("GET", "/view", params=item))[0] == 404


async def test_history_keeps_order_and_limits(client, txt2img):
    ids = [await client.run(txt2img(seed=seed)) for seed in range(3)]
    for query, expected in (
        ("", ids),
        ("max_items=2", ids[1:]),
        ("max_items=2&offset=0", ids[:2]),
        ("offset=2", ids[2:]),
        ("max_items=0", []),
    ):
        assert list((await client.call("GET", f"/history?{query}"))[1]) == expected
    assert (await client.call("GET", "/history?max_items=x"))[0] == 500
    await client.call("POST", "/history", json={"delete": [ids[0]]})
    assert list((await client.call("GET", "/history"))[1]) == ids[1:]


async def test_every_class_on_offer_can_run(any_client):
    _, info = await any_client.call("GET", "/object_info")
    assert set(info) <= {*QUICK_NODES, *SLOW_NODES}
