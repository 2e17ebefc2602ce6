"""`/mydata`: export or delete one's own personal data."""

import tempfile

import discord
from discord import app_commands

from bot.commands.mydata_archive import Archive, TooMuch
from bot.i18n.language import _, plural
from bot.replies.deletion import delete_message
from bot.replies.packing import BYTES_A_MESSAGE
from bot.services import Services, services_of
from bot.ui.modals import ModalInput, handles_modal, open_modal
from bot.ui.responses import acknowledge, acknowledged, respond
from generation.history.retention import RetentionSettings
from generation.people.personal_data import Deleted

DELETE_FORM = "d:delete"


class MydataGroup(app_commands.Group, name="mydata", description="Your data"):
    """`/mydata`."""

    def __init__(self, services: Services) -> None:
        super().__init__()
        self._services = services

    @app_commands.command(description="Download your data")
    async def export(self, interaction: discord.Interaction) -> None:
        actor = await acknowledged(interaction)
        limit = min(interaction.filesize_limit, BYTES_A_MESSAGE)
        archive = Archive(self._services, actor.user_id, limit)
        with tempfile.TemporaryFile() as file:
            try:
                async with self._services.file_slots.take(actor.user_id):
                    await archive.write(file)
            except TooMuch:
                text = _("Too much to send here. Ask the people who run this bot.")
                await respond(interaction, text)
                return
            file.seek(0)
            text = _("Your data. Unpack it and open index.html.")
            if actor.guild_id is not None:
                text += "\n" + keeping_text(await self._services.retention.find(actor.guild_id))
            await respond(interaction, text, files=[discord.File(file, "mydata.zip")])

    @app_commands.command(description="Delete your data")
    async def delete(self, interaction: discord.Interaction) -> None:
        text = _(
            "This permanently deletes your pictures, prompts, history, messages, settings "
            "and presets. Your quota use and moderators' decisions stay. Unfinished "
            "requests stay too."
        )
        await open_modal(interaction, DELETE_FORM, _("Delete your data?"), text=text)


def keeping_text(keeping: RetentionSettings) -> str:
    """Describe a guild's retention periods, one a line."""
    lines = [_("Pictures are kept until deleted.")]
    if keeping.pictures:
        lines = [
            plural(
                "Pictures are kept for {count} day.",
                "Pictures are kept for {count} days.",
                keeping.pictures,
            )
        ]
    if keeping.prompts:
        lines.append(
            plural(
                "Prompts are kept for {count} day.",
                "Prompts are kept for {count} days.",
                keeping.prompts,
            )
        )
    if keeping.records:
        lines.append(
            plural(
                "The history is kept for {count} day.",
                "The history is kept for {count} days.",
                keeping.records,
            )
        )
    return "\n".join(lines)


@handles_modal(DELETE_FORM)
async def _take_delete(interaction: discord.Interaction, _answer: ModalInput) -> None:
    await acknowledge(interaction)
    services, user_id = services_of(interaction), interaction.user.id
    count = await services.personal.delete(user_id)
    await respond(
        interaction, plural("Deleting {count} result.", "Deleting {count} results.", count)
    )

    async def delete_messages(deleted: Deleted) -> list[str]:
        left = await services.reviews.delete_messages(deleted.places)
        client, generations = interaction.client, deleted.generations
        done = [one.id for one in generations if await delete_message(client, one)]
        return [generation_id for generation_id in done if generation_id not in left]

    await services.personal.delete_records(user_id, delete_messages)
