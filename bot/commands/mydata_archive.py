"""The archive of `/mydata export`: JSON Lines, an HTML page, and the pictures."""

import asyncio
import html
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC
from typing import IO
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

from bot.i18n.language import _, spoken
from bot.replies.packing import find_extension
from bot.services import Services
from bot.ui.generations import state_name
from generation.marking.marker import MARK_BYTES
from generation.record import Generation, Output

LISTED = 1_000
"""Generations on the page, which a browser renders at once; the lines have all of them."""

ENTRY_BYTES = 1_024
"""Upper bound of a page's entry and a file's entry in the archive's index, compressed."""

PAGE_BYTES = 16 * 1_024
"""Upper bound of the rest of the page and the archive."""

_STYLE = (
    "body{font:16px sans-serif;max-width:60em;margin:2em auto;padding:0 1em}"
    "article{border-top:1px solid #ccc;padding:1em 0}img{max-width:16em;max-height:16em}"
    "small{color:#666}pre{white-space:pre-wrap}"
)


_SCRIPT = (
    "for(const time of document.querySelectorAll('time'))time.textContent=new Date(time.dateTime)"
    ".toLocaleString(document.documentElement.lang,{dateStyle:'medium',timeStyle:'short'})"
)
"""Shows times in the reader's language and time zone."""


class TooMuch(Exception):
    """The JSON lines alone exceed the limit."""


@dataclass(slots=True)
class _Page:
    """The page's entries so far, and the bytes left for pictures."""

    bytes_left: int
    entries: list[str] = field(default_factory=list)


class Archive:
    """Writes one person's archive of at most `limit` bytes into a file.

    The newest pictures come first; for those that do not fit the page links to their message.
    """

    def __init__(self, services: Services, user_id: int, limit: int) -> None:
        self._services = services
        self._user_id = user_id
        self._limit = limit

    async def write(self, file: IO[bytes]) -> None:
        """Write it. Raises TooMuch, ServiceUnavailable."""
        with ZipFile(file, "w", ZIP_DEFLATED) as archive:
            with archive.open("data.jsonl", "w") as lines:
                async for line in self._services.personal.export(self._user_id):
                    await asyncio.to_thread(lines.write, line.encode())
                    if file.tell() > self._limit:
                        raise TooMuch
            page = _Page(self._limit - file.tell() - PAGE_BYTES)
            async for generation in self._newest():
                await self._add(archive, page, generation)
            archive.writestr("index.html", _render(page))
        if file.tell() > self._limit:
            raise TooMuch

    async def _newest(self) -> AsyncIterator[Generation]:
        left = LISTED
        async for generation in self._services.personal.generations(self._user_id):
            if not left:
                return
            left -= 1
            yield generation

    async def _add(self, archive: ZipFile, page: _Page, generation: Generation) -> None:
        kept = await self._services.generations.contents(generation.id)
        originals = {one.output.position: one.content for one in kept}
        shown = []
        page.bytes_left -= ENTRY_BYTES
        for output in generation.outputs:
            content = originals.get(output.position)
            name = f"pictures/{generation.id}-{output.position + 1}.{find_extension(output)}"
            if content is None and output.thumbnail is not None:
                content = output.thumbnail
                name = f"pictures/{generation.id}-{output.position + 1}-small.jpg"
            if output.text is not None:
                shown.append(f"<pre>{html.escape(output.text)}</pre>")
                continue
            if content is None or len(content) + MARK_BYTES + ENTRY_BYTES > page.bytes_left:
                shown.append(_missing(generation))
                continue
            marked = await self._services.marker.mark(content, name, generation)
            await asyncio.to_thread(archive.writestr, name, marked, ZIP_STORED)
            page.bytes_left -= len(marked) + ENTRY_BYTES
            shown.append(_link(name, output))
        page.entries.append(_entry(generation, shown))


def _link(name: str, output: Output) -> str:
    if output.media_type.startswith("image/"):
        return f'<a href="{name}"><img src="{name}" alt=""></a>'
    return f'<a href="{name}">{html.escape(name.rpartition("/")[2])}</a>'


def _missing(generation: Generation) -> str:
    """Return the replacement of a file that is not in the archive."""
    if generation.message_url is None or generation.is_deleted:
        return html.escape(_("No longer stored."))
    said = html.escape(_("Not in this archive: see its message"))
    return f'<a href="{html.escape(generation.message_url)}">{said}</a>'


def _entry(generation: Generation, shown: list[str]) -> str:
    created = generation.created_at.astimezone(UTC)
    when = f'<time datetime="{created.isoformat()}">{created:%Y-%m-%d %H:%M} UTC</time>'
    facts = " · ".join(("", generation.workflow, state_name(generation.state), generation.id))
    prompt = html.escape(generation.prompt)
    results, small = " ".join(shown), f"{when}{html.escape(facts)}"
    return f"<article><p>{prompt}</p><p>{results}</p><small>{small}</small></article>"


def _render(page: _Page) -> str:
    title = html.escape(_("Your data"))
    lead = _("All that is stored of you is in data.jsonl. This page shows your newest results.")
    head = f'<meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
    return (
        f'<!doctype html><html lang="{html.escape(spoken())}"><head>{head}</head><body>'
        f"<h1>{title}</h1><p>{html.escape(lead)}</p>{''.join(page.entries)}"
        f"<script>{_SCRIPT}</script></body></html>"
    )
