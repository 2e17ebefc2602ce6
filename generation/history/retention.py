"""How long a guild keeps pictures, prompts and records; applied by the housekeeping."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from db.database import Database
from db.repositories.audit import AuditRepository
from db.repositories.guild_moderation import GuildModerationRepository
from db.repositories.retention import BATCH, RetentionRepository
from generation.availability import available


@dataclass(frozen=True, slots=True)
class Keeping:
    """Days after the end of a generation; None keeps for good, as far as the operator does."""

    pictures: int | None = None
    prompts: int | None = None
    records: int | None = None


class Retention:
    """Remembers what guilds want, and does it."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def find(self, guild_id: int) -> Keeping:
        """How long things are kept there. Raises ServiceUnavailable."""
        with available():
            async with self._database.transaction(read_only=True) as session:
                row = await GuildModerationRepository(session).get(guild_id)
                if row is None:
                    return Keeping()
                return Keeping(row.images_kept_days, row.prompts_kept_days, row.records_kept_days)

    async def set(self, guild_id: int, keeping: Keeping, *, actor_id: int) -> None:
        """Keep things so long from now on. Raises ServiceUnavailable."""
        with available():
            async with self._database.transaction() as session:
                await GuildModerationRepository(session).put(
                    guild_id,
                    images_kept_days=keeping.pictures,
                    prompts_kept_days=keeping.prompts,
                    records_kept_days=keeping.records,
                )
                await AuditRepository(session).add(
                    at=self._clock(),
                    actor_id=actor_id,
                    guild_id=guild_id,
                    action="retention",
                    subject="",
                    detail=asdict(keeping),
                )

    async def apply(self) -> int:
        """Take away what is too old everywhere; how much it was. Raises DatabaseError."""
        async with self._database.transaction(read_only=True) as session:
            wanted = [
                (row.guild_id, row.images_kept_days, row.prompts_kept_days, row.records_kept_days)
                for row in await GuildModerationRepository(session).all()
            ]
        done, now = 0, self._clock()
        for guild_id, pictures, prompts, records in wanted:
            for days, forget in (
                (records, _forget_records),
                (prompts, _forget_prompts),
                (pictures, _forget_pictures),
            ):
                if days is not None:
                    done += await self._repeat(forget, guild_id, now - timedelta(days=days), now)
        return done

    async def _repeat(
        self, forget: "_Forget", guild_id: int, before: datetime, now: datetime
    ) -> int:
        done = 0
        while True:
            async with self._database.transaction() as session:
                count = await forget(RetentionRepository(session), guild_id, before, now)
            done += count
            if count < BATCH:
                return done


_Forget = Callable[[RetentionRepository, int, datetime, datetime], Awaitable[int]]


async def _forget_pictures(
    repository: RetentionRepository, guild_id: int, before: datetime, now: datetime
) -> int:
    return await repository.forget_pictures(guild_id, before, now)


async def _forget_prompts(
    repository: RetentionRepository, guild_id: int, before: datetime, _now: datetime
) -> int:
    return await repository.forget_prompts(guild_id, before)


async def _forget_records(
    repository: RetentionRepository, guild_id: int, before: datetime, _now: datetime
) -> int:
    return await repository.forget_records(guild_id, before)
