"""`/limner limits`, `roles`, `bonus` and `channels`: quotas, roles and allowed channels."""

from typing import Literal
from zoneinfo import available_timezones

import discord
from discord import app_commands

from bot.commands.choices import complete_workflow
from bot.i18n.language import _, plural
from bot.replies.inputs import given_values
from bot.services import services_of
from bot.ui.allowances import (
    channel_lines,
    channel_workflow_lines,
    grant_line,
    limits_lines,
    role_line,
    role_rule_text,
)
from bot.ui.options import Choices, input_name, matching
from bot.ui.responses import acknowledged, respond_lines
from generation.errors import InvalidOption
from generation.library.library import Library
from generation.quota.guild_settings import MAX_GRANT_DAYS, Administration
from generation.quota.policy import BOUNDS
from generation.quota.rules import Unit
from generation.request import Actor

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


@app_commands.command(name="limits", description="Show or set the limits for everybody")
@app_commands.describe(
    allowance="How much each member may use per period",
    counted="Count pictures or GPU seconds",
    period="When the allowance resets",
    running="Requests of one member that run at a time",
    waiting="Further requests of one member that may wait",
    cooldown="Seconds between two requests of one member",
    line="How many requests may wait in this server",
    roles="Several roles: use the highest allowance, or add them up",
    clock="Time zone, such as Europe/Vienna",
    reset="Reset to the defaults (keeps the time zone)",
)
async def limits_command(
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
    actor = await acknowledged(interaction)
    administration = services_of(interaction).administration
    if reset:
        await administration.reset_limits(actor)
    before = await administration.limits(actor.guild_id)
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
    changes: dict[str, int | str] = given_values(options)
    after = await administration.set_limits(actor, changes) if changes else before
    title = _("Limits updated") if changes or reset else _("Limits")
    await respond_lines(interaction, title, limits_lines(after))


@limits_command.autocomplete("clock")
async def complete_clock(_interaction: discord.Interaction, typed: str) -> Choices:
    """Offer time zones."""
    name_part = typed.strip().replace(" ", "_")
    return matching(((name, name) for name in sorted(available_timezones())), name_part)


class RolesGroup(app_commands.Group, name="roles", description="Role overrides"):
    """`/limner roles`."""

    def __init__(self, administration: Administration) -> None:
        super().__init__()
        self._administration = administration

    @app_commands.command(description="Show role overrides")
    async def show(self, interaction: discord.Interaction) -> None:
        guild_id = (await acknowledged(interaction)).guild_id
        limits = await self._administration.limits(guild_id)
        policies = await self._administration.roles(guild_id)
        lines = [role_line(policy, limits) for policy in policies]
        lines = lines or [_("No role overrides yet.")]
        lines.append(_("{rule}.", rule=role_rule_text(limits.role_rule)))
        await respond_lines(interaction, _("Roles"), lines)

    @app_commands.command(name="set", description="Set a role override")
    @app_commands.describe(
        role="Which role; @everyone is for all",
        allowance="How much its members may use per period",
        unlimited="No limit and no cooldown",
        priority="A shorter queue, with 3 running and 10 waiting",
        may_generate="Whether they may make pictures; if one role may, others may not",
        running="Requests of one member that run at a time",
        waiting="Further requests of one member that may wait",
    )
    async def set_(
        self,
        interaction: discord.Interaction,
        role: discord.Role,
        allowance: Amount | None = None,
        unlimited: bool | None = None,  # noqa: FBT001 - options have no other form
        priority: bool | None = None,  # noqa: FBT001 - likewise
        may_generate: bool | None = None,  # noqa: FBT001 - likewise
        running: Running | None = None,
        waiting: Waiting | None = None,
    ) -> None:
        actor = await acknowledged(interaction)
        limits = await self._administration.limits(actor.guild_id)
        options: dict[str, int | bool | None] = {
            amount_name(limits.unit): allowance,
            "is_unlimited": unlimited,
            "has_priority": priority,
            "may_generate": may_generate,
            "max_running": running,
            "max_waiting": waiting,
        }
        changes = given_values(options)
        if not changes:
            raise InvalidOption("Choose at least one option to change.")
        policy = await self._administration.set_role(actor, role.id, changes)
        await respond_lines(interaction, _("Role override updated"), [role_line(policy, limits)])

    @app_commands.command(description="Set what a role may use; * is everything")
    @app_commands.describe(
        role="Which role; @everyone is for all",
        workflows="Names separated by commas, such as flux*",
        models="Files separated by commas, such as sd_xl*",
        loras="Files separated by commas",
        options="Options separated by commas, such as seed, count",
    )
    async def access(
        self,
        interaction: discord.Interaction,
        role: discord.Role,
        workflows: str | None = None,
        models: str | None = None,
        loras: str | None = None,
        options: str | None = None,
    ) -> None:
        actor = await acknowledged(interaction)
        given = {"workflows": workflows, "models": models, "loras": loras, "options": options}
        changes = {name: _patterns(text) for name, text in given.items() if text is not None}
        if not changes:
            raise InvalidOption("Say what the role may use.")
        if "options" in changes:
            changes["options"] = tuple(map(input_name, changes["options"]))
        policy = await self._administration.set_access(actor, role.id, changes)
        limits = await self._administration.limits(actor.guild_id)
        await respond_lines(interaction, _("Role override updated"), [role_line(policy, limits)])

    @app_commands.command(description="Delete a role override")
    @app_commands.describe(role="Which role")
    async def clear(self, interaction: discord.Interaction, role: discord.Role) -> None:
        actor = await acknowledged(interaction)
        text = _("{role} has no override.", role=role.mention)
        if await self._administration.clear_role(actor, role.id):
            text = _("Deleted the override of {role}.", role=role.mention)
        await respond_lines(interaction, _("Roles"), [text])


class BonusGroup(app_commands.Group, name="bonus", description="Extra pictures for single members"):
    """`/limner bonus`."""

    def __init__(self, administration: Administration) -> None:
        super().__init__()
        self._administration = administration

    @app_commands.command(description="Show who has a bonus")
    async def show(self, interaction: discord.Interaction) -> None:
        guild_id = (await acknowledged(interaction)).guild_id
        limits = await self._administration.limits(guild_id)
        grants = await self._administration.grants(guild_id)
        lines = [grant_line(grant, limits) for grant in grants]
        nothing = _("No bonuses yet.")
        await respond_lines(interaction, _("Bonuses"), lines, nothing=nothing)

    @app_commands.command(description="Give a member a bonus")
    @app_commands.describe(
        person="Which member",
        amount="How much more per period (no limit if empty)",
        days="Days until it ends (never if empty)",
    )
    async def give(
        self,
        interaction: discord.Interaction,
        person: discord.User,
        amount: More | None = None,
        days: Days | None = None,
    ) -> None:
        actor = await acknowledged(interaction)
        granted = await self._administration.grant(actor, person.id, amount=amount, days=days)
        limits = await self._administration.limits(actor.guild_id)
        await respond_lines(interaction, _("Bonus given"), [grant_line(granted, limits)])

    @app_commands.command(description="Take back a member's bonuses")
    @app_commands.describe(person="Which member")
    async def revoke(self, interaction: discord.Interaction, person: discord.User) -> None:
        count = await self._administration.revoke(await acknowledged(interaction), person.id)
        text = plural("Took back {count} bonus.", "Took back {count} bonuses.", count)
        if not count:
            text = _("{person} has no bonus.", person=person.mention)
        await respond_lines(interaction, _("Bonuses"), [text])


class ChannelsGroup(app_commands.Group, name="channels", description="Where pictures can be made"):
    """`/limner channels`."""

    def __init__(self, administration: Administration, library: Library) -> None:
        super().__init__()
        self._administration = administration
        self._library = library

    @app_commands.command(description="Show where pictures can be made")
    async def show(self, interaction: discord.Interaction) -> None:
        await self._show(interaction, await acknowledged(interaction))

    @app_commands.command(description="Allow pictures in a channel, and only in allowed ones")
    @app_commands.describe(channel="A channel with its threads, or a whole category")
    async def allow(self, interaction: discord.Interaction, channel: ChannelOption) -> None:
        actor = await acknowledged(interaction)
        await self._administration.set_channel(actor, channel.id, is_served=True)
        await self._show(interaction, actor)

    @app_commands.command(description="Block pictures in a channel")
    @app_commands.describe(channel="A channel with its threads, or a whole category")
    async def deny(self, interaction: discord.Interaction, channel: ChannelOption) -> None:
        actor = await acknowledged(interaction)
        await self._administration.set_channel(actor, channel.id, is_served=False)
        await self._show(interaction, actor)

    @app_commands.command(description="Set a channel's default workflow")
    @app_commands.describe(
        channel="A channel with its threads, or a whole category",
        workflow="Used when nobody chooses another; left out: none",
    )
    @app_commands.autocomplete(workflow=complete_workflow)
    async def workflow(
        self, interaction: discord.Interaction, channel: ChannelOption, workflow: str | None = None
    ) -> None:
        actor = await acknowledged(interaction)
        if workflow is not None:
            self._library.require(workflow)
        await self._administration.set_channel_workflow(actor, channel.id, workflow)
        await self._show(interaction, actor)

    @app_commands.command(description="Set the channel that members share results in")
    @app_commands.describe(channel="Which channel; left out: none")
    async def gallery(
        self, interaction: discord.Interaction, channel: discord.TextChannel | None = None
    ) -> None:
        actor = await acknowledged(interaction)
        await self._administration.set_gallery(actor, channel.id if channel else None)
        await self._show(interaction, actor)

    @app_commands.command(description="Reset one channel, or all")
    @app_commands.describe(channel="Which channel (all if empty)")
    async def clear(
        self, interaction: discord.Interaction, channel: ChannelOption | None = None
    ) -> None:
        actor = await acknowledged(interaction)
        await self._administration.clear_channel(actor, channel.id if channel else None)
        await self._show(interaction, actor)

    async def _show(self, interaction: discord.Interaction, actor: Actor) -> None:
        policies = await self._administration.channels(actor.guild_id)
        defaults = await self._administration.channel_workflows(actor.guild_id)
        gallery = await self._administration.gallery(actor.guild_id)
        lines = [*channel_lines(policies), *channel_workflow_lines(defaults)]
        if gallery is not None:
            lines.append(_("Results are shared in {channel}", channel=f"<#{gallery}>"))
        await respond_lines(interaction, _("Channels"), lines)


def _patterns(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip()) or ("*",)


def amount_name(unit: Unit) -> str:
    """Return the limit field with the amount in this unit."""
    return "pictures" if unit is Unit.PICTURES else "gpu_s"
