"""Messages of layout components: cards, texts and rows of buttons."""

from collections.abc import Iterable, Sequence
from typing import Any

import discord
from discord import ui

from bot.ui.limits import LAYOUT_CHARACTERS
from bot.ui.text import lines_within

GREY = discord.Colour(0x80848E)
"""Waiting, or ended without a result."""

BLURPLE = discord.Colour.blurple()
"""Running, or a setting."""

AMBER = discord.Colour(0xF0B232)
"""Somebody has to act."""

RED = discord.Colour(0xDA373C)
"""Failed, or impossible."""

GREEN = discord.Colour(0x248046)
"""Ready."""

Item = ui.Item[ui.LayoutView]


def build_layout(*items: Item | None) -> ui.LayoutView:
    """Build a message of these components, leaving out None."""
    view = ui.LayoutView(timeout=None)
    for item in items:
        if item is not None:
            view.add_item(item)
    # Persistent items are dispatched by their ids. A view that is not stopped would stay in
    # discord.py's view store for every message sent.
    view.stop()
    return view


def card(colour: discord.Colour | None, *items: Item | None) -> Item:
    """Build a container with a coloured edge."""
    return ui.Container(*(item for item in items if item is not None), accent_colour=colour)


def text(*lines: str, most: int = LAYOUT_CHARACTERS) -> Item | None:
    """Build a text of as many whole lines as fit, leaving out empty ones; None if all are."""
    joined = lines_within([line for line in lines if line], most)
    return ui.TextDisplay(joined) if joined else None


def small(*parts: str) -> str:
    """Format a line of small print, its parts separated by dots; empty without any."""
    joined = " · ".join(part for part in parts if part)
    return f"-# {joined}" if joined else ""


def row(*items: ui.Item[Any]) -> Item | None:
    """Build a row of up to five buttons or one menu; None without any."""
    return ui.ActionRow(*items) if items else None


def section(accessory: ui.Item[Any], *lines: str) -> Item:
    """Build a text with a button or a thumbnail beside it."""
    return ui.Section(
        ui.TextDisplay("\n".join(line for line in lines if line)), accessory=accessory
    )


def gallery(*files: discord.File) -> Item | None:
    """Build a gallery of pictures sent with the message; None without any."""
    if not files:
        return None
    return ui.MediaGallery(
        *(discord.MediaGalleryItem(file, description=file.description) for file in files)
    )


def panel(
    title: str,
    lines: Iterable[str] = (),
    *items: Item | None,
    colour: discord.Colour | None = BLURPLE,
    footer: str = "",
    rows: Sequence[Item | None] = (),
) -> ui.LayoutView:
    """Build a card with a title, lines of text, further components, small print and buttons."""
    reserve = len(title) + len(footer) + len("### \n-# ")
    heading = f"### {title}" if title else ""
    body = text(heading, *lines, most=LAYOUT_CHARACTERS - reserve)
    return build_layout(card(colour, body, *items, text(small(footer)), *rows))
