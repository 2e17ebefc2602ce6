from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.quota.policy import (
    BOUNDS,
    Grant,
    GuildLimits,
    RolePolicy,
    RoleRule,
    is_allowed,
    is_served,
    resolve_access,
    resolve_allowance,
)
from generation.quota.rules import Unit

GUILD = 5
SUM = GuildLimits(role_rule=RoleRule.SUM)
HIGHEST = GuildLimits()
GPU = GuildLimits(unit=Unit.GPU_SECONDS)
FEW, MANY = RolePolicy(1, pictures=5, gpu_s=70), RolePolicy(2, pictures=200)
FREE, FAST = RolePolicy(3, is_unlimited=True), RolePolicy(4, has_priority=True)
WIDE = RolePolicy(6, max_running=2, max_waiting=7)


@pytest.mark.parametrize(
    ("limits", "roles", "held", "grants", "amount"),
    [
        (HIGHEST, [], [], [], 50),
        (HIGHEST, [FEW, MANY], [], [], 50),
        # The highest of one's roles, instead of the default: also when that is less.
        (HIGHEST, [FEW, MANY], [1], [], 5),
        (HIGHEST, [FEW, MANY], [1, 2], [], 200),
        (HIGHEST, [FAST], [4], [], 50),
        # All of them, on top of the default.
        (SUM, [FEW, MANY], [1, 2], [], 255),
        (SUM, [FEW, MANY], [], [], 50),
        # Nothing is an amount too.
        (HIGHEST, [RolePolicy(1, pictures=0)], [1], [], 0),
        (HIGHEST, [RolePolicy(1, pictures=0), RolePolicy(2, pictures=1)], [1, 2], [], 1),
        (SUM, [RolePolicy(1, pictures=0)], [1], [], 50),
        # Everybody has the role of the guild itself.
        (HIGHEST, [RolePolicy(GUILD, pictures=7)], [], [], 7),
        # Only the unit that counts does.
        (GPU, [FEW, MANY], [1, 2], [], 70),
        (GPU, [MANY], [2], [], 900),
        # Grants are on top, in the unit that counts.
        (HIGHEST, [FEW], [1], [Grant(9, pictures=20), Grant(9, gpu_s=99)], 25),
        (HIGHEST, [], [], [Grant(9, pictures=20), Grant(9, pictures=1)], 71),
        # Without a limit.
        (HIGHEST, [FREE, FEW], [1, 3], [], None),
        (HIGHEST, [], [], [Grant(9, is_unlimited=True)], None),
    ],
)
def test_how_much(limits, roles, held, grants, amount):
    assert resolve_allowance(limits, roles, held, grants, GUILD).allowance.amount == amount


def test_places_are_the_most_generous_and_lower_none():
    limits = GuildLimits(max_running=1, max_waiting=8)
    allowance = resolve_allowance(limits, [WIDE, FAST], [6, 4], [], GUILD).allowance
    assert (allowance.max_running, allowance.max_waiting) == (3, 10)
    allowance = resolve_allowance(limits, [WIDE], [6], [], GUILD).allowance
    assert (allowance.max_running, allowance.max_waiting) == (2, 8)
    none_waits = resolve_allowance(GuildLimits(max_waiting=0), [FREE], [3], [], GUILD).allowance
    assert (none_waits.max_waiting, none_waits.has_priority) == (0, False)


def test_without_a_limit_there_is_no_cooldown_but_there_are_places():
    allowance = resolve_allowance(HIGHEST, [FREE], [3], [], GUILD).allowance
    assert (allowance.cooldown_s, allowance.max_running, allowance.max_waiting) == (0, 1, 3)


def test_it_says_why():
    until = datetime(2026, 12, 1, tzinfo=UTC)
    grant = Grant(9, pictures=20, expires_at=until)
    effective = resolve_allowance(HIGHEST, [FEW, MANY, FAST], [1, 2, 4], [grant], GUILD)
    assert effective.amount_roles == (2,)
    assert effective.priority_roles == (4,)
    assert effective.grants == (grant,)
    assert (effective.is_default, effective.allowance.has_priority) == (False, True)
    assert resolve_allowance(SUM, [FEW, MANY], [1, 2], [], GUILD).amount_roles == (1, 2)


@pytest.mark.parametrize(
    ("said", "held", "may"),
    [
        ({}, [], True),
        ({1: False}, [], True),
        ({1: False}, [1], False),
        # Once a role is allowed by name, others are not.
        ({1: True}, [], False),
        ({1: True}, [1], True),
        # What forbids wins.
        ({1: True, 2: False}, [1, 2], False),
        # Everybody's role comes last.
        ({GUILD: False}, [], False),
        ({GUILD: False, 1: True}, [1], True),
        ({GUILD: True, 1: True}, [], True),
        ({GUILD: True, 1: False}, [1], False),
    ],
)
def test_who_may_generate(said, held, may):
    roles = [RolePolicy(role_id, may_generate=one) for role_id, one in said.items()]
    assert resolve_allowance(HIGHEST, roles, held, [], GUILD).allowance.may_generate is may


@pytest.mark.parametrize(
    ("policies", "places", "served"),
    [
        ({}, [9], True),
        ({9: False}, [9], False),
        ({9: False}, [8], True),
        # Once something is allowed, the rest is not.
        ({9: True}, [8], False),
        ({9: True}, [9], True),
        # The narrowest counts: a thread before its channel, a channel before its category.
        ({9: True}, [7, 9, 3], True),
        ({9: False, 7: True}, [7, 9, 3], True),
        ({3: True, 9: False}, [9, 3], False),
        ({3: False, 9: True}, [9, 3], True),
    ],
)
def test_where_pictures_are_made(policies, places, served):
    assert is_served(policies, places) is served


amounts = st.none() | st.integers(0, 1000)
policies = st.builds(
    RolePolicy, role_id=st.integers(1, 6), pictures=amounts, gpu_s=amounts, max_running=amounts
)


@given(
    st.builds(GuildLimits, role_rule=st.sampled_from(RoleRule), unit=st.sampled_from(Unit)),
    st.lists(policies, unique_by=lambda one: one.role_id),
    st.sets(st.integers(1, 6)),
    st.lists(st.builds(Grant, st.just(9), pictures=amounts, gpu_s=amounts)),
)
def test_an_amount_is_never_negative_and_a_grant_never_lowers_it(limits, roles, held, grants):
    without = resolve_allowance(limits, roles, held, [], GUILD).allowance.amount
    with_ = resolve_allowance(limits, roles, held, grants, GUILD).allowance.amount
    assert 0 <= without <= with_


@pytest.mark.parametrize(
    ("access", "name", "may"),
    [
        ({}, "anything", True),
        ({"loras": ()}, "anything", False),
        ({"loras": ("ink*",)}, "styles\\Ink-Wash.safetensors", True),
        ({"loras": ("styles/*",)}, "styles/ink.safetensors", True),
        ({"loras": ("ink",)}, "inks.safetensors", False),
        ({"loras": ("x", "INK")}, "old/ink.v2.safetensors", False),
        ({"loras": ("x", "INK")}, "old/ink.safetensors", True),
        ({"loras": ("ink",)}, "ink", True),
        ({"models": ("ink",)}, "anything", True),
    ],
)
def test_which_names_a_role_may_use(access, name, may):
    assert is_allowed(access, "loras", name) is may


@pytest.mark.parametrize(
    ("held", "access"),
    [
        ([], {}),
        ([1], {"loras": ("ink",)}),
        ([1, 2], {"loras": ("ink", "oil"), "models": ()}),
    ],
)
def test_what_any_role_allows_may_be_used(held, access):
    roles = [
        RolePolicy(1, access={"loras": ["ink"]}),
        RolePolicy(2, access={"loras": ["oil"], "models": []}),
    ]
    assert resolve_access(roles, held, GUILD) == access
    assert resolve_allowance(HIGHEST, roles, held, [], GUILD).access == access


def test_the_bounds_are_those_promised_and_hold_the_defaults():
    assert BOUNDS == {
        "pictures": (0, 100_000),
        "gpu_s": (0, 10_000_000),
        "max_running": (1, 5),
        "max_waiting": (0, 100),
        "cooldown_s": (0, 24 * 3600),
        "max_line": (1, 1_000),
    }
    assert all(low <= getattr(HIGHEST, name) <= high for name, (low, high) in BOUNDS.items())
