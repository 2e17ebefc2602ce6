"""How long a guild keeps pictures, prompts and records; applied by the housekeeping."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from db.database import Database, Session
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
    """Stores the retention settings of guilds and applies them."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def find(self, guild_id: int) -> Keeping:
        """Return the guild's retention settings. Raises ServiceUnavailable."""
        with available():

            def query(session: Session) -> Keeping:
                row = GuildModerationRepository(session).get(guild_id)
                if row is None:
                    return Keeping()
                return Keeping(row.images_kept_days, row.prompts_kept_days, row.records_kept_days)

            return await self._database.read(query)

    async def set(self, guild_id: int, keeping: Keeping, *, actor_id: int) -> None:
        """Set how long things are kept. Raises ServiceUnavailable."""
        with available():

            def change(session: Session) -> None:
                GuildModerationRepository(session).put(
                    guild_id,
                    images_kept_days=keeping.pictures,
                    prompts_kept_days=keeping.prompts,
                    records_kept_days=keeping.records,
                )
                AuditRepository(session).add(
                    at=self._clock(),
                    actor_id=actor_id,
                    guild_id=guild_id,
                    action="retention",
                    subject="",
                    detail=asdict(keeping),
                )

            await self._database.write(change)

    async def apply(self) -> int:
        """Remove what is too old in every guild; return how many. Raises DatabaseError."""

        def query(session: Session) -> list[tuple[int, int | None, int | None, int | None]]:
            return [
                (row.guild_id, row.images_kept_days, row.prompts_kept_days, row.records_kept_days)
                for row in GuildModerationRepository(session).all()
            ]

        wanted = await self._database.read(query)
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

            def change(session: Session) -> int:
                return forget(RetentionRepository(session), guild_id, before, now)

            count = await self._database.write(change)
            done += count
            if count < BATCH:
                return done


_Forget = Callable[[RetentionRepository, int, datetime, datetime], int]


def _forget_pictures(
    repository: RetentionRepository, guild_id: int, before: datetime, now: datetime
) -> int:
    return repository.forget_pictures(guild_id, before, now)


def _forget_prompts(
    repository: RetentionRepository, guild_id: int, before: datetime, _now: datetime
) -> int:
    return repository.forget_prompts(guild_id, before)


def _forget_records(
    repository: RetentionRepository, guild_id: int, before: datetime, _now: datetime
) -> int:
    return repository.forget_records(guild_id, before)
