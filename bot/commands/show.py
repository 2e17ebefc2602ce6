"""`/show`: post a result again with its buttons."""

import discord
from discord import app_commands
from discord.app_commands import Range

from bot.commands.choices import in_time
from bot.replies.repost import repost
from bot.services import services_of
from bot.ui.generations import choice_label
from bot.ui.options import Choices, matching
from generation.history.queries import HistoryFilter, HistoryPage
from generation.ids import normalise_id
from generation.record import Generation, GenerationState
from generation.runs.outputs import MAX_RESULTS

SEARCHED_CHARACTERS = 100


@app_commands.command(name="show", description="Repost a result")
@app_commands.describe(
    result="Which result",
    picture="Only this picture of it",
)
async def show_command(
    interaction: discord.Interaction,
    result: str,
    picture: Range[int, 1, MAX_RESULTS] | None = None,
) -> None:
    # A person may send the whole label of a choice as text; it begins with the id.
    generation_id = result.partition("·")[0]
    await repost(interaction, generation_id, picture)


@show_command.autocomplete("result")
async def complete_result(interaction: discord.Interaction, typed: str) -> Choices:
    """Offer the person's own results that match, and the one with this id."""
    service = services_of(interaction).generations
    asked = HistoryFilter(
        user_id=interaction.user.id,
        state=GenerationState.SUCCEEDED,
        search=typed[:SEARCHED_CHARACTERS] or None,
    )

    async def look_up() -> tuple[HistoryPage, Generation | None]:
        page = await service.history(asked, limit=25)
        return page, await service.find(normalise_id(typed)) if typed else None

    found = await in_time(interaction, look_up())
    if found is None:
        return []
    page, exact = found
    offered = [generation for generation in page.generations if generation.removed_at is None]
    if exact is not None and exact.user_id == interaction.user.id and exact not in offered:
        offered.insert(0, exact)
    return matching(((choice_label(generation), generation.id) for generation in offered), "")
