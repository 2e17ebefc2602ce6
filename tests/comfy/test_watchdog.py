import asyncio
import time
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace

import pytest

from comfy.errors import BackendUnreachable, RunLost, RunStalled
from comfy.protocol.responses import QueueState, RunRecord
from comfy.run import Run
from comfy.runs import FollowedRuns
from comfy.timeouts import Timing
from comfy.watchdog import Watchdog
from tests.support.waiting import eventually


def test_a_run_that_waits_is_asked_for_only_after_the_queue_changed():
    """A long line costs no requests while nothing happens in it."""
    now = time.monotonic()
    listener = SimpleNamespace(
        client_id="c", is_connected=True, may_miss_messages=False, last_frame_at=now
    )
    watchdog = Watchdog(SimpleNamespace(), listener, SimpleNamespace(), FollowedRuns(), Timing())
    run = Run("p", {}, stall_after=600.0, now=now - 100)
    run.client_id, run.is_submitted = "c", True

    assert not watchdog._is_due(run, now)
    watchdog.note_queue_changed()
    assert watchdog._is_due(run, now)
    assert not watchdog._hint.is_set(), "it is soon enough at the next tick"
    listener.last_frame_at = now + 50
    run.last_sign_at = watchdog._queue_changed_at
    assert watchdog._is_due(run, now + 50), "a coarse clock does not tell which was first"
    run.last_sign_at = time.monotonic() + 1
    assert not watchdog._is_due(run, now + 50)
    run.is_started = True
    assert not watchdog._is_due(run, now + 6)
    assert watchdog._is_due(run, now + 50)


@pytest.mark.parametrize(
    ("posted_s_ago", "heard_s_ago", "is_due"),
    [
        *((3, 5, True), (4, 5, True), (4, 4, False), (4, 3.5, False), (2, 5, False)),
        *((None, 5, False), (None, 6, False), (None, 7, True)),
    ],
)
def test_a_run_is_asked_for_if_no_status_followed_its_submission_or_all_is_silent(
    posted_s_ago, heard_s_ago, is_due
):
    now = 1000.0
    listener = SimpleNamespace(
        client_id="c", is_connected=True, may_miss_messages=False, last_frame_at=now - heard_s_ago
    )
    watchdog = Watchdog(SimpleNamespace(), listener, SimpleNamespace(), FollowedRuns(), Timing())
    run = Run("p", {}, stall_after=600.0, now=now)
    run.client_id, run.is_submitted = "c", True
    run.posted_at = None if posted_s_ago is None else now - posted_s_ago

    assert watchdog._is_due(run, now) is is_due


async def fetch_nothing():
    """Nothing waits or runs."""
    return {}


class Backend:
    """Answers the watchdog as `fetch` and `find` say, and looks like a socket that is silent."""

    name, client_id, is_connected, may_miss_messages = "alpha", "c", True, False

    def __init__(self, fetch, find=None):
        self.reopened = 0
        self.last_frame_at = time.monotonic() - 1000
        self.fetch_queue = fetch
        self.find_record = find

    def reopen(self):
        self.reopened += 1


@asynccontextmanager
async def watching(backend, *runs, **timing):
    quick = {"tick": 0.01, "silence": 0.0, "poll_first": 0.0, "poll_most": 0.0}
    followed = FollowedRuns()
    watchdog = Watchdog(backend, backend, backend, followed, replace(Timing(), **quick | timing))
    with ExitStack() as stack:
        for run in runs:
            run.client_id, run.is_submitted = run.client_id or backend.client_id, True
            stack.enter_context(followed.following(run))
        watchdog.start()
        try:
            yield watchdog
        finally:
            await watchdog.close()


async def test_it_watches_once_and_not_after_it_was_closed():
    def count():
        return sum(task.get_name() == "watch alpha" for task in asyncio.all_tasks())

    async with watching(Backend(None)) as watchdog:
        watchdog.start()
        assert count() == 1
        async with asyncio.timeout(60):
            await watchdog.close()
        watchdog.start()
        assert not count()


async def test_it_rests_while_there_are_no_runs():
    async with watching(Backend(None)) as watchdog:
        watchdog._hint.set()
        for _ in range(9):
            await asyncio.sleep(0)
        assert watchdog._hint.is_set(), "nothing was done that a hint would speed up"


@pytest.mark.parametrize("client_id", ["c", "previous"])
async def test_runs_are_asked_for_at_once_after_a_connect_and_polled_ones_after_any_status(
    client_id,
):
    looks = 0

    async def fetch():
        nonlocal looks
        looks += 1
        return {"p": QueueState.RUNNING}

    run = Run("p", {}, stall_after=600.0, now=time.monotonic())
    run.client_id = client_id
    backend = Backend(fetch)
    backend.last_frame_at = time.monotonic() + 1000
    async with watching(backend, run, tick=600.0, silence=6.0) as watchdog:
        watchdog.note_connected()
        await eventually(lambda: looks)
        looks = 0
        watchdog.note_connected()
        await eventually(lambda: looks)
        watchdog.note_queue_changed()
        assert watchdog._hint.is_set() is (client_id == "previous")
    assert not backend.reopened


@pytest.mark.parametrize(
    ("may_miss_messages", "expected"), [(False, [300, 450, 500]), (True, [200, 200, 200])]
)
async def test_the_pause_between_polls_grows_unless_the_socket_may_be_deaf(
    may_miss_messages, expected
):
    looks = 0

    async def fetch():
        nonlocal looks
        looks += 1
        return {"p": QueueState.RUNNING}

    run = Run("p", {}, stall_after=600.0, now=time.monotonic())
    run.is_submitted = run.is_started = True
    backend = Backend(fetch)
    backend.may_miss_messages = may_miss_messages
    followed = FollowedRuns()
    timing = Timing(poll_first=200, poll_most=500)
    watchdog = Watchdog(backend, backend, backend, followed, timing)
    pauses = []
    with followed.following(run):
        for _ in expected:
            await watchdog._poll()
            await watchdog._poll()  # Too early, and so not counted.
            pauses.append(watchdog._pause)
            watchdog._ask_at = 0.0
    assert pauses == expected
    assert looks == len(expected)


async def test_a_run_that_waits_long_does_not_count_as_silent_once_it_runs():
    state, looks = QueueState.WAITING, 0

    async def fetch():
        nonlocal looks
        looks += 1
        return {"p": state}

    run = Run("p", {}, stall_after=500.0, now=time.monotonic() - 1000)
    run.is_started = True
    async with watching(Backend(fetch), run):
        await eventually(lambda: looks > 1)
        state, looks = QueueState.RUNNING, 0
        await eventually(lambda: looks > 1)
        assert not run.is_ended
        run.last_sign_at -= 1000
        await eventually(lambda: run.is_ended)
    with pytest.raises(RunStalled):
        await run.mailbox.get()


@pytest.mark.parametrize(("silent_s", "reopened"), [(1000, 1), (-1000, 0)])
async def test_a_socket_that_did_not_say_that_a_run_began_is_opened_anew_once(silent_s, reopened):
    states = dict.fromkeys(("p", "q"), QueueState.WAITING)

    async def fetch():
        return states

    runs = [Run(name, {}, stall_after=5000.0, now=time.monotonic() - 10) for name in ("p", "q")]
    backend = Backend(fetch)
    backend.last_frame_at = time.monotonic() - silent_s
    async with watching(backend, *runs) as watchdog:
        for run in runs:
            states[run.prompt_id] = QueueState.RUNNING
            watchdog.note_queue_changed()
            await eventually(lambda run=run: run.is_started)
    assert backend.reopened == reopened


async def test_silence_is_counted_anew_after_a_time_without_questions():
    was_given_up = []

    async def fetch():
        was_given_up.append(run.is_ended)
        raise BackendUnreachable("away")

    run = Run("p", {}, stall_after=600.0, now=time.monotonic())
    async with watching(Backend(fetch), run, unreachable=0.2):
        await eventually(lambda: was_given_up)
        began_at = time.monotonic()
        run.is_submitted = False
        await eventually(lambda: time.monotonic() > began_at + 0.3)
        del was_given_up[:]
        run.is_submitted = True
        await eventually(lambda: len(was_given_up) > 1)
        assert was_given_up[:2] == [False, False]
        await eventually(lambda: run.is_ended)
    with pytest.raises(BackendUnreachable):
        await run.mailbox.get()


@pytest.mark.parametrize("class_type", ["SaveImage", "SaveImageWebsocket"])
async def test_a_run_with_a_record_ends_at_once_unless_a_picture_may_still_arrive(class_type):
    looks = 0

    async def find(prompt_id):
        nonlocal looks
        looks += 1
        return RunRecord((), frozenset(), None)

    run = Run("p", {"9": {"class_type": class_type}}, stall_after=600.0, now=time.monotonic())
    backend = Backend(fetch_nothing, find)
    async with watching(backend, run, gone_apart=600.0) as watchdog:
        await eventually(lambda: looks)
        assert run.is_ended or watchdog._ask_at > time.monotonic()
    assert run.is_ended is run.may_have_missed is (class_type == "SaveImage")
    assert backend.reopened == run.is_ended


async def test_a_run_without_a_record_is_lost_once_it_was_missing_twice():
    looks = []

    async def find(prompt_id):
        looks.append(run.is_ended)

    run = Run("p", {}, stall_after=600.0, now=time.monotonic())
    backend = Backend(fetch_nothing, find)
    async with watching(backend, run, gone_apart=0.001):
        await eventually(lambda: run.is_ended)
    assert looks == [False, False]
    assert not backend.reopened
    with pytest.raises(RunLost):
        await run.mailbox.get()


async def test_a_run_may_end_while_its_record_is_looked_up(caplog):
    looks = 0

    async def find(prompt_id):
        nonlocal looks
        looks += 1
        run.mailbox.end()

    run = Run("p", {}, stall_after=600.0, now=time.monotonic())
    async with watching(Backend(fetch_nothing, find), run, gone_apart=0.0):
        await eventually(lambda: looks)
    assert run.missing_since is None
    assert await run.mailbox.get() is None
    assert not caplog.records


@pytest.mark.parametrize(
    ("state", "silent_s", "client_id", "is_connected", "reopened"),
    [
        (QueueState.RUNNING, 1000, "c", True, True),
        (QueueState.RUNNING, 0, "c", True, False),
        (QueueState.RUNNING, 1000, "previous", True, False),
        (QueueState.RUNNING, 1000, "c", False, False),
        (QueueState.WAITING, 1000, "c", True, False),
        (None, 1000, "c", True, True),
        (None, 0, "c", True, False),
        (None, 1000, "previous", True, False),
        (None, 1000, "c", False, False),
    ],
)
async def test_a_socket_that_was_silent_about_news_is_opened_anew(
    state, silent_s, client_id, is_connected, reopened
):
    """Unless the news were for another connection of ours, or there is none."""

    async def find(prompt_id):
        return RunRecord((), frozenset(), None)

    async def fetch():
        return {} if state is None else {"p": state}

    now = time.monotonic()
    backend = Backend(fetch, find)
    backend.is_connected, backend.last_frame_at = is_connected, now - silent_s
    followed = FollowedRuns()
    watchdog = Watchdog(backend, backend, backend, followed, replace(Timing(), silence=600.0))
    run = Run("p", {}, stall_after=600.0, now=now)
    run.client_id, run.is_submitted = client_id, True
    with followed.following(run):
        await watchdog._ask([run])
    assert backend.reopened == reopened
