"""Cancellation of one prompt id, verified because the server's response is unreliable."""

import asyncio
import time

from comfy.backend import CancelOutcome
from comfy.errors import RunInterrupted, RunStalled
from comfy.protocol.responses import RunRecord, Whereabouts
from comfy.run_lookup import RunLookup
from comfy.runs import FollowedRuns
from comfy.timeouts import PAUSE_GROWTH, Timing


async def cancel_run(
    prompt_id: str, lookup: RunLookup, runs: FollowedRuns, timing: Timing
) -> CancelOutcome:
    """Cancel a run, verify it, and retry. Raises RunStalled if it still runs in the end.

    The server forgets an interrupt when a graph starts, honors it only between nodes and at
    sampler steps, and answers 200 to deleting a run that has started; so only the
    state of the prompt id afterwards counts.
    """
    deadline = time.monotonic() + timing.cancel
    pause, ask_at, was_there = timing.cancel_pause, 0.0, False
    while True:
        whereabouts = await lookup.look_up(prompt_id)
        is_submitting = runs.is_submitting(prompt_id)
        # An unknown prompt id is no proof while its submission is in flight: it may still arrive.
        if isinstance(whereabouts, RunRecord) or (whereabouts is None and not is_submitting):
            return _judge(whereabouts, was_there=was_there)
        now = time.monotonic()
        if whereabouts is not None:
            was_there = True
            if now >= ask_at:
                await lookup.stop(prompt_id, whereabouts)
                ask_at = now + timing.cancel_repeat
        if now > deadline:
            raise RunStalled(f"The run did not stop within {timing.cancel:g} s.")
        await asyncio.sleep(pause)
        pause = min(pause * PAUSE_GROWTH, timing.cancel_repeat)


def _judge(whereabouts: Whereabouts, *, was_there: bool) -> CancelOutcome:
    """Return the outcome. A run cancelled while waiting is in neither queue nor history."""
    if isinstance(whereabouts, RunRecord):
        was_stopped = isinstance(whereabouts.failure, RunInterrupted)
        return CancelOutcome.CANCELLED if was_stopped else CancelOutcome.ALREADY_ENDED
    return CancelOutcome.CANCELLED if was_there else CancelOutcome.UNKNOWN
