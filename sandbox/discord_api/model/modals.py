"""Modals: the limits of their labels and inputs."""

from typing import Final

from sandbox.discord_api import limits
from sandbox.discord_api.model.components import (
    SELECTS,
    ComponentKind,
    check_counts,
    check_custom_id,
    check_options,
    check_select,
)
from sandbox.discord_api.model.forms import Form
from sandbox.discord_api.values import JsonObject

_GROUPS: Final = {ComponentKind.RADIO_GROUP: 2, ComponentKind.CHECKBOX_GROUP: 1}
"""Groups of boxes, and the fewest that one has."""


def check_modal(form: Form, modal: JsonObject) -> JsonObject:
    """Return a modal as it is stored, collecting all errors in the form."""
    form.text("title", modal.get("title"), limits.MODAL_TITLE, shortest=1)
    form.text("custom_id", modal.get("custom_id"), limits.CUSTOM_ID, shortest=1)
    seen: set[str] = set()
    listed = form.items("components", modal.get("components"), limits.MODAL_ITEMS, fewest=1)
    for index, raw in enumerate(listed):
        place = f"components.{index}"
        _check_item(form, place, form.mapping(place, raw), seen)
    return {key: modal.get(key) for key in ("title", "custom_id", "components")}


def _check_item(form: Form, path: str, item: JsonObject, seen: set[str]) -> None:
    match item.get("type"):
        case ComponentKind.TEXT_DISPLAY:
            form.text(f"{path}.content", item.get("content"), limits.TEXT_INPUT, shortest=1)
        case ComponentKind.LABEL:
            form.text(f"{path}.label", item.get("label"), limits.MODAL_LABEL, shortest=1)
            form.text(f"{path}.description", item.get("description"), limits.SELECT_TEXT)
            inner = form.mapping(f"{path}.component", item.get("component"))
            _check_input(form, f"{path}.component", inner, seen)
        case ComponentKind.ROW:
            held = form.items(f"{path}.components", item.get("components"), 1, fewest=1)
            for raw in held:
                inner = form.mapping(f"{path}.components.0", raw)
                label = inner.get("label")
                form.text(f"{path}.components.0.label", label, limits.MODAL_LABEL, shortest=1)
                _check_input(form, f"{path}.components.0", inner, seen)
        case unknown:
            sentence = f"The stand-in knows no modal component of type {unknown}."
            form.wrong(f"{path}.type", "BASE_TYPE_CHOICES", sentence)


def _check_input(form: Form, path: str, inner: JsonObject, seen: set[str]) -> None:
    check_custom_id(form, path, inner, seen)
    # discord.py always says that it is not.
    if inner.get("disabled"):
        form.wrong(f"{path}.disabled", "BASE_TYPE_CHOICES", "Not permitted in a modal.")
    kind = inner.get("type")
    if kind in SELECTS:
        check_select(form, path, inner)
    elif kind in _GROUPS:
        check_options(form, path, inner, limits.GROUP_OPTIONS, fewest=_GROUPS[kind])
        check_counts(form, path, inner, limits.GROUP_OPTIONS)
    elif kind == ComponentKind.FILE_UPLOAD:
        check_counts(form, path, inner, limits.FILES)
    elif kind == ComponentKind.TEXT_INPUT:
        form.text(f"{path}.value", inner.get("value"), limits.TEXT_INPUT)
        form.text(f"{path}.placeholder", inner.get("placeholder"), limits.SELECT_TEXT)
    elif kind != ComponentKind.CHECKBOX:
        sentence = f"The stand-in knows no modal input of type {kind}."
        form.wrong(f"{path}.type", "BASE_TYPE_CHOICES", sentence)
