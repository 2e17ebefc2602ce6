"""Buttons and select menus: their limits, and finding one in a message or modal."""

import enum
import itertools
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final

from sandbox.discord_api import limits
from sandbox.discord_api.model.forms import Form
from sandbox.discord_api.values import JsonObject


class ComponentKind(enum.IntEnum):
    """The components the stand-in knows."""

    ROW = 1
    BUTTON = 2
    SELECT = 3
    TEXT_INPUT = 4
    USER_SELECT = 5
    ROLE_SELECT = 6
    MENTIONABLE_SELECT = 7
    CHANNEL_SELECT = 8
    SECTION = 9
    TEXT_DISPLAY = 10
    THUMBNAIL = 11
    MEDIA_GALLERY = 12
    FILE = 13
    SEPARATOR = 14
    CONTAINER = 17
    LABEL = 18
    FILE_UPLOAD = 19
    RADIO_GROUP = 21
    CHECKBOX_GROUP = 22
    CHECKBOX = 23


AUTOMATIC_SELECTS: Final = (
    ComponentKind.USER_SELECT,
    ComponentKind.ROLE_SELECT,
    ComponentKind.MENTIONABLE_SELECT,
    ComponentKind.CHANNEL_SELECT,
)
"""Menus whose entries are the guild's people, roles or channels."""

SELECTS: Final = (ComponentKind.SELECT, *AUTOMATIC_SELECTS)

LINK_STYLE: Final = 5
BUTTON_STYLES: Final = range(1, 6)


def check_components(form: Form, components: object) -> tuple[JsonObject, ...]:
    """Return the rows of a message without layout components, as they are stored."""
    seen: set[str] = set()
    rows = []
    for index, raw in enumerate(form.items("components", components, limits.ROWS)):
        path = f"components.{index}"
        row = form.mapping(path, raw)
        if row.get("type") == ComponentKind.ROW:
            rows.append(check_row(form, path, row, seen))
        else:
            form.wrong(f"{path}.type", "BASE_TYPE_CHOICES", "Value must be one of (1,).")
    return numbered(rows)


def walk(components: Iterable[JsonObject]) -> Iterator[JsonObject]:
    """Yield components and all that are nested in them, in the order that people see them."""
    for component in components:
        yield component
        yield from walk(component.get("components") or ())
        yield from walk(component[key] for key in ("accessory", "component") if component.get(key))


def interactive(components: Iterable[JsonObject]) -> Iterator[JsonObject]:
    """Yield the buttons, menus and inputs, links included."""
    return (part for part in walk(components) if "custom_id" in part or "url" in part)


def numbered(components: Iterable[JsonObject]) -> tuple[JsonObject, ...]:
    """Return components with the ids that Discord gives to those without one."""
    count = itertools.count(1)

    def number(component: JsonObject) -> JsonObject:
        fresh = {"id": next(count), **component}
        if "components" in component:
            fresh["components"] = [number(part) for part in component["components"]]
        if "accessory" in component:
            fresh["accessory"] = number(component["accessory"])
        return fresh

    return tuple(map(number, components))


def check_row(form: Form, path: str, row: JsonObject, seen: set[str]) -> JsonObject:
    """Return a row of buttons, or of one menu, as it is stored; `seen` holds the custom ids."""
    held = form.items(f"{path}.components", row.get("components"), limits.ROW_BUTTONS, fewest=1)
    parts = [form.mapping(f"{path}.components.{index}", part) for index, part in enumerate(held)]
    if len(parts) > 1 and any(part.get("type") in SELECTS for part in parts):
        sentence = "A row holds up to five buttons or one select menu."
        form.wrong(f"{path}.components", "COMPONENT_LAYOUT_WIDTH_EXCEEDED", sentence)
    for index, part in enumerate(parts):
        _check_part(form, f"{path}.components.{index}", part, seen)
    kept = [_defaults(part) | present(part) for part in parts]
    return {"type": int(ComponentKind.ROW), "components": kept}


def _defaults(part: JsonObject) -> JsonObject:
    return {"min_values": 1, "max_values": 1} if part.get("type") in SELECTS else {}


def present(part: JsonObject) -> JsonObject:
    """Return a component without its empty fields."""
    return {key: value for key, value in part.items() if value is not None}


def _check_part(form: Form, path: str, part: JsonObject, seen: set[str]) -> None:
    if part.get("type") == ComponentKind.BUTTON:
        check_button(form, path, part, seen)
    elif part.get("type") in SELECTS:
        check_custom_id(form, path, part, seen)
        check_select(form, path, part)
    else:
        sentence = f"The stand-in knows no part of a row of type {part.get('type')}."
        form.wrong(f"{path}.type", "BASE_TYPE_CHOICES", sentence)


def check_button(form: Form, path: str, button: JsonObject, seen: set[str]) -> None:
    """Note what is wrong with a button."""
    label, emoji = button.get("label"), button.get("emoji")
    form.text(f"{path}.label", label, limits.LABEL)
    if not label and not emoji:
        sentence = "A button needs a label or an emoji."
        form.wrong(path, "BUTTON_COMPONENT_INVALID", sentence)
    if button.get("style") not in BUTTON_STYLES:
        form.wrong(f"{path}.style", "BASE_TYPE_CHOICES", "Value must be one of (1, 2, 3, 4, 5).")
    if emoji is not None:
        _check_emoji(form, f"{path}.emoji", emoji)
    if button.get("style") == LINK_STYLE:
        form.text(f"{path}.url", button.get("url"), limits.BUTTON_URL, shortest=1)
        if button.get("custom_id") is not None:
            sentence = "A custom id and url cannot both be specified"
            form.wrong(path, "BUTTON_COMPONENT_CUSTOM_ID_AND_URL", sentence)
        return
    check_custom_id(form, path, button, seen)


def _check_emoji(form: Form, path: str, emoji: object) -> None:
    fields = form.mapping(path, emoji)
    name = fields.get("name")
    # Every emoji has a character of the category "other symbols"; other symbols are refused.
    plain = isinstance(name, str) and any(unicodedata.category(one) == "So" for one in name)
    if fields.get("id") is None and not plain:
        form.wrong(f"{path}.name", "BUTTON_COMPONENT_INVALID_EMOJI", "Invalid emoji")


def check_custom_id(form: Form, path: str, part: JsonObject, seen: set[str]) -> None:
    """Note a custom id that is missing, too long or there already."""
    custom_id = part.get("custom_id")
    if not form.text(f"{path}.custom_id", custom_id, limits.CUSTOM_ID, shortest=1):
        return
    if custom_id in seen:
        sentence = "Component custom id cannot be duplicated"
        form.wrong(f"{path}.custom_id", "COMPONENT_CUSTOM_ID_DUPLICATED", sentence)
    seen.add(str(custom_id))


def check_select(form: Form, path: str, select: JsonObject) -> None:
    """Note what is wrong with a menu."""
    form.text(f"{path}.placeholder", select.get("placeholder"), limits.SELECT_PLACEHOLDER)
    if select.get("type") == ComponentKind.SELECT:
        check_options(form, path, select, limits.SELECT_OPTIONS)
    check_counts(form, path, select, limits.SELECT_OPTIONS)


def check_options(form: Form, path: str, part: JsonObject, most: int, *, fewest: int = 1) -> None:
    """Note what is wrong with the entries of a menu or group."""
    listed = form.items(f"{path}.options", part.get("options"), most, fewest=fewest)
    values = []
    for index, raw in enumerate(listed):
        place = f"{path}.options.{index}"
        option = form.mapping(place, raw)
        form.text(f"{place}.label", option.get("label"), limits.SELECT_TEXT, shortest=1)
        form.text(f"{place}.value", option.get("value"), limits.SELECT_TEXT, shortest=1)
        form.text(f"{place}.description", option.get("description"), limits.SELECT_TEXT)
        values.append(option.get("value"))
    if len(set(values)) != len(values):
        sentence = "The specified option value is already used"
        form.wrong(f"{path}.options", "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", sentence)


def check_counts(form: Form, path: str, part: JsonObject, most: int) -> None:
    """Note numbers of values that cannot be chosen."""
    fewest, largest = part.get("min_values"), part.get("max_values")
    fewest = 1 if fewest is None else fewest
    if not (0 <= fewest <= most and 1 <= (1 if largest is None else largest) <= most):
        sentence = f"min_values is 0 to {most} and max_values 1 to {most}."
        form.wrong(path, "NUMBER_TYPE_MAX", sentence)
