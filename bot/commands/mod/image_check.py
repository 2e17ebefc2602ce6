"""`/mod image-check`: the policy for pictures that the image check flags."""

from dataclasses import replace
from typing import Literal

import discord
from discord import app_commands

from bot.i18n.language import _
from bot.services import services_of
from bot.ui.responses import acknowledged, respond_lines
from generation.moderation.image_filter import NOT_INSTALLED
from generation.moderation.image_policy import LEAST_PERCENT, CheckMode, ImagePolicy

Mode = Literal["off", "spoiler", "hold", "refuse"]
Exempted = Literal["exempt", "checked"]

MOST_PERCENT = 95


@app_commands.command(name="image-check", description="Nudity filter")
@app_commands.describe(
    mode="What to do with nudity (shows the setting if empty)",
    certainty="How certain the filter must be, in percent",
    age_restricted="Skip age-restricted channels",
    inputs="Check what people attach as well",
)
@app_commands.rename(age_restricted="age-restricted")
async def image_check_command(
    interaction: discord.Interaction,
    mode: Mode | None = None,
    certainty: app_commands.Range[int, LEAST_PERCENT, MOST_PERCENT] | None = None,
    age_restricted: Exempted | None = None,
    inputs: bool | None = None,  # noqa: FBT001 - discord.py passes options by name
) -> None:
    actor, gate = await acknowledged(interaction), services_of(interaction).image_gate
    policy = await gate.find_policy(actor.guild_id or 0)
    if mode is not None:
        policy = replace(policy, mode=CheckMode(mode))
    if certainty is not None:
        policy = replace(policy, percent=certainty)
    if age_restricted is not None:
        policy = replace(policy, exempts_age_restricted=age_restricted == "exempt")
    if inputs is not None:
        policy = replace(policy, checks_inputs=inputs)
    if any(given is not None for given in (mode, certainty, age_restricted, inputs)):
        await gate.set_policy(actor, policy)
    lines = _policy_lines(policy)
    if not gate.is_installed:
        lines.append(_(NOT_INSTALLED))
    await respond_lines(interaction, _("Nudity filter"), lines)


def _policy_lines(policy: ImagePolicy) -> list[str]:
    match policy.mode:
        case CheckMode.OFF:
            return [_("Off")]
        case CheckMode.SPOILER:
            line = _("Nudity is posted as a spoiler.")
        case CheckMode.HOLD:
            line = _("Nudity is held for `/mod review`.")
        case CheckMode.REFUSE:
            line = _("Nudity is blocked. It isn't kept and costs nothing.")
    lines = [line, _("Unchecked files are held for `/mod review`.")]
    lines.append(_("Certainty: {percent} %", percent=policy.percent))
    if policy.checks_inputs:
        lines.append(_("What people attach: checked too"))
    if policy.exempts_age_restricted:
        lines.append(_("Age-restricted channels: not checked"))
    else:
        lines.append(_("Age-restricted channels: checked too"))
    return lines
