"""Settings of a guild, as its administrators change and read them.

Whoever calls has made sure that the actor may do it here. Every act leaves an entry in the audit.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar
from zoneinfo import available_timezones

from db.database import Database, Session
from db.repositories.audit import AuditRepository
from db.repositories.guilds import GuildRepository
from db.repositories.line import LineRepository
from db.repositories.policies import PolicyRepository
from generation.availability import available
from generation.errors import FailureKind, RequestRefused
from generation.quota.policy import BOUNDS, Grant, GuildLimits, RolePolicy
from generation.quota.rules import Unit
from generation.quota.usage import read_grant, read_limits, read_role
from generation.record import GenerationState
from generation.tasks import nothing_follows

MAX_NAMED = 100
"""Roles, channels and grants that a guild may have decided of: more could not be surveyed."""

MAX_GRANT_DAYS = 3650
"""The longest that a grant lasts; one without an end has none."""

_COLUMNS = {"unit": "quota_unit", "period": "quota_period"}


@dataclass(frozen=True, slots=True)
class GuildStatus:
    """Status of a guild, or of direct messages."""

    is_paused: bool
    limits: GuildLimits
    running: int
    waiting: int
    role_count: int = 0
    grant_count: int = 0
    channels: Mapping[int, bool] | None = None


T = TypeVar("T")


class Administration:
    """Settings of guilds. A guild id of None is direct messages.

    `turns_changed` is called when a pause begins or ends. Every method raises ServiceUnavailable
    while the records cannot be reached.
    """

    def __init__(
        self,
        database: Database,
        clock: Callable[[], datetime],
        turns_changed: Callable[[], Awaitable[None]] = nothing_follows,
    ) -> None:
        self._database = database
        self._clock = clock
        self._turns_changed = turns_changed

    async def pause(self, guild_id: int | None, *, actor_id: int) -> bool:
        """Pause the line. Return False if it was paused already."""
        return await self._set_paused(guild_id, actor_id, is_paused=True)

    async def resume(self, guild_id: int | None, *, actor_id: int) -> bool:
        """Resume the line. Return False if it was not paused."""
        return await self._set_paused(guild_id, actor_id, is_paused=False)

    async def status(self, guild_id: int | None) -> GuildStatus:
        """Return the status of the guild."""
        now = self._clock()
        running, waiting = GenerationState.RUNNING.value, GenerationState.WAITING.value

        def change(session: Session) -> GuildStatus:
            guild = GuildRepository(session).get_or_create(guild_id, now=now)
            counts = LineRepository(session).count_by_state(guild_id, (running, waiting))
            policies = PolicyRepository(session)
            return GuildStatus(
                is_paused=guild.paused,
                limits=read_limits(guild),
                running=counts.get(running, 0),
                waiting=counts.get(waiting, 0),
                role_count=len(policies.roles(guild_id)),
                grant_count=len(policies.grants(guild_id, now)),
                channels=policies.channels(guild_id),
            )

        return await self._write(change)

    async def limits(self, guild_id: int | None) -> GuildLimits:
        """Return the guild's limits."""

        def change(session: Session) -> GuildLimits:
            guild = GuildRepository(session).get_or_create(guild_id, now=self._clock())
            return read_limits(guild)

        return await self._write(change)

    async def set_limits(
        self, guild_id: int | None, changes: Mapping[str, int | str], *, actor_id: int
    ) -> GuildLimits:
        """Change some of the fields of GuildLimits. Raises RequestRefused out of bounds."""
        _check(changes)
        return await self._write_limits(guild_id, changes, actor_id, "limits")

    async def reset_limits(self, guild_id: int | None, *, actor_id: int) -> GuildLimits:
        """Reset limits to the defaults; the time zone, roles and grants stay."""
        names = ("unit", "period", "role_rule", *BOUNDS)
        return await self._write_limits(guild_id, dict.fromkeys(names), actor_id, "reset-limits")

    async def roles(self, guild_id: int | None) -> tuple[RolePolicy, ...]:
        """Return the policies of roles."""

        def change(session: Session) -> tuple[RolePolicy, ...]:
            return tuple(map(read_role, PolicyRepository(session).roles(guild_id)))

        return await self._write(change)

    async def set_role(
        self,
        guild_id: int | None,
        role_id: int,
        changes: Mapping[str, int | bool],
        *,
        actor_id: int,
    ) -> RolePolicy:
        """Change some of the fields of a role's policy. Raises RequestRefused out of bounds."""
        _check(changes)

        def change(session: Session) -> RolePolicy:
            policies = PolicyRepository(session)
            known = policies.roles(guild_id)
            _check_room(len(known), is_new=all(one.role_id != role_id for one in known))
            policies.set_role(guild_id, role_id, **changes)
            self._note(session, guild_id, actor_id, "set-role", str(role_id), changes)
            changed = policies.roles(guild_id)
            return next(read_role(row) for row in changed if row.role_id == role_id)

        return await self._write(change)

    async def clear_role(self, guild_id: int | None, role_id: int, *, actor_id: int) -> bool:
        """Delete a role's policy. Return False if there was none."""

        def change(session: Session) -> bool:
            cleared = PolicyRepository(session).clear_role(guild_id, role_id)
            if cleared:
                self._note(session, guild_id, actor_id, "clear-role", str(role_id))
            return cleared

        return await self._write(change)

    async def grants(self, guild_id: int | None) -> tuple[Grant, ...]:
        """Return the unexpired grants."""

        def change(session: Session) -> tuple[Grant, ...]:
            rows = PolicyRepository(session).grants(guild_id, self._clock())
            return tuple(map(read_grant, rows))

        return await self._write(change)

    async def grant(
        self,
        guild_id: int | None,
        user_id: int,
        *,
        amount: int | None,
        days: int | None,
        actor_id: int,
    ) -> Grant:
        """Give a person so much more of what counts here, for every period; None is without limit.

        It ends after so many days, or never. Raises RequestRefused out of bounds.
        """
        now = self._clock()

        def change(session: Session) -> Grant:
            guild = GuildRepository(session).get_or_create(guild_id, now=now)
            name = "pictures" if read_limits(guild).unit is Unit.PICTURES else "gpu_s"
            if amount is not None:
                _check({name: amount})
            policies = PolicyRepository(session)
            _check_room(len(policies.grants(guild_id, now)), is_new=True)
            ends_at = None if days is None else now + timedelta(days=min(days, MAX_GRANT_DAYS))
            given = Grant(
                user_id,
                pictures=amount if name == "pictures" else None,
                gpu_s=amount if name == "gpu_s" else None,
                is_unlimited=amount is None,
                expires_at=ends_at,
            )
            policies.add_grant(
                guild_id,
                user_id,
                pictures=given.pictures,
                gpu_s=given.gpu_s,
                is_unlimited=given.is_unlimited,
                granted_by=actor_id,
                granted_at=now,
                expires_at=ends_at,
            )
            detail = {name: amount, "expires_at": ends_at.isoformat() if ends_at else None}
            self._note(session, guild_id, actor_id, "grant", str(user_id), detail)
            return given

        return await self._write(change)

    async def revoke(self, guild_id: int | None, user_id: int, *, actor_id: int) -> int:
        """Delete all of a person's grants here; return how many."""

        def change(session: Session) -> int:
            count = PolicyRepository(session).revoke_grants(guild_id, user_id, self._clock())
            if count:
                self._note(session, guild_id, actor_id, "revoke", str(user_id))
            return count

        return await self._write(change)

    async def channels(self, guild_id: int | None) -> Mapping[int, bool]:
        """Return the channels and categories with a decision, True where they are served."""

        def change(session: Session) -> Mapping[int, bool]:
            return PolicyRepository(session).channels(guild_id)

        return await self._write(change)

    async def set_channel(
        self, guild_id: int | None, channel_id: int, *, is_served: bool, actor_id: int
    ) -> None:
        """Allow or deny generating in a channel or category."""

        def change(session: Session) -> None:
            policies = PolicyRepository(session)
            known = policies.channels(guild_id)
            _check_room(len(known), is_new=channel_id not in known)
            policies.set_channel(guild_id, channel_id, is_served=is_served)
            action = "allow-channel" if is_served else "deny-channel"
            self._note(session, guild_id, actor_id, action, str(channel_id))

        await self._write(change)

    async def clear_channel(
        self, guild_id: int | None, channel_id: int | None, *, actor_id: int
    ) -> int:
        """Delete the decision on a channel, or on all; return how many were deleted."""

        def change(session: Session) -> int:
            ids = None if channel_id is None else [channel_id]
            count = PolicyRepository(session).clear_channels(guild_id, ids)
            if count:
                subject = "all" if channel_id is None else str(channel_id)
                self._note(session, guild_id, actor_id, "clear-channel", subject)
            return count

        return await self._write(change)

    async def _write_limits(
        self,
        guild_id: int | None,
        changes: Mapping[str, int | str | None],
        actor_id: int,
        action: str,
    ) -> GuildLimits:
        def change(session: Session) -> GuildLimits:
            guilds = GuildRepository(session)
            guilds.get_or_create(guild_id, now=self._clock())
            columns = {_COLUMNS.get(name, name): value for name, value in changes.items()}
            if columns:
                guilds.update(guild_id, **columns)
                detail = changes if action == "limits" else None
                self._note(session, guild_id, actor_id, action, "limits", detail)
            return read_limits(guilds.get_or_create(guild_id, now=self._clock()))

        return await self._write(change)

    async def _set_paused(self, guild_id: int | None, actor_id: int, *, is_paused: bool) -> bool:
        def change(session: Session) -> bool:
            guilds = GuildRepository(session)
            if guilds.get_or_create(guild_id, now=self._clock()).paused == is_paused:
                return False
            guilds.update(guild_id, paused=is_paused)
            action = "pause" if is_paused else "resume"
            self._note(session, guild_id, actor_id, action, "line")
            return True

        is_changed = await self._write(change)
        if is_changed:
            await self._turns_changed()
        return is_changed

    async def _write(self, change: Callable[[Session], T]) -> T:
        with available():
            return await self._database.write(change)

    def _note(
        self,
        session: Session,
        guild_id: int | None,
        actor_id: int,
        action: str,
        subject: str,
        detail: Mapping[str, object] | None = None,
    ) -> None:
        AuditRepository(session).add(
            at=self._clock(),
            actor_id=actor_id,
            guild_id=guild_id,
            action=action,
            subject=subject,
            detail=detail,
        )


def _check(changes: Mapping[str, int | str]) -> None:
    for name, value in changes.items():
        lowest, highest = BOUNDS.get(name, (0, 1))
        if name in BOUNDS and isinstance(value, int) and not lowest <= value <= highest:
            raise RequestRefused(
                FailureKind.INVALID_OPTION,
                "This must be from {lowest} to {highest}, not {value}.",
                {"lowest": lowest, "highest": highest, "value": value},
            )
    timezone = changes.get("timezone")
    if timezone is not None and timezone not in available_timezones():
        raise RequestRefused(
            FailureKind.INVALID_OPTION,
            "There is no clock called {timezone}: choose one from the list, such as Europe/Vienna.",
            {"timezone": timezone},
        )


def _check_room(count: int, *, is_new: bool) -> None:
    if is_new and count >= MAX_NAMED:
        raise RequestRefused(
            FailureKind.INVALID_OPTION,
            "No more than {limit} can be kept here: clear one that is not needed first.",
            {"limit": MAX_NAMED},
        )
