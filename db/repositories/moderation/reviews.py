"""Reviews of results and the policies behind them. Nothing here commits."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import func, select, true, update

from db.dialect import insert_into, unindexed
from db.repositories.repository import Repository
from db.tables import GenerationRow, ReviewPolicyRow, ReviewRow

WHOLE_GUILD = 0
"""Channel id of a guild's own policy."""

PENDING = "pending"
"""State of a held result that waits for a moderator."""

SHOWN = "shown"

APPROVED = "approved"

REFUSED = "refused"

REPORTED = "reported"

WAITING = (PENDING, REPORTED)
"""States that need a moderator's decision."""

CAN_BE_REFUSED = (*WAITING, SHOWN, APPROVED)


class ReviewRepository(Repository):
    """Reviews of results by moderators, and review policies."""

    def find(self, generation_id: str) -> ReviewRow | None:
        """Return a generation's review."""
        return self._session.get(ReviewRow, generation_id, populate_existing=True)

    def begin(self, generation_id: str, state: str, at: datetime) -> None:
        """Add a review, unless there is one."""
        self._add_missing(ReviewRow, generation_id=generation_id, state=state, created_at=at)

    def hold(self, generation_id: str, at: datetime) -> None:
        """Set a review to wait for a decision, even if it was only to be shown."""
        self._ask(generation_id, at, (SHOWN,), state=PENDING)

    def report(self, generation_id: str, at: datetime) -> None:
        """Ask for a decision on a shown result, even if it was approved before."""
        self._ask(generation_id, at, (SHOWN, APPROVED), state=REPORTED, created_at=at)

    def note_asked(self, generation_id: str, at: datetime) -> None:
        """Record that moderators were asked, and the requester told that it waits."""
        self._set(generation_id, asked_at=at)

    def drop(self, generation_id: str) -> None:
        """Delete a review."""
        self._delete(ReviewRow, generation_id=generation_id)

    def withdraw(self, generation_id: str, at: datetime) -> bool:
        """Close a review without a decision. Return whether its result was held.

        The location of its message is kept, and the message has to be edited.
        """
        review = self.find(generation_id)
        if review is None:
            return False
        is_held = review.state == PENDING or (review.state == REFUSED and review.undo_until)
        columns: dict[str, object] = {"undo_until": None, "edit_due_at": at}
        if review.state in WAITING:
            columns["state"] = SHOWN
        self._set(generation_id, **columns)
        return bool(is_held)

    def messages(self, ids: Collection[str]) -> dict[str, tuple[int, int]]:
        """Return the channel and message ids where these generations were shown to moderators."""
        shown = self._session.execute(
            select(ReviewRow.generation_id, ReviewRow.channel_id, ReviewRow.message_id).where(
                ReviewRow.generation_id.in_(ids), ReviewRow.message_id.is_not(None)
            )
        )
        return {row.generation_id: (row.channel_id, row.message_id) for row in shown}

    def tellings(self, ids: Collection[str]) -> dict[str, int]:
        """Return the number of the latest delivery of each of these generations with a review."""
        return self._pairs(
            select(ReviewRow.generation_id, ReviewRow.tellings).where(
                ReviewRow.generation_id.in_(ids)
            )
        )

    def note_telling(self, generation_id: str) -> int:
        """Count one more delivery to the requester; return its number.

        A message that the result waits is a delivery, too.
        """
        told = self._session.scalar(
            update(ReviewRow)
            .where(ReviewRow.generation_id == generation_id)
            .values(tellings=ReviewRow.tellings + 1, asked_at=None)
            .returning(ReviewRow.tellings)
        )
        return told or 0

    def waiting(self, guild_id: int, limit: int) -> tuple[int, tuple[str, ...]]:
        """Return the number of a guild's results, held or reported, that wait, and the oldest."""
        asked = (
            select(ReviewRow.generation_id)
            .join(GenerationRow, GenerationRow.id == ReviewRow.generation_id)
            .where(
                ReviewRow.state.in_(WAITING),
                # Only the few that wait are looked up.
                unindexed(GenerationRow.guild_id) == guild_id,
                unindexed(GenerationRow.state) == "succeeded",
                GenerationRow.removed_at.is_(None),
            )
        )
        count = self._session.scalar(select(func.count()).select_from(asked.subquery()))
        return count or 0, self._list(asked.order_by(ReviewRow.created_at).limit(limit))

    def note_message(self, generation_id: str, channel_id: int, message_id: int) -> bool:
        """Record the location of the message to moderators; return False if there is no review."""
        return self._set(generation_id, channel_id=channel_id, message_id=message_id)

    def edits_due(self, now: datetime, limit: int) -> tuple[str, ...]:
        """Return results whose messages to moderators have to be edited by now, oldest first."""
        return self._list(
            select(ReviewRow.generation_id)
            .where(ReviewRow.message_id.is_not(None), ReviewRow.edit_due_at <= now)
            .order_by(ReviewRow.edit_due_at)
            .limit(limit)
        )

    def claim_edit(
        self, generation_id: str, now: datetime, until: datetime, *, always: bool = False
    ) -> tuple[int, int] | None:
        """Keep others from editing its message until then; return its channel and message ids.

        None if there is no message, or unless `always`, if no edit is due.
        """
        is_due = true() if always else ReviewRow.edit_due_at <= now
        claimed = self._session.execute(
            update(ReviewRow)
            .where(
                ReviewRow.generation_id == generation_id, ReviewRow.message_id.is_not(None), is_due
            )
            .values(edit_due_at=until)
            .returning(ReviewRow.channel_id, ReviewRow.message_id)
        ).first()
        return None if claimed is None else (claimed.channel_id, claimed.message_id)

    def note_edited(self, generation_id: str, until: datetime, now: datetime) -> None:
        """Record that its message shows what was recorded, unless that changed since the claim."""
        shown = update(ReviewRow).where(
            ReviewRow.generation_id == generation_id, ReviewRow.edit_due_at == until
        )
        if not self._change(shown.values(edit_due_at=None)):
            # A later edit may have ended before this one arrived.
            outrun = update(ReviewRow).where(
                ReviewRow.generation_id == generation_id, ReviewRow.edit_due_at.is_(None)
            )
            self._change(outrun.values(edit_due_at=now))

    def decide(
        self,
        generation_id: str,
        state: str,
        *,
        actor_id: int,
        at: datetime,
        undo_until: datetime,
        reason: str = "",
    ) -> bool:
        """Decide on a waiting result, or refuse a shown one; return True for one call only."""
        decided = self._change(
            update(ReviewRow)
            .where(
                ReviewRow.generation_id == generation_id,
                ReviewRow.state.in_(WAITING if state == APPROVED else CAN_BE_REFUSED),
                # A decision that can still be undone has to be undone first.
                ReviewRow.undo_until.is_(None),
            )
            .values(
                state=state,
                former_state=ReviewRow.state,
                actor_id=actor_id,
                decided_at=at,
                undo_until=undo_until,
                reason=reason,
                edit_due_at=at,
            )
        )
        return decided > 0

    def undo(self, generation_id: str, now: datetime) -> bool:
        """Undo a decision in time; return True for the one call that did."""
        undone = self._change(
            update(ReviewRow)
            .where(ReviewRow.generation_id == generation_id, ReviewRow.undo_until > now)
            .values(
                state=ReviewRow.former_state,
                former_state=None,
                actor_id=None,
                decided_at=None,
                undo_until=None,
                reason="",
                edit_due_at=now,
            )
        )
        return undone > 0

    def due(self, now: datetime, limit: int) -> tuple[str, ...]:
        """Return decisions whose time to undo is over, the oldest first."""
        return self._list(
            select(ReviewRow.generation_id)
            .where(ReviewRow.undo_until <= now)
            .order_by(ReviewRow.undo_until)
            .limit(limit)
        )

    def finish(self, generation_id: str, now: datetime) -> bool:
        """Make a decision final whose time is over; return True for the one call that did."""
        finished = self._change(
            update(ReviewRow)
            .where(ReviewRow.generation_id == generation_id, ReviewRow.undo_until <= now)
            .values(undo_until=None, edit_due_at=now)
        )
        return finished > 0

    def modes(self, guild_id: int | None) -> dict[int, str]:
        """Return a guild's modes by channel; its own is that of WHOLE_GUILD."""
        return self._pairs(
            select(ReviewPolicyRow.channel_id, ReviewPolicyRow.mode).where(
                ReviewPolicyRow.guild_id == guild_id
            )
        )

    def set_mode(self, guild_id: int, channel_id: int, mode: str | None) -> None:
        """Set a mode; None deletes it, so that the guild's own applies."""
        if mode is None:
            self._delete(ReviewPolicyRow, guild_id=guild_id, channel_id=channel_id)
            return
        key = {"guild_id": guild_id, "channel_id": channel_id}
        self._put(ReviewPolicyRow, key, {"mode": mode})

    def _set(self, generation_id: str, **columns: object) -> bool:
        is_of_it = ReviewRow.generation_id == generation_id
        return self._change(update(ReviewRow).where(is_of_it).values(**columns)) > 0

    def _ask(
        self, generation_id: str, at: datetime, decided: Collection[str], **columns: object
    ) -> None:
        """Add a review with these columns, or set them in one whose state is in `decided`."""
        self._session.execute(
            insert_into(self._session, ReviewRow)
            .values({"generation_id": generation_id, "created_at": at, **columns})
            .on_conflict_do_update(
                index_elements=["generation_id"],
                set_=columns,
                where=ReviewRow.state.in_(decided),
            )
        )
