"""Settings of a guild, as its administrators read and change them.

Callers must have checked that the actor may do it here. Every change is recorded in the audit log.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import available_timezones

from db.database import Database, Session
from db.repositories.guilds import GuildRepository
from db.repositories.line import LineRepository
from db.repositories.moderation.reviews import ReviewRepository
from db.repositories.policies import PolicyRepository
from generation.errors import InvalidOption
from generation.quota.policy import BOUNDS, Grant, GuildLimits, RolePolicy
from generation.quota.rules import Unit
from generation.quota.usage import read_grant, read_limits, read_role
from generation.record import GenerationState
from generation.request import Actor
from generation.tasks import do_nothing
from generation.transactions import Service, reads, writes

MAX_NAMED = 100
"""Roles, channels and grants with settings in one guild: a longer list could not be read."""

MAX_PATTERN_CHARACTERS = 200

MAX_GRANT_DAYS = 3650
"""The longest duration of a grant that expires."""

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
    review_count: int = 0
    """Results, held or reported, that wait for a moderator."""


class Administration(Service):
    """Settings of guilds. A guild id of None is direct messages.

    `turns_changed` is called when a pause begins or ends. Methods raise ServiceUnavailable while
    the records are unreachable.
    """

    def __init__(
        self,
        database: Database,
        clock: Callable[[], datetime],
        turns_changed: Callable[[], Awaitable[None]] = do_nothing,
    ) -> None:
        super().__init__(database, clock)
        self._turns_changed = turns_changed

    async def set_paused(self, actor: Actor, *, is_paused: bool) -> bool:
        """Pause or resume the line. Return False if nothing changed."""
        is_changed = await self._set_paused(actor, is_paused=is_paused)
        if is_changed:
            await self._turns_changed()
        return is_changed

    # `writes`, because a guild without settings gets them here.
    @writes
    def status(self, session: Session, guild_id: int | None) -> GuildStatus:
        """Return the status of the guild."""
        now = self._clock()
        running, waiting = GenerationState.RUNNING.value, GenerationState.WAITING.value
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
            review_count=ReviewRepository(session).waiting(guild_id, 1)[0] if guild_id else 0,
        )

    @writes
    def limits(self, session: Session, guild_id: int | None) -> GuildLimits:
        """Return the guild's limits."""
        return read_limits(GuildRepository(session).get_or_create(guild_id, now=self._clock()))

    @writes
    def set_limits(
        self, session: Session, actor: Actor, changes: Mapping[str, int | str]
    ) -> GuildLimits:
        """Change some fields of GuildLimits. Raises RequestRefused if out of bounds."""
        _check(changes)
        if changes:
            self._audit(session, actor, "limits", "limits", **changes)
        return self._update_limits(session, actor, changes)

    @writes
    def reset_limits(self, session: Session, actor: Actor) -> GuildLimits:
        """Reset limits to the defaults; the time zone, roles and grants stay."""
        self._audit(session, actor, "reset-limits", "limits")
        names = ("unit", "period", "role_rule", *BOUNDS)
        return self._update_limits(session, actor, dict.fromkeys(names))

    @reads
    def roles(self, session: Session, guild_id: int | None) -> tuple[RolePolicy, ...]:
        """Return the policies of roles."""
        return tuple(map(read_role, PolicyRepository(session).roles(guild_id)))

    @writes
    def set_role(
        self, session: Session, actor: Actor, role_id: int, changes: Mapping[str, int | bool]
    ) -> RolePolicy:
        """Change some fields of a role's policy. Raises RequestRefused if out of bounds."""
        _check(changes)
        policies = PolicyRepository(session)
        known = policies.roles(actor.guild_id)
        _check_room(len(known), is_new=all(one.role_id != role_id for one in known))
        policies.set_role(actor.guild_id, role_id, **changes)
        self._audit(session, actor, "set-role", str(role_id), **changes)
        changed = policies.roles(actor.guild_id)
        return next(read_role(row) for row in changed if row.role_id == role_id)

    @writes
    def set_makers(self, session: Session, actor: Actor, role_ids: Collection[int]) -> None:
        """Restrict generating to members of these roles; without roles, allow everybody."""
        policies = PolicyRepository(session)
        before = {row.role_id for row in policies.roles(actor.guild_id) if row.may_generate}
        for role_id in before.symmetric_difference(role_ids):
            may_generate = True if role_id in role_ids else None
            policies.set_role(actor.guild_id, role_id, may_generate=may_generate)
            self._audit(session, actor, "set-role", str(role_id), may_generate=may_generate)

    @writes
    def set_access(
        self, session: Session, actor: Actor, role_id: int, changes: Mapping[str, Sequence[str]]
    ) -> RolePolicy:
        """Change which names a role may use, as patterns by category of `policy.ACCESS`.

        The pattern "*" alone allows every name of a category. Raises RequestRefused for too many.
        """
        for patterns in changes.values():
            _check_patterns(patterns)
        policies = PolicyRepository(session)
        known = {row.role_id: row for row in policies.roles(actor.guild_id)}
        _check_room(len(known), is_new=role_id not in known)
        before = (known[role_id].access or {}) if role_id in known else {}
        after = {
            category: list(patterns)
            for category, patterns in {**before, **changes}.items()
            if list(patterns) != ["*"]
        }
        policies.set_role(actor.guild_id, role_id, access=after)
        detail = {category: ", ".join(patterns) for category, patterns in changes.items()}
        self._audit(session, actor, "set-role", str(role_id), **detail)
        changed = policies.roles(actor.guild_id)
        return next(read_role(row) for row in changed if row.role_id == role_id)

    @writes
    def clear_role(self, session: Session, actor: Actor, role_id: int) -> bool:
        """Delete a role's policy. Return False if there was none."""
        cleared = PolicyRepository(session).clear_role(actor.guild_id, role_id)
        if cleared:
            self._audit(session, actor, "clear-role", str(role_id))
        return cleared

    @reads
    def grants(self, session: Session, guild_id: int | None) -> tuple[Grant, ...]:
        """Return the unexpired grants."""
        return tuple(map(read_grant, PolicyRepository(session).grants(guild_id, self._clock())))

    @writes
    def grant(
        self,
        session: Session,
        actor: Actor,
        user_id: int,
        *,
        amount: int | None,
        days: int | None,
    ) -> Grant:
        """Grant a person an additional amount in every period; None is unlimited.

        The grant expires after that many days, or never. Raises RequestRefused if out of bounds.
        """
        now = self._clock()
        guild = GuildRepository(session).get_or_create(actor.guild_id, now=now)
        name = "pictures" if read_limits(guild).unit is Unit.PICTURES else "gpu_s"
        if amount is not None:
            _check({name: amount})
        policies = PolicyRepository(session)
        _check_room(len(policies.grants(actor.guild_id, now)), is_new=True)
        ends_at = None if days is None else now + timedelta(days=min(days, MAX_GRANT_DAYS))
        given = policies.add_grant(
            actor.guild_id,
            user_id,
            pictures=amount if name == "pictures" else None,
            gpu_s=amount if name == "gpu_s" else None,
            is_unlimited=amount is None,
            granted_by=actor.user_id,
            granted_at=now,
            expires_at=ends_at,
        )
        detail = {name: amount, "expires_at": ends_at.isoformat() if ends_at else None}
        self._audit(session, actor, "grant", str(user_id), **detail)
        return read_grant(given)

    @writes
    def revoke(self, session: Session, actor: Actor, user_id: int) -> int:
        """Delete all of a person's grants here; return how many."""
        count = PolicyRepository(session).revoke_grants(actor.guild_id, user_id, self._clock())
        if count:
            self._audit(session, actor, "revoke", str(user_id))
        return count

    @reads
    def channels(self, session: Session, guild_id: int | None) -> Mapping[int, bool]:
        """Return channels and categories with a decision; True if they are served."""
        return PolicyRepository(session).channels(guild_id)

    @writes
    def set_channel(
        self, session: Session, actor: Actor, channel_id: int, *, is_served: bool
    ) -> None:
        """Allow or deny generating in a channel or category."""
        policies = PolicyRepository(session)
        known = policies.channels(actor.guild_id)
        _check_room(len(known), is_new=channel_id not in known)
        policies.set_channel(actor.guild_id, channel_id, is_served=is_served)
        action = "allow-channel" if is_served else "deny-channel"
        self._audit(session, actor, action, str(channel_id))

    @writes
    def set_served_channels(
        self, session: Session, actor: Actor, channel_ids: Collection[int]
    ) -> None:
        """Serve only these channels; without any, serve all that are not denied."""
        policies = PolicyRepository(session)
        known = policies.channels(actor.guild_id)
        before = {channel_id for channel_id, is_served in known.items() if is_served}
        for channel_id in before.symmetric_difference(channel_ids):
            is_served = True if channel_id in channel_ids else None
            policies.set_channel(actor.guild_id, channel_id, is_served=is_served)
            action = "allow-channel" if is_served else "clear-channel"
            self._audit(session, actor, action, str(channel_id))

    @reads
    def channel_workflows(self, session: Session, guild_id: int | None) -> Mapping[int, str]:
        """Return the default workflows of channels and categories."""
        return PolicyRepository(session).channel_workflows(guild_id)

    @writes
    def set_channel_workflow(
        self, session: Session, actor: Actor, channel_id: int, workflow: str | None
    ) -> None:
        """Set the default workflow of a channel or category; None removes it."""
        policies = PolicyRepository(session)
        known = policies.channel_workflows(actor.guild_id)
        _check_room(len(known), is_new=channel_id not in known)
        policies.set_channel(actor.guild_id, channel_id, workflow=workflow)
        self._audit(session, actor, "channel-workflow", str(channel_id), workflow=workflow)

    @reads
    def gallery(self, session: Session, guild_id: int | None) -> int | None:
        """Return the channel into which results are shared; None if there is none."""
        guild = GuildRepository(session).find(guild_id)
        return guild.gallery_channel_id if guild is not None else None

    @writes
    def set_gallery(self, session: Session, actor: Actor, channel_id: int | None) -> None:
        """Set the channel into which results are shared; None removes it."""
        guilds = GuildRepository(session)
        guilds.get_or_create(actor.guild_id, now=self._clock())
        guilds.update(actor.guild_id, gallery_channel_id=channel_id)
        self._audit(session, actor, "gallery", str(channel_id or "none"))

    @writes
    def clear_channel(self, session: Session, actor: Actor, channel_id: int | None) -> int:
        """Delete the decision on a channel, or on all; return how many were deleted."""
        ids = None if channel_id is None else [channel_id]
        count = PolicyRepository(session).clear_channels(actor.guild_id, ids)
        if count:
            self._audit(session, actor, "clear-channel", str(channel_id or "all"))
        return count

    def _update_limits(
        self, session: Session, actor: Actor, changes: Mapping[str, int | str | None]
    ) -> GuildLimits:
        guilds = GuildRepository(session)
        guilds.get_or_create(actor.guild_id, now=self._clock())
        columns = {_COLUMNS.get(name, name): value for name, value in changes.items()}
        if columns:
            guilds.update(actor.guild_id, **columns)
        return read_limits(guilds.get_or_create(actor.guild_id, now=self._clock()))

    @writes
    def _set_paused(self, session: Session, actor: Actor, *, is_paused: bool) -> bool:
        guilds = GuildRepository(session)
        if guilds.get_or_create(actor.guild_id, now=self._clock()).paused == is_paused:
            return False
        guilds.update(actor.guild_id, paused=is_paused)
        self._audit(session, actor, "pause" if is_paused else "resume", "line")
        return True


def _check(changes: Mapping[str, int | str]) -> None:
    for name, value in changes.items():
        lowest, highest = BOUNDS.get(name, (0, 1))
        if name in BOUNDS and isinstance(value, int) and not lowest <= value <= highest:
            raise InvalidOption(
                "This must be from {lowest} to {highest}, not {value}.",
                {"lowest": lowest, "highest": highest, "value": value},
            )
    timezone = changes.get("timezone")
    if timezone is not None and timezone not in available_timezones():
        raise InvalidOption(
            "No time zone is called {timezone}. Pick one from the list, such as Europe/Vienna.",
            {"timezone": timezone},
        )


def _check_patterns(patterns: Sequence[str]) -> None:
    if len(patterns) > MAX_NAMED or any(len(one) > MAX_PATTERN_CHARACTERS for one in patterns):
        raise InvalidOption(
            "Name up to {limit}, with up to {length} characters each.",
            {"limit": MAX_NAMED, "length": MAX_PATTERN_CHARACTERS},
        )


def _check_room(count: int, *, is_new: bool) -> None:
    if is_new and count >= MAX_NAMED:
        raise InvalidOption("The limit here is {limit}. Clear one first.", {"limit": MAX_NAMED})
