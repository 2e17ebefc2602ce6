"""What the buttons under a result do."""

import logging
import math
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

import discord
from discord import ui

from bot.i18n.language import _
from bot.network import NETWORK_ERRORS
from bot.permissions import can_moderate, guild_of, is_operator
from bot.replies.address import parse_reply
from bot.replies.derive import derive
from bot.replies.packing import pack_originals
from bot.replies.posted_files import parse_link
from bot.requester import requester_of
from bot.services import services_of
from bot.ui.details import details_embed
from bot.ui.modals import Answer, Handler, choice_field, open_form, text_field
from bot.ui.options import ASPECTS, PROMPT_CHARACTERS
from bot.ui.responses import respond, soon
from bot.ui.text import harmless
from generation.errors import FailureKind, NotYours, RequestRefused, UnknownGeneration
from generation.media.stripping import strip_metadata
from generation.record import Generation
from generation.request import Value
from generation.requests.derivations import Changes

_ID = r"(?P<id>[a-z0-9]{1,32})"
REMIX_FORM = rf"f:{_ID}:remix"
INPUT_FORM = rf"f:{_ID}:input:(?P<index>[0-9]{{1,3}})"
DELETE_FORM = rf"f:{_ID}:delete"

ALL = 999
"""In place of a position: every result."""

AS_BEFORE = "same"

SEED_DIGITS = 20
"""Of the largest that ComfyUI takes."""

FURTHER_MESSAGES = 50
"""Looked through below a message for more of its results: they were posted right after it."""

_log = logging.getLogger(__name__)

_BUTTON = re.compile(r"g:(?P<id>[a-z0-9]{1,32}):")
_RESULT_FILE = re.compile(r"(?:SPOILER_)?limner-([a-z0-9]{1,32})-(?:[0-9]{1,3}|grid)\.[a-z0-9]+")


async def upscale(interaction: discord.Interaction, generation_id: str, index: int) -> None:
    """One picture, larger."""
    derivations, requester = services_of(interaction).derivations, requester_of(interaction)
    await derive(interaction, lambda: derivations.upscale(generation_id, index, requester))


async def vary(interaction: discord.Interaction, generation_id: str, index: int) -> None:
    """Others like this one."""
    derivations, requester = services_of(interaction).derivations, requester_of(interaction)
    await derive(interaction, lambda: derivations.vary(generation_id, index, requester))


async def again(interaction: discord.Interaction, generation_id: str, _index: int) -> None:
    """The same with a new seed."""
    derivations, requester = services_of(interaction).derivations, requester_of(interaction)
    await derive(interaction, lambda: derivations.again(generation_id, requester))


async def retry(interaction: discord.Interaction, generation_id: str, _index: int) -> None:
    """The same with the same seed."""
    derivations, requester = services_of(interaction).derivations, requester_of(interaction)
    await derive(interaction, lambda: derivations.retry(generation_id, requester))


async def info(interaction: discord.Interaction, generation_id: str, _index: int) -> None:
    """Everything that is recorded, in private."""
    await interaction.response.defer(ephemeral=True, thinking=True)
    derivations, requester = services_of(interaction).derivations, requester_of(interaction)
    generation = await derivations.find_visible(generation_id, requester)
    ancestors = await derivations.lineage(generation, requester)
    embed = details_embed(generation, ancestors, names_backend=is_operator(interaction))
    await respond(interaction, embeds=[embed])


async def open_remix(interaction: discord.Interaction, generation_id: str, _index: int) -> None:
    """A modal with what it was made of, to be changed."""
    services, requester = services_of(interaction), requester_of(interaction)
    generation = await soon(services.derivations.find_visible(generation_id, requester))
    offered = _options_of(interaction, generation)
    parts = {}
    if "prompt" in offered:
        parts["prompt"] = text_field(
            "prompt",
            _("Prompt"),
            generation.prompt,
            long=True,
            required=True,
            longest=PROMPT_CHARACTERS,
        )
    if "negative" in offered:
        negative = str(generation.values.get("negative") or "")
        parts["negative"] = text_field(
            "negative", _("Negative"), negative, long=True, longest=PROMPT_CHARACTERS
        )
    if "seed" in offered:
        parts["seed"] = text_field(
            "seed",
            _("Seed"),
            str(generation.seed if generation.seed is not None else ""),
            longest=SEED_DIGITS,
            description=_("Empty it for a new one"),
        )
    if "size" in offered:
        parts["aspect"] = choice_field("aspect", _("Aspect"), _aspect_options(generation))
    if "strength" in offered:
        strength = generation.values.get("strength")
        parts["strength"] = text_field(
            "strength",
            _("Strength"),
            "" if strength is None else str(strength),
            longest=6,
            description=_("How far to leave the picture behind: 0 keeps it, 1 forgets it"),
        )
    if not parts:
        raise RequestRefused(
            FailureKind.INVALID_OPTION,
            "This workflow has nothing that could be changed: press Again instead.",
        )
    await open_form(interaction, f"f:{generation.id}:remix", _("Remix"), parts)


async def take_remix(interaction: discord.Interaction, answer: Answer) -> None:
    """The same but for what was changed in the modal."""
    derivations, requester = services_of(interaction).derivations, requester_of(interaction)
    values: dict[str, Value | None] = {}
    if "negative" in answer.texts:
        values["negative"] = answer.texts["negative"].strip() or None
    if "seed" in answer.texts:
        values["seed"] = parse_seed(answer.texts["seed"])
    if "strength" in answer.texts:
        values["strength"] = parse_number("strength", answer.texts["strength"])
    aspect = next((one for one in answer.choices.get("aspect", ()) if one != AS_BEFORE), None)
    changes = Changes(answer.texts.get("prompt", ""), values, aspect)
    await derive(interaction, lambda: derivations.remix(answer.match["id"], requester, changes))


async def open_input(interaction: discord.Interaction, generation_id: str, index: int) -> None:
    """A modal for what is to become of a picture."""
    services, requester = services_of(interaction), requester_of(interaction)
    generation = await soon(services.derivations.find_visible(generation_id, requester))
    await ask_for_input(interaction, generation, index)


async def ask_for_input(
    interaction: discord.Interaction, generation: Generation, index: int
) -> None:
    """The same for a generation that was found. Raises RequestRefused."""
    pictures = services_of(interaction).offers.of(generation).use
    if not pictures:
        raise RequestRefused(
            FailureKind.INVALID_OPTION,
            "There is no workflow that starts from such a result. "
            "Ask the people who run this bot to add one.",
        )
    parts = {}
    if len(pictures) > 1:
        options = [
            discord.SelectOption(
                label=_("Picture {number}", number=one + 1), value=str(one), default=one == index
            )
            for one in pictures[:25]
        ]
        parts["picture"] = choice_field("picture", _("Picture"), options, required=True)
    parts |= input_parts(generation.prompt)
    custom_id = f"f:{generation.id}:input:{pictures[0]}"
    await open_form(interaction, custom_id, _("Use as input"), parts)


def input_parts(prompt: str = "") -> dict[str, ui.Label[ui.Modal]]:
    """What is asked about a picture that is to be started from."""
    return {
        "prompt": text_field(
            "prompt", _("Prompt"), prompt, long=True, required=True, longest=PROMPT_CHARACTERS
        ),
        "strength": text_field(
            "strength",
            _("Strength"),
            longest=6,
            placeholder="0.6",
            description=_("How far to leave the picture behind: 0 keeps it, 1 forgets it"),
        ),
    }


async def take_input(interaction: discord.Interaction, answer: Answer) -> None:
    """Another prompt, from the chosen picture."""
    derivations, requester = services_of(interaction).derivations, requester_of(interaction)
    position = answer.number("picture", answer.match["index"])
    strength = parse_number("strength", answer.texts.get("strength", ""))
    prompt = answer.texts.get("prompt", "")
    await derive(
        interaction,
        lambda: derivations.use(answer.match["id"], position, requester, prompt, strength),
    )


async def send_originals(
    interaction: discord.Interaction,
    generation_id: str,
    index: int,
    build_view: Callable[[Generation, int], ui.View] | None = None,
) -> None:
    """One result, or all, as the backend made them; in private.

    The view stands below what carries metadata. Without one, the metadata is taken out.
    """
    await interaction.response.defer(ephemeral=True, thinking=True)
    services = services_of(interaction)
    requester = requester_of(interaction)
    generation = await services.derivations.find_visible(generation_id, requester)
    kept = await services.generations.contents(generation.id)
    contents = [one for one in kept if index >= ALL or one.output.position == index]
    if not contents:
        await respond(
            interaction, _("The original is not kept any more; the picture above is what remains.")
        )
        return
    bare = [replace(one, content=strip_metadata(one.content)) for one in contents]
    may_have_all = generation.keeps_metadata or requester.user_id == generation.user_id
    view: discord.ui.View | None = None
    if build_view is None or not may_have_all:
        contents = bare
    elif bare != contents:
        view = build_view(generation, index)
    parcel = pack_originals(generation, contents, interaction.filesize_limit)
    for number, files in enumerate(parcel.messages):
        is_first = number == 0
        await respond(
            interaction,
            "\n".join(parcel.notes) if is_first and parcel.notes else None,
            view=view if is_first else None,
            files=[file.to_file() for file in files],
        )


async def open_delete(interaction: discord.Interaction, generation_id: str, _index: int) -> None:
    """Ask whether it is meant: nothing brings the pictures back."""
    generation = await soon(services_of(interaction).generations.find(generation_id))
    if generation is None:
        raise UnknownGeneration(generation_id)
    if generation.user_id != interaction.user.id and not may_moderate(interaction, generation):
        raise NotYours(generation.id)
    prompt = harmless(generation.prompt, 200) or generation.workflow
    text = _(
        "**{prompt}**\nIts message and everything kept of its results are deleted for good. "
        "That it was made stays in the history.",
        prompt=prompt,
    )
    title = _("Delete {id}?", id=generation.id)
    await open_form(interaction, f"f:{generation.id}:delete", title, text=text)


async def take_delete(interaction: discord.Interaction, answer: Answer) -> None:
    """Delete it for whoever may."""
    await interaction.response.defer()
    services = services_of(interaction)
    generation = await services.generations.find(answer.match["id"])
    is_moderator = generation is not None and may_moderate(interaction, generation)
    removed = await services.remover.remove(
        answer.match["id"], actor_id=interaction.user.id, is_moderator=is_moderator
    )
    if interaction.message is not None and removed.id in _ids(interaction.message):
        await _quietly(interaction.delete_original_response())
    await delete_message(interaction.client, removed, interaction.message)
    await respond(interaction, _("`{id}` was deleted.", id=removed.id))


async def delete_message(
    client: discord.Client, generation: Generation, deleted: discord.Message | None = None
) -> None:
    """Delete the message of a generation, unless it is the one that was deleted already.

    The further ones below it, with results that had no room in it, go as well.
    """
    address = parse_reply(generation.reply)
    # Where it was told is noted a moment after it was told.
    link = generation.message_url or (address.message_url if address else None)
    place = parse_link(link)
    if place is None:
        return
    channel = client.get_partial_messageable(place[0])
    if deleted is None or deleted.id != place[1]:
        await _quietly(channel.get_partial_message(place[1]).delete())
    if len(generation.outputs) > 1:
        await _quietly(_delete_below(client, channel, place[1], generation.id))


async def _delete_below(
    client: discord.Client, channel: discord.PartialMessageable, message_id: int, generation_id: str
) -> None:
    following = channel.history(
        after=discord.Object(message_id), limit=FURTHER_MESSAGES, oldest_first=True
    )
    async for message in following:
        is_ours = client.user is not None and message.author.id == client.user.id
        if is_ours and generation_id in _ids(message):
            await _quietly(message.delete())


def may_moderate(interaction: discord.Interaction, generation: Generation) -> bool:
    """Moderators moderate what was asked for in their own guild."""
    is_here = generation.guild_id is not None and generation.guild_id == guild_of(interaction)
    return is_here and can_moderate(interaction)


def parse_seed(text: str) -> int | None:
    """A seed as typed; None when there is none. Raises RequestRefused."""
    typed = text.strip()
    if not typed:
        return None
    if not (typed.isascii() and typed.isdecimal() and len(typed) <= SEED_DIGITS):
        raise RequestRefused(
            FailureKind.INVALID_OPTION,
            "The seed is a whole number. Empty it for a new one.",
            {"option": "seed"},
        )
    return int(typed)


def parse_number(name: str, text: str) -> float | None:
    """A number as typed, with a point or a comma; None without one. Raises RequestRefused."""
    typed = text.strip().replace(",", ".")
    if not typed:
        return None
    try:
        number = float(typed)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise RequestRefused(
            FailureKind.INVALID_OPTION,
            "{option} is a number such as 0.6.",
            {"option": name},
        )
    return number


def _options_of(interaction: discord.Interaction, generation: Generation) -> frozenset[str]:
    for workflow in services_of(interaction).generations.workflows():
        if workflow.name == generation.workflow:
            return workflow.options
    raise RequestRefused(
        FailureKind.INVALID_OPTION,
        "The workflow is no longer in the library. Choose another one with /imagine.",
    )


def _aspect_options(generation: Generation) -> list[discord.SelectOption]:
    size = str(generation.values.get("size") or "")
    as_before = _("as before ({size})", size=size) if size else _("as before")
    options = [discord.SelectOption(label=as_before[:100], value=AS_BEFORE, default=True)]
    return options + [discord.SelectOption(label=one, value=one) for one in ASPECTS]


async def _quietly(deletion: Awaitable[None]) -> None:
    """A message that is gone, or out of reach, is none that people still see by it."""
    try:
        await deletion
    except (discord.HTTPException, *NETWORK_ERRORS) as error:
        _log.info("A message could not be deleted (%s).", error)


RESULT_FORMS: Mapping[str, Handler] = MappingProxyType(
    {REMIX_FORM: take_remix, INPUT_FORM: take_input, DELETE_FORM: take_delete}
)
"""Who reads which modal."""


async def find_own(interaction: discord.Interaction, message: discord.Message) -> Generation | None:
    """The generation that a message of ours is about, if it is."""
    client = interaction.client
    if client.user is None or message.author.id != client.user.id:
        return None
    requester = requester_of(interaction)
    for generation_id in dict.fromkeys(_ids(message)):
        return await services_of(interaction).derivations.find_visible(generation_id, requester)
    return None


def _ids(message: discord.Message) -> Iterator[str]:
    """What a message's buttons and files say they are of."""
    for row in message.components:
        for part in getattr(row, "children", ()):
            match = _BUTTON.match(getattr(part, "custom_id", None) or "")
            if match is not None:
                yield match["id"]
    for attachment in message.attachments:
        match = _RESULT_FILE.fullmatch(attachment.filename)
        if match is not None:
            yield match[1]
