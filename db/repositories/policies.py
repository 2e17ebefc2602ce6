"""Policies of guilds for roles, people and channels. A guild id of None is direct messages."""

from collections.abc import Collection
from datetime import datetime
from typing import TypeVar

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.orm import InstrumentedAttribute

from db.dialect import insert_into
from db.repositories.repository import Repository
from db.tables import DIRECT_MESSAGES, ChannelPolicyRow, GrantRow, RolePolicyRow

T = TypeVar("T")


class PolicyRepository(Repository):
    """Policies of roles and channels, and grants, read and written in one transaction."""

    def roles(self, guild_id: int | None) -> tuple[RolePolicyRow, ...]:
        """Return the policies of all roles in this guild."""
        return self._list(
            select(RolePolicyRow)
            .where(RolePolicyRow.guild_id == (guild_id or DIRECT_MESSAGES))
            .order_by(RolePolicyRow.role_id)
            .execution_options(populate_existing=True)
        )

    def set_role(self, guild_id: int | None, role_id: int, **columns: object) -> None:
        """Change the given columns of a role's policy; a new one overrides nothing else."""
        defaults = {"has_priority": False, "is_unlimited": False}
        key = {"guild_id": guild_id or DIRECT_MESSAGES, "role_id": role_id}
        self._session.execute(
            insert_into(self._session, RolePolicyRow)
            .values({**defaults, **columns, **key})
            # SQLAlchemy refuses an empty `set_`.
            .on_conflict_do_update(index_elements=list(key), set_=columns or key)
        )

    def clear_role(self, guild_id: int | None, role_id: int) -> bool:
        """Delete a role's policy. Return False if there was none."""
        return self._delete(RolePolicyRow, guild_id=guild_id or DIRECT_MESSAGES, role_id=role_id)

    def grants(self, guild_id: int | None, now: datetime) -> tuple[GrantRow, ...]:
        """Return the current grants, the oldest first."""
        return self._list(select(GrantRow).where(*_holding(guild_id, now)).order_by(GrantRow.id))

    def add_grant(self, guild_id: int | None, user_id: int, **columns: object) -> GrantRow:
        """Grant an amount to a person."""
        return self._add(GrantRow(guild_id=guild_id or DIRECT_MESSAGES, user_id=user_id, **columns))

    def revoke_grants(self, guild_id: int | None, user_id: int, now: datetime) -> int:
        """Delete all of a person's grants; return how many."""
        holding = (GrantRow.user_id == user_id, *_holding(guild_id, now))
        return self._change(update(GrantRow).where(*holding).values(revoked_at=now))

    def channels(self, guild_id: int | None) -> dict[int, bool]:
        """Return the channels and categories with a decision, True if they are served."""
        return self._by_channel(guild_id, ChannelPolicyRow.is_served)

    def channel_workflows(self, guild_id: int | None) -> dict[int, str]:
        """Return the default workflows of channels and categories."""
        return self._by_channel(guild_id, ChannelPolicyRow.workflow)

    def set_channel(self, guild_id: int | None, channel_id: int, **columns: object) -> None:
        """Change the given columns of a channel's policy."""
        key = {"guild_id": guild_id or DIRECT_MESSAGES, "channel_id": channel_id}
        self._put(ChannelPolicyRow, key, columns)

    def clear_channels(
        self, guild_id: int | None, channel_ids: Collection[int] | None = None
    ) -> int:
        """Delete the policies of these channels, or of all; return how many were deleted."""
        statement = delete(ChannelPolicyRow).where(
            ChannelPolicyRow.guild_id == (guild_id or DIRECT_MESSAGES)
        )
        if channel_ids is not None:
            statement = statement.where(ChannelPolicyRow.channel_id.in_(channel_ids))
        return self._change(statement)

    def _by_channel(
        self, guild_id: int | None, column: InstrumentedAttribute[T | None]
    ) -> dict[int, T]:
        return self._pairs(
            select(ChannelPolicyRow.channel_id, column)
            .where(ChannelPolicyRow.guild_id == (guild_id or DIRECT_MESSAGES), column.is_not(None))
            .order_by(ChannelPolicyRow.channel_id)
        )


def _holding(guild_id: int | None, now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions that a grant of this guild is current."""
    return (
        GrantRow.guild_id == (guild_id or DIRECT_MESSAGES),
        GrantRow.revoked_at.is_(None),
        GrantRow.expires_at.is_(None) | (GrantRow.expires_at > now),
    )
