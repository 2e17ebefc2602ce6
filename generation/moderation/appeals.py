"""Appeals against a block or a refused result, one each, listed for moderators."""

from dataclasses import dataclass
from datetime import datetime

from db.database import Session
from db.repositories.generations import GenerationRepository
from db.repositories.moderation.appeals import AppealRepository
from db.repositories.moderation.blocks import BlockRepository
from db.repositories.moderation.reviews import REFUSED, ReviewRepository
from db.tables import AppealRow
from generation.errors import InvalidOption, RequestRefused
from generation.record import copy_row
from generation.request import Actor
from generation.text import clean_text, is_visible
from generation.transactions import Service, reads, writes

MAX_APPEAL_CHARACTERS = 300

MOST_OPEN = 5
"""Open appeals of one person in one guild, so that nobody floods the moderators' list."""

BLOCK = "block"


@dataclass(frozen=True, slots=True)
class Appeal:
    """An appeal: `subject` is a generation's id, or "block" with the time of the block."""

    id: int
    user_id: int
    subject: str
    text: str
    at: datetime


class Appeals(Service):
    """Records appeals and closes them."""

    @writes
    def submit(self, session: Session, actor: Actor, generation_id: str | None, text: str) -> None:
        """Appeal against the refusal of a result, or without one against the block here.

        Raises RequestRefused if there is nothing to appeal against, and for a second appeal.
        """
        guild_id, subject = self._find_matter(session, actor, generation_id)
        appeals, kept = AppealRepository(session), clean_text(text).strip()
        if not is_visible(kept):
            raise _refused("text", "Say in a sentence what the moderators should know.")
        if appeals.is_known(guild_id, actor.user_id, subject):
            raise _refused("text", "You have appealed already. A moderator will look at it.")
        if appeals.count_open(guild_id, actor.user_id) >= MOST_OPEN:
            raise _refused(
                "text", "{count} of your appeals are open. Wait for an answer.", count=MOST_OPEN
            )
        appeals.add(
            AppealRow(
                guild_id=guild_id,
                user_id=actor.user_id,
                subject=subject,
                text=kept[:MAX_APPEAL_CHARACTERS],
                at=self._clock(),
            )
        )

    @reads
    def list_open(
        self, session: Session, guild_id: int | None, limit: int
    ) -> tuple[tuple[Appeal, ...], int]:
        """Return the oldest open appeals of a guild, and the number of all open ones."""
        appeals = AppealRepository(session)
        rows = appeals.list_open(guild_id or 0, limit)
        return tuple(copy_row(Appeal, row) for row in rows), appeals.count_open(guild_id or 0)

    @writes
    def close(self, session: Session, actor: Actor, appeal_id: int) -> bool:
        """Close an appeal. Return False if it is not open."""
        guild_id, now = actor.guild_id or 0, self._clock()
        closed = AppealRepository(session).close(guild_id, appeal_id, actor.user_id, now)
        if closed:
            self._audit(session, actor, "close-appeal", str(appeal_id))
        return closed

    def _find_matter(
        self, session: Session, actor: Actor, generation_id: str | None
    ) -> tuple[int, str]:
        """Return the guild whose moderators decided, and the subject of the decision."""
        if generation_id is None:
            block = BlockRepository(session).find(actor.user_id, actor.guild_id, self._clock())
            if block is None or block.guild_id <= 0:
                raise _refused("text", "No moderator of this server blocks you.")
            return block.guild_id, f"{BLOCK} {block.at:%Y-%m-%d %H:%M:%S}"
        row = GenerationRepository(session).get(generation_id)
        review = ReviewRepository(session).find(generation_id)
        is_own = row is not None and row.user_id == actor.user_id
        if row is None or not is_own or row.guild_id is None:
            raise _refused("text", "Only the person who made this can appeal.")
        if review is None or review.state != REFUSED:
            raise _refused("text", "No moderator declined this.")
        return row.guild_id, generation_id


def _refused(name: str, template: str, **facts: object) -> RequestRefused:
    return InvalidOption(template, {"option": name, **facts})
