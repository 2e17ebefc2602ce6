"""Buttons, select menus and modals: their limits, and finding one in a message."""

import enum
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
    TEXT_DISPLAY = 10
    LABEL = 18


LINK_STYLE: Final = 5
BUTTON_STYLES: Final = range(1, 6)


def check_components(form: Form, components: object) -> tuple[JsonObject, ...]:
    """Return a message's rows as they are stored, collecting all errors in the form."""
    seen: set[str] = set()
    rows = [
        _check_row(form, f"components.{index}", form.mapping(f"components.{index}", row), seen)
        for index, row in enumerate(form.items("components", components, limits.ROWS))
    ]
    return tuple(_numbered(rows))


def check_modal(form: Form, modal: JsonObject) -> JsonObject:
    """Return a modal as it is stored, collecting all errors in the form."""
    form.text("title", modal.get("title"), limits.MODAL_TITLE, shortest=1)
    form.text("custom_id", modal.get("custom_id"), limits.CUSTOM_ID, shortest=1)
    seen: set[str] = set()
    listed = form.items("components", modal.get("components"), limits.MODAL_ITEMS, fewest=1)
    for index, raw in enumerate(listed):
        place = f"components.{index}"
        _check_modal_item(form, place, form.mapping(place, raw), seen)
    return {key: modal.get(key) for key in ("title", "custom_id", "components")}


def interactive(rows: Iterable[JsonObject]) -> Iterator[JsonObject]:
    """Yield the buttons, menus and inputs in rows, labels and the like."""
    for row in rows:
        if "component" in row:
            yield row["component"]
        yield from row.get("components", ())


def _check_row(form: Form, path: str, row: JsonObject, seen: set[str]) -> JsonObject:
    if row.get("type") != ComponentKind.ROW:
        form.wrong(f"{path}.type", "BASE_TYPE_CHOICES", "Value must be one of (1,).")
        return row
    held = form.items(f"{path}.components", row.get("components"), limits.ROW_BUTTONS, fewest=1)
    parts = [form.mapping(f"{path}.components.{index}", part) for index, part in enumerate(held)]
    kinds = [part.get("type") for part in parts]
    if ComponentKind.SELECT in kinds and len(kinds) > 1:
        sentence = "A row holds up to five buttons or one select menu."
        form.wrong(f"{path}.components", "COMPONENT_LAYOUT_WIDTH_EXCEEDED", sentence)
    for index, part in enumerate(parts):
        _check_part(form, f"{path}.components.{index}", part, seen)
    kept = [_defaults(part) | _present(part) for part in parts]
    return {"type": int(ComponentKind.ROW), "components": kept}


def _defaults(part: JsonObject) -> JsonObject:
    return {"min_values": 1, "max_values": 1} if part.get("type") == ComponentKind.SELECT else {}


def _present(part: JsonObject) -> JsonObject:
    return {key: value for key, value in part.items() if value is not None}


def _check_part(form: Form, path: str, part: JsonObject, seen: set[str]) -> None:
    match part.get("type"):
        case ComponentKind.BUTTON:
            _check_button(form, path, part, seen)
        case ComponentKind.SELECT:
            _check_custom_id(form, path, part, seen)
            _check_select(form, path, part)
        case unknown:
            sentence = f"The stand-in knows no message component of type {unknown}."
            form.wrong(f"{path}.type", "BASE_TYPE_CHOICES", sentence)


def _check_button(form: Form, path: str, button: JsonObject, seen: set[str]) -> None:
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
    _check_custom_id(form, path, button, seen)


def _check_emoji(form: Form, path: str, emoji: object) -> None:
    fields = form.mapping(path, emoji)
    name = fields.get("name")
    plain = isinstance(name, str) and name != "" and not name.isascii()
    if fields.get("id") is None and not plain:
        form.wrong(f"{path}.name", "BUTTON_COMPONENT_INVALID_EMOJI", "Invalid emoji")


def _check_custom_id(form: Form, path: str, part: JsonObject, seen: set[str]) -> None:
    custom_id = part.get("custom_id")
    if not form.text(f"{path}.custom_id", custom_id, limits.CUSTOM_ID, shortest=1):
        return
    if custom_id in seen:
        sentence = "Component custom id cannot be duplicated"
        form.wrong(f"{path}.custom_id", "COMPONENT_CUSTOM_ID_DUPLICATED", sentence)
    seen.add(str(custom_id))


def _check_select(form: Form, path: str, select: JsonObject) -> None:
    form.text(f"{path}.placeholder", select.get("placeholder"), limits.SELECT_PLACEHOLDER)
    listed = form.items(f"{path}.options", select.get("options"), limits.SELECT_OPTIONS, fewest=1)
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
    least, most = select.get("min_values", 1), select.get("max_values", 1)
    if not (0 <= least <= limits.SELECT_OPTIONS and 1 <= most <= limits.SELECT_OPTIONS):
        form.wrong(path, "NUMBER_TYPE_MAX", "min_values is 0 to 25 and max_values 1 to 25.")


def _check_modal_item(form: Form, path: str, item: JsonObject, seen: set[str]) -> None:
    match item.get("type"):
        case ComponentKind.TEXT_DISPLAY:
            form.text(f"{path}.content", item.get("content"), limits.TEXT_INPUT, shortest=1)
        case ComponentKind.LABEL:
            form.text(f"{path}.label", item.get("label"), limits.MODAL_LABEL, shortest=1)
            form.text(f"{path}.description", item.get("description"), limits.SELECT_TEXT)
            inner = form.mapping(f"{path}.component", item.get("component"))
            _check_modal_input(form, f"{path}.component", inner, seen)
        case ComponentKind.ROW:
            held = form.items(f"{path}.components", item.get("components"), 1, fewest=1)
            for raw in held:
                inner = form.mapping(f"{path}.components.0", raw)
                label = inner.get("label")
                form.text(f"{path}.components.0.label", label, limits.MODAL_LABEL, shortest=1)
                _check_modal_input(form, f"{path}.components.0", inner, seen)
        case unknown:
            sentence = f"The stand-in knows no modal component of type {unknown}."
            form.wrong(f"{path}.type", "BASE_TYPE_CHOICES", sentence)


def _check_modal_input(form: Form, path: str, inner: JsonObject, seen: set[str]) -> None:
    _check_custom_id(form, path, inner, seen)
    # discord.py always says that it is not.
    if inner.get("disabled"):
        form.wrong(f"{path}.disabled", "BASE_TYPE_CHOICES", "Not permitted in a modal.")
    if inner.get("type") == ComponentKind.SELECT:
        _check_select(form, path, inner)
    elif inner.get("type") == ComponentKind.TEXT_INPUT:
        form.text(f"{path}.value", inner.get("value"), limits.TEXT_INPUT)
        form.text(f"{path}.placeholder", inner.get("placeholder"), limits.SELECT_TEXT)
    else:
        sentence = f"The stand-in knows no modal input of type {inner.get('type')}."
        form.wrong(f"{path}.type", "BASE_TYPE_CHOICES", sentence)


def _numbered(rows: list[JsonObject]) -> Iterator[JsonObject]:
    """Yield rows with the ids that Discord gives to components without one."""
    number = 1
    for row in rows:
        numbered_row = {"id": number, **row}
        number += 1
        parts = []
        for part in row.get("components", ()):
            parts.append({"id": number, **part})
            number += 1
        yield {**numbered_row, "components": parts}
