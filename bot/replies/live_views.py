"""Live views of generations that wait or run: messages that show the newest state only."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta

import discord
from cachetools import FIFOCache

from bot.i18n.language import _, speak
from bot.replies import request_messages
from bot.replies.address import ReplyAddress, parse_reply
from bot.replies.packing import Attachment
from bot.replies.request_messages import PREVIEW_NAME
from bot.replies.sender import Gone, Invalid, ReplySender, TooLarge, Unreachable
from generation.errors import ServiceUnavailable
from generation.events import Running, Waiting
from generation.media import imaging
from generation.media.decoding import decode
from generation.notifier import DeliveryImpossible, DeliveryPostponed
from generation.record import GenerationState
from generation.service import GenerationService

REMEMBERED_CHANNELS = 1_000
"""Channels whose next free turn is remembered before expired turns are dropped."""

EDIT_INTERVAL_S = 2.0
"""Seconds between two edits of one reply. Discord allows about 5 edits in 5 seconds; beyond that
discord.py sleeps while it holds the bucket's lock, and the finished picture would wait as well."""

CHANNEL_INTERVAL_S = 1.5
"""Seconds between two edits by message id in one channel, which share a limit of 5 in 5 seconds,
part of which is left for finished pictures. Edits by token have a separate limit."""

LAST_EDIT_PATIENCE_S = 30.0
"""Seconds that a finished picture waits for an edit of its reply in progress."""

REMEMBERED_ENDS = 1_000
"""Ended generations remembered so that their late events are dropped."""

REMEMBERED_VIEWS = 1_000
"""Live replies kept before idle ones are dropped."""

LOOK_UP_S = 0.05
"""Seconds within which looked up states are read in one statement."""

COUNTDOWN_LEAD = timedelta(seconds=1)
"""How long before a shown time passes the next edit is sent: about the duration of an edit."""

LiveEvent = Waiting | Running

_log = logging.getLogger(__name__)


class _View:
    """State of one live reply: the newest event and the task that shows it."""

    def __init__(self, address: ReplyAddress) -> None:
        self.address = address
        self.newest: LiveEvent | None = None
        self.latest: LiveEvent | None = None
        self.changed = asyncio.Event()
        self.counts_down_to: datetime | None = None
        self.task: asyncio.Task[None] | None = None
        self.edited_at = float("-inf")
        self.shown: list[str] | None = None
        self.is_editing = False
        self.is_muted = False
        self.has_run = False

    def stop(self) -> None:
        """Cancel the task, and break the cycle through its traceback, which would keep previews."""
        task, self.task = self.task, None
        if task is not None:
            task.cancel()


class LiveViews:
    """Edits replies at a bounded rate, until their generation ends.

    `records` are those of all processes. If they are shared (`is_shared`), another process may have
    delivered an end, so stale events are dropped.
    """

    def __init__(
        self,
        sender: ReplySender,
        title_of: Callable[[str], str],
        *,
        interval_s: float = EDIT_INTERVAL_S,
        channel_interval_s: float = CHANNEL_INTERVAL_S,
        last_edit_patience_s: float = LAST_EDIT_PATIENCE_S,
        look_up_s: float = LOOK_UP_S,
        now: Callable[[], datetime],
    ) -> None:
        self.records: GenerationService | None = None
        self.is_shared = False
        self._sender = sender
        self._title_of = title_of
        self._interval_s = interval_s
        self._pace = ChannelPace(channel_interval_s)
        self._last_edit_patience_s = last_edit_patience_s
        self._look_up_s = look_up_s
        self._now = now
        self._views: dict[str, _View] = {}
        self._ended = FIFOCache[str, None](REMEMBERED_ENDS)
        self._looked_up: set[str] = set()
        self._states: asyncio.Task[Mapping[str, GenerationState]]
        self._is_closed = False

    async def close(self) -> None:
        """Stop all edits for good; closing twice is safe."""
        self._is_closed = True
        tasks = [view.task for view in self._views.values() if view.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def end(self, generation_id: str) -> None:
        """Stop live edits of a reply, after one in progress has ended."""
        self.retire(generation_id)
        view = self._views.pop(generation_id, None)
        if view is not None and view.task is not None:
            # Two concurrent edits could arrive in the wrong order, and progress replace the result.
            await asyncio.wait({view.task}, timeout=self._last_edit_patience_s)
            view.stop()

    def show(self, event: LiveEvent) -> None:
        """Schedule an edit with this state; a newer one replaces it."""
        generation = event.generation
        if self._is_closed or generation.id in self._ended:
            return
        view = self._views.get(generation.id)
        if view is None:
            address = parse_reply(generation.reply)
            if address is None:
                return
            self._forget_idle_views()
            view = self._views[generation.id] = _View(address)
            if isinstance(event, Running):
                # Short runs end before anybody could read their progress.
                view.edited_at = time.monotonic()
        # A queue position computed before the run began may arrive late.
        if view.is_muted or (view.has_run and isinstance(event, Waiting)):
            return
        view.has_run = isinstance(event, Running)
        view.newest = event
        view.changed.set()
        if view.task is None or view.task.done():
            view.task = asyncio.create_task(self._pump(view), name=f"reply of {generation.id}")

    def _forget_idle_views(self) -> None:
        """Drop idle views; ends delivered by another process are not reported to this one."""
        if len(self._views) >= REMEMBERED_VIEWS:
            idle = [name for name, view in self._views.items() if view.task and view.task.done()]
            for name in idle:
                del self._views[name]

    def retire(self, generation_id: str) -> None:
        """Stop live edits without cancelling one in progress."""
        self._ended[generation_id] = None
        view = self._views.get(generation_id)
        if view is None:
            return
        view.newest = None
        view.is_muted = True
        if not view.is_editing:
            del self._views[generation_id]
            view.stop()

    async def _pump(self, view: _View) -> None:
        speak(view.address.locale)
        while await self._has_news(view):
            await asyncio.sleep(max(0.0, view.edited_at + self._interval_s - time.monotonic()))
            if not self._sender.is_by_token(view.address):
                await asyncio.sleep(self._pace.take_turn(view.address.channel_id))
            # After the pauses, so that the newest state is sent.
            event, view.newest = view.newest, None
            if event is None:
                return
            view.is_editing = True
            try:
                if await self._is_news(event):
                    await self._edit(view, event)
                    await self._repair_overwrite(view, event.generation.id)
            except Gone:
                _log.info("The reply of %s cannot be edited any more.", event.generation.id)
                view.is_muted = True
                return
            except (Unreachable, TooLarge) as error:
                _log.debug("A progress edit was dropped: %s", error)
            except Exception:  # noqa: BLE001 - logged; a reply's looks must never end its run
                _log.exception("A progress edit of %s failed.", event.generation.id)
            finally:
                view.is_editing = False
            view.edited_at = time.monotonic()

    async def _has_news(self, view: _View) -> bool:
        """Wait for a newer state until the shown countdown ends; then show the same again."""
        if view.newest is not None or view.counts_down_to is None or view.is_muted:
            return view.newest is not None
        left = view.counts_down_to - COUNTDOWN_LEAD - self._now()
        view.changed.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, left.total_seconds())):
                await view.changed.wait()
        view.newest = view.newest or view.latest
        return True

    async def _edit(self, view: _View, event: LiveEvent) -> None:
        title = _(self._title_of(event.generation.workflow))
        preview = None
        # The edit arrives about this much later; a time that passes until then is shown as passed.
        now = self._now() + COUNTDOWN_LEAD
        if isinstance(event, Waiting):
            moment = event.starts_at
            draft = request_messages.waiting_message(event, title, now)
        else:
            preview = await _find_preview(event)
            moment = event.progress.done_at
            draft = request_messages.running_message(event, title, now, preview)
        view.latest = event
        view.counts_down_to = moment if moment is not None and moment > now else None
        items = draft.view.walk_children()
        looks = [item.content for item in items if isinstance(item, discord.ui.TextDisplay)]
        if looks == view.shown and preview is None:
            return
        try:
            await self._sender.edit(view.address, draft)
        except Invalid:
            if isinstance(event, Waiting) or preview is None:
                raise
            draft = request_messages.running_message(event, title, now)
            await self._sender.edit(view.address, draft)
        view.shown = looks

    async def _is_news(self, event: LiveEvent) -> bool:
        if not self.is_shared:
            return True
        state = await self._look_up(event.generation.id)
        if state is None:
            return False
        return state is GenerationState.WAITING or (
            isinstance(event, Running) and not state.is_final
        )

    async def _repair_overwrite(self, view: _View, generation_id: str) -> None:
        """Repeat a delivery of another process that this edit may have overwritten."""
        if self.records is None or not self.is_shared:
            return
        state = await self._look_up(generation_id)
        if state is not None and not state.is_final:
            return
        # A delivery waits for the edit in progress, which is this task: drop the view first.
        self._forget(generation_id, view)
        try:
            await self.records.deliver_again(generation_id)
        except (DeliveryPostponed, DeliveryImpossible, ServiceUnavailable) as error:
            _log.warning("The end of %s may look as if it still ran: %s", generation_id, error)

    def _forget(self, generation_id: str, view: _View) -> None:
        view.newest, view.is_muted = None, True
        if self._views.get(generation_id) is view:
            del self._views[generation_id]

    async def _look_up(self, generation_id: str) -> GenerationState | None:
        """Return the recorded state, or None if it cannot be read."""
        if not self._looked_up:
            self._states = asyncio.create_task(self._find_states(), name="states of replies")
        self._looked_up.add(generation_id)
        states = await asyncio.shield(self._states)
        return states.get(generation_id)

    async def _find_states(self) -> Mapping[str, GenerationState]:
        """Look up all that is asked for within a moment: two hundred replies ask all the time."""
        await asyncio.sleep(self._look_up_s)
        ids, self._looked_up = self._looked_up, set()
        try:
            return await self.records.find_states(ids) if self.records else {}
        except ServiceUnavailable:
            return {}


async def _find_preview(event: Running) -> Attachment | None:
    # Each edit would hide a revealed spoiler again; previews of withheld results are not shown.
    if event.preview is None or event.generation.spoiler or event.generation.withheld:
        return None
    picture = await decode(imaging.preview, event.preview)
    return Attachment(PREVIEW_NAME, picture, _("Preview"), spoiler=False) if picture else None


class ChannelPace:
    """Spaces edits by channel, at least one interval apart."""

    def __init__(self, interval_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval_s = interval_s
        self._clock = clock
        self._free_at: dict[int | None, float] = {}

    def take_turn(self, channel_id: int | None) -> float:
        """Reserve the channel's next turn and return the seconds until then."""
        now = self._clock()
        if len(self._free_at) > REMEMBERED_CHANNELS:
            self._free_at = {channel: at for channel, at in self._free_at.items() if at > now}
        turn = max(now, self._free_at.get(channel_id, now))
        self._free_at[channel_id] = turn + self._interval_s
        return turn - now
