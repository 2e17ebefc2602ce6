"""`/limner limits`, `roles`, `grants` and `channels`: quotas, roles and allowed channels."""

from collections.abc import Sequence
from typing import Literal
from zoneinfo import available_timezones

import discord
from discord import app_commands

from bot.i18n.language import _, plural
from bot.permissions import guild_of
from bot.tree import SlashCommand
from bot.ui.allowances import (
    channel_lines,
    grant_line,
    limits_lines,
    role_line,
    role_rule_text,
)
from bot.ui.limits import EMBED_DESCRIPTION_CHARACTERS
from bot.ui.options import Choices, matching
from bot.ui.responses import acknowledge, respond
from bot.ui.text import lines_within
from generation.errors import FailureKind, RequestRefused
from generation.quota.guild_settings import MAX_GRANT_DAYS, Administration
from generation.quota.policy import BOUNDS
from generation.quota.rules import Unit

Amount = app_commands.Range[int, BOUNDS["gpu_s"][0], BOUNDS["gpu_s"][1]]
More = app_commands.Range[int, 1, BOUNDS["gpu_s"][1]]
Running = app_commands.Range[int, BOUNDS["max_running"][0], BOUNDS["max_running"][1]]
Waiting = app_commands.Range[int, BOUNDS["max_waiting"][0], BOUNDS["max_waiting"][1]]
Cooldown = app_commands.Range[int, BOUNDS["cooldown_s"][0], BOUNDS["cooldown_s"][1]]
Line = app_commands.Range[int, BOUNDS["max_line"][0], BOUNDS["max_line"][1]]
Days = app_commands.Range[int, 1, MAX_GRANT_DAYS]
ChannelOption = (
    discord.TextChannel | discord.VoiceChannel | discord.ForumChannel | discord.CategoryChannel
)

COUNTED = {"pictures": Unit.PICTURES, "GPU seconds": Unit.GPU_SECONDS}


def limits_command(administration: Administration) -> SlashCommand:
    """Build `/limner limits`, which shows the limits when no option is given."""

    @app_commands.command(description="See or set what everybody may use here")
    @app_commands.describe(
        allowance="What each person may use in a period, in what is counted",
        counted="Pictures, or seconds of a GPU",
        period="When there is a new allowance, by the clock set here",
        running="Generations of one person that may run at a time",
        waiting="Further ones of one person that may wait",
        cooldown="Seconds between two requests of one person",
        line="Generations that may wait in this server",
        roles="Several roles' allowances: the highest counts instead, or all are added",
        clock="The time zone whose days count, such as Europe/Vienna",
        reset="Go back to the defaults; the clock stays",
    )
    async def limits(
        interaction: discord.Interaction,
        allowance: Amount | None = None,
        counted: Literal["pictures", "GPU seconds"] | None = None,
        period: Literal["day", "week", "month"] | None = None,
        running: Running | None = None,
        waiting: Waiting | None = None,
        cooldown: Cooldown | None = None,
        line: Line | None = None,
        roles: Literal["highest", "sum"] | None = None,
        clock: str | None = None,
        reset: bool = False,  # noqa: FBT001, FBT002 - options have no other form
    ) -> None:
        await acknowledge(interaction)
        guild_id, actor_id = guild_of(interaction), interaction.user.id
        if reset:
            await administration.reset_limits(guild_id, actor_id=actor_id)
        before = await administration.limits(guild_id)
        unit = COUNTED[counted] if counted else None
        options: dict[str, int | str | None] = {
            "unit": unit.value if unit else None,
            amount_name(unit or before.unit): allowance,
            "period": period,
            "max_running": running,
            "max_waiting": waiting,
            "cooldown_s": cooldown,
            "max_line": line,
            "role_rule": roles,
            "timezone": clock,
        }
        changes = {name: value for name, value in options.items() if value is not None}
        after = before
        if changes:
            after = await administration.set_limits(guild_id, changes, actor_id=actor_id)
        title = _("Limits, as they are now") if changes or reset else _("Limits")
        await _answer(interaction, title, limits_lines(after))

    @limits.autocomplete("clock")
    async def complete(_interaction: discord.Interaction, typed: str) -> Choices:
        name_part = typed.strip().replace(" ", "_")
        return matching(((name, name) for name in sorted(available_timezones())), name_part)

    return limits


def roles_group(administration: Administration) -> app_commands.Group:
    """Build `/limner roles`."""
    group = app_commands.Group(name="roles", description="What roles change for their people")

    @group.command(name="show", description="See what roles change here")
    async def show(interaction: discord.Interaction) -> None:
        await acknowledge(interaction)
        limits = await administration.limits(guild_of(interaction))
        policies = await administration.roles(guild_of(interaction))
        lines = [role_line(policy, limits) for policy in policies]
        lines = lines or [_("No role changes anything here.")]
        lines.append(_("Now {rule}.", rule=role_rule_text(limits.role_rule)))
        await _answer(interaction, _("Roles"), lines)

    @group.command(name="set", description="Set what a role changes; what you leave out stays")
    @app_commands.describe(
        role="Whose people it is for; @everyone is for all",
        allowance="What its people may use in a period, in what is counted here",
        unlimited="Whether its people have no limit and no cooldown",
        priority="Whether its people wait in a shorter line, with 3 running and 10 waiting",
        may_generate="Once one role is allowed, others may not; a role that may not wins",
        running="Generations of one of its people that may run at a time",
        waiting="Further ones that may wait",
    )
    async def set_(
        interaction: discord.Interaction,
        role: discord.Role,
        allowance: Amount | None = None,
        unlimited: bool | None = None,  # noqa: FBT001 - options have no other form
        priority: bool | None = None,  # noqa: FBT001 - likewise
        may_generate: bool | None = None,  # noqa: FBT001 - likewise
        running: Running | None = None,
        waiting: Waiting | None = None,
    ) -> None:
        await acknowledge(interaction)
        limits = await administration.limits(guild_of(interaction))
        options: dict[str, int | bool | None] = {
            amount_name(limits.unit): allowance,
            "is_unlimited": unlimited,
            "has_priority": priority,
            "may_generate": may_generate,
            "max_running": running,
            "max_waiting": waiting,
        }
        changes = {name: value for name, value in options.items() if value is not None}
        if not changes:
            raise RequestRefused(
                FailureKind.INVALID_OPTION, "Say what the role is to change: choose an option."
            )
        policy = await administration.set_role(
            guild_of(interaction), role.id, changes, actor_id=interaction.user.id
        )
        await _answer(interaction, _("Role, as it is now"), [role_line(policy, limits)])

    @group.command(name="clear", description="Let a role change nothing any more")
    @app_commands.describe(role="Which role")
    async def clear(interaction: discord.Interaction, role: discord.Role) -> None:
        await acknowledge(interaction)
        cleared = await administration.clear_role(
            guild_of(interaction), role.id, actor_id=interaction.user.id
        )
        name = f"<@&{role.id}>"
        text = _("{role} changes nothing any more.", role=name)
        if not cleared:
            text = _("{role} changed nothing.", role=name)
        await _answer(interaction, _("Roles"), [text])

    return group


def grants_group(administration: Administration) -> app_commands.Group:
    """Build `/limner grants`."""
    group = app_commands.Group(name="grants", description="What single people have on top")

    @group.command(name="show", description="See who has more than others")
    async def show(interaction: discord.Interaction) -> None:
        await acknowledge(interaction)
        limits = await administration.limits(guild_of(interaction))
        grants = await administration.grants(guild_of(interaction))
        lines = [grant_line(grant, limits) for grant in grants]
        await _answer(interaction, _("Grants"), lines or [_("Nobody was granted anything.")])

    @group.command(name="give", description="Give a person more in every period")
    @app_commands.describe(
        person="Who gets it",
        amount="How much more, in what is counted here; left out: no limit at all",
        days="After how many days it ends; left out: never",
    )
    async def give(
        interaction: discord.Interaction,
        person: discord.User,
        amount: More | None = None,
        days: Days | None = None,
    ) -> None:
        await acknowledge(interaction)
        given = await administration.grant(
            guild_of(interaction),
            person.id,
            amount=amount,
            days=days,
            actor_id=interaction.user.id,
        )
        limits = await administration.limits(guild_of(interaction))
        await _answer(interaction, _("Granted"), [grant_line(given, limits)])

    @group.command(name="revoke", description="Take back all that a person was granted")
    @app_commands.describe(person="From whom")
    async def revoke(interaction: discord.Interaction, person: discord.User) -> None:
        await acknowledge(interaction)
        count = await administration.revoke(
            guild_of(interaction), person.id, actor_id=interaction.user.id
        )
        text = plural("{count} grant was taken back.", "{count} grants were taken back.", count)
        if not count:
            text = _("{person} was granted nothing.", person=person.mention)
        await _answer(interaction, _("Grants"), [text])

    return group


def channels_group(administration: Administration) -> app_commands.Group:
    """Build `/limner channels`."""
    group = app_commands.Group(name="channels", description="Where pictures are made")

    @group.command(name="show", description="See where pictures are made here")
    async def show(interaction: discord.Interaction) -> None:
        await acknowledge(interaction)
        await _show(interaction)

    @group.command(name="allow", description="Make pictures here, and only in what is allowed")
    @app_commands.describe(channel="A channel with its threads, or a whole category")
    async def allow(interaction: discord.Interaction, channel: ChannelOption) -> None:
        await acknowledge(interaction)
        await administration.set_channel(
            guild_of(interaction), channel.id, is_served=True, actor_id=interaction.user.id
        )
        await _show(interaction)

    @group.command(name="deny", description="Make no pictures here")
    @app_commands.describe(channel="A channel with its threads, or a whole category")
    async def deny(interaction: discord.Interaction, channel: ChannelOption) -> None:
        await acknowledge(interaction)
        await administration.set_channel(
            guild_of(interaction), channel.id, is_served=False, actor_id=interaction.user.id
        )
        await _show(interaction)

    @group.command(name="clear", description="Forget what was decided of a channel, or of all")
    @app_commands.describe(channel="Left out: all channels")
    async def clear(interaction: discord.Interaction, channel: ChannelOption | None = None) -> None:
        await acknowledge(interaction)
        await administration.clear_channel(
            guild_of(interaction),
            channel.id if channel else None,
            actor_id=interaction.user.id,
        )
        await _show(interaction)

    async def _show(interaction: discord.Interaction) -> None:
        policies = await administration.channels(guild_of(interaction))
        await _answer(interaction, _("Channels"), channel_lines(policies))

    return group


def amount_name(unit: Unit) -> str:
    """The name of the limit field that holds an amount of this unit."""
    return "pictures" if unit is Unit.PICTURES else "gpu_s"


async def _answer(interaction: discord.Interaction, title: str, lines: Sequence[str]) -> None:
    embed = discord.Embed(
        title=title,
        description=lines_within(lines, EMBED_DESCRIPTION_CHARACTERS),
        colour=discord.Colour.blurple(),
    )
    await respond(interaction, embeds=[embed])
