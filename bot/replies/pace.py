"""How often replies may be edited: what keeps progress out of the way of finished pictures."""

import time
from collections.abc import Callable

REMEMBERED_CHANNELS = 1_000
"""Channels whose last edit is remembered; beyond, those that are free again are forgotten."""


class ChannelPace:
    """Gives the edits of one channel their turns, each an interval after the one before."""

    def __init__(self, interval_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval_s = interval_s
        self._clock = clock
        self._free_at: dict[int, float] = {}

    def take_turn(self, channel_id: int) -> float:
        """Seconds until this channel's next free turn, which is the caller's now."""
        now = self._clock()
        if len(self._free_at) > REMEMBERED_CHANNELS:
            self._free_at = {one: at for one, at in self._free_at.items() if at > now}
        turn = max(now, self._free_at.get(channel_id, now))
        self._free_at[channel_id] = turn + self._interval_s
        return turn - now
