"""What tests read in messages of the bot."""

import re
from typing import Any

from discord import ui

from sandbox.discord_api.model.components import interactive, walk
from sandbox.discord_api.model.forms import Form
from sandbox.discord_api.model.layouts import check_layout as check_components
from sandbox.discord_api.values import JsonObject, MessageFlag
from sandbox.people import Person, Reply, files_of
from tests.support.openapi import Checker

PATIENCE_S = 60

_ID = re.compile(r"(?:gm?|r):([a-z0-9]+):")


def labels_of(message: JsonObject) -> list[str]:
    """Return the labels of a message's buttons, or their emoji where they have none."""
    parts = interactive(message["components"])
    return [part.get("label") or (part.get("emoji") or {}).get("name", "") for part in parts]


def choices_of(message: JsonObject) -> list[str]:
    """Return the values that the menu of a message offers."""
    menus = (part for part in interactive(message["components"]) if part.get("options"))
    return [option["value"] for option in next(menus)["options"]]


def is_answered(message: JsonObject) -> bool:
    """Whether a message says something by now."""
    return not message["flags"] & MessageFlag.LOADING


def is_done(message: JsonObject) -> bool:
    """Whether a message shows results."""
    return bool(files_of(message)) and "Cancel" not in labels_of(message)


def id_of(message: JsonObject) -> str:
    """Return the id of the generation that a message's buttons belong to."""
    for part in interactive(message["components"]):
        match = _ID.match(part.get("custom_id", ""))
        if match is not None:
            return match[1]
    raise AssertionError(message)


async def press_more(person: Person, message: JsonObject, label: str) -> Reply:
    """Open the panel of a result and press one of its buttons."""
    opened = await person.click(message, "⋯")
    return await person.click(await opened.until(is_answered, PATIENCE_S), label)


def texts_of(view: ui.LayoutView) -> list[str]:
    """Return the texts of a message that is to be sent."""
    return [item.content for item in view.walk_children() if isinstance(item, ui.TextDisplay)]


def check_layout(view: ui.LayoutView) -> None:
    """Refuse a message that is to be sent as Discord does, and as its document says."""
    form, checker = Form(), Checker()
    components: list[JsonObject] = view.to_components()  # type: ignore[no-untyped-call]
    check_components(form, components)
    form.refuse_if_wrong()
    checker.check("POST", "/channels/1/messages", {"components": components})
    assert checker.problems == []


def said(message: Any) -> str:
    """Return all that a message says which simcord gives, with raw components."""
    parts = walk(message.components)
    return "\n".join([message.content or "", *(part.get("content", "") for part in parts)])
