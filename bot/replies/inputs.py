"""Attachments and options of commands: early checks, downloads and conversion for the core."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeVar
from urllib.parse import urlsplit

import discord

from bot.network import NETWORK_ERRORS
from bot.replies.posted_files import attachment_hosts
from bot.ui.text import mebibytes
from generation.errors import InvalidAttachment, InvalidOption, RequestRefused
from generation.media.inputs import MAX_INPUT_BYTES
from generation.request import FetchFile
from generation.requests.attachments import MAX_MEDIA_BYTES
from generation.requests.available_actions import PICTURE_TYPES

DOWNLOAD_TIMEOUT_S = 30.0
"""Seconds for the download of one attachment."""

T = TypeVar("T")

_DAYS_AGO = re.compile(r"(\d{1,4})\s*d(ays?)?")


def check_attachments(
    attachments: Mapping[str, discord.Attachment],
    media: Mapping[str, str] | None = None,
) -> None:
    """Check the declared size, type and host of attachments, by option, before any download.

    `media` says which options take a "video" or an "audio" file instead of a picture.
    Raises RequestRefused.
    """
    for name, attachment in attachments.items():
        _check(name, attachment, (media or {}).get(name))


def uploaded(files: Mapping[str, Sequence[discord.Attachment]]) -> dict[str, discord.Attachment]:
    """Return a modal's uploads by input; further pictures follow the first one.

    Raises RequestRefused as `check_attachments` does.
    """
    given = {f"image_{place}": file for place, file in enumerate(files.get("pictures", ()), 2)}
    given |= {name: files[name][0] for name in ("image", "mask") if files.get(name)}
    check_attachments(given)
    return given


def fetching(attachments: Mapping[str, discord.Attachment]) -> dict[str, FetchFile]:
    """Return functions that download the checked attachments, by option."""
    return {name: partial(_download, name, attachment) for name, attachment in attachments.items()}


async def fetch_file(name: str, attachment: discord.Attachment) -> bytes:
    """Download any file attached by an administrator. Raises RequestRefused."""
    _check_size_and_place(name, attachment, MAX_MEDIA_BYTES)
    return await _download(name, attachment)


def given_values(options: Mapping[str, T | None]) -> dict[str, T]:
    """Return the options that the person gave."""
    return {name: value for name, value in options.items() if value is not None}


def given_flag(value: object) -> bool | None:
    """Return the value of an option that is on or off; None if it was omitted."""
    return value if isinstance(value, bool) else None


def parse_day(text: str | None, name: str, now: datetime, *, end: bool = False) -> datetime | None:
    """Parse "2026-11-01", "today", "yesterday" or "3d" as the start of that day in UTC.

    With `end`, the start of the day after. Raises RequestRefused.
    """
    if text is None:
        return None
    try:
        day = _find_day(text.strip().lower(), now)
        return day + timedelta(days=1) if end else day
    except (ValueError, OverflowError):
        raise InvalidOption(
            "{option}: write a day such as 2026-11-01, today, yesterday, or 3d for three days ago.",
            {"option": name},
        ) from None


def _find_day(text: str, now: datetime) -> datetime:
    """Parse a day. Raises ValueError or OverflowError."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if text == "today":
        return today
    if text == "yesterday":
        return today - timedelta(days=1)
    if match := _DAYS_AGO.fullmatch(text):
        return today - timedelta(days=int(match[1]))
    return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)


def _check(name: str, attachment: discord.Attachment, family: str | None) -> None:
    """Check the declared properties; the core verifies the bytes."""
    limit = MAX_MEDIA_BYTES if family else MAX_INPUT_BYTES
    _check_size_and_place(name, attachment, limit)
    kind = (attachment.content_type or "").partition(";")[0]
    if family and kind and not kind.startswith(f"{family}/"):
        raise _refused(name, "Files of type {type} don't work here. Attach another one.", type=kind)
    if not family and kind and kind not in PICTURE_TYPES:
        raise _refused(
            name, "Files of type {type} don't work. Attach a PNG, JPEG or WebP.", type=kind
        )


def _check_size_and_place(name: str, attachment: discord.Attachment, limit: int) -> None:
    if attachment.size > limit:
        raise _refused(
            name,
            "The file is too large ({size}, limit {limit}).",
            size=mebibytes(attachment.size),
            limit=mebibytes(limit),
        )
    if urlsplit(attachment.url).netloc not in attachment_hosts():
        raise _refused(name, "The file isn't on Discord. Attach it again.")


async def _download(name: str, attachment: discord.Attachment) -> bytes:
    try:
        async with asyncio.timeout(DOWNLOAD_TIMEOUT_S):
            content = await attachment.read()
    except (discord.HTTPException, *NETWORK_ERRORS) as error:
        raise _refused(name, "Couldn't get the file from Discord. Attach it again.") from error
    if len(content) > max(attachment.size, MAX_INPUT_BYTES):
        raise _refused(name, "The file is larger than Discord said. Make it smaller.")
    return content


def _refused(name: str, template: str, **facts: str) -> RequestRefused:
    return InvalidAttachment(template, {"option": name, **facts})
