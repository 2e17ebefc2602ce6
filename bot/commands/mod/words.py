"""`/mod words`: the watched words of a guild and the action for each."""

from collections.abc import Sequence
from typing import Literal

import discord
from discord import app_commands
from discord.app_commands import Range

from bot.i18n.language import _, mark
from bot.ui.responses import acknowledged, respond, respond_lines
from bot.ui.text import harmless, lines_within
from generation.moderation.blocks import Moderation
from generation.moderation.word_filter import MAX_PATTERN_CHARACTERS, WatchedWord, WordAction

TRIED_CHARACTERS = 2000

LISTED_WORDS = 4
"""Words listed of each action for a tested text: two lines of the longest fit into a message."""

Action = Literal["refuse", "hold", "warn", "observe", "allow"]

_WATCHED = {
    WordAction.REFUSE: mark("Now blocking “{word}”."),
    WordAction.HOLD: mark("Now holding results with “{word}”."),
    WordAction.WARN: mark("Now warning about “{word}”."),
    WordAction.OBSERVE: mark("Now flagging “{word}”."),
    WordAction.ALLOW: mark("Now allowing “{word}”."),
}

_WOULD_BE = {
    WordAction.REFUSE: mark("Would be blocked (matches {words})."),
    WordAction.HOLD: mark("The result would be held (matches {words})."),
    WordAction.WARN: mark("Would get a warning (matches {words})."),
    WordAction.OBSERVE: mark("Would be flagged (matches {words})."),
    WordAction.ALLOW: mark("Would be allowed (matches {words})."),
}


class WordsGroup(app_commands.Group, name="words", description="Watched words"):
    """`/mod words`."""

    def __init__(self, moderation: Moderation) -> None:
        super().__init__()
        self._moderation = moderation

    @app_commands.command(description="Watch a word, a phrase or a regular expression")
    @app_commands.describe(
        word="The word or phrase",
        action="Block, hold the result, warn, observe, or allow a phrase that has it",
        expression="It is a regular expression",
    )
    async def add(
        self,
        interaction: discord.Interaction,
        word: Range[str, 1, MAX_PATTERN_CHARACTERS],
        action: Action = "refuse",
        expression: bool = False,  # noqa: FBT001, FBT002 - an option of a command
    ) -> None:
        actor = await acknowledged(interaction)
        watched = await self._moderation.watch(
            actor, word, WordAction(action), is_expression=expression
        )
        text = _(_WATCHED[watched.action], word=harmless(watched.pattern, 200))
        await respond(interaction, text)

    @app_commands.command(description="Stop watching a word")
    @app_commands.describe(word="Which word")
    async def remove(
        self, interaction: discord.Interaction, word: Range[str, 1, MAX_PATTERN_CHARACTERS]
    ) -> None:
        removed = await self._moderation.unwatch(await acknowledged(interaction), word)
        shown = harmless(word, 200)
        text = _("No longer watching “{word}”.", word=shown)
        if not removed:
            text = _("“{word}” was not watched.", word=shown)
        await respond(interaction, text)

    @app_commands.command(name="list", description="Show watched words")
    async def list_(self, interaction: discord.Interaction) -> None:
        actor = await acknowledged(interaction)
        watched_words = await self._moderation.watched_words(actor.guild_id)
        lines = [
            f"**{_(watched.action.value)}** {harmless(watched.pattern, 200)}"
            + (f" · {_('expression')}" if watched.is_expression else "")
            for watched in sorted(
                watched_words, key=lambda watched: (watched.action.value, watched.pattern)
            )
        ]
        nothing = _("No watched words yet.")
        await respond_lines(interaction, _("Watched words"), lines, nothing=nothing)

    @app_commands.command(description="Test a text against the watched words")
    @app_commands.describe(text="The text to test")
    async def test(
        self, interaction: discord.Interaction, text: Range[str, 1, TRIED_CHARACTERS]
    ) -> None:
        actor = await acknowledged(interaction)
        verdict = await self._moderation.try_words(actor.guild_id, text)
        lines = [_("No match.")]
        if verdict.action is not None:
            lines = [_(_WOULD_BE[verdict.action], words=_named(verdict.found))]
        if verdict.slow:
            words = _named(verdict.slow)
            lines.append(_("Skipped, too slow: {words}", words=words))
        await respond(interaction, lines_within(lines, 2000))


def _named(watched_words: Sequence[WatchedWord]) -> str:
    shown = [harmless(watched.pattern, 100) for watched in watched_words[:LISTED_WORDS]]
    return ", ".join([*shown, "…"] if len(watched_words) > LISTED_WORDS else shown)
