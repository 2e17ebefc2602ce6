"""One reply a generation: the newest state, at a bounded rate, and never after the end."""

import asyncio
import gc
import json
import time
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from datetime import timedelta
from types import SimpleNamespace

import pytest

from bot.replies.address import ReplyAddress, parse_reply
from bot.replies.live import LiveReplies
from bot.replies.packing import Parcel
from generation.marking.marker import Marker
from generation.notifier import DeliveryImpossible, DeliveryPostponed
from generation.record import GenerationState
from generation.request import Derivation
from sandbox.people import as_text, files_of
from tests.support.messages import labels_of

EDIT_BY_TOKEN = r"/webhooks/.*/messages/"


def text_of(message):
    return as_text(message)


def shows(text):
    return lambda message: text in text_of(message)


def is_done(message):
    return "· seed" in text_of(message)


@asynccontextmanager
async def recorded_edits(world):
    """The monotonic time and the new text of each edit of a message while the block lasts."""
    edits = []

    async def note(events):
        while True:
            event = await events.get()
            if event["type"] == "message_update":
                edits.append((time.monotonic(), text_of(event["message"])))

    with world.broadcast.view(world.member("ana")) as events:
        task = asyncio.create_task(note(events))
        yield edits
        task.cancel()
        await asyncio.wait([task])


async def edits_over(bot):
    """Once nothing more is being shown."""
    tasks = [view.task for view in bot.replies._live._views.values() if view.task]
    if tasks:
        await asyncio.wait(tasks, timeout=10)


async def test_results_are_packed_while_they_are_recorded(bot, tools):
    generation, reply = await bot.imagine()
    _, prepared = tools.result(generation, tools.picture((30, 30)))
    with bot.replies.preparing(generation, prepared):
        await bot.replies.deliver(*tools.result(generation, tools.picture((40, 40))))
        gc.collect()
        # Copies of what was posted are not kept while its delivery is recorded.
        assert not [one for one in gc.get_objects() if isinstance(one, Parcel)]
    assert [file["width"] for file in files_of(reply.message)] == [30]
    with bot.replies.preparing(generation, prepared):
        """The end cannot be recorded."""
    await bot.replies.deliver(*tools.result(generation, tools.picture((40, 40))))
    assert [file["width"] for file in files_of(reply.message)] == [40]
    with bot.replies.preparing(replace(generation, reply=""), prepared):
        assert bot.replies._packing == {}


@pytest.mark.parametrize("fails", [True, False])
async def test_packing_that_is_not_needed_ends_without_an_error(tools, caplog, fails):
    began = asyncio.Event()

    class Visible:
        async def is_shown(self, guild_id):
            began.set()
            assert not fails
            await asyncio.Event().wait()

    replies = LiveReplies(
        SimpleNamespace(get_guild=lambda guild_id: None),
        action_finder=SimpleNamespace(title_of=str),
        marker=Marker(visible=Visible()),
    )
    address = ReplyAddress(1, "token", 0.0, 5, 9, 11, is_private=False)
    generation = tools.generation(reply=json.dumps(asdict(address)))
    with replies.preparing(*tools.result(generation, tools.picture())):
        (packing,) = [one for one in asyncio.all_tasks() if "packing" in one.get_name()]
        await began.wait()
    await asyncio.wait({packing}, timeout=60)
    assert packing.cancelled() is not fails
    del packing
    gc.collect()
    assert not caplog.records


async def test_results_that_became_spoilers_are_packed_again(bot, tools):
    generation, reply = await bot.imagine()
    ended, contents = tools.result(generation, tools.picture())
    with bot.replies.preparing(generation, contents):
        await bot.replies.deliver(replace(ended, spoiler=True), contents)
    assert [file["spoiler"] for file in files_of(reply.message)] == [True]


async def test_a_reply_goes_through_its_states(bot, tools):
    generation, reply = await bot.imagine(prompt="a **fox** @everyone")
    bot.replies.notify(tools.waiting(generation, 3, 7))
    message = await reply.until(shows("3rd in the queue"))
    assert labels_of(message) == ["Cancel"]
    bot.replies.notify(tools.running(generation, 5, tools.picture()))
    message = await reply.until(shows(" 5/10"))
    assert files_of(message)[0]["url"]
    assert not files_of(message)[0]["spoiler"]
    bot.replies.notify(tools.ended(generation))
    await bot.replies.deliver(*tools.result(generation, tools.picture()))
    assert is_done(reply.message)
    assert "Cancel" not in str(reply.message["components"])


async def test_previews_replace_each_other_and_are_gone_at_the_end(bot, tools, world):
    generation, reply = await bot.imagine()
    for step in range(1, 5):
        bot.replies.notify(tools.running(generation, step, tools.picture((64, 64 + step))))
        message = await reply.until(shows(f" {step}/10"))
        assert "preview.jpg" in files_of(message)[0]["url"]
    stored = world.messages.get(int(reply.message["id"]))
    assert len(stored.files) == 1
    await bot.replies.deliver(*tools.result(generation, tools.picture()))
    assert len(files_of(reply.message)) == 1
    assert files_of(reply.message)[0]["filename"].startswith("limner-")


async def test_a_failure_takes_the_preview_away(bot, tools, world):
    generation, reply = await bot.imagine()
    bot.replies.notify(tools.running(generation, 1, tools.picture()))
    await reply.until(shows(" 1/10"))
    await bot.replies.deliver(tools.failure(generation), ())
    assert world.messages.get(int(reply.message["id"])).files == ()
    assert not files_of(reply.message)


@pytest.mark.parametrize("preview", [b"garbage", b"", None])
async def test_garbage_for_a_preview_is_left_out(bot, tools, preview):
    generation, reply = await bot.imagine()
    bot.replies.notify(tools.running(generation, 2, preview))
    message = await reply.until(shows(" 2/10"))
    assert not files_of(message)


async def test_a_hidden_result_has_no_preview(bot, tools):
    generation, reply = await bot.imagine(spoiler=True)
    bot.replies.notify(tools.running(generation, 2, tools.picture()))
    message = await reply.until(shows(" 2/10"))
    assert not files_of(message)


async def test_a_burst_of_states_is_shown_as_its_newest(world, service, tools, start_bot):
    async with start_bot(world, service, interval_s=0.3) as bot:
        generation, reply = await bot.imagine()
        async with recorded_edits(world) as edits:
            for step in range(1, 5):
                bot.replies.notify(tools.running(generation, step))
            await reply.until(shows(" 4/10"))
            for step in range(5, 10):
                bot.replies.notify(tools.running(generation, step))
                await asyncio.sleep(0)
            await reply.until(shows(" 9/10"))
            await edits_over(bot)
        (_, first), (_, second) = edits
        assert " 4/10" in first
        assert " 9/10" in second


async def test_a_place_in_the_line_never_follows_the_run(bot, tools):
    generation, reply = await bot.imagine()
    bot.replies.notify(tools.running(generation, 2))
    await reply.until(shows(" 2/10"))
    bot.replies.notify(tools.waiting(generation, 1, 1))
    await edits_over(bot)
    assert shows(" 2/10")(reply.message)


async def test_nothing_live_follows_the_end(bot, tools):
    generation, reply = await bot.imagine()
    bot.replies.notify(tools.running(generation, 2))
    bot.replies.notify(tools.ended(generation))
    assert bot.replies._live._views == {}
    await bot.replies.deliver(*tools.result(generation, tools.picture()))
    bot.replies.notify(tools.waiting(generation))
    bot.replies.notify(tools.running(generation, 3))
    await edits_over(bot)
    assert is_done(reply.message)
    assert bot.replies._live._views == {}


@pytest.mark.parametrize("minutes", [0, 16])
async def test_an_edit_under_way_does_not_overwrite_the_end(
    world, service, tools, start_bot, minutes
):
    async with start_bot(world, service, channel_interval_s=0.0) as bot:
        generation, reply = await bot.imagine()
        world.advance(minutes)
        # The library sends one at a time until it has seen the limit once.
        bot.replies.notify(tools.running(generation, 1))
        await reply.until(shows(" 1/10"))
        await edits_over(bot)
        world.delay_next("PATCH", r"/messages/", 0.4)
        bot.replies.notify(tools.running(generation, 2))
        view = bot.replies._live._views[generation.id]
        await tools.eventually(lambda: view.is_editing)
        task = view.task
        bot.replies.notify(tools.ended(generation))
        await bot.replies.deliver(*tools.result(generation, tools.picture()))
        await asyncio.wait({task})
        assert not task.cancelled(), "Discord may have had the edit already"
        assert is_done(reply.message)
        assert bot.replies._live._views == {}


async def test_the_end_does_not_wait_for_the_next_edits_turn(world, service, tools, start_bot):
    async with start_bot(world, service, interval_s=3600.0) as bot:
        generation, reply = await bot.imagine()
        bot.replies.notify(tools.waiting(generation, 3, 7))
        await reply.until(shows("3rd in the queue"))
        bot.replies.notify(tools.running(generation, 2))
        await asyncio.wait_for(bot.replies.deliver(*tools.result(generation, tools.picture())), 20)
        assert is_done(reply.message)


async def test_a_run_that_ends_at_once_is_not_shown_before_its_end(
    world, service, tools, start_bot
):
    async with start_bot(world, service, interval_s=3600.0) as bot:
        generation, reply = await bot.imagine()
        async with recorded_edits(world) as edits:
            bot.replies.notify(tools.running(generation, 1))
            await bot.replies.deliver(*tools.result(generation, tools.picture()))
            await reply.until(is_done)
        assert len(edits) == 1


async def test_a_busy_channel_stays_within_its_limits(world, service, tools, start_bot):
    # Fewer edits than Discord takes at once, so that nothing but the pace holds them up.
    interval_s = 0.7
    async with start_bot(world, service, channel_interval_s=interval_s) as bot:
        asked = [await bot.imagine(person) for person in (bot.ana, bot.ben)]
        world.advance(16)
        async with recorded_edits(world) as edits:
            began_at = time.monotonic()
            for step in (1, 2):
                for generation, _ in asked:
                    bot.replies.notify(tools.running(generation, step))
                await edits_over(bot)
        assert len(edits) == 4
        assert edits[-1][0] - began_at >= 3 * interval_s
        for generation, _ in asked:
            await bot.replies.deliver(*tools.result(generation, tools.picture()))
        assert all(is_done(reply.message) for _, reply in asked)
    assert world.rate_limit_hits == 0


async def test_a_dropped_edit_is_made_good_by_the_next(bot, tools, world):
    generation, reply = await bot.imagine()
    world.advance(16)
    world.fail_next("PATCH", r"/channels/\d+/messages/\d+$", 503)
    bot.replies.notify(tools.running(generation, 1))
    await edits_over(bot)
    bot.replies.notify(tools.running(generation, 2))
    await reply.until(shows(" 2/10"))


async def test_a_deleted_reply_is_not_edited_again(bot, tools, world):
    generation, _ = await bot.imagine()
    world.fail_next("PATCH", EDIT_BY_TOKEN, 404, 10008)
    bot.replies.notify(tools.running(generation, 1))
    await edits_over(bot)
    bot.replies.notify(tools.running(generation, 2))
    assert bot.replies._live._views[generation.id].task.done()


async def test_a_generation_without_a_reply_is_nobodys_view(bot, tools):
    bot.replies.notify(tools.running(tools.generation(reply=""), 1))
    assert bot.replies._live._views == {}


async def test_closing_ends_every_task_and_may_be_repeated(bot, tools):
    generation, _ = await bot.imagine()
    bot.replies.notify(tools.running(generation, 1))
    task = bot.replies._live._views[generation.id].task
    await bot.replies.close()
    await bot.replies.close()
    assert task.done()


async def test_the_address_survives_its_record(bot):
    generation, reply = await bot.imagine()
    address = parse_reply(generation.reply)
    assert address.message_id == int(reply.message["id"])
    assert address.token not in repr(address)
    assert address.message_url.endswith(f"/{address.channel_id}/{address.message_id}")


async def test_a_place_is_not_told_of_what_runs_elsewhere_by_now(bot, tools, service, world):
    generation, reply = await bot.imagine()
    bot.replies.use_records(service)
    service.add(tools.generation(id=generation.id, state=GenerationState.RUNNING))
    bot.replies.notify(tools.waiting(generation, 3, 7))
    await edits_over(bot)
    assert reply.is_thinking
    service.add(tools.generation(id=generation.id, state=GenerationState.WAITING))
    bot.replies.notify(tools.waiting(generation, 2, 7))
    await reply.until(shows("2nd in the queue"))


async def test_a_step_is_not_shown_of_what_ended_elsewhere(bot, tools, service):
    generation, reply = await bot.imagine()
    bot.replies.use_records(service)
    service.add(replace(generation, state=GenerationState.SUCCEEDED))
    bot.replies.notify(tools.running(generation, 3))
    await edits_over(bot)
    assert reply.is_thinking


async def test_a_time_that_passes_is_not_left_standing(bot, tools, world):
    generation, reply = await bot.imagine()
    starts_at = world.clock.now() + timedelta(seconds=2.5)
    bot.replies.notify(replace(tools.waiting(generation, 3, 7), starts_at=starts_at))
    await reply.until(shows("starting now"))
    await reply.until(shows("starting soon"))
    later = replace(tools.waiting(generation, 1, 7), starts_at=starts_at + timedelta(hours=1))
    bot.replies.notify(later)
    await reply.until(shows("1st in the queue · starts <t:"))
    running = tools.running(generation, 5)
    nearly_done = replace(running.progress, fraction=0.9)
    bot.replies.notify(replace(running, progress=nearly_done))
    await reply.until(shows("finishing"))


@pytest.mark.parametrize("kind", ["waiting", "running"])
async def test_an_end_that_another_process_told_meanwhile_is_shown_again(bot, tools, kind):
    """The edit with the live state arrives after the end, as when Discord has it wait."""
    generation, reply = await bot.imagine()
    ended, contents = tools.result(generation, tools.picture())

    # What is said before the edit, and after it.
    states = [GenerationState.WAITING, ended.state]

    class GenerationRecords:
        async def find_states(self, ids):
            return dict.fromkeys(ids, states.pop(0))

        async def deliver_again(self, generation_id):
            await bot.replies.deliver(ended, contents)

    bot.replies.use_records(GenerationRecords())
    events = {"waiting": tools.waiting(generation, 3, 7), "running": tools.running(generation, 3)}
    bot.replies.notify(events[kind])
    message = await reply.until(is_done)
    assert files_of(message)
    assert "Cancel" not in str(message["components"])


@pytest.mark.parametrize("is_direct", [False, True])
async def test_whoever_waited_long_is_called_once(bot, world, tools, is_direct):
    changes = {"call_after_s": 10, "calls_directly": is_direct}
    await bot.services.preferences.change(bot.ana.id, **changes)
    generation, _ = await bot.imagine()
    quick, contents = tools.result(generation, tools.picture())
    quick = replace(quick, finished_at=quick.created_at + timedelta(seconds=9))
    await bot.replies.deliver(quick, contents)
    declined, _ = tools.result(replace(generation, withheld=True), tools.picture())
    await bot.replies.deliver(declined, ())
    assert world.pings == []
    ended, contents = tools.result(generation, tools.picture())
    receipt = await bot.replies.deliver(ended, contents)
    await bot.replies.deliver(ended, contents)
    await bot.replies.deliver(replace(ended, delivered_at=ended.finished_at), contents)
    (ping,) = world.pings
    assert ping.user_id == bot.ana.id
    world.pings.clear()
    told = [one for one in bot.ana.messages() if "Your result is ready" in as_text(one)]
    assert [receipt.message_url in as_text(one) for one in told] == [True]
    assert bool(bot.ana.direct_messages()) is is_direct


async def test_a_wait_counts_up_to_a_result_or_a_failure(bot, world, tools):
    await bot.services.preferences.change(bot.ana.id, call_after_s=10)

    async def is_called(state, waited_s):
        generation, _ = await bot.imagine()
        ended, contents = tools.result(generation, tools.picture())
        finished_at = None if waited_s is None else ended.created_at + timedelta(seconds=waited_s)
        failure = None if state is GenerationState.SUCCEEDED else tools.failure(ended).failure
        told = replace(ended, state=state, finished_at=finished_at, failure=failure)
        await bot.replies.deliver(told, contents)
        pings = list(world.pings)
        world.pings.clear()
        return bool(pings)

    assert await is_called(GenerationState.SUCCEEDED, 10)
    assert await is_called(GenerationState.FAILED, 10)
    assert not await is_called(GenerationState.FAILED, 9.9)
    assert not await is_called(GenerationState.CANCELLED, 10)
    assert not await is_called(GenerationState.SUCCEEDED, None)


async def test_a_result_links_to_what_it_came_from_if_everybody_may_see_that(bot, tools, service):
    generation, reply = await bot.imagine()
    ended, contents = tools.result(generation, tools.picture())
    url = "https://discord.com/channels/1/2/3"
    parent = service.add(tools.generation(state=GenerationState.SUCCEEDED, message_url=url))
    derived = replace(ended, parent_id=parent.id, derivation=Derivation.REMIX)

    async def is_linked(one):
        await bot.replies.deliver(one, contents)
        return url in as_text(reply.message)

    assert not await is_linked(derived), "there are no records yet"
    bot.replies.use_records(service)
    assert await is_linked(derived)
    assert not await is_linked(replace(derived, parent_id=None))
    assert not await is_linked(replace(derived, parent_id="none"))
    for hidden in ("private", "withheld"):
        service.add(replace(parent, **{hidden: True}))
        assert not await is_linked(derived)


async def test_whoever_wants_to_hear_nothing_is_not_called(bot, world, tools):
    await bot.services.preferences.change(bot.ana.id, call_after_s=None)
    generation, _ = await bot.imagine()
    ended, contents = tools.result(generation, tools.picture())
    await bot.replies.deliver(replace(ended, created_at=ended.created_at - timedelta(1)), contents)
    assert world.pings == []


async def test_whoever_waits_for_a_moderator_reads_so(bot, tools):
    generation, reply = await bot.imagine()
    bot.replies.notify(tools.running(generation, 2))
    await bot.replies.tell_held(replace(generation, withheld=True))
    assert shows("Waiting for moderator approval")(reply.message)
    bot.replies.notify(tools.running(generation, 3))
    await edits_over(bot)
    assert shows("Waiting for moderator approval")(reply.message)


async def test_a_result_that_is_held_after_it_was_shown_is_shown_nowhere(bot, tools, world):
    generation, reply = await bot.imagine()
    ended, contents = tools.result(generation, *[tools.picture()] * 12)
    receipt = await bot.replies.deliver(ended, contents)
    assert "· more" in str(bot.ana.messages("general"))
    # What is shared is posted below all results, so that each is looked for by itself.
    other, shared = await bot.imagine(bot.ben)
    shared_url = (await bot.replies.deliver(*tools.result(other, tools.picture()))).message_url
    urls = {"message_url": receipt.message_url, "shared_url": shared_url}
    held = replace(ended, withheld=True, **urls)
    world.advance(16)
    world.fail_next("PATCH", r"/channels/\d+/messages/\d+$", 503)
    with pytest.raises(DeliveryPostponed):
        await bot.replies.tell_held(held)
    await bot.replies.tell_held(held)
    assert shows("Waiting for moderator approval")(reply.message)
    assert shared.message is None
    assert "· more" not in str(bot.ana.messages("general"))


async def test_whoever_was_declined_reads_so_and_what_was_shared_is_gone(bot, tools):
    generation, reply = await bot.imagine()
    other, shared = await bot.imagine(bot.ben)
    receipt = await bot.replies.deliver(*tools.result(other, tools.picture()))
    facts = {"withheld": True, "refusal": "hate", "shared_url": receipt.message_url}
    ended, _ = tools.result(replace(generation, **facts), tools.picture())
    receipt = await bot.replies.deliver(ended, ())
    assert shared.message is None
    assert shows("A moderator declined this picture")(reply.message)
    assert not files_of(reply.message)
    assert receipt.message_url.endswith(reply.message["id"])


async def test_ends_and_failed_deliveries_are_counted(bot, tools, world):
    generation, _ = await bot.imagine()
    ended, contents = tools.result(generation, tools.picture())
    bot.replies.notify(tools.ended(ended))
    world.advance(16)
    world.fail_next("PATCH", r"/channels/\d+/messages/\d+$", 503)
    with pytest.raises(DeliveryPostponed):
        await bot.replies.deliver(ended, contents)
    value = bot.replies._metrics.registry.get_sample_value
    end = {"workflow": "txt2img-sd", "end": "succeeded", "failure": ""}
    assert value("limner_generations_total", end) == 1
    assert value("limner_delivery_failures_total", {"reason": "postponed"}) == 1
    world.fail_next("PATCH", r"/channels/\d+/messages/\d+$", 404, 10008)
    with pytest.raises(DeliveryImpossible):
        await bot.replies.deliver(ended, contents)
    assert value("limner_delivery_failures_total", {"reason": "impossible"}) == 1
