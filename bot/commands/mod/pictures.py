"""`/mod pictures`, and Block this picture in the menu of messages.

In direct messages an operator changes the list of the whole bot.
"""

import io
from collections.abc import Mapping, Sequence
from typing import Literal

import discord
from discord import app_commands
from discord.app_commands import Range

from bot.commands.message_menu import (
    gone,
    picture_options,
    pictures_of,
    without_picture,
)
from bot.i18n.language import _, plural
from bot.network import NETWORK_ERRORS
from bot.permissions import require_moderator
from bot.replies.actions import find_own
from bot.replies.inputs import check_attachments, fetch_file
from bot.services import services_of
from bot.tree import BLOCK_PICTURE
from bot.ui.components import menu_options
from bot.ui.modals import ModalInput, choice_field, handles_modal, open_modal, text_field
from bot.ui.options import LARGEST_INTEGER
from bot.ui.responses import acknowledged, before_deadline, respond, respond_lines
from bot.ui.text import harmless
from generation.errors import InvalidAttachment
from generation.media.decoding import decode
from generation.media.perceptual_hash import hash_picture
from generation.moderation.blocks import MAX_REASON_CHARACTERS
from generation.moderation.image_hashes import NAMED_LINES, PictureBlocks, PictureList, write_list
from generation.record import Output, PictureHash
from generation.request import Actor

LISTED_PICTURES = 25


class PicturesGroup(app_commands.Group, name="pictures", description="Blocked pictures"):
    """`/mod pictures`."""

    def __init__(self, blocks: PictureBlocks) -> None:
        super().__init__()
        self._blocks = blocks

    @app_commands.command(description="Block a picture that you attach")
    @app_commands.describe(image="The picture; only a hash of it is kept", reason="For moderators")
    async def add(
        self,
        interaction: discord.Interaction,
        image: discord.Attachment,
        reason: Range[str, 1, MAX_REASON_CHARACTERS] = "",
    ) -> None:
        check_attachments({"image": image})
        actor = await acknowledged(interaction)
        await block(interaction, actor, await hash_files(interaction, [image]), reason)

    @app_commands.command(description="Unblock a picture")
    @app_commands.describe(number="Its number in the list")
    async def remove(
        self, interaction: discord.Interaction, number: Range[int, 1, LARGEST_INTEGER]
    ) -> None:
        actor = await acknowledged(interaction)
        text = _("Unblocked picture {number}.", number=number)
        if not await self._blocks.unblock(actor, number):
            text = _("No picture {number} is blocked here.", number=number)
        await respond(interaction, text)

    @app_commands.command(name="list", description="Show blocked pictures")
    async def list_(self, interaction: discord.Interaction) -> None:
        actor = await acknowledged(interaction)
        blocked = await self._blocks.read(actor.guild_id, LISTED_PICTURES)
        await respond_lines(interaction, _("Blocked pictures"), _list_lines(actor, blocked))

    @app_commands.command(name="import", description="Block a list of hashes")
    @app_commands.describe(file="A text file with a PDQ hash a line, and a reason behind it")
    async def import_(self, interaction: discord.Interaction, file: discord.Attachment) -> None:
        actor = await acknowledged(interaction)
        content = await fetch_file("file", file)
        report = await self._blocks.import_list(actor, content)
        lines = [plural("Blocked {count} picture.", "Blocked {count} pictures.", report.added)]
        if report.known:
            lines.append(_("Already blocked: {count}.", count=report.known))
        if report.bad_lines:
            numbers = ", ".join(map(str, report.bad_lines[:NAMED_LINES]))
            lines.append(
                plural(
                    "{count} line without a hash: {numbers}",
                    "{count} lines without a hash: {numbers}",
                    len(report.bad_lines),
                    numbers=numbers + (", …" if len(report.bad_lines) > NAMED_LINES else ""),
                )
            )
        await respond(interaction, "\n".join(lines))

    @app_commands.command(description="Save the list as a file")
    async def export(self, interaction: discord.Interaction) -> None:
        actor = await acknowledged(interaction)
        blocked = await self._blocks.read(actor.guild_id)
        if not blocked.entries:
            await respond(interaction, _("No pictures are blocked here."))
            return
        written = io.BytesIO(write_list(blocked.entries).encode())
        summary = plural("{count} picture.", "{count} pictures.", blocked.count)
        file = discord.File(written, "blocked-pictures.txt")
        await respond(interaction, summary, files=[file])

    @app_commands.command(description="Choose what happens to blocked pictures")
    @app_commands.describe(mode="Block the result, or hold it for a moderator")
    async def mode(self, interaction: discord.Interaction, mode: Literal["refuse", "hold"]) -> None:
        actor = await acknowledged(interaction)
        await self._blocks.set_held(actor, is_held=mode == "hold")
        await respond(interaction, _mode_text(is_held=mode == "hold"))


@app_commands.context_menu(name=BLOCK_PICTURE)
@app_commands.default_permissions(manage_messages=True)
async def block_picture(interaction: discord.Interaction, message: discord.Message) -> None:
    generation = await before_deadline(interaction, find_own(interaction, message))
    shown = _thumbnails(generation.outputs) if generation else {}
    if generation is not None and shown:
        custom_id = f"bp:r:{generation.id}"
        options = menu_options({str(position): f"#{position + 1}" for position in shown})
    else:
        custom_id, options = f"bp:m:{message.id}", picture_options(pictures_of(message))
    if not options:
        raise without_picture()
    fields = [text_field("reason", _("Reason"), longest=MAX_REASON_CHARACTERS)]
    if len(options) > 1:
        for option in options:
            option.default = True
        menu = choice_field("picture", _("Picture"), options, required=True, most=len(options))
        fields.insert(0, menu)
    await open_modal(interaction, custom_id, _("Block this picture"), *fields)


@handles_modal(r"bp:(?:r:(?P<result>[a-z0-9]{1,32})|m:(?P<message>[0-9]{1,20}))")
async def _take_block(interaction: discord.Interaction, answer: ModalInput) -> None:
    """Block what was chosen; all pictures if there was no choice."""
    require_moderator(interaction)
    actor = await acknowledged(interaction)
    chosen = frozenset(answer.choices.get("picture", ()))
    if result := answer.match["result"]:
        queries = services_of(interaction).moderation_queries
        case = await queries.case_file(result, actor.guild_id)
        hashes = [
            await decode(hash_picture, thumbnail)
            for position, thumbnail in _thumbnails(case.generation.outputs).items()
            if not chosen or str(position) in chosen
        ]
    else:
        files = await _find_files(interaction, int(answer.match["message"]))
        wanted = [file for file in files if not chosen or str(file.id) in chosen]
        hashes = await hash_files(interaction, wanted)
    await block(interaction, actor, hashes, answer.texts.get("reason", ""))


async def hash_files(
    interaction: discord.Interaction, files: Sequence[discord.Attachment]
) -> list[PictureHash | None]:
    """Download pictures and hash them, one after the other. Raises RequestRefused."""
    hashes = []
    async with services_of(interaction).file_slots.take(interaction.user.id):
        for file in files:
            content = await fetch_file("image", file)
            hashes.append(await decode(hash_picture, content))
    return hashes


async def block(
    interaction: discord.Interaction,
    actor: Actor,
    hashes: Sequence[PictureHash | None],
    reason: str,
) -> None:
    """Block pictures and say so. Raises RequestRefused where none can be recognized."""
    known = [hash_ for hash_ in hashes if hash_ is not None]
    if not known:
        raise InvalidAttachment("This picture has too little detail to be recognized.")
    added = await services_of(interaction).picture_blocks.block(actor, known, reason)
    lines = [plural("Blocked {count} picture.", "Blocked {count} pictures.", added)]
    if added < len(known):
        lines = [_("Already blocked.")] if not added else lines
    if plain := len(hashes) - len(known):
        lines.append(
            plural(
                "{count} picture has too little detail to be recognized.",
                "{count} pictures have too little detail to be recognized.",
                plain,
            )
        )
    await respond(interaction, "\n".join(lines))


async def _find_files(
    interaction: discord.Interaction, message_id: int
) -> Sequence[discord.Attachment]:
    """Return the pictures of a message in this channel. Raises RequestRefused."""
    channel = interaction.client.get_partial_messageable(interaction.channel_id or 0)
    try:
        message = await channel.fetch_message(message_id)
    except (discord.HTTPException, *NETWORK_ERRORS) as error:
        raise gone() from error
    return pictures_of(message)


def _thumbnails(outputs: Sequence[Output]) -> Mapping[int, bytes]:
    """Thumbnails by position, of the results that have one to be recognized by."""
    return {output.position: output.thumbnail for output in outputs if output.thumbnail is not None}


def _list_lines(actor: Actor, blocked: PictureList) -> list[str]:
    lines = []
    for entry in blocked.entries:
        reason = f" · {harmless(entry.reason, 100)}" if entry.reason else ""
        when = discord.utils.format_dt(entry.at, "f")
        lines.append(f"**{entry.id}** {when} · <@{entry.actor_id}>{reason}")
    if blocked.count > len(lines):
        lines.append(_("{count} more", count=blocked.count - len(lines)))
    lines = lines or [_("No pictures are blocked here.")]
    if actor.guild_id is not None:
        lines.append(_mode_text(is_held=blocked.is_held))
        if blocked.everywhere:
            lines.append(_("Blocked in all servers: {count}", count=blocked.everywhere))
    return lines


def _mode_text(*, is_held: bool) -> str:
    if is_held:
        return _("Results that show a blocked picture are held for `/mod review`.")
    return _("Results that show a blocked picture are blocked. They cost nothing.")
