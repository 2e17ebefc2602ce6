"""What the bot lets people do, by what Discord says of them."""

from contextvars import copy_context
from types import SimpleNamespace
from unittest.mock import AsyncMock, Mock

import discord
import pytest

from bot.i18n.language import _
from bot.permissions import (
    can_administer,
    can_change_workflows,
    can_moderate,
    guild_of,
    is_operator,
    require_can_post,
    require_may_block,
    require_operator,
    require_served,
)
from bot.tree import require_authority
from generation.errors import InvalidOption, NotAllowedHere, NotPermitted

MANAGES = discord.Permissions(manage_guild=True)
MODERATES = discord.Permissions(manage_messages=True)
OWNER = 8


class Asking:
    """As much of an interaction as authority is decided from.

    `permissions` are those in the channel, `granted` those that the roles give in the server.
    """

    def __init__(
        self,
        *,
        user_id=1,
        guild_id=5,
        permissions=None,
        granted=None,
        owner_id=9,
        command="limner",
        is_own=False,
        is_both=False,
    ):
        granted = granted or discord.Permissions.none()
        self.user = Mock(spec=discord.Member, id=user_id, guild_permissions=granted)
        self.guild_id = guild_id
        self.guild = Mock(spec=discord.Guild, id=guild_id, owner_id=OWNER) if guild_id else None
        self.permissions = permissions or discord.Permissions.none()
        self.data = {"name": command}
        self.client = self
        self.application = self
        self.team = None
        self.owner = discord.Object(owner_id)
        self.is_guild_integration = lambda: is_both or not is_own
        self.is_user_integration = lambda: is_both or is_own


class Team:
    """A team of one member, 7."""

    def __init__(self, *, state=2, role="developer"):
        member = Asking()
        member.id = 7
        member.membership_state = discord.TeamMembershipState(state)
        member.role = discord.TeamMemberRole(role)
        self.members = [member]


@pytest.mark.parametrize(
    ("asking", "administers"),
    [
        (Asking(), False),
        (Asking(granted=MODERATES), False),
        (Asking(granted=MANAGES), True),
        (Asking(granted=discord.Permissions(administrator=True)), True),
        (Asking(user_id=8), True),
        # What is granted in this channel alone is not granted in the server.
        (Asking(permissions=discord.Permissions.all()), False),
        # In somebody else's server by one's own installation, one's rights there count nothing.
        (Asking(granted=MANAGES, is_own=True), False),
        (Asking(user_id=9), True),
        (Asking(guild_id=None, granted=MANAGES), False),
        (Asking(guild_id=None, user_id=9), True),
    ],
)
def test_the_bot_itself_decides_who_administers(asking, administers):
    assert can_administer(asking) == administers
    if administers:
        require_authority(asking)
    else:
        with pytest.raises(NotPermitted):
            require_authority(asking)


@pytest.mark.parametrize(
    ("asking", "moderates"),
    [
        (Asking(command="mod"), False),
        (Asking(command="mod", permissions=discord.Permissions.all()), False),
        (Asking(command="mod", granted=MODERATES), True),
        (Asking(command="mod", granted=MANAGES), True),
        (Asking(command="mod", user_id=9), True),
        (Asking(command="mod", guild_id=None), False),
        (Asking(command="mod", guild_id=None, granted=MODERATES), False),
        (Asking(command="mod", guild_id=None, user_id=9), True),
        (Asking(command="mod", granted=MODERATES, is_own=True), False),
    ],
)
def test_the_bot_itself_decides_who_moderates(asking, moderates):
    assert can_moderate(asking) == (moderates and asking.guild_id is not None)
    if moderates:
        require_authority(asking)
    else:
        with pytest.raises(NotPermitted):
            require_authority(asking)


def test_commands_for_everybody_are_for_everybody():
    require_authority(Asking(command="imagine"))


@pytest.mark.parametrize(
    ("team", "user_id", "runs_it"),
    [
        (Team(), 7, True),
        (Team(), 9, False),
        (Team(state=1), 7, False),
        (Team(role="read_only"), 7, False),
    ],
)
def test_a_team_runs_the_bot_by_its_members(team, user_id, runs_it):
    asking = Asking(user_id=user_id)
    asking.team = team
    assert is_operator(asking) == runs_it
    if runs_it:
        require_operator(asking)
    else:
        with pytest.raises(NotPermitted, match="run this bot"):
            require_operator(asking)


def test_before_discord_said_whose_the_bot_is_nobody_runs_it():
    asking = Asking(user_id=9)
    asking.application = None
    assert not is_operator(asking)


@pytest.mark.parametrize(
    ("asking", "guild_id"),
    [
        (Asking(), 5),
        (Asking(is_own=True), None),
        (Asking(is_both=True), 5),
        (Asking(guild_id=None), None),
    ],
)
def test_the_guild_is_one_that_has_invited_the_bot(asking, guild_id):
    assert guild_of(asking) == guild_id


@pytest.mark.parametrize("unknown", ["guild", "roles", "member"])
def test_nothing_is_granted_where_the_roles_are_not_known(unknown):
    asking = Asking(granted=discord.Permissions.all())
    assert can_moderate(asking)
    if unknown == "guild":
        asking.guild = None
    elif unknown == "roles":
        asking.guild.default_role = None
    else:
        asking.user = discord.Object(1)
    assert not can_moderate(asking)
    assert not can_administer(asking)


@pytest.mark.parametrize(
    ("guilds", "is_ready", "shards", "shard_ids", "user_id", "may"),
    [
        (1, True, None, None, 1, True),
        (0, True, None, None, 1, True),
        (2, True, None, None, 1, False),
        (1, False, None, None, 1, False),
        (1, True, 2, [0, 1], 1, True),
        (1, True, None, [0], 1, True),
        # Another process may have more guilds.
        (1, True, 2, [0], 1, False),
        # Who runs the bot may, and who does not administer the guild may not.
        (2, False, 2, [0], 9, True),
        (1, True, None, None, 2, False),
    ],
)
def test_who_may_change_the_workflows(guilds, is_ready, shards, shard_ids, user_id, may):
    asking = Asking(user_id=user_id, granted=MANAGES if user_id == 1 else None)
    asking.client = SimpleNamespace(
        application=asking.application,
        guilds=[None] * guilds,
        is_ready=lambda: is_ready,
        shard_count=shards,
        shard_ids=shard_ids,
    )
    assert can_change_workflows(asking) is may


@pytest.mark.parametrize(
    ("lacks", "named"),
    [
        ({}, None),
        ({"view_channel": False}, "View Channel"),
        ({"send_messages": False}, "Send Messages"),
        ({"embed_links": False, "attach_files": False}, "Embed Links, Attach Files"),
    ],
)
def test_what_the_bot_lacks_to_post_in_a_channel_is_named(lacks, named):
    channel = Mock(spec=discord.TextChannel)
    channel.name = "art"
    granted = discord.Permissions(
        view_channel=True, send_messages=True, embed_links=True, attach_files=True
    )
    granted.update(**lacks)
    channel.permissions_for.return_value = granted
    if named is None:
        require_can_post(channel)
        return
    with pytest.raises(InvalidOption) as refused:
        require_can_post(channel)
    assert refused.value.facts == {"channel": "#art", "missing": named}


def member(*, rank=1, granted=None):
    return Mock(
        spec=discord.Member, guild_permissions=granted or discord.Permissions.none(), top_role=rank
    )


ABSENT = discord.NotFound(Mock(status=404, reason=""), "")
BROKEN = discord.HTTPException(Mock(status=503, reason=""), "")


@pytest.mark.parametrize(
    ("asking", "target", "may"),
    [
        (Asking(granted=MODERATES), member(), True),
        (Asking(granted=MODERATES), member(rank=2), True),
        (Asking(granted=MODERATES), member(rank=3), False),
        # Who manages the guild is blocked by others who do, of the same rank or above.
        (Asking(granted=MODERATES), member(granted=MANAGES), False),
        (Asking(granted=MANAGES), member(granted=MANAGES), True),
        (Asking(granted=MANAGES), member(rank=3), False),
        (Asking(user_id=OWNER), member(rank=3, granted=MANAGES), True),
        # Nobody else has a rank.
        (Asking(granted=MODERATES), ABSENT, True),
        (Asking(granted=MODERATES), BROKEN, True),
        (Asking(granted=MODERATES), OSError(), True),
        (Asking(guild_id=None, user_id=9), None, True),
        (Asking(granted=MODERATES, is_own=True), None, True),
    ],
)
async def test_nobody_blocks_whoever_ranks_above(asking, target, may):
    asking.user.top_role = 2
    if asking.guild is not None:
        asking.guild.get_member.return_value = None
        asking.guild.fetch_member = AsyncMock(side_effect=[target])
    if may:
        await require_may_block(asking, 33)
        return
    with pytest.raises(InvalidOption, match="higher role"):
        await require_may_block(asking, 33)


async def test_nobody_blocks_the_owner_or_themselves():
    asking = Asking(granted=discord.Permissions.all())
    asking.guild.default_role = None
    with pytest.raises(InvalidOption, match="higher role"):
        await require_may_block(asking, OWNER)
    await require_may_block(asking, 33)
    asking.guild.get_member.assert_not_called()
    with pytest.raises(InvalidOption, match="yourself"):
        await require_may_block(asking, asking.user.id)


async def test_a_member_that_is_known_is_not_fetched():
    asking = Asking(granted=MODERATES)
    asking.user.top_role = 2
    asking.guild.get_member.return_value = member(rank=3)
    with pytest.raises(InvalidOption, match="higher role"):
        await require_may_block(asking, 33)
    asking.guild.fetch_member.assert_not_called()


@pytest.mark.parametrize(
    ("served", "guild_id", "is_served"),
    [
        (None, 5, True),
        (frozenset(), 5, True),
        (frozenset({5}), 5, True),
        (frozenset({6}), 5, False),
        (frozenset({6}), None, True),
    ],
)
def test_where_only_some_guilds_are_served_others_are_refused(served, guild_id, is_served):
    asking = SimpleNamespace(locale=discord.Locale.german, guild_id=guild_id)
    asking.client = SimpleNamespace() if served is None else SimpleNamespace(served_guilds=served)
    context = copy_context()
    if is_served:
        context.run(require_served, asking)
    else:
        with pytest.raises(NotAllowedHere, match="isn't set up"):
            context.run(require_served, asking)
    assert context.run(_, "Cancel") == "Abbrechen"
