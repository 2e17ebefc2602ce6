"""`/show`: post a result again with its buttons."""

from collections.abc import Sequence
from dataclasses import replace

import discord
from discord import app_commands
from discord.app_commands import Range

from bot.commands.choices import in_time
from bot.i18n.language import _
from bot.replies.buttons import done_view
from bot.replies.packing import pack
from bot.replies.posted_files import PostedFiles
from bot.requester import requester_of
from bot.services import Services
from bot.tree import SlashCommand
from bot.ui import embeds
from bot.ui.options import Choices, matching
from bot.ui.responses import acknowledge, before_deadline
from bot.ui.text import harmless
from generation.errors import FailureKind, RequestRefused
from generation.history.queries import HistoryFilter, HistoryPage
from generation.record import Generation, GenerationState, Output, OutputContent
from generation.request import Requester

SEARCHED_CHARACTERS = 100
MOST_RESULTS = 99
NOTE_CHARACTERS = 300


def show_command(services: Services) -> SlashCommand:
    """Build `/show` with its services."""
    service = services.generations

    @app_commands.command(description="Bring a result back, with its buttons")
    @app_commands.describe(
        generation="Its id, as its message shows it; yours are offered",
        picture="One of its pictures alone",
    )
    async def show(
        interaction: discord.Interaction,
        generation: str,
        picture: Range[int, 1, MOST_RESULTS] | None = None,
    ) -> None:
        # A person may send the whole label of a choice as text; it begins with the id.
        generation_id = generation.partition("·")[0]
        result, obstacle = await before_deadline(
            interaction, _look_up(services, generation_id, requester_of(interaction))
        )
        if picture is not None:
            result = _only(result, picture - 1)
        is_private = result.private or obstacle is not None
        await acknowledge(interaction, private=is_private)
        notes = () if obstacle is None else (_say_why(obstacle),)
        async with services.file_turns.take(interaction.user.id):
            await _post(interaction, services, result, is_private=is_private, notes=notes)

    @show.autocomplete("generation")
    async def complete(interaction: discord.Interaction, typed: str) -> Choices:
        asked = HistoryFilter(
            user_id=interaction.user.id,
            state=GenerationState.SUCCEEDED,
            search=typed[:SEARCHED_CHARACTERS] or None,
        )

        async def look_up() -> tuple[HistoryPage, Generation | None]:
            page = await service.history(asked, limit=25)
            return page, await service.find(typed) if typed else None

        found = await in_time(interaction, look_up())
        if found is None:
            return []
        page, exact = found
        offered = [generation for generation in page.generations if generation.removed_at is None]
        if exact is not None and exact.user_id == interaction.user.id and exact not in offered:
            offered.insert(0, exact)
        return matching(
            ((embeds.choice_label(generation), generation.id) for generation in offered), ""
        )

    return show


async def _look_up(
    services: Services, generation_id: str, requester: Requester
) -> tuple[Generation, RequestRefused | None]:
    """Find a result, and the reason why it can be shown in private only, if there is one."""
    result = await services.derivations.find_visible(generation_id, requester)
    if result.state is not GenerationState.SUCCEEDED:
        raise RequestRefused(FailureKind.INVALID_OPTION, "There are no results of it to be shown.")
    if result.withheld:
        raise RequestRefused(
            FailureKind.NOT_ALLOWED_HERE, "It is made, and waits for a moderator to look at it."
        )
    if result.private:
        return result, None
    return result, await services.reposting.find_obstacle(result, requester)


def _say_why(obstacle: RequestRefused) -> str:
    why = _(obstacle.template, **obstacle.facts)
    return harmless(_("Only you see it. {why}", why=why), NOTE_CHARACTERS)


async def _post(
    interaction: discord.Interaction,
    services: Services,
    generation: Generation,
    *,
    is_private: bool,
    notes: Sequence[str],
) -> None:
    requester = requester_of(interaction)
    contents, losses = await _gather(interaction, services, generation)
    generation = await services.image_gate.admit(generation, contents, requester)
    parcel = await pack(generation, contents, interaction.filesize_limit)
    body = embeds.done_body(generation, (*notes, *parcel.notes, *losses))
    view = done_view(generation, services.action_finder.of(generation))
    for number, files in enumerate(parcel.messages):
        is_first = number == 0
        await interaction.followup.send(
            body.content,
            embed=body.embed if is_first else discord.utils.MISSING,
            view=view if is_first else discord.utils.MISSING,
            files=[file.to_file() for file in files],
            ephemeral=is_private,
            allowed_mentions=discord.AllowedMentions.none(),
        )


async def _gather(
    interaction: discord.Interaction, services: Services, generation: Generation
) -> tuple[Sequence[OutputContent], Sequence[str]]:
    """Collect each output from the best source left: storage, the posted file, the thumbnail."""
    kept = {
        content.output.position: content
        for content in await services.generations.contents(generation.id)
    }
    posted_files = PostedFiles(interaction.client)
    contents, notes = [], []
    for output in generation.outputs:
        content = kept.get(output.position)
        if content is None:
            copy = await posted_files.fetch(generation, output)
            content = OutputContent(output, copy) if copy is not None else _thumbnail(output)
            if copy is None and content is not None:
                number = output.position + 1
                notes.append(
                    _("Result {number} is not kept any more: this is a small copy.", number=number)
                )
        if content is not None:
            contents.append(content)
    return contents, notes


def _thumbnail(output: Output) -> OutputContent | None:
    if output.thumbnail is None:
        return None
    small = replace(output, filename="thumbnail.webp", media_type="image/webp")
    return OutputContent(small, output.thumbnail)


def _only(generation: Generation, position: int) -> Generation:
    outputs = tuple(output for output in generation.outputs if output.position == position)
    if not outputs:
        raise RequestRefused(
            FailureKind.INVALID_OPTION,
            "It has {count} results.",
            {"option": "picture", "count": len(generation.outputs)},
        )
    return replace(generation, outputs=outputs)
