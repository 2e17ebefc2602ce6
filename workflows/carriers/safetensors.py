"""Latents and models with texts in the header: https://github.com/huggingface/safetensors."""

from collections.abc import Iterator

from workflows.carriers.cursor import Cursor
from workflows.carriers.document import parse_document
from workflows.carriers.limits import MAX_TEXT_BYTES
from workflows.carriers.texts import Text, decode
from workflows.untrusted import as_dict

LENGTH_BYTES = 8


def looks_like_safetensors(content: memoryview) -> bool:
    """Return whether a plausible length is followed by a JSON header."""
    length = int.from_bytes(content[:LENGTH_BYTES], "little")
    return 0 < length <= MAX_TEXT_BYTES and bytes(content[8:10]) == b'{"'


def read_safetensors(content: memoryview) -> Iterator[Text]:
    """Return the texts of the header. Raises Truncated if the file is cut off."""
    cursor = Cursor(content, "little")
    header = parse_document(decode(cursor.take(cursor.number(LENGTH_BYTES))))
    texts = header.value.get("__metadata__") if isinstance(header.value, dict) else None
    for name, text in as_dict(texts).items():
        if isinstance(text, str):
            yield Text(name, text)
