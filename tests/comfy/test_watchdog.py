import time
from types import SimpleNamespace

from comfy.run import Run
from comfy.runs import FollowedRuns
from comfy.timeouts import Timing
from comfy.watchdog import Watchdog


def test_a_run_that_waits_is_asked_for_only_after_the_queue_changed():
    """A long line costs no requests while nothing happens in it."""
    now = time.monotonic()
    listener = SimpleNamespace(
        client_id="c", is_connected=True, may_be_deaf=False, last_frame_at=now
    )
    watchdog = Watchdog(SimpleNamespace(), listener, SimpleNamespace(), FollowedRuns(), Timing())
    run = Run("p", {}, stall_after=600.0, now=now - 100)
    run.client_id, run.is_submitted = "c", True

    assert not watchdog._is_due(run, now)
    watchdog.note_queue_changed()
    assert watchdog._is_due(run, now)
    run.last_sign_at = time.monotonic() + 1
    assert not watchdog._is_due(run, now + 5)
    run.is_started = True
    listener.last_frame_at = now + 50
    assert watchdog._is_due(run, now + 50)
