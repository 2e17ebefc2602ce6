"""`/limner setup`: five optional, private steps to a first picture."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

import discord
from discord import ui

from bot.commands.choices import access_of
from bot.commands.help import ids_of, link_commands
from bot.commands.mydata import keeping_text
from bot.i18n.language import _, mark
from bot.permissions import guild_of, require_administrator, require_can_post
from bot.replies.submission import CommandInput, submit
from bot.requester import actor_of, requester_of
from bot.services import services_of
from bot.ui.allowances import allowance_text
from bot.ui.components import PersistentItem, all_chosen_in, menu_options
from bot.ui.layout import Item, panel, row, text
from bot.ui.responses import acknowledge, acknowledge_press, replace_message, respond
from generation.errors import NotAllowedHere
from generation.history.retention import RetentionSettings
from generation.library.summaries import WorkflowSummary
from generation.moderation.image_filter import NOT_INSTALLED
from generation.moderation.image_policy import CheckMode
from generation.moderation.review import ReviewMode
from generation.quota.periods import Period
from generation.quota.policy import GuildLimits
from generation.quota.rules import Unit

STEPS = 5
MOST_CHOSEN = 10
"""Roles or channels that can be chosen here; other commands accept more."""

SMALL, MEDIUM, OPEN = "small", "medium", "open"

AMOUNTS: Mapping[str, tuple[int, int]] = {SMALL: (10, 30), MEDIUM: (50, 10), OPEN: (1_000, 0)}
"""Pictures a day and seconds between two requests, by the menu's values."""

TEST_PROMPT = "a lighthouse at sunset"

_CHANNELS = [
    discord.ChannelType.text,
    discord.ChannelType.voice,
    discord.ChannelType.forum,
    discord.ChannelType.category,
]

_TITLES = (
    mark("Who, and where"),
    mark("How much"),
    mark("Moderation"),
    mark("Nudity"),
    mark("First picture"),
)


class SetupButton(PersistentItem, template=r"setup:(?P<name>step|try):(?P<value>[a-z0-9_-]{1,32})"):
    """Opens a step, or makes the test picture with a workflow."""

    async def _answer(self, interaction: discord.Interaction, /) -> None:
        _require_server(interaction)
        value = self.match["value"]
        if self.match["name"] == "try":
            await submit(interaction, CommandInput(TEST_PROMPT, value, private=True))
            return
        step = int(value) if value.isdecimal() else 1
        if interaction.message is not None and not interaction.message.flags.ephemeral:
            await open_setup(interaction, step)
            return
        async with _in_order(interaction):
            await _show(interaction, step)


class SetupMenu(
    PersistentItem,
    template=r"setup:(?P<name>makers|places|amount|moderators|review|nudity|keep|workflow)",
):
    """Stores a setting at once."""

    async def _answer(self, interaction: discord.Interaction, /) -> None:
        _require_server(interaction)
        name, values = self.match["name"], all_chosen_in(interaction)
        step, store = _SETTINGS[name]
        async with _in_order(interaction):
            if store is not None:
                await store(interaction, values)
            chosen = values[0] if name == "workflow" and values else None
            await _show(interaction, step, chosen)


def setup_button(
    name: str, value: str, label: str, *, is_next: bool = False, disabled: bool = False
) -> ui.Button[ui.LayoutView]:
    """Build the button that opens the step `value`, or tries the workflow of that name."""
    style = discord.ButtonStyle.primary if is_next else discord.ButtonStyle.secondary
    custom_id = f"setup:{name}:{value}"
    return ui.Button(label=label, style=style, custom_id=custom_id, disabled=disabled)


def _in_order(interaction: discord.Interaction) -> AbstractAsyncContextManager[None]:
    order = services_of(interaction).press_order
    return order.take(interaction.user.id, acknowledge_press(interaction))


async def open_setup(interaction: discord.Interaction, step: int = 1) -> None:
    """Open a step in a private message. Raises NotPermitted, RequestRefused."""
    _require_server(interaction)
    await acknowledge(interaction)
    await respond(interaction, view=await _build(interaction, step))


async def _show(interaction: discord.Interaction, step: int, chosen: str | None = None) -> None:
    await replace_message(interaction, await _build(interaction, step, chosen))


def _require_server(interaction: discord.Interaction) -> None:
    require_administrator(interaction)
    if guild_of(interaction) is None:
        raise NotAllowedHere("Use this in a server.")


async def _build(
    interaction: discord.Interaction, step: int, chosen: str | None = None
) -> ui.LayoutView:
    step = min(max(step, 1), STEPS)
    builders = (_build_who, _build_amount, _build_moderation, _build_nudity)
    if step == STEPS:
        parts = await _build_test(interaction, chosen)
    else:
        parts = await builders[step - 1](interaction)
    # On the first step Back is disabled, not left out: the other button keeps its place.
    buttons = [setup_button("step", str(step - 1), _("Back"), disabled=step == 1)]
    if step < STEPS:
        buttons.append(setup_button("step", str(step + 1), _("Next"), is_next=True))
    title = _(
        "Set up · {step} of {steps} · {title}", step=step, steps=STEPS, title=_(_TITLES[step - 1])
    )
    return panel(title, (), *parts, rows=[row(*buttons)])


async def _build_who(interaction: discord.Interaction) -> Sequence[Item | None]:
    administration, guild_id = services_of(interaction).administration, guild_of(interaction)
    makers = [one.role_id for one in await administration.roles(guild_id) if one.may_generate]
    channels = await administration.channels(guild_id)
    served = [channel_id for channel_id, is_served in channels.items() if is_served]
    return (
        text(_("**Who may make pictures?** Everyone, unless you choose roles.")),
        row(_role_menu(makers)),
        text(_("**Where?** Everywhere, unless you choose channels.")),
        row(_channel_menu("places", served, MOST_CHOSEN, _CHANNELS)),
    )


async def _build_amount(interaction: discord.Interaction) -> Sequence[Item | None]:
    administration, guild_id = services_of(interaction).administration, guild_of(interaction)
    limits = await administration.limits(guild_id)
    labels = {
        SMALL: _("Small: 10 pictures a day"),
        MEDIUM: _("Medium: 50 pictures a day"),
        OPEN: _("Open: 1,000 pictures a day, no cooldown"),
    }
    now = allowance_text(limits.amount, limits.unit, limits.period)
    return (
        text(
            _("**How much may each member make?** Now: {allowance}.", allowance=now),
            _link(interaction, _("For your own numbers, use `/limner limits`.")),
        ),
        row(_menu("amount", labels, _amount_of(limits))),
    )


async def _build_moderation(interaction: discord.Interaction) -> Sequence[Item | None]:
    overview = await services_of(interaction).reviews.overview(guild_of(interaction))
    log_channels = [overview.log_channel_id] if overview.log_channel_id else []
    labels = {
        ReviewMode.OFF.value: _("Nothing"),
        ReviewMode.FLAGGED.value: _("Flagged results"),
        ReviewMode.LOG.value: _("Every result"),
        ReviewMode.HOLD.value: _("Every result, beforehand"),
    }
    return (
        text(_("**Where do moderators hear of reports and reviews?**")),
        row(_channel_menu("moderators", log_channels, 1, [discord.ChannelType.text])),
        text(_("**What do they review?**")),
        row(_menu("review", labels, overview.mode.value)),
    )


async def _build_nudity(interaction: discord.Interaction) -> Sequence[Item | None]:
    gate = services_of(interaction).image_gate
    policy = await gate.find_policy(guild_of(interaction) or 0)
    labels = {
        CheckMode.OFF.value: _("Off"),
        CheckMode.SPOILER.value: _("Hide behind a click"),
        CheckMode.HOLD.value: _("Hold for moderators"),
        CheckMode.REFUSE.value: _("Block"),
    }
    question = _("**What happens to nudity?** Age-restricted channels are left out.")
    if not gate.is_installed:
        return (text(question, _(NOT_INSTALLED)),)
    return text(question), row(_menu("nudity", labels, policy.mode.value))


async def _build_test(
    interaction: discord.Interaction, chosen: str | None
) -> Sequence[Item | None]:
    services = services_of(interaction)
    workflows = await _find_makers(interaction)
    keeping = await services.retention.find(guild_of(interaction))
    kept = (text(keeping_text(keeping)), row(_menu("keep", _keep_labels(), _days_of(keeping))))
    if not workflows:
        nothing = _("No workflow can run yet. See what is missing with `/workflows`.")
        return text(_link(interaction, nothing)), *kept
    names = [workflow.name for workflow in workflows]
    name = chosen if chosen in names else names[0]
    titles = {workflow.name: _(workflow.title) for workflow in workflows}
    return (
        *kept,
        text(_("**Try it.** Only you see the test picture.")),
        row(_menu("workflow", titles, name)),
        row(setup_button("try", name, _("Make a test picture"), is_next=True)),
        text(
            _link(interaction, _("Ready? Members type `/imagine`, and find the rest in `/help`."))
        ),
    )


def _keep_labels() -> Mapping[str, str]:
    """Return labels of the bot's retention periods; posted messages are kept."""
    return {
        "30": _("Delete after 30 days"),
        "365": _("Delete after a year"),
        "0": _("Keep"),
    }


def _days_of(keeping: RetentionSettings) -> str | None:
    """Return the menu's value for the current setting; None for other numbers."""
    is_same = keeping.pictures == keeping.prompts
    return str(keeping.pictures or 0) if is_same else None


def _link(interaction: discord.Interaction, said: str) -> str:
    return link_commands(said, ids_of(interaction))


async def _find_makers(interaction: discord.Interaction) -> list[WorkflowSummary]:
    """Return the workflows that make a picture from a prompt and can run."""
    access = await access_of(interaction)
    offered = services_of(interaction).library.offered_to(requester_of(interaction), access)
    return [workflow for workflow in offered if workflow.kind == "txt2img"]


def _amount_of(limits: GuildLimits) -> str | None:
    if (limits.unit, limits.period) != (Unit.PICTURES, Period.DAY):
        return None
    set_to = limits.amount, limits.cooldown_s
    return next((name for name, values in AMOUNTS.items() if values == set_to), None)


def _menu(name: str, labels: Mapping[str, str], chosen: str | None) -> ui.Select[ui.LayoutView]:
    return ui.Select(
        custom_id=f"setup:{name}",
        placeholder=_("Your own setting"),
        options=menu_options(labels, chosen),
    )


def _role_menu(role_ids: Sequence[int]) -> ui.RoleSelect[ui.LayoutView]:
    defaults = [discord.SelectDefaultValue.from_role(discord.Object(id_)) for id_ in role_ids]
    return ui.RoleSelect(
        custom_id="setup:makers",
        placeholder=_("Everyone"),
        min_values=0,
        max_values=MOST_CHOSEN,
        default_values=defaults[:MOST_CHOSEN],
    )


def _channel_menu(
    name: str, channel_ids: Sequence[int], most: int, types: list[discord.ChannelType]
) -> ui.ChannelSelect[ui.LayoutView]:
    defaults = [discord.SelectDefaultValue.from_channel(discord.Object(id_)) for id_ in channel_ids]
    return ui.ChannelSelect(
        custom_id=f"setup:{name}",
        placeholder=_("Everywhere") if name == "places" else _("No channel"),
        min_values=0,
        max_values=most,
        channel_types=types,
        default_values=defaults[:most],
    )


async def _store_makers(interaction: discord.Interaction, values: Sequence[str]) -> None:
    await services_of(interaction).administration.set_makers(actor_of(interaction), _ids(values))


async def _store_places(interaction: discord.Interaction, values: Sequence[str]) -> None:
    await services_of(interaction).administration.set_served_channels(
        actor_of(interaction), _ids(values)
    )


async def _store_amount(interaction: discord.Interaction, values: Sequence[str]) -> None:
    if values and values[0] in AMOUNTS:
        pictures, cooldown_s = AMOUNTS[values[0]]
        changes: dict[str, int | str] = {"pictures": pictures, "cooldown_s": cooldown_s}
        changes |= {"unit": Unit.PICTURES.value, "period": Period.DAY.value}
        await services_of(interaction).administration.set_limits(actor_of(interaction), changes)


async def _store_moderators(interaction: discord.Interaction, values: Sequence[str]) -> None:
    channel_id = next(iter(_ids(values)), None)
    channel = (
        interaction.guild.get_channel(channel_id) if interaction.guild and channel_id else None
    )
    if isinstance(channel, discord.TextChannel):
        require_can_post(channel)
    await services_of(interaction).reviews.set_log_channel(actor_of(interaction), channel_id)


async def _store_review(interaction: discord.Interaction, values: Sequence[str]) -> None:
    if values and values[0] in tuple(ReviewMode):
        mode = ReviewMode(values[0])
        await services_of(interaction).reviews.set_mode(actor_of(interaction), None, mode)


async def _store_nudity(interaction: discord.Interaction, values: Sequence[str]) -> None:
    if values and values[0] in tuple(CheckMode):
        gate = services_of(interaction).image_gate
        policy = await gate.find_policy(guild_of(interaction) or 0)
        policy = replace(policy, mode=CheckMode(values[0]))
        await gate.set_policy(actor_of(interaction), policy)


async def _store_keep(interaction: discord.Interaction, values: Sequence[str]) -> None:
    if values and values[0] in _keep_labels():
        retention, days = services_of(interaction).retention, int(values[0]) or None
        keeping = await retention.find(guild_of(interaction))
        keeping = replace(keeping, pictures=days, prompts=days)
        await retention.set(actor_of(interaction), keeping)


def _ids(values: Sequence[str]) -> list[int]:
    return [int(value) for value in values if value.isascii() and value.isdecimal()]


_Store = Callable[[discord.Interaction, Sequence[str]], Awaitable[None]]

_SETTINGS: Mapping[str, tuple[int, _Store | None]] = {
    "makers": (1, _store_makers),
    "places": (1, _store_places),
    "amount": (2, _store_amount),
    "moderators": (3, _store_moderators),
    "review": (3, _store_review),
    "nudity": (4, _store_nudity),
    "keep": (5, _store_keep),
    "workflow": (5, None),
}
"""Step of each menu, and the function that stores its choice; the workflow is tried only."""
