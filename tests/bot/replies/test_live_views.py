"""Which edits a live view makes of what it is shown, without Discord."""

import asyncio
import json
from dataclasses import asdict, replace
from datetime import timedelta

import discord
import pytest

from bot.replies.address import ReplyAddress
from bot.replies.live_views import (
    CHANNEL_INTERVAL_S,
    EDIT_INTERVAL_S,
    LAST_EDIT_PATIENCE_S,
    LOOK_UP_S,
    ChannelPace,
    LiveViews,
)
from bot.replies.sender import Invalid, Unreachable
from generation.errors import ServiceUnavailable
from generation.record import GenerationState
from tests.support.bot_objects import NOON, build_generation, build_running, build_waiting
from tests.support.pictures import build_picture
from tests.support.waiting import eventually

LATER = NOON + timedelta(hours=1)
HOUR_S = 3600.0


async def run_what_is_ready():
    """Let everything run that waits for no time to pass."""
    for _ in range(10):
        await asyncio.sleep(0)


class Sender:
    """Keeps what it is to send; raises `errors` first."""

    def __init__(self):
        self.sent = []
        self.errors = []
        self.has_token = True

    def is_by_token(self, _address):
        return self.has_token

    async def edit(self, _address, draft):
        if self.errors:
            raise self.errors.pop(0)
        items = draft.view.walk_children()
        text = "\n".join(item.content for item in items if isinstance(item, discord.ui.TextDisplay))
        self.sent.append((text, [file.spoiler for file in draft.files]))


class Views:
    """Live views with a clock that stands still, and counts who looks at it."""

    def __init__(self, **intervals):
        self.sender = Sender()
        self.time = NOON
        self.looks = 0
        self.live = LiveViews(self.sender, str, **intervals, now=self.now)

    def now(self):
        self.looks += 1
        return self.time

    async def show(self, event):
        """Show it, and wait until its edit is over."""
        self.live.show(event)
        view = self.live._views[event.generation.id]
        await eventually(lambda: view.newest is None and not view.is_editing)


@pytest.fixture
def intervals():
    return {"interval_s": 0.0}


@pytest.fixture
async def views(intervals):
    made = Views(**intervals)
    yield made
    await made.live.close()


@pytest.fixture
def generation():
    return build_with_reply("en-US")


def build_with_reply(locale):
    address = ReplyAddress(1, "token", LATER.timestamp(), 5, 9, 11, is_private=False, locale=locale)
    return build_generation(reply=json.dumps(asdict(address)))


@pytest.mark.parametrize(("locale", "place"), [("en-US", "the queue"), ("de", "Warteschlange")])
async def test_a_view_speaks_the_language_of_its_reply(views, locale, place):
    await views.show(build_waiting(build_with_reply(locale), 2, 3))
    ((text, _),) = views.sender.sent
    assert place in text


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.5, "starting soon"), (1.5, "starting now"), (600, "starts <t:")]
)
async def test_a_time_that_passes_until_the_edit_arrives_counts_as_passed(
    views, generation, seconds, words
):
    starts_at = NOON + timedelta(seconds=seconds)
    views.live.show(replace(build_waiting(generation, 2, 3), starts_at=starts_at))
    await eventually(lambda: views.sender.sent)
    assert words in views.sender.sent[0][0]


async def test_until_a_shown_time_passes_nothing_is_done(views, generation):
    await views.show(replace(build_waiting(generation, 2, 3), starts_at=LATER))
    await asyncio.sleep(0)
    looks = views.looks
    for _ in range(50):
        await asyncio.sleep(0)
    assert views.looks <= looks + 1
    await views.show(replace(build_waiting(generation, 1, 3), starts_at=LATER))
    assert len(views.sender.sent) == 2


async def test_when_a_shown_time_passes_its_message_is_edited(views, generation):
    began, may_end = hold_edits(views.sender)
    starts_at = NOON + timedelta(seconds=1.5)
    views.live.show(replace(build_waiting(generation, 2, 3), starts_at=starts_at))
    await began.wait()
    views.time = NOON + timedelta(seconds=0.5)
    may_end.set()
    await run_what_is_ready()
    (first, _), (second, _) = views.sender.sent
    assert "starting now" in first
    assert "starting soon" in second


async def test_what_is_shown_already_is_not_sent_again(views, generation):
    for _ in range(2):
        await views.show(build_waiting(generation, 2, 3))
    assert len(views.sender.sent) == 1
    for _ in range(2):
        await views.show(build_running(generation, 3))
    assert len(views.sender.sent) == 2
    for colour in ("teal", "red"):
        await views.show(build_running(generation, 3, build_picture(colour=colour)))
    assert len(views.sender.sent) == 4, "another preview is another look"


async def test_the_first_edit_waits_for_nothing(views, generation):
    views.live.show(build_waiting(generation, 2, 3))
    await run_what_is_ready()
    assert len(views.sender.sent) == 1


def test_edits_are_as_frequent_as_discord_takes_them():
    """It takes five in five seconds, and finished pictures need some of them."""
    assert 1.5 <= EDIT_INTERVAL_S <= 2.0
    assert 3 < 5 / CHANNEL_INTERVAL_S < 4
    assert LOOK_UP_S <= 0.1
    assert LAST_EDIT_PATIENCE_S <= 30.0


@pytest.mark.parametrize("intervals", [{"interval_s": HOUR_S}])
async def test_edits_of_a_reply_are_an_interval_apart(views, generation):
    await views.show(build_waiting(generation, 2, 3))
    views.live.show(build_waiting(generation, 1, 3))
    await run_what_is_ready()
    assert len(views.sender.sent) == 1


@pytest.mark.parametrize("intervals", [{"interval_s": 0.0, "channel_interval_s": HOUR_S}])
@pytest.mark.parametrize("has_token", [True, False])
async def test_edits_in_a_channel_by_id_are_an_interval_apart(views, has_token):
    views.sender.has_token = has_token
    for place in (1, 2):
        views.live.show(build_waiting(build_with_reply("en-US"), place, 3))
    await run_what_is_ready()
    assert len(views.sender.sent) == (2 if has_token else 1)


async def test_a_preview_that_discord_refuses_is_left_out(views, generation):
    views.sender.errors.append(Invalid())
    await views.show(build_running(generation, 3, build_picture()))
    await views.show(build_running(generation, 4, build_picture()))
    assert [files for _, files in views.sender.sent] == [[], [False]]


@pytest.mark.parametrize("build", [build_running, build_waiting])
async def test_a_text_that_discord_refuses_is_not_sent_twice(views, generation, build):
    views.sender.errors += [Invalid()]
    await views.show(build(generation, 3))
    assert views.sender.sent == []
    views.live.show(build(generation, 4))
    assert views.live._views[generation.id].task.done()


@pytest.mark.parametrize("hidden", ["spoiler", "withheld"])
async def test_what_is_hidden_has_no_preview(views, generation, hidden):
    await views.show(build_running(replace(generation, **{hidden: True}), 3, build_picture()))
    assert [files for _, files in views.sender.sent] == [[]]


@pytest.mark.parametrize("error", [Unreachable("x"), ValueError("x")])
async def test_an_edit_that_failed_is_sent_again_when_there_is_news(views, generation, error):
    views.sender.errors.append(error)
    await views.show(build_waiting(generation, 2, 3))
    await views.show(build_waiting(generation, 2, 3))
    assert len(views.sender.sent) == 1


class Records:
    """Says what state generations are in, and notes which ends are to be told again."""

    def __init__(self, *states):
        self.states = list(states)
        self.again, self.asked = [], []

    async def find_states(self, ids):
        self.asked.append(ids)
        state = self.states.pop(0)
        if isinstance(state, Exception):
            raise state
        return {} if state is None else dict.fromkeys(ids, state)

    async def deliver_again(self, id_):
        self.again.append(id_)


@pytest.mark.parametrize(
    ("build", "state", "is_shown"),
    [
        (build_waiting, GenerationState.WAITING, True),
        (build_waiting, GenerationState.RUNNING, False),
        (build_running, GenerationState.WAITING, True),
        (build_running, GenerationState.RUNNING, True),
        (build_running, GenerationState.SUCCEEDED, False),
        (build_running, None, False),
    ],
)
async def test_only_what_is_so_elsewhere_is_shown(views, generation, build, state, is_shown):
    views.live.records, views.live.is_shared = Records(state, GenerationState.RUNNING), True
    await views.show(build(generation, 3))
    assert len(views.sender.sent) == is_shown
    assert views.live.records.again == []


@pytest.mark.parametrize(
    ("is_shared", "after", "is_told"),
    [
        (True, GenerationState.SUCCEEDED, True),
        (True, None, True),
        (True, GenerationState.RUNNING, False),
        (False, GenerationState.SUCCEEDED, False),
    ],
)
async def test_an_end_that_an_edit_may_have_covered_is_told_again(
    views, generation, is_shared, after, is_told
):
    records = Records(*[GenerationState.RUNNING] * is_shared, after)
    views.live.records, views.live.is_shared = records, is_shared
    views.live.show(build_running(generation, 3))
    await asyncio.wait({views.live._views[generation.id].task})
    assert records.again == [generation.id] * is_told
    assert (generation.id in views.live._views) is not is_told


async def test_many_replies_are_looked_up_in_one_statement(views):
    records = views.live.records = Records(GenerationState.RUNNING)
    ids = {f"x{number}" for number in range(20)}
    found = await asyncio.gather(*map(views.live._look_up, ids))
    assert found == [GenerationState.RUNNING] * 20
    assert records.asked == [ids]


@pytest.mark.parametrize("intervals", [{"look_up_s": HOUR_S}])
async def test_a_look_up_waits_for_others(views):
    records = views.live.records = Records(GenerationState.RUNNING)
    asking = asyncio.create_task(views.live._look_up("x"))
    await run_what_is_ready()
    assert records.asked == []
    asking.cancel()


async def test_a_state_that_cannot_be_read_is_not_known(views):
    views.live.records = Records(ServiceUnavailable())
    assert await views.live._look_up("x") is None


async def test_a_closed_view_shows_nothing(views, generation):
    began, _ = hold_edits(views.sender)
    views.live.show(build_waiting(generation, 2, 3))
    await began.wait()
    task = views.live._views[generation.id].task
    await views.live.close()
    assert task.cancelled()
    views.live.show(build_running(build_with_reply("en-US"), 3))
    assert [*views.live._views] == [generation.id]


@pytest.mark.parametrize("intervals", [{"interval_s": HOUR_S}])
async def test_an_end_before_the_first_edit_leaves_nothing(views, generation):
    views.live.show(build_running(generation, 3))
    task = views.live._views[generation.id].task
    views.live.retire(generation.id)
    assert views.live._views == {}
    await asyncio.wait({task}, timeout=60)
    assert task.cancelled()
    views.live.show(build_running(generation, 4))
    assert views.live._views == {}


async def test_views_that_are_idle_are_forgotten_once_there_are_many(views, generation):
    """Another process may have delivered their ends."""
    waiting = build_waiting(generation, 2, 3)
    views.live.show(replace(waiting, starts_at=LATER))
    for number in range(999):
        views.live.show(replace(waiting, generation=replace(generation, id=f"x{number}")))
    _, *idle = views.live._views.values()
    await asyncio.wait({view.task for view in idle})
    assert len(views.live._views) == 1_000
    views.live.show(replace(waiting, generation=replace(generation, id="new")))
    assert [*views.live._views] == [generation.id, "new"], "a countdown goes on"


def hold_edits(sender):
    """Hold every edit; return what tells that one began, and what lets them end."""
    began, may_end = asyncio.Event(), asyncio.Event()
    send = sender.edit

    async def edit(address, draft):
        began.set()
        await may_end.wait()
        await send(address, draft)

    sender.edit = edit
    return began, may_end


async def test_an_end_waits_for_the_edit_in_progress(views, generation):
    """Discord could carry them out in another order."""
    began, may_end = hold_edits(views.sender)
    views.live.show(build_running(generation, 3))
    await began.wait()
    task = views.live._views[generation.id].task
    ending = asyncio.create_task(views.live.end(generation.id))
    await run_what_is_ready()
    assert not ending.done()
    may_end.set()
    async with asyncio.timeout(20):
        await ending
    assert not task.cancelled()
    await views.live.end(generation.id)
    views.live.show(build_running(generation, 4))
    assert views.live._views == {}


@pytest.mark.parametrize("intervals", [{"interval_s": 0.0, "last_edit_patience_s": 0.0}])
async def test_an_edit_that_takes_too_long_is_cancelled_at_the_end(views, generation):
    began, _ = hold_edits(views.sender)
    views.live.show(build_running(generation, 3))
    await began.wait()
    task = views.live._views[generation.id].task
    await views.live.end(generation.id)
    await asyncio.wait({task}, timeout=20)
    assert task.cancelled()


def build_countdown(generation):
    running = build_running(generation, 3)
    return replace(running, progress=replace(running.progress, done_at=LATER))


async def test_a_countdown_ends_with_the_run_in_another_process(views, generation):
    states = GenerationState.RUNNING, GenerationState.SUCCEEDED
    views.live.records, views.live.is_shared = Records(*states), True
    views.live.show(build_countdown(generation))
    task = views.live._views[generation.id].task
    await eventually(task.done)
    assert views.live._views == {}


async def test_a_countdown_ends_with_the_edit_in_which_the_run_ended(views, generation):
    """What the countdown would show again is no longer true."""
    began, may_end = hold_edits(views.sender)
    views.live.show(build_countdown(generation))
    await began.wait()
    view = views.live._views[generation.id]
    assert view.counts_down_to == LATER
    views.live.retire(generation.id)
    may_end.set()
    await eventually(view.task.done)
    assert not view.task.cancelled()


def test_ends_are_forgotten_in_time(views):
    for number in range(1_005):
        views.live.retire(f"x{number}")
    assert [*views.live._ended] == [f"x{number}" for number in range(5, 1_005)]


# The pace of a channel.


def test_edits_of_one_channel_take_turns():
    now = 100.0
    pace = ChannelPace(1.5, lambda: now)
    assert [pace.take_turn(1) for _ in range(3)] == [0.0, 1.5, 3.0]
    assert pace.take_turn(2) == 0.0
    now = 110.0
    assert pace.take_turn(1) == 0.0


def test_quiet_channels_are_forgotten():
    now = 0.0
    pace = ChannelPace(1.5, lambda: now)
    for channel_id in range(1_000):
        pace.take_turn(channel_id)
    now = 10.0
    pace.take_turn(1_000)
    assert len(pace._free_at) == 1_001
    pace.take_turn(0)
    assert [*pace._free_at] == [1_000, 0]
