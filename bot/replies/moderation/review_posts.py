"""Posting, editing and deleting of review messages."""

import logging
from contextlib import AbstractContextManager

from bot.i18n.language import speaking
from bot.replies.moderation.review_messages import draft_case, draft_closed
from bot.replies.sender import Gone, ReplySender, TooLarge, Unreachable
from generation.marking.marker import Marker
from generation.notifier import Case, CaseState, DeliveryPostponed, MessageLocation

_log = logging.getLogger(__name__)


class ReviewPosts:
    """The part of a ReviewChannel that concerns the moderators' channel."""

    def __init__(self, sender: ReplySender, marker: Marker) -> None:
        self._sender = sender
        self._marker = marker

    async def show(self, case: Case, channel_id: int) -> MessageLocation | None:
        """Post a result to the moderators' channel; return None if that cannot be used."""
        try:
            with await self._speaking(case):
                draft = await draft_case(case, marker=self._marker)
            # Equal for a repetition after a crash, which must not post twice; new for a report.
            reason = f"{case.generation.id} {case.state is CaseState.PENDING} {len(case.flags)}"
            message_id = await self._sender.post(channel_id, draft, reason)
        except (Gone, TooLarge) as error:
            _log.warning("Channel %s does not take what moderators see: %s", channel_id, error)
            return None
        except Unreachable as error:
            raise DeliveryPostponed from error
        return MessageLocation(channel_id, message_id)

    async def amend_case(self, case: Case, place: MessageLocation) -> None:
        """Edit the review message to show the decision, or to ask again after an undo."""
        try:
            message = await self._sender.fetch(place.channel_id, place.message_id)
            with await self._speaking(case):
                if case.state.is_closed:
                    draft = draft_closed(message, case)
                else:
                    draft = await draft_case(case, marker=self._marker)
            await self._sender.amend(
                place.channel_id, place.message_id, draft, keeps_files=case.state.keeps_files
            )
        except (Gone, TooLarge) as error:
            _log.warning("The moderators' message of %s stays: %s", case.generation.id, error)
        except Unreachable as error:
            raise DeliveryPostponed from error

    async def _speaking(self, case: Case) -> AbstractContextManager[None]:
        """Speak the server's language: everybody in the moderators' channel reads the message."""
        return speaking(await self._sender.guild_locale(case.generation.guild_id))

    async def retract(self, place: MessageLocation) -> bool:
        """Delete the review message; return False if Discord cannot be reached."""
        try:
            await self._sender.delete(place.channel_id, place.message_id)
        except Gone:
            return True
        except (Unreachable, TooLarge) as error:
            _log.warning("A moderators' message in %s stays: %s", place.channel_id, error)
            return False
        return True
