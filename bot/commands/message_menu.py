"""Message context menu: Image info, Use as input and Describe."""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

import discord
from discord import app_commands

from bot.i18n.language import _
from bot.network import NETWORK_ERRORS
from bot.replies.actions import details_of, find_own
from bot.replies.inputs import uploaded
from bot.replies.posted_files import files_of, is_kept_by_discord
from bot.replies.starts import ask_for_start, start_fields
from bot.replies.submission import CommandInput, submit
from bot.services import services_of
from bot.ui.components import menu_options
from bot.ui.layout import BLURPLE, Item, build_layout, card, small, text
from bot.ui.modals import ModalInput, choice_field, handles_modal, open_modal, parse_strength
from bot.ui.responses import acknowledge, before_deadline, respond
from bot.ui.statements import statement_lines
from bot.ui.text import harmless
from generation.errors import GenerationError, InvalidAttachment, RequestRefused
from generation.marking.statements import Statement, read_statement
from generation.media.decoding import decode
from generation.media.metadata import Metadata, read_metadata
from generation.requests.available_actions import PICTURE_TYPES

READ_BYTES = 25 * 1024 * 1024
"""Bytes of the largest file whose metadata is read; larger ones are usually videos."""

READ_FILES = 4
"""Files of a message that are read, within 4,000 characters in all."""

READ_TIMEOUT_S = 30.0

CARD_PROMPT_CHARACTERS = 560
"""Characters of a prompt shown for a file; escaping may double them."""

DESCRIBE = "describe"
"""Kind of workflows that describe a picture."""

FACTS = 12
FACT_CHARACTERS = 100
CARD_CHARACTERS = 3_900


@app_commands.context_menu(name="Image info")
async def show_info(interaction: discord.Interaction, message: discord.Message) -> None:
    """Show the record of a result, or the metadata embedded in its files."""
    await acknowledge(interaction)
    generation = await find_own(interaction, message)
    files = [attachment for attachment in files_of(message) if _is_media(attachment)]
    if generation is not None:
        facts = await _read_first(interaction, files)
        stated = statement_lines(facts.statement) if facts else ()
        await respond(interaction, view=await details_of(interaction, generation, stated))
        return
    if not files:
        raise without_picture()
    async with services_of(interaction).file_slots.take(interaction.user.id):
        cards = [
            build_card(
                file.filename,
                await _read(file),
                share=1 / min(len(files), READ_FILES),
            )
            for file in files[:READ_FILES]
        ]
    await respond(interaction, view=build_layout(*cards))


async def _read_first(
    interaction: discord.Interaction, files: Sequence[discord.Attachment]
) -> "FileFacts | None":
    """Read a result's first file; None if there is none, or it cannot be read now."""
    with contextlib.suppress(RequestRefused):
        async with services_of(interaction).file_slots.take(interaction.user.id):
            for file in files[:1]:
                return await _read(file)
    return None


@app_commands.context_menu(name="Describe")
async def describe(interaction: discord.Interaction, message: discord.Message) -> None:
    pictures = pictures_of(message)
    if not pictures:
        raise without_picture()
    command_input = CommandInput(kinds=(DESCRIBE,), attachments={"image": pictures[0]})
    await submit(interaction, command_input)


@app_commands.context_menu(name="Use as input")
async def use_as_input(interaction: discord.Interaction, message: discord.Message) -> None:
    generation = await before_deadline(interaction, find_own(interaction, message))
    if generation is not None:
        await ask_for_start(interaction, generation, 0)
        return
    pictures = pictures_of(message)
    if not pictures:
        raise without_picture()
    offered = services_of(interaction).offered_pictures
    for picture in pictures:
        offered[interaction.user.id, picture.id] = picture
    fields = start_fields()
    if len(pictures) > 1:
        options = picture_options(pictures)
        fields.insert(0, choice_field("picture", _("Picture"), options, required=True))
    custom_id = f"p:{message.channel.id}:{message.id}:{pictures[0].id}"
    await open_modal(interaction, custom_id, _("Use as input"), *fields)


@handles_modal(r"p:(?P<channel>[0-9]{1,20}):(?P<message>[0-9]{1,20}):(?P<attachment>[0-9]{1,20})")
async def _take_picture(interaction: discord.Interaction, answer: ModalInput) -> None:
    chosen = answer.number("picture", answer.match["attachment"])
    attachment = await before_deadline(interaction, _find_picture(interaction, answer, chosen))
    command_input = CommandInput(
        prompt=answer.texts.get("prompt", ""),
        values={"strength": parse_strength(answer)},
        attachments={"image": attachment, **uploaded(answer.files)},
    )
    await submit(interaction, command_input)


async def _find_picture(
    interaction: discord.Interaction, answer: ModalInput, attachment_id: int
) -> discord.Attachment:
    """Find the picture, for a person who opened its form or acts in its channel.

    The check matters because the bot sees more channels than the person does, and a forged form
    could name any attachment.
    """
    offered = services_of(interaction).offered_pictures
    known = offered.get((interaction.user.id, attachment_id))
    if known is not None:
        return known
    if int(answer.match["channel"]) != interaction.channel_id:
        raise gone()
    channel = interaction.client.get_partial_messageable(int(answer.match["channel"]))
    try:
        message = await channel.fetch_message(int(answer.match["message"]))
    except (discord.HTTPException, *NETWORK_ERRORS) as error:
        raise gone() from error
    for attachment in files_of(message):
        if attachment.id == attachment_id:
            return attachment
    raise gone()


@dataclass(frozen=True, slots=True)
class FileFacts:
    """Metadata and statements in a file."""

    metadata: Metadata | None = None
    statement: Statement | None = None


def build_card(filename: str, facts: FileFacts | None, *, share: float = 1.0) -> Item:
    """Build a card of a file's metadata, cut to its share of a message's 4,000 characters.

    Without facts the file was too large to be read.
    """
    lines = [f"### {harmless(filename, 50)}"]
    if facts is None:
        lines.append(_("This file is too large to read."))
        return card(BLURPLE, text(*lines))
    lines += statement_lines(facts.statement)
    metadata = facts.metadata
    if metadata is None:
        lines.append(
            _("This file doesn't say how it was made. Many sites remove that information.")
        )
    else:
        texts = ((_("Prompt"), metadata.prompt), (_("Negative"), metadata.negative))
        for name, said in texts:
            if shown := harmless(said, int(CARD_PROMPT_CHARACTERS * share)):
                lines.append(f"**{name}** {shown}")
        lines += [
            f"**{harmless(name, 40)}** {harmless(value, FACT_CHARACTERS)}"
            for name, value in list(metadata.facts.items())[:FACTS]
        ]
        lines.append(small(_("written by {program}", program=metadata.program.value)))
    return card(BLURPLE, text(*lines, most=int(CARD_CHARACTERS * share)))


def picture_options(pictures: Sequence[discord.Attachment]) -> list[discord.SelectOption]:
    """Options of a menu that chooses among pictures."""
    numbered = enumerate(pictures, start=1)
    labels = {str(picture.id): f"{number} · {picture.filename}" for number, picture in numbered}
    return menu_options(labels, next(iter(labels), None))


def pictures_of(message: discord.Message) -> list[discord.Attachment]:
    """Return a message's pictures of attachable types."""
    return [file for file in files_of(message) if _kind(file) in PICTURE_TYPES]


def _kind(attachment: discord.Attachment) -> str:
    return (attachment.content_type or "").partition(";")[0]


def _is_media(attachment: discord.Attachment) -> bool:
    return _kind(attachment).partition("/")[0] in ("image", "video", "audio")


async def _read(attachment: discord.Attachment) -> FileFacts | None:
    """Read a file; None if it is too large. Raises RequestRefused if it is gone."""
    if attachment.size > READ_BYTES or not is_kept_by_discord(attachment.url):
        return None
    try:
        async with asyncio.timeout(READ_TIMEOUT_S):
            content = await attachment.read()
    except (discord.HTTPException, *NETWORK_ERRORS) as error:
        raise gone() from error
    return await decode(_read_facts, content)


def _read_facts(content: bytes) -> FileFacts:
    return FileFacts(read_metadata(content), read_statement(content))


def without_picture() -> GenerationError:
    """Build the refusal of a message without pictures."""
    return InvalidAttachment("No usable picture in this message. Pick one that has a picture.")


def gone() -> GenerationError:
    """Build the refusal where a picture cannot be downloaded any more."""
    return InvalidAttachment(
        "Couldn't get the picture from Discord. Use the menu of its message again."
    )
