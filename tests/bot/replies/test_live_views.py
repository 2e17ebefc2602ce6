"""Which edits a live view makes of what it is shown, without Discord."""

import asyncio
import json
from dataclasses import asdict, replace
from datetime import timedelta

import discord
import pytest

from bot.replies.address import ReplyAddress
from bot.replies.live_views import REMEMBERED_VIEWS, LiveViews
from bot.replies.sender import Invalid, Unreachable
from generation.record import GenerationState
from tests.support.bot_objects import NOON, build_generation, build_running, build_waiting
from tests.support.pictures import build_picture
from tests.support.waiting import eventually

LATER = NOON + timedelta(hours=1)


class Sender:
    """Keeps what it is to send; raises `errors` first."""

    def __init__(self):
        self.sent = []
        self.errors = []

    def is_by_token(self, _address):
        return True

    async def edit(self, _address, draft):
        if self.errors:
            raise self.errors.pop(0)
        items = draft.view.walk_children()
        text = "\n".join(item.content for item in items if isinstance(item, discord.ui.TextDisplay))
        self.sent.append((text, [file.spoiler for file in draft.files]))


class Views:
    """Live views with a clock that stands still, and counts who looks at it."""

    def __init__(self, interval_s):
        self.sender = Sender()
        self.looks = 0
        self.live = LiveViews(self.sender, str, interval_s=interval_s, now=self.now)

    def now(self):
        self.looks += 1
        return NOON

    async def show(self, event):
        """Show it, and wait until its edit is over."""
        self.live.show(event)
        view = self.live._views[event.generation.id]
        await eventually(lambda: view.newest is None and not view.is_editing)


@pytest.fixture
def interval_s():
    return 0.0


@pytest.fixture
async def views(interval_s):
    made = Views(interval_s)
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


async def test_the_first_edit_waits_for_nothing(views, generation):
    views.live.show(build_waiting(generation, 2, 3))
    for _ in range(10):
        await asyncio.sleep(0)
    assert len(views.sender.sent) == 1


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
    records = Records(GenerationState.RUNNING, after)
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


async def test_a_closed_view_shows_nothing(views, generation):
    await views.live.close()
    views.live.show(build_running(generation, 3))
    assert views.live._views == {}


@pytest.mark.parametrize("interval_s", [3600.0])
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
    for number in range(REMEMBERED_VIEWS - 1):
        views.live.show(replace(waiting, generation=replace(generation, id=f"x{number}")))
    _, *idle = views.live._views.values()
    await asyncio.wait({view.task for view in idle})
    assert len(views.live._views) == REMEMBERED_VIEWS
    views.live.show(replace(waiting, generation=replace(generation, id="new")))
    assert [*views.live._views] == [generation.id, "new"], "a countdown goes on"


def hold_edits(sender):
    """Hold every edit; return what tells that one began, and what lets them end."""
    began, may_end = asyncio.Event(), asyncio.Event()

    async def edit(_address, _draft):
        began.set()
        await may_end.wait()

    sender.edit = edit
    return began, may_end


async def test_an_end_waits_for_the_edit_in_progress(views, generation):
    """Discord could carry them out in another order."""
    began, may_end = hold_edits(views.sender)
    views.live.show(build_running(generation, 3))
    await began.wait()
    ending = asyncio.create_task(views.live.end(generation.id))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not ending.done()
    may_end.set()
    async with asyncio.timeout(20):
        await ending


async def test_a_countdown_ends_with_the_edit_in_which_the_run_ended(views, generation):
    """What the countdown would show again is no longer true."""
    began, may_end = hold_edits(views.sender)
    running = build_running(generation, 3)
    views.live.show(replace(running, progress=replace(running.progress, done_at=LATER)))
    await began.wait()
    view = views.live._views[generation.id]
    assert view.counts_down_to == LATER
    views.live.retire(generation.id)
    may_end.set()
    await eventually(view.task.done)
    assert not view.task.cancelled()
