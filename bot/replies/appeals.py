"""Button below a block or refusal that opens a modal for an appeal."""

import discord
from discord import ui

from bot.i18n.language import _
from bot.requester import actor_of
from bot.services import services_of
from bot.ui.components import PersistentItem
from bot.ui.modals import ModalInput, handles_modal, open_modal, text_field
from bot.ui.responses import acknowledge, respond
from generation.moderation.appeals import MAX_APPEAL_CHARACTERS

APPEAL_FORM = r"a:(?P<id>[a-z0-9]{0,32})"
"""Custom id of the modal; without a generation's id it is about the block."""


class AppealButton(PersistentItem, template=APPEAL_FORM):
    """Opens the modal; without a generation's id against a block."""

    async def _answer(self, interaction: discord.Interaction, /) -> None:
        field = text_field(
            "text",
            _("What should the moderators know?"),
            long=True,
            required=True,
            longest=MAX_APPEAL_CHARACTERS,
            description=_("You can appeal once."),
        )
        await open_modal(interaction, self.match[0], _("Appeal"), field)


def appeal_button(generation_id: str = "") -> ui.Button[ui.LayoutView]:
    """Build the button."""
    return ui.Button(label=_("Appeal"), custom_id=f"a:{generation_id}")


@handles_modal(APPEAL_FORM)
async def _take_appeal(interaction: discord.Interaction, answer: ModalInput) -> None:
    await acknowledge(interaction)
    appeals = services_of(interaction).appeals
    await appeals.submit(
        actor_of(interaction), answer.match["id"] or None, answer.texts.get("text", "")
    )
    await respond(interaction, _("Thanks. The moderators will read it."))
