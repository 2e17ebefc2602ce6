"""One reply for each generation, edited at a bounded rate: the newest state, never a stale one."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import assert_never

import discord

from bot import embeds
from bot.address import ReplyAddress, parse_reply
from bot.buttons import cancel_view, done_view, failed_view
from bot.delivery import Attachment, pack
from bot.door import Door, Draft, Gone, Unreachable
from generation import imaging
from generation.audience import DeliveryImpossible, DeliveryPostponed, Receipt
from generation.events import Ended, GenerationEvent, Running, Waiting
from generation.record import Generation, GenerationState, OutputContent

EDIT_INTERVAL_S = 2.0
"""Between two edits of one reply. Discord allows about 5 edits in 5 seconds, and the library
waits inside its lock when that is used up: the finished picture would wait there too."""

LiveEvent = Waiting | Running

_log = logging.getLogger(__name__)


class _View:
    """The live side of one reply: its newest state, and the task that shows it."""

    def __init__(self, address: ReplyAddress) -> None:
        self.address = address
        self.newest: LiveEvent | None = None
        self.task: asyncio.Task[None] | None = None
        self.edited_at = -EDIT_INTERVAL_S
        self.shown: tuple[str, str | None] | None = None
        self.is_muted = False


class Replies:
    """The audience on Discord. Close it before the client."""

    def __init__(
        self,
        client: discord.Client,
        *,
        interval_s: float = EDIT_INTERVAL_S,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._door = Door(client, now)
        self._interval_s = interval_s
        self._views: dict[str, _View] = {}

    async def close(self) -> None:
        """Stop showing live states. May be called twice."""
        tasks = [view.task for view in self._views.values() if view.task is not None]
        self._views.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def notify(self, event: GenerationEvent) -> None:
        """Show this state soon, unless a newer one comes first."""
        match event:
            case Ended():
                self._retire(event.generation.id)
            case Waiting() | Running():
                self._show(event)
            case _:
                assert_never(event)

    async def deliver(self, generation: Generation, contents: Sequence[OutputContent]) -> Receipt:
        """Put the end into the reply, or where its person finds it when the reply is beyond reach.

        Raises DeliveryImpossible when the reply was deleted (somebody did not want it there; the
        history still has the pictures) or nobody can be reached, DeliveryPostponed when Discord is
        away.
        """
        view = self._retire(generation.id)
        if view is not None and view.task is not None:
            # An edit under way is let finish: two at a time could arrive in the wrong order.
            await asyncio.wait({view.task})
        address = parse_reply(generation.reply)
        if address is None:
            raise DeliveryImpossible
        try:
            return await self._tell_end(generation, contents, address)
        except Gone as error:
            raise DeliveryImpossible from error
        except Unreachable as error:
            raise DeliveryPostponed from error

    async def _tell_end(
        self, generation: Generation, contents: Sequence[OutputContent], address: ReplyAddress
    ) -> Receipt:
        if generation.state is not GenerationState.SUCCEEDED:
            face = embeds.failed_face(generation)
            draft = Draft(face.content, face.embed, failed_view(generation))
            return Receipt(await self._door.finish(address, generation.user_id, (draft,)))
        parcel = await pack(generation, contents, self._door.size_limit(address))
        face = embeds.done_face(generation, parcel.notes)
        first, *more = parcel.messages
        view = done_view(generation, parcel.reduced)
        drafts = [Draft(face.content, face.embed, view, first)]
        drafts += [Draft(f"{face.content} · more", None, None, files) for files in more]
        return Receipt(await self._door.finish(address, generation.user_id, drafts))

    def _show(self, event: LiveEvent) -> None:
        generation = event.generation
        view = self._views.get(generation.id)
        if view is None:
            address = parse_reply(generation.reply)
            if address is None:
                return
            view = self._views[generation.id] = _View(address)
        if view.is_muted:
            return
        view.newest = event
        if view.task is None or view.task.done():
            view.task = asyncio.create_task(self._pump(view), name=f"reply of {generation.id}")

    def _retire(self, generation_id: str) -> _View | None:
        view = self._views.pop(generation_id, None)
        if view is not None:
            view.newest = None
            view.is_muted = True
        return view

    async def _pump(self, view: _View) -> None:
        while view.newest is not None:
            await asyncio.sleep(max(0.0, view.edited_at + self._interval_s - time.monotonic()))
            event, view.newest = view.newest, None
            if event is None:
                return
            try:
                await self._edit(view, event)
            except Gone:
                _log.info("The reply of %s cannot be edited any more.", event.generation.id)
                view.is_muted = True
                return
            except Unreachable as error:
                _log.debug("A progress edit was dropped: %s", error)
            except Exception:  # noqa: BLE001 - logged; a reply's looks must never end its run
                _log.exception("A progress edit of %s failed.", event.generation.id)
            view.edited_at = time.monotonic()

    async def _edit(self, view: _View, event: LiveEvent) -> None:
        files: tuple[Attachment, ...] = ()
        match event:
            case Waiting():
                face = embeds.waiting_face(event)
            case Running():
                files = await _preview_files(event)
                face = embeds.running_face(event, has_preview=bool(files))
            case _:
                assert_never(event)
        looks = (face.content, face.embed.description)
        if looks == view.shown and not files:
            return
        draft = Draft(face.content, face.embed, cancel_view(event.generation), files)
        await self._door.edit(view.address, draft)
        view.shown = looks


async def _preview_files(event: Running) -> tuple[Attachment, ...]:
    # The picture of an embed cannot be hidden behind a click.
    if event.preview is None or event.generation.spoiler:
        return ()
    picture = await asyncio.to_thread(imaging.preview, event.preview)
    if picture is None:
        return ()
    return (Attachment(embeds.PREVIEW_NAME, picture, "Preview", spoiler=False),)
