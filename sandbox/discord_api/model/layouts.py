"""Messages of layout components ("Components V2"): their limits, and the files they show.

Sources: https://docs.discord.com/developers/components/reference and Discord's OpenAPI description.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from sandbox.discord_api import limits
from sandbox.discord_api.model.components import (
    ComponentKind,
    check_button,
    check_row,
    numbered,
    present,
    walk,
)
from sandbox.discord_api.model.embeds import ATTACHMENT_SCHEME, KNOWN_URL
from sandbox.discord_api.model.forms import Form
from sandbox.discord_api.values import JsonObject


def check_layout(form: Form, components: object) -> tuple[JsonObject, ...]:
    """Return a message's layout as it is stored, collecting all errors in the form."""
    seen: set[str] = set()
    held = form.items("components", components, limits.LAYOUT_COMPONENTS)
    kept = _check_all(form, "components", held, _CHECKS, seen)
    parts = list(walk(kept))
    if len(parts) > limits.LAYOUT_COMPONENTS:
        sentence = f"A message has at most {limits.LAYOUT_COMPONENTS} components, nested included."
        form.wrong("components", "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED", sentence)
    if sum(len(str(part.get("content") or "")) for part in parts) > limits.LAYOUT_TEXT:
        sentence = f"The texts of a message have at most {limits.LAYOUT_TEXT} characters together."
        form.wrong("components", "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED", sentence)
    return numbered(kept)


def map_media(
    components: Iterable[JsonObject], change: Callable[[JsonObject], JsonObject]
) -> tuple[JsonObject, ...]:
    """Return components with each description of a shown file, such as `media`, changed."""

    def visit(component: JsonObject) -> JsonObject:
        fresh = dict(component)
        for key in ("media", "file"):
            if key in component:
                fresh[key] = change(component[key])
        for key in ("components", "items"):
            if key in component:
                fresh[key] = [visit(part) for part in component[key]]
        if "accessory" in component:
            fresh["accessory"] = visit(component["accessory"])
        return fresh

    return tuple(map(visit, components))


def shown_names(components: Iterable[JsonObject]) -> Iterator[str]:
    """Yield the names of the uploaded files that components refer to."""
    for component in walk(components):
        for shown in (component, *component.get("items", ())):
            for media in (shown.get("media"), shown.get("file")):
                address = (media or {}).get("url") or ""
                if address.startswith(ATTACHMENT_SCHEME):
                    yield address.removeprefix(ATTACHMENT_SCHEME)


def texts_of(components: Iterable[JsonObject]) -> str:
    """Return everything that text components say."""
    return "\n".join(
        part["content"] for part in walk(components) if part["type"] == ComponentKind.TEXT_DISPLAY
    )


_Check = Callable[[Form, str, JsonObject, set[str]], JsonObject]


def _check_all(
    form: Form,
    path: str,
    held: Iterable[object],
    known: Mapping[Any, _Check],
    seen: set[str],
) -> list[JsonObject]:
    kept = []
    for index, raw in enumerate(held):
        place = f"{path}.{index}"
        component = form.mapping(place, raw)
        check = known.get(component.get("type"))
        if check is None:
            numbers = ", ".join(str(int(kind)) for kind in known)
            sentence = f"Value must be one of ({numbers})."
            form.wrong(f"{place}.type", "BASE_TYPE_CHOICES", sentence)
        else:
            kept.append(check(form, place, component, seen))
    return kept


def _check_container(form: Form, path: str, container: JsonObject, seen: set[str]) -> JsonObject:
    most = limits.LAYOUT_COMPONENTS
    held = form.items(f"{path}.components", container.get("components"), most, fewest=1)
    kept = _check_all(form, f"{path}.components", held, _CHECKS_IN_CONTAINER, seen)
    return {"spoiler": False, **present(container), "components": kept}


def _check_section(form: Form, path: str, section: JsonObject, seen: set[str]) -> JsonObject:
    most = limits.SECTION_TEXTS
    held = form.items(f"{path}.components", section.get("components"), most, fewest=1)
    texts = _check_all(
        form, f"{path}.components", held, {ComponentKind.TEXT_DISPLAY: _check_text}, seen
    )
    accessory = [section.get("accessory")]
    kept = _check_all(form, f"{path}.accessory", accessory, _ACCESSORIES, seen)
    return {**present(section), "components": texts, "accessory": kept[0] if kept else {}}


def _check_text(form: Form, path: str, text: JsonObject, _seen: set[str]) -> JsonObject:
    form.text(f"{path}.content", text.get("content"), limits.LAYOUT_TEXT, shortest=1)
    return present(text)


def _check_button(form: Form, path: str, button: JsonObject, seen: set[str]) -> JsonObject:
    check_button(form, path, button, seen)
    return present(button)


def _check_thumbnail(form: Form, path: str, thumbnail: JsonObject, _seen: set[str]) -> JsonObject:
    _check_shown(form, path, thumbnail)
    return {"spoiler": False, **present(thumbnail)}


def _check_gallery(form: Form, path: str, gallery: JsonObject, _seen: set[str]) -> JsonObject:
    items = form.items(f"{path}.items", gallery.get("items"), limits.GALLERY_ITEMS, fewest=1)
    kept = []
    for index, raw in enumerate(items):
        item = form.mapping(f"{path}.items.{index}", raw)
        _check_shown(form, f"{path}.items.{index}", item)
        kept.append({"spoiler": False, **present(item)})
    return {**present(gallery), "items": kept}


def _check_file(form: Form, path: str, file: JsonObject, _seen: set[str]) -> JsonObject:
    address = form.mapping(f"{path}.file", file.get("file")).get("url")
    if not str(address or "").startswith(ATTACHMENT_SCHEME):
        sentence = "A file component refers to an upload as attachment://name."
        form.wrong(f"{path}.file.url", "UNFURLED_MEDIA_ITEM_NOT_AN_ATTACHMENT", sentence)
    return {"spoiler": False, **present(file)}


def _check_separator(_form: Form, _path: str, separator: JsonObject, _seen: set[str]) -> JsonObject:
    return {"divider": True, "spacing": 1, **present(separator)}


def _check_shown(form: Form, path: str, shown: JsonObject) -> None:
    form.text(f"{path}.description", shown.get("description"), limits.FILE_DESCRIPTION)
    address = form.mapping(f"{path}.media", shown.get("media")).get("url")
    place = f"{path}.media.url"
    if form.text(place, address, limits.EMBED_URL, shortest=1) and not KNOWN_URL.match(
        str(address)
    ):
        sentence = "Scheme must be one of ('http', 'https', 'attachment')."
        form.wrong(place, "URL_TYPE_INVALID_SCHEME", sentence)


_CHECKS_IN_CONTAINER: Final[Mapping[Any, _Check]] = {
    ComponentKind.ROW: check_row,
    ComponentKind.SECTION: _check_section,
    ComponentKind.TEXT_DISPLAY: _check_text,
    ComponentKind.MEDIA_GALLERY: _check_gallery,
    ComponentKind.FILE: _check_file,
    ComponentKind.SEPARATOR: _check_separator,
}
_CHECKS: Final[Mapping[Any, _Check]] = {
    **_CHECKS_IN_CONTAINER,
    ComponentKind.CONTAINER: _check_container,
}
_ACCESSORIES: Final[Mapping[Any, _Check]] = {
    ComponentKind.BUTTON: _check_button,
    ComponentKind.THUMBNAIL: _check_thumbnail,
}
