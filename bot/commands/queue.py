"""`/queue` and `/cancel`: list waiting and running requests, and cancel them."""

from datetime import UTC, datetime

import discord
from discord import app_commands, ui

from bot.commands.choices import in_time
from bot.i18n.language import _
from bot.permissions import can_moderate, guild_of
from bot.replies.buttons import cancel as cancel_generation
from bot.replies.buttons import cancel_quietly
from bot.replies.request_messages import waiting_parts
from bot.replies.result_buttons import CANCEL
from bot.services import services_of
from bot.ui.components import PersistentItem
from bot.ui.generations import choice_label
from bot.ui.layout import panel, row, section, small
from bot.ui.options import Choices, matching
from bot.ui.responses import acknowledge, acknowledge_press, replace_message, respond
from bot.ui.text import clock_time, harmless
from generation.events import Waiting
from generation.ids import normalise_id
from generation.line.positions import LineView

LISTED = 10
"""Entries listed in a message, each with a Cancel button; the rest is only counted."""

LISTED_PROMPT_CHARACTERS = 60


class QueueButton(PersistentItem, template=r"q:(?P<action>cancel|refresh):(?P<id>[a-z0-9]*)"):
    """Cancels one request, or shows the newest state in place."""

    async def _answer(self, interaction: discord.Interaction, /) -> None:
        await acknowledge_press(interaction)
        if self.match["action"] == CANCEL:
            await cancel_quietly(interaction, self.match["id"])
        await replace_message(interaction, await _panel(interaction))


@app_commands.command(name="queue", description="Show the queue")
async def queue_command(interaction: discord.Interaction) -> None:
    await acknowledge(interaction)
    await respond(interaction, view=await _panel(interaction))


async def _panel(interaction: discord.Interaction) -> ui.LayoutView:
    moderates = can_moderate(interaction)
    view = await services_of(interaction).generations.line(
        guild_of(interaction), interaction.user.id, sees_all=moderates, limit=LISTED
    )
    rows = [
        section(
            ui.Button(label=_("Cancel"), custom_id=f"q:{CANCEL}:{entry.generation.id}"),
            *_lines(entry, names_people=moderates),
        )
        for entry in view.entries
    ]
    empty = [] if rows or view.hidden else [_("The queue is empty.")]
    hidden = [small(_hidden(view, moderates=moderates))] if view.hidden else []
    refresh = row(ui.Button(label=_("Refresh"), custom_id="q:refresh:"))
    return panel(_("Queue"), [*empty, *hidden], *rows, rows=[refresh])


@app_commands.command(name="cancel", description="Cancel one of your requests")
@app_commands.describe(result="Which request")
async def cancel_command(interaction: discord.Interaction, result: str) -> None:
    # A person may send the whole label of a choice as text; it begins with the id.
    generation_id = normalise_id(result.partition("·")[0])
    await cancel_generation(interaction, generation_id)


@cancel_command.autocomplete("result")
async def complete_request(interaction: discord.Interaction, typed: str) -> Choices:
    """Offer the person's unfinished requests."""
    service = services_of(interaction).generations
    unfinished = await in_time(interaction, service.unfinished(interaction.user.id)) or ()
    return matching(((choice_label(generation), generation.id) for generation in unfinished), typed)


def _lines(entry: Waiting, *, names_people: bool) -> list[str]:
    generation = entry.generation
    prompt = harmless(generation.prompt, LISTED_PROMPT_CHARACTERS) or harmless(generation.workflow)
    if entry.is_paused or entry.position:
        # A clock time: this message is not updated, and a countdown would continue into the past.
        state = waiting_parts(entry, datetime.now(UTC), clock_time)
    else:
        state = [_("running")]
    person = f"<@{generation.user_id}>" if names_people else ""
    return [f"**{prompt}**", small(person, *state, generation.id)]


def _hidden(view: LineView, *, moderates: bool) -> str:
    if moderates or view.hides_own:
        return _("{count} more", count=view.hidden)
    return _("{count} from other members", count=view.hidden)
