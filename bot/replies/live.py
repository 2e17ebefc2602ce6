"""The replies to requests: live while a generation runs, and delivered when it has ended."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import discord

from bot.i18n.language import _, speaking
from bot.operating.metrics import Metrics
from bot.replies import request_messages
from bot.replies.address import DEFAULT_SIZE_LIMIT, ReplyAddress, parse_reply
from bot.replies.deletion import delete_message, delete_others, delete_shared
from bot.replies.live_views import CHANNEL_INTERVAL_S, EDIT_INTERVAL_S, LiveViews
from bot.replies.moderation.review_posts import ReviewPosts
from bot.replies.packing import BYTES_A_MESSAGE, Parcel, pack
from bot.replies.request_messages import origin_text
from bot.replies.sender import Gone, ReplyContent, ReplySender, TooLarge, Unreachable
from bot.ui.text import BYTES_PER_MIB
from generation.errors import ServiceUnavailable
from generation.events import Ended, GenerationEvent
from generation.marking.marker import Marker
from generation.notifier import DeliveryImpossible, DeliveryPostponed, Notifier, Receipt
from generation.record import Generation, GenerationState, OutputContent
from generation.requests.available_actions import ActionFinder
from generation.service import GenerationService

SMALL_BYTES = 4 * BYTES_PER_MIB
"""Bytes accepted everywhere; the last size that is tried."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Packing:
    """Results that are being packed before their end is recorded, and for what."""

    spoiler: bool
    size_limit: int
    task: asyncio.Task[Parcel]


class LiveReplies(ReviewPosts, Notifier):
    """Shows events and delivers results on Discord: the core's Notifier and ReviewChannel.

    Close it before the service that it listens to, and before the client.
    """

    def __init__(
        self,
        client: discord.Client,
        *,
        action_finder: ActionFinder,
        interval_s: float = EDIT_INTERVAL_S,
        channel_interval_s: float = CHANNEL_INTERVAL_S,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        metrics: Metrics | None = None,
        marker: Marker | None = None,
    ) -> None:
        super().__init__(ReplySender(client, now), marker or Marker())
        self._client = client
        self._action_finder = action_finder
        self._metrics = metrics or Metrics()
        self._live = LiveViews(
            self._sender,
            action_finder.title_of,
            interval_s=interval_s,
            channel_interval_s=channel_interval_s,
            now=now,
        )
        self._packing: dict[str, _Packing] = {}

    def use_records(self, records: GenerationService, *, is_shared: bool = True) -> None:
        """Set the service that has the records of generations.

        If they are shared, another process may have delivered an end, so stale events are dropped.
        """
        self._live.records, self._live.is_shared = records, is_shared

    async def close(self) -> None:
        """Stop all edits for good; closing twice is safe."""
        await self._live.close()

    def notify(self, event: GenerationEvent) -> None:
        """Schedule an edit with this state; a newer one replaces it."""
        if isinstance(event, Ended):
            self._metrics.count_end(event)
            self._live.retire(event.generation.id)
        else:
            self._live.show(event)

    @contextmanager
    def preparing(
        self, generation: Generation, contents: Sequence[OutputContent]
    ) -> Iterator[None]:
        """Pack and mark results while they are recorded, as the first try to deliver them does."""
        address = parse_reply(generation.reply)
        if address is None:
            yield
            return
        limit = self._sender.size_limit(address)
        with speaking(address.locale):
            work = pack(generation, contents, limit, marker=self._marker)
            # Held nowhere else: what was posted is large, and is not to outlive its delivery.
            self._packing[generation.id] = _Packing(
                generation.spoiler,
                limit,
                asyncio.create_task(work, name=f"packing of {generation.id}"),
            )
        try:
            yield
        finally:
            if (unused := self._packing.pop(generation.id, None)) is not None:
                # This also keeps asyncio from logging the task's error.
                unused.task.cancel()

    async def deliver(self, generation: Generation, contents: Sequence[OutputContent]) -> Receipt:
        """Deliver the end in the reply, or in a direct message if the reply cannot be reached.

        Raises DeliveryImpossible if the reply was deleted (somebody did not want it there; the
        history still has the pictures) or nobody can be reached, DeliveryPostponed while Discord is
        unreachable.
        """
        await self._live.end(generation.id)
        address = parse_reply(generation.reply)
        if address is None:
            raise DeliveryImpossible
        try:
            with speaking(address.locale):
                receipt = await self._tell_end(generation, contents, address)
                await self._call(generation, address, receipt)
        except Gone as error:
            self._metrics.count_undelivered("impossible")
            raise DeliveryImpossible from error
        except (Unreachable, TooLarge) as error:
            self._metrics.count_undelivered("postponed")
            raise DeliveryPostponed from error
        return receipt

    async def _call(self, generation: Generation, address: ReplyAddress, receipt: Receipt) -> None:
        """Notify a person who waited long, at the first delivery: edits notify nobody."""
        if generation.delivered_at is not None or not _waited_long(generation, address):
            return
        draft = request_messages.call_message(generation, receipt.message_url)
        try:
            await self._sender.call(address, generation.user_id, draft)
        except (Gone, Unreachable, TooLarge) as error:
            _log.info("The person of %s cannot be called: %s", generation.id, error)

    async def withdraw(self, generation: Generation) -> None:
        """Delete the messages of a generation whose results were removed."""
        await self._live.end(generation.id)
        await delete_message(self._client, generation)

    async def tell_held(self, generation: Generation) -> None:
        """Edit the reply to say that the result waits for a moderator."""
        await self._live.end(generation.id)
        address = parse_reply(generation.reply)
        if address is None:
            return
        # Where it was shown before, other messages are deleted, and the reply is edited.
        await delete_others(self._client, generation, address)
        await delete_shared(self._client, generation)
        try:
            with speaking(address.locale):
                await self._say_held(generation, address)
        except Gone:
            _log.info("Nobody can be told that %s waits for a moderator.", generation.id)
        except (Unreachable, TooLarge) as error:
            raise DeliveryPostponed from error

    async def _say_held(self, generation: Generation, address: ReplyAddress) -> None:
        held = request_messages.held_message(generation, self._title(generation))
        await self._sender.edit(address, held)

    def _title(self, generation: Generation) -> str:
        """Return the workflow's title in the current language."""
        return _(self._action_finder.title_of(generation.workflow))

    async def _tell_end(
        self, generation: Generation, contents: Sequence[OutputContent], address: ReplyAddress
    ) -> Receipt:
        title = self._title(generation)
        if generation.state is not GenerationState.SUCCEEDED:
            draft = request_messages.failed_message(generation, title)
            return await self._finish(address, generation, (draft,))
        if generation.withheld:
            await delete_shared(self._client, generation)
            draft = request_messages.refused_message(generation, title)
            return await self._finish(address, generation, (draft,))
        limit = self._sender.size_limit(address)
        # Discord's actual limit may be below the one known when the command was used.
        for file_bytes, message_bytes in (
            (limit, BYTES_A_MESSAGE),
            (min(limit, DEFAULT_SIZE_LIMIT), DEFAULT_SIZE_LIMIT),
        ):
            drafts = await self._draft_results(generation, contents, file_bytes, message_bytes)
            try:
                return await self._finish(address, generation, drafts)
            except TooLarge:
                _log.info("The results of %s are too large; trying smaller.", generation.id)
        drafts = await self._draft_results(generation, contents, SMALL_BYTES, SMALL_BYTES)
        return await self._finish(address, generation, drafts)

    async def _finish(
        self, address: ReplyAddress, generation: Generation, drafts: Sequence[ReplyContent]
    ) -> Receipt:
        person, tellings = generation.user_id, generation.tellings
        return Receipt(await self._sender.finish(address, person, drafts, tellings))

    async def _draft_results(
        self,
        generation: Generation,
        contents: Sequence[OutputContent],
        file_bytes: int,
        message_bytes: int,
    ) -> list[ReplyContent]:
        packing = self._packing.pop(generation.id, None)
        # It was packed for the limit and the spoiler known before its end was recorded.
        if packing and (packing.spoiler, packing.size_limit) == (generation.spoiler, file_bytes):
            parcel = await packing.task
        else:
            if packing:
                packing.task.cancel()
            parcel = await pack(
                generation, contents, file_bytes, message_bytes, marker=self._marker
            )
        return request_messages.done_messages(
            generation,
            self._title(generation),
            parcel,
            self._action_finder.of(generation),
            origin=origin_text(generation, await self._find_parent(generation)),
        )

    async def _find_parent(self, generation: Generation) -> Generation | None:
        """Return the result it was derived from, if everybody here may see that one."""
        if self._live.records is None or generation.parent_id is None:
            return None
        try:
            parent = await self._live.records.find(generation.parent_id)
        except ServiceUnavailable:
            return None
        return None if parent is None or parent.private or parent.withheld else parent


def _waited_long(generation: Generation, address: ReplyAddress) -> bool:
    is_over = generation.state in (GenerationState.SUCCEEDED, GenerationState.FAILED)
    if address.call_after_s is None or generation.finished_at is None:
        return False
    if generation.withheld or not is_over:
        return False
    waited = generation.finished_at - generation.created_at
    return waited >= timedelta(seconds=address.call_after_s)
