"""Every fault the stand-in can play, as a client meets it."""

import asyncio
import struct

import aiohttp
import pytest

from sandbox import scenarios


async def everything(socket):
    """Return what came over a socket, up to a silence."""
    seen = []
    while True:
        try:
            seen.append(await asyncio.wait_for(socket.next(), 0.05))
        except TimeoutError:
            return seen


async def test_kills_sockets_without_a_close_frame_and_the_run_goes_on(comfy, client, txt2img):
    comfy.faults.add(scenarios.KillSockets(at_step=2))
    socket = await client.connect()
    answer = await client.post(txt2img())
    frame = await socket.frame()
    while frame.type in {aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY}:
        frame = await socket.frame()
    assert socket.socket.close_code == aiohttp.WSCloseCode.ABNORMAL_CLOSURE
    await comfy.wait_until_over(answer["prompt_id"])
    assert (await client.history(answer["prompt_id"]))["status"]["status_str"] == "success"


@pytest.mark.parametrize("answers_pings", [True, False])
async def test_silences_a_socket_that_stays_open(comfy, client, txt2img, answers_pings):
    comfy.faults.add(scenarios.SilenceSockets(at_step=2, answers_pings=answers_pings))
    socket = await client.connect()
    await client.run(txt2img())
    second = await client.connect("somebody")
    await client.run(txt2img(seed=2), client_id="somebody")
    await second.until_over()
    await comfy.hub.flushed()
    kinds = await everything(socket)
    assert "execution_start" in str(kinds)
    assert "execution_success" not in str(kinds)
    assert not socket.socket.closed


async def test_restart_forgets_queue_and_history_and_keeps_the_port(comfy, client, txt2img):
    done = await client.run(txt2img(seed=1))
    comfy.faults.add(scenarios.Restart(at_step=2))
    socket = await client.connect()
    port = comfy.port
    lost = await client.post(txt2img(seed=2))
    waiting = await client.post(txt2img(seed=3))
    frame = await socket.frame()
    while frame.type in {aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY}:
        frame = await socket.frame()
    await comfy.wait_until_up()
    fresh = await client.connect("me again")
    assert (comfy.port, fresh.socket.closed) == (port, False)
    for prompt_id in (done, lost["prompt_id"], waiting["prompt_id"]):
        assert await client.history(prompt_id) == {}
    assert (await client.call("GET", "/queue"))[1] == {"queue_running": [], "queue_pending": []}
    assert (await client.post(txt2img(seed=4)))["number"] == 0
    assert comfy.log.executions_of(lost["prompt_id"])[0].ending is None
    await fresh.socket.close()


async def test_stop_refuses_connections_until_it_is_started_again(comfy, client):
    await comfy.stop()
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.call("GET", "/queue")
    await comfy.start()
    assert (await client.call("GET", "/queue"))[0] == 200


async def test_a_planned_stop_stays_stopped(comfy, client, txt2img):
    comfy.faults.add(scenarios.Stop(at_step=1))
    socket = await client.connect()
    await client.post(txt2img())
    frame = await socket.frame()
    while frame.type in {aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY}:
        frame = await socket.frame()
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.call("GET", "/queue")


@pytest.mark.parametrize("flags", [True, False])
async def test_sends_a_preview_that_is_no_picture(comfy, client, txt2img, flags):
    comfy.faults.add(scenarios.GarbagePreview(at_step=2))
    socket = await client.connect(flags=flags)
    await client.post(txt2img())
    previews = [seen["file"] for seen in await socket.until_over() if "preview" in seen]
    assert [preview[:10].count(b"JFIF") for preview in previews] == [1, 0, 1, 1]


async def test_sends_frames_nobody_knows(comfy, client, txt2img):
    comfy.faults.add(scenarios.StrangeFrames(at_step=2))
    socket = await client.connect()
    answer = await client.post(txt2img())
    frames = []
    while not frames or '"node": null' not in str(frames[-1].data):
        frames.append(await socket.frame())
    texts = [frame.data for frame in frames if frame.type is aiohttp.WSMsgType.TEXT]
    binaries = [frame.data for frame in frames if frame.type is aiohttp.WSMsgType.BINARY]
    assert "{not json" in texts
    assert b"" in binaries
    assert struct.pack(">I", 99) in {content[:4] for content in binaries}
    assert (await client.history(answer["prompt_id"]))["status"]["completed"]


async def test_sends_a_frame_of_twenty_megabytes(comfy, client, txt2img):
    comfy.faults.add(scenarios.BigFrame(at_step=1))
    socket = await client.connect()
    await client.post(txt2img())
    sizes = [len(seen["file"]) for seen in await socket.until_over() if "preview" in seen]
    assert sizes[0] == 20 * 1024 * 1024


async def test_somebody_else_clears_the_queue(comfy, client, txt2img):
    comfy.faults.add(scenarios.ClearQueue(at_step=3))
    comfy.hold()
    running = await client.post(txt2img(seed=1))
    waiting = await client.post(txt2img(seed=2))
    comfy.release()
    await comfy.wait_until_over(running["prompt_id"])
    assert comfy.log.executions_of(waiting["prompt_id"]) == []
    assert await client.history(waiting["prompt_id"]) == {}


async def test_a_stranger_interrupts_whatever_runs(comfy, client, txt2img):
    comfy.faults.add(scenarios.StrangerInterrupts(at_step=2))
    prompt_id = await client.run(txt2img())
    messages = (await client.history(prompt_id))["status"]["messages"]
    assert messages[-1][0] == "execution_interrupted"


async def test_a_node_raises(comfy, client, txt2img):
    comfy.faults.add(scenarios.NodeFails(class_type="VAEDecode", message="no such luck"))
    socket = await client.connect()
    await client.post(txt2img())
    seen = await socket.until_over()
    error = next(message["data"] for message in seen if message.get("type") == "execution_error")
    assert (error["node_id"], error["node_type"]) == ("8", "VAEDecode")
    assert error["exception_message"] == "no such luck\n"
    assert error["current_inputs"].keys() == {"samples", "vae"}


async def test_runs_out_of_memory(comfy, client, txt2img):
    comfy.faults.add(scenarios.OutOfMemory())
    prompt_id = await client.run(txt2img())
    status = (await client.history(prompt_id))["status"]
    assert status["messages"][-1][1]["exception_type"] == "torch.OutOfMemoryError"
    assert "ran out of memory on your GPU" in status["messages"][-1][1]["exception_message"]
    await client.run(txt2img())
    assert comfy.log.executions[-1].ending == "execution_success"


async def test_the_post_is_answered_after_the_run(comfy, client, txt2img):
    comfy.faults.add(scenarios.AnswerAfterRun())
    socket = await client.connect()
    posting = asyncio.create_task(client.post(txt2img()))
    await socket.until_over()
    answer = await posting
    assert await client.history(answer["prompt_id"])


async def test_the_post_is_never_answered(comfy, client, txt2img):
    comfy.faults.add(scenarios.NoAnswer())
    chosen = "5b1f7c1e-0000-4000-8000-000000000001"
    posting = asyncio.create_task(client.post(txt2img(), prompt_id=chosen))
    await comfy.wait_until_over(chosen)
    assert not posting.done()
    posting.cancel()
    assert next(post for post in comfy.log.posts if post.prompt_id == chosen).accepted


async def test_history_is_late_after_the_success_message(comfy, client, txt2img):
    comfy.faults.add(scenarios.HistoryDelayed(seconds=0.3))
    socket = await client.connect()
    answer = await client.post(txt2img())
    await socket.until("execution_success")
    assert await client.history(answer["prompt_id"]) == {}
    await socket.until_over()
    assert await client.history(answer["prompt_id"])


async def test_stops_answering_until_told_otherwise(comfy, client):
    comfy.faults.add(scenarios.StopAnswering(path="/queue"))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(client.call("GET", "/queue"), 0.1)
    assert (await client.call("GET", "/queue"))[0] == 200


async def test_answers_500_in_plain_text(comfy, client, txt2img):
    comfy.faults.add(scenarios.ServerError(path="/prompt"))
    status, text = await client.call("POST", "/prompt", json={"prompt": txt2img()})
    assert (status, text) == (500, "500 Internal Server Error\n\nServer got itself in trouble")
    assert comfy.log.posts == []


async def test_refuses_an_upload_as_too_large(comfy, client):
    comfy.faults.add(scenarios.UploadTooLarge())
    form = aiohttp.FormData()
    form.add_field("image", b"x", filename="x.png")
    status, text = await client.call("POST", "/upload/image", data=form)
    assert (status, text) == (413, "Maximum request body size 104857600 exceeded.")


async def test_a_cancel_says_it_worked_and_did_not(comfy, client, txt2img):
    comfy.faults.add(scenarios.FalseCancel())
    comfy.hold()
    answer = await client.post(txt2img())
    await comfy.wait_until_held()
    job = f"/api/jobs/{answer['prompt_id']}"
    assert await client.call("POST", f"{job}/cancel") == (200, {"cancelled": True})
    comfy.release()
    await comfy.wait_until_over(answer["prompt_id"])
    assert (await client.call("GET", job))[1]["status"] == "completed"
    assert [cancel.effect for cancel in comfy.log.cancels] == [False]


async def test_an_interrupt_gets_lost(comfy, client, txt2img):
    comfy.faults.add(scenarios.LoseInterrupt())
    comfy.hold()
    answer = await client.post(txt2img())
    await comfy.wait_until_held()
    body = {"prompt_id": answer["prompt_id"]}
    assert (await client.call("POST", "/interrupt", json=body))[0] == 200
    comfy.release()
    await comfy.wait_until_over(answer["prompt_id"])
    assert (await client.history(answer["prompt_id"]))["status"]["completed"]


async def test_an_output_is_deleted_before_it_is_fetched(comfy, client, txt2img):
    comfy.faults.add(scenarios.OutputDeleted())
    prompt_id = await client.run(txt2img())
    item = (await client.history(prompt_id))["outputs"]["9"]["images"][0]
    assert (await client.call("GET", "/view", params=item))[0] == 404


async def test_a_strangers_previews_arrive_before_ones_own(comfy, client, txt2img):
    comfy.faults.add(scenarios.StrangersPrompt(steps=2))
    socket = await client.connect(flags=True)
    answer = await client.post(txt2img())
    seen = await socket.until_over()
    kinds = [message["preview"] for message in seen if "preview" in message]
    assert kinds == [1, 1, 4, 4, 4, 4]
    foreign = [
        m for m in seen if m.get("data", {}).get("prompt_id") not in (None, answer["prompt_id"])
    ]
    assert {message["type"] for message in foreign} == {"progress", "progress_state"}


async def test_a_fault_waits_for_its_prompt(comfy, client, txt2img):
    chosen = "5b1f7c1e-0000-4000-8000-000000000002"
    comfy.faults.add(scenarios.NodeFails(prompt_id=chosen))
    await client.run(txt2img(seed=1))
    await client.run(txt2img(seed=2), prompt_id=chosen)
    assert [run.ending for run in comfy.log.executions] == ["execution_success", "execution_error"]
    assert [type(fault) for fault in comfy.faults.played] == [scenarios.NodeFails]
    assert comfy.log.repeated() == ()
