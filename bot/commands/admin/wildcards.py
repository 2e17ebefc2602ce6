"""`/limner wildcards`: lists of alternatives that prompts name as `__name__`."""

from collections.abc import Sequence

import discord
from discord import app_commands
from discord.app_commands import Range

from bot.commands.choices import in_time
from bot.i18n.language import _, plural
from bot.permissions import guild_of
from bot.replies.inputs import fetch_file
from bot.ui.options import Choices, matching
from bot.ui.responses import acknowledged, respond, respond_lines
from bot.ui.text import harmless
from generation.errors import InvalidAttachment
from generation.prompts.wildcard_lists import MAX_NAME_CHARACTERS, WildcardLists, check_list_size

LISTED_LINES = 6
"""Lines of a list that are shown."""


class WildcardsGroup(
    app_commands.Group, name="wildcards", description="Lists for __name__ in prompts"
):
    """`/limner wildcards`."""

    def __init__(self, lists: WildcardLists) -> None:
        super().__init__()
        self._lists = lists

    @app_commands.command(name="list", description="Show the lists of this server")
    async def list_(self, interaction: discord.Interaction) -> None:
        found = await self._lists.find((await acknowledged(interaction)).guild_id)
        lines = [_list_line(name, alternatives) for name, alternatives in sorted(found.items())]
        nothing = _("No lists yet. Add one with /limner wildcards set.")
        await respond_lines(interaction, _("Wildcards"), lines, nothing=nothing)

    @app_commands.command(name="set", description="Save a list")
    @app_commands.describe(
        name="Its name: mood for __mood__",
        alternatives="What to choose from, separated by |",
        file="A text file, one alternative a line",
    )
    async def set_(
        self,
        interaction: discord.Interaction,
        name: Range[str, 1, MAX_NAME_CHARACTERS],
        alternatives: str | None = None,
        file: discord.Attachment | None = None,
    ) -> None:
        """Save the list, replacing an earlier one."""
        actor = await acknowledged(interaction)
        text = (alternatives or "").replace("|", "\n")
        if file is not None:
            check_list_size(file.size)
            content = await fetch_file("file", file)
            text = f"{text}\n{_decode(content)}"
        count = await self._lists.save(actor, name, text)
        text = plural(
            "Saved {name} with {count} alternative.",
            "Saved {name} with {count} alternatives.",
            count,
            name=harmless(name),
        )
        await respond(interaction, text)

    @app_commands.command(description="Delete a list")
    @app_commands.describe(name="Which list")
    async def remove(self, interaction: discord.Interaction, name: str) -> None:
        await self._lists.remove(await acknowledged(interaction), name)
        await respond(interaction, _("Deleted {name}.", name=harmless(name)))

    @remove.autocomplete("name")
    async def complete_name(self, interaction: discord.Interaction, typed: str) -> Choices:
        """Offer the server's own lists."""
        names = await in_time(interaction, self._lists.texts(guild_of(interaction))) or ()
        return matching(((name, name) for name in names), typed)


def _list_line(name: str, alternatives: Sequence[str]) -> str:
    shown = " | ".join(harmless(line, 40) for line in alternatives[:LISTED_LINES])
    more = " | …" * (len(alternatives) > LISTED_LINES)
    return f"`__{name}__` ({len(alternatives)}) {shown}{more}"


def _decode(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidAttachment(
            "The file is not text in UTF-8. Save it as a .txt file.", {"option": "file"}
        ) from None
