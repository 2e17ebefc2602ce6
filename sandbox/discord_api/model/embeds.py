"""Embeds: their limits, and the files they show."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from sandbox.discord_api import limits
from sandbox.discord_api.model.forms import Form
from sandbox.discord_api.values import JsonObject

ATTACHMENT_SCHEME: Final = "attachment://"
SHOWN_SUFFIXES: Final = (".png", ".jpg", ".jpeg", ".webp", ".gif")
"""Suffixes of attached files that an embed can show."""
KNOWN_URL = re.compile(r"^(https?|attachment)://\S+$")
_PICTURES: Final = (("image", "url"), ("thumbnail", "url"), ("author", "icon_url"))
_ICONS: Final = (("footer", "icon_url"),)


def check_embeds(form: Form, embeds: object) -> tuple[JsonObject, ...]:
    """Return the embeds as they are stored, collecting all errors in the form."""
    listed = form.items("embeds", embeds, limits.EMBEDS)
    kept = [
        _check_embed(form, f"embeds.{index}", form.mapping(f"embeds.{index}", embed))
        for index, embed in enumerate(listed)
    ]
    if sum(map(_character_count, kept)) > limits.EMBED_CHARACTERS:
        sentence = f"Embed size exceeds maximum size of {limits.EMBED_CHARACTERS}"
        form.wrong("embeds", "MAX_EMBED_SIZE_EXCEEDED", sentence)
    return tuple(kept)


def attachment_names(embeds: Iterable[JsonObject]) -> Iterator[str]:
    """Yield the names of the uploaded files that embeds refer to."""
    for embed in embeds:
        for part, key in (*_PICTURES, *_ICONS):
            address = (embed.get(part) or {}).get(key, "")
            if address.startswith(ATTACHMENT_SCHEME):
                yield address.removeprefix(ATTACHMENT_SCHEME)


def picture_places() -> Sequence[tuple[str, str]]:
    """Return where an embed may name a picture: part and key."""
    return (*_PICTURES, *_ICONS)


def _check_embed(form: Form, path: str, embed: JsonObject) -> JsonObject:
    form.text(f"{path}.title", embed.get("title"), limits.EMBED_TITLE)
    form.text(f"{path}.description", embed.get("description"), limits.EMBED_DESCRIPTION)
    footer, author = embed.get("footer") or {}, embed.get("author") or {}
    if footer:
        form.text(f"{path}.footer.text", footer.get("text"), limits.EMBED_FOOTER, shortest=1)
    if author:
        form.text(f"{path}.author.name", author.get("name"), limits.EMBED_AUTHOR, shortest=1)
    _check_fields(form, path, embed)
    _check_addresses(form, path, embed)
    kept = {key: value for key, value in embed.items() if value is not None and key != "flags"}
    return {**kept, "type": "rich"}


def _check_fields(form: Form, path: str, embed: JsonObject) -> None:
    fields = form.items(f"{path}.fields", embed.get("fields"), limits.EMBED_FIELDS)
    for index, raw in enumerate(fields):
        place = f"{path}.fields.{index}"
        field = form.mapping(place, raw)
        form.text(f"{place}.name", field.get("name"), limits.EMBED_FIELD_NAME, shortest=1)
        form.text(f"{place}.value", field.get("value"), limits.EMBED_FIELD_VALUE, shortest=1)


def _check_addresses(form: Form, path: str, embed: JsonObject) -> None:
    addresses = [("url", embed.get("url"))]
    for part, key in picture_places():
        addresses.append((f"{part}.{key}", (embed.get(part) or {}).get(key)))
    for place, address in addresses:
        if address is None:
            continue
        if form.text(f"{path}.{place}", address, limits.EMBED_URL) and not KNOWN_URL.match(address):
            form.wrong(
                f"{path}.{place}",
                "URL_TYPE_INVALID_SCHEME",
                "Scheme must be one of ('http', 'https').",
            )


def _character_count(embed: JsonObject) -> int:
    texts = [embed.get("title"), embed.get("description")]
    texts.append((embed.get("footer") or {}).get("text"))
    texts.append((embed.get("author") or {}).get("name"))
    for field in embed.get("fields") or ():
        if isinstance(field, dict):
            texts += [field.get("name"), field.get("value")]
    return sum(len(text) for text in texts if isinstance(text, str))
