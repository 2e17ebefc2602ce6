"""Blocks, watched words, flags, reviews and the policies behind them. Nothing here commits."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from db.dialect import insert_into
from db.repositories.generations import PENDING
from db.tables import (
    DIRECT_MESSAGES,
    BlockRow,
    ChangeRow,
    FlagRow,
    GenerationRow,
    GuildModerationRow,
    ReviewPolicyRow,
    ReviewRow,
    TermRow,
)

WHOLE_GUILD = 0
"""The channel id that stands for a guild's own policy."""

SHOWN = "shown"

APPROVED = "approved"


@dataclass(frozen=True, slots=True)
class NewFlag:
    """Why somebody may want to look at a generation."""

    kind: str
    note: str
    actor_id: int | None = None


class BlockRepository:
    """Who is blocked. A guild id of None is direct messages."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def put(
        self,
        user_id: int,
        guild_id: int | None,
        *,
        reason: str,
        until: datetime | None,
        actor_id: int,
        at: datetime,
    ) -> None:
        """Block somebody, in place of an earlier block."""
        values = {"reason": reason, "until": until, "actor_id": actor_id, "at": at}
        await self._session.execute(
            insert_into(self._session, BlockRow)
            .values(user_id=user_id, guild_id=guild_id or DIRECT_MESSAGES, **values)
            .on_conflict_do_update(index_elements=["user_id", "guild_id"], set_=values)
        )

    async def find(self, user_id: int, guild_id: int | None, now: datetime) -> BlockRow | None:
        """The block that holds now."""
        row = await self._session.get(
            BlockRow, (user_id, guild_id or DIRECT_MESSAGES), populate_existing=True
        )
        return row if row is not None and (row.until is None or row.until > now) else None

    async def remove(self, user_id: int, guild_id: int | None) -> bool:
        """Lift a block; False when there was none."""
        row = await self._session.get(BlockRow, (user_id, guild_id or DIRECT_MESSAGES))
        if row is None:
            return False
        await self._session.delete(row)
        await self._session.flush()
        return True

    async def page(self, guild_id: int | None, now: datetime, limit: int) -> tuple[BlockRow, ...]:
        """Those that hold now, newest first."""
        found = await self._session.scalars(
            select(BlockRow)
            .where(
                BlockRow.guild_id == (guild_id or DIRECT_MESSAGES),
                BlockRow.until.is_(None) | (BlockRow.until > now),
            )
            .order_by(BlockRow.at.desc())
            .limit(limit)
        )
        return tuple(found)


class TermRepository:
    """What a guild watches for."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def of_guild(self, guild_id: int | None) -> tuple[TermRow, ...]:
        """All of a guild, oldest first."""
        found = await self._session.scalars(
            select(TermRow)
            .where(TermRow.guild_id == (guild_id or DIRECT_MESSAGES))
            .order_by(TermRow.id)
        )
        return tuple(found)

    async def add(
        self,
        guild_id: int | None,
        *,
        pattern: str,
        is_expression: bool,
        action: str,
        actor_id: int,
        at: datetime,
    ) -> TermRow:
        """Watch for one more, or do something else about one that is watched for."""
        await self.remove(guild_id, pattern)
        row = TermRow(
            guild_id=guild_id or DIRECT_MESSAGES,
            pattern=pattern,
            is_expression=is_expression,
            action=action,
            actor_id=actor_id,
            at=at,
        )
        self._session.add(row)
        await self._session.flush()
        return row

    async def remove(self, guild_id: int | None, pattern: str) -> bool:
        """Watch for it no longer; False when it was not watched for."""
        found = await self._session.scalars(
            select(TermRow).where(
                TermRow.guild_id == (guild_id or DIRECT_MESSAGES),
                func.lower(TermRow.pattern) == pattern.lower(),
            )
        )
        rows = found.all()
        for row in rows:
            await self._session.delete(row)
        await self._session.flush()
        return bool(rows)


class FlagRepository:
    """Why generations are worth a look, and what moderators made of them."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, generation_id: str, flag: NewFlag, at: datetime) -> None:
        """Flag a generation."""
        self._session.add(
            FlagRow(
                generation_id=generation_id,
                kind=flag.kind,
                actor_id=flag.actor_id,
                note=flag.note,
                at=at,
            )
        )
        await self._session.flush()

    async def of_generation(self, generation_id: str) -> tuple[FlagRow, ...]:
        """All of a generation, oldest first."""
        found = await self._session.scalars(
            select(FlagRow).where(FlagRow.generation_id == generation_id).order_by(FlagRow.id)
        )
        return tuple(found)

    async def count_by(self, actor_id: int, since: datetime) -> int:
        """How many one person raised since then."""
        counted = await self._session.scalar(
            select(func.count())
            .select_from(FlagRow)
            .where(FlagRow.actor_id == actor_id, FlagRow.at >= since)
        )
        return counted or 0


class ReviewRepository:
    """Results that moderators look at, and the policies by which they do."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def find(self, generation_id: str) -> ReviewRow | None:
        """One review."""
        return await self._session.get(ReviewRow, generation_id, populate_existing=True)

    async def begin(self, generation_id: str, state: str, at: datetime) -> None:
        """Ask for a review, unless one was asked for already."""
        await self._session.execute(
            insert_into(self._session, ReviewRow)
            .values(generation_id=generation_id, state=state, created_at=at)
            .on_conflict_do_nothing()
        )

    async def hold(self, generation_id: str, at: datetime) -> None:
        """Wait for a decision, also where moderators were only to be shown it."""
        await self._session.execute(
            insert_into(self._session, ReviewRow)
            .values(generation_id=generation_id, state=PENDING, created_at=at)
            .on_conflict_do_update(
                index_elements=["generation_id"],
                set_={"state": PENDING},
                where=ReviewRow.state == SHOWN,
            )
        )

    async def note_asked(self, generation_id: str, at: datetime) -> None:
        """Remember that moderators were asked, and its person told that it waits."""
        await self._session.execute(
            update(ReviewRow).where(ReviewRow.generation_id == generation_id).values(asked_at=at)
        )

    async def drop(self, generation_id: str) -> None:
        """There is nothing to decide."""
        await self._session.execute(
            delete(ReviewRow).where(ReviewRow.generation_id == generation_id)
        )

    async def withdraw(self, generation_id: str) -> bool:
        """There is nothing left to decide on; True when it was pending."""
        withdrawn = await self._session.scalars(
            delete(ReviewRow)
            .where(ReviewRow.generation_id == generation_id, ReviewRow.state == PENDING)
            .returning(ReviewRow.generation_id)
        )
        return withdrawn.first() is not None

    async def decided(self, ids: Collection[str]) -> frozenset[str]:
        """Those of these generations that were held until a moderator decided."""
        found = await self._session.scalars(
            select(ReviewRow.generation_id).where(
                ReviewRow.generation_id.in_(ids), ReviewRow.decided_at.is_not(None)
            )
        )
        return frozenset(found)

    async def waiting(self, guild_id: int, limit: int) -> tuple[int, tuple[str, ...]]:
        """How many results wait for a decision in a guild, and the oldest of them."""
        asked = (
            select(ReviewRow.generation_id)
            .join(GenerationRow, GenerationRow.id == ReviewRow.generation_id)
            .where(
                ReviewRow.state == PENDING,
                GenerationRow.guild_id == guild_id,
                GenerationRow.state == "succeeded",
            )
        )
        count = await self._session.scalar(select(func.count()).select_from(asked.subquery()))
        found = await self._session.scalars(asked.order_by(ReviewRow.created_at).limit(limit))
        return count or 0, tuple(found)

    async def note_message(self, generation_id: str, channel_id: int, message_id: int) -> None:
        """Remember where moderators were asked."""
        await self._session.execute(
            update(ReviewRow)
            .where(ReviewRow.generation_id == generation_id)
            .values(channel_id=channel_id, message_id=message_id)
        )

    async def decide(self, generation_id: str, state: str, actor_id: int, at: datetime) -> bool:
        """Decide a pending one; True for the one call that did it."""
        decided = await self._session.scalars(
            update(ReviewRow)
            .where(ReviewRow.generation_id == generation_id, ReviewRow.state == PENDING)
            .values(state=state, actor_id=actor_id, decided_at=at)
            .returning(ReviewRow.generation_id)
        )
        return decided.first() is not None

    async def pending(self, ids: Collection[str]) -> frozenset[str]:
        """Those of these generations that wait for a decision."""
        found = await self._session.scalars(
            select(ReviewRow.generation_id).where(
                ReviewRow.generation_id.in_(ids), ReviewRow.state == PENDING
            )
        )
        return frozenset(found)

    async def modes(self, guild_id: int) -> dict[int, str]:
        """A guild's modes by channel; its own is that of WHOLE_GUILD."""
        found = await self._session.execute(
            select(ReviewPolicyRow.channel_id, ReviewPolicyRow.mode).where(
                ReviewPolicyRow.guild_id == guild_id
            )
        )
        return {row.channel_id: row.mode for row in found}

    async def set_mode(self, guild_id: int, channel_id: int, mode: str | None) -> None:
        """Set a mode; None leaves it to the guild's own."""
        if mode is None:
            await self._session.execute(
                delete(ReviewPolicyRow).where(
                    ReviewPolicyRow.guild_id == guild_id, ReviewPolicyRow.channel_id == channel_id
                )
            )
            return
        await self._session.execute(
            insert_into(self._session, ReviewPolicyRow)
            .values(guild_id=guild_id, channel_id=channel_id, mode=mode)
            .on_conflict_do_update(index_elements=["guild_id", "channel_id"], set_={"mode": mode})
        )


class GuildModerationRepository:
    """What a guild's moderators set once."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, guild_id: int | None) -> GuildModerationRow | None:
        """A guild's settings, where it has any."""
        return await self._session.get(
            GuildModerationRow, guild_id or DIRECT_MESSAGES, populate_existing=True
        )

    async def put(self, guild_id: int | None, **columns: object) -> None:
        """Change settings."""
        await self._session.execute(
            insert_into(self._session, GuildModerationRow)
            .values(guild_id=guild_id or DIRECT_MESSAGES, **columns)
            .on_conflict_do_update(index_elements=["guild_id"], set_=columns)
        )

    async def count_checked(self) -> int:
        """How many guilds want their pictures checked."""
        wanted = select(func.count()).where(GuildModerationRow.image_check != "off")
        return await self._session.scalar(wanted) or 0

    async def all(self) -> tuple[GuildModerationRow, ...]:
        """Every guild's settings."""
        return tuple(await self._session.scalars(select(GuildModerationRow)))


class ChangeRepository:
    """Every state that generations came to."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def of_generation(self, generation_id: str) -> tuple[ChangeRow, ...]:
        """All of a generation, oldest first."""
        found = await self._session.scalars(
            select(ChangeRow).where(ChangeRow.generation_id == generation_id).order_by(ChangeRow.id)
        )
        return tuple(found)
