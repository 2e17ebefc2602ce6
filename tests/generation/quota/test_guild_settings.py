"""What administrators set, on both databases."""

from datetime import UTC, datetime, timedelta

import pytest

from db.repositories.audit import AuditRepository
from generation.errors import RequestRefused
from generation.quota.guild_settings import MAX_NAMED, Administration
from generation.quota.policy import BOUNDS, GuildLimits, RoleRule
from generation.quota.rules import Unit
from generation.request import Actor
from tests.support.clock import Clock

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
GUILD, ADA = 5, 40


@pytest.fixture
def clock():
    return Clock(NOON)


@pytest.fixture
def administration(database, clock):
    return Administration(database, clock)


async def audit(database, guild_id=GUILD):
    with database.transaction(read_only=True) as session:
        rows = AuditRepository(session).page(guild_id, limit=20)
        return [(row.actor_id, row.action, row.subject, row.detail) for row in reversed(rows)]


async def test_a_pause_is_noted_once(administration, database):
    assert await administration.set_paused(Actor(ADA, GUILD), is_paused=True)
    assert not await administration.set_paused(Actor(ADA, GUILD), is_paused=True)
    assert (await administration.status(GUILD)).is_paused
    assert not (await administration.status(6)).is_paused
    assert await administration.set_paused(Actor(ADA, GUILD), is_paused=False)
    assert not await administration.set_paused(Actor(ADA, GUILD), is_paused=False)
    assert await audit(database) == [(ADA, "pause", "line", None), (ADA, "resume", "line", None)]


async def test_limits_are_changed_one_by_one_and_reset(administration, database):
    assert await administration.limits(GUILD) == GuildLimits()
    changed = await administration.set_limits(
        Actor(ADA, GUILD),
        {"unit": "gpu_seconds", "gpu_s": 60, "role_rule": "sum", "timezone": "Asia/Tokyo"},
    )
    assert changed == await administration.limits(GUILD)
    assert (changed.unit, changed.amount) == (Unit.GPU_SECONDS, 60)
    assert (changed.role_rule, changed.timezone) == (RoleRule.SUM, "Asia/Tokyo")
    assert (await administration.set_limits(Actor(ADA, GUILD), {"max_line": 9})).gpu_s == 60
    assert await administration.limits(None) == GuildLimits()
    assert await administration.reset_limits(Actor(ADA, GUILD)) == GuildLimits(
        timezone="Asia/Tokyo"
    )
    assert [entry[1] for entry in await audit(database)] == ["limits", "limits", "reset-limits"]


@pytest.mark.parametrize("name", BOUNDS)
async def test_what_is_out_of_bounds_is_refused_and_changes_nothing(administration, name):
    lowest, highest = BOUNDS[name]
    for value in (lowest - 1, highest + 1):
        with pytest.raises(RequestRefused) as refused:
            await administration.set_limits(Actor(ADA, GUILD), {name: value})
        assert refused.value.facts == {"lowest": lowest, "highest": highest, "value": value}
    for value in (lowest, highest):
        limits = await administration.set_limits(Actor(ADA, GUILD), {name: value})
        assert getattr(limits, name) == value


async def test_a_clock_that_is_not_known_is_refused(administration):
    for name in ("Middle Earth", "../etc/passwd", ""):
        with pytest.raises(RequestRefused, match="No time zone is called"):
            await administration.set_limits(Actor(ADA, GUILD), {"timezone": name})


async def test_a_role_keeps_what_is_not_changed(administration, database):
    await administration.set_role(Actor(ADA, GUILD), 7, {"pictures": 9})
    policy = await administration.set_role(Actor(ADA, GUILD), 7, {"has_priority": True})
    assert (policy.pictures, policy.has_priority, policy.may_generate) == (9, True, None)
    assert await administration.roles(GUILD) == (policy,)
    assert await administration.clear_role(Actor(ADA, GUILD), 7)
    assert not await administration.clear_role(Actor(ADA, GUILD), 7)
    assert await administration.roles(GUILD) == ()
    assert [entry[1] for entry in await audit(database)] == ["set-role", "set-role", "clear-role"]


async def test_a_grant_counts_in_the_unit_of_its_time_and_expires(administration, clock, database):
    await administration.grant(Actor(ADA, GUILD), 9, amount=5, days=2)
    await administration.set_limits(Actor(ADA, GUILD), {"unit": "gpu_seconds"})
    await administration.grant(Actor(ADA, GUILD), 9, amount=30, days=None)
    grants = await administration.grants(GUILD)
    assert [(one.pictures, one.gpu_s) for one in grants] == [(5, None), (None, 30)]
    clock.now += timedelta(days=2)
    assert [one.gpu_s for one in await administration.grants(GUILD)] == [30]
    assert await administration.revoke(Actor(ADA, GUILD), 9) == 1
    assert await administration.revoke(Actor(ADA, GUILD), 9) == 0
    assert await administration.grants(GUILD) == ()
    actions = [entry[1] for entry in await audit(database)]
    assert actions == ["grant", "limits", "grant", "revoke"]


async def test_channels_are_allowed_denied_and_forgotten(administration):
    for channel_id, is_served in ((1, True), (2, False), (1, False)):
        await administration.set_channel(Actor(ADA, GUILD), channel_id, is_served=is_served)
    assert await administration.channels(GUILD) == {1: False, 2: False}
    assert await administration.clear_channel(Actor(ADA, GUILD), 1) == 1
    assert await administration.clear_channel(Actor(ADA, GUILD), None) == 1
    assert await administration.clear_channel(Actor(ADA, GUILD), None) == 0
    assert await administration.channels(GUILD) == {}


async def test_no_more_is_kept_than_can_be_overlooked(administration):
    for role_id in range(1, MAX_NAMED + 1):
        await administration.set_role(Actor(ADA, GUILD), role_id, {"pictures": 1})
    await administration.set_role(Actor(ADA, GUILD), 1, {"pictures": 2})
    with pytest.raises(RequestRefused, match="Clear one"):
        await administration.set_role(Actor(ADA, GUILD), MAX_NAMED + 1, {"pictures": 1})
