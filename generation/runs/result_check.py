"""Verification that a downloaded result is of the kind that its node produces.

A proxy's login page, an empty file or an executable with a picture's name is not a result: posting
it would charge somebody for nothing, and harm those who open it.
"""

from comfy.protocol.events import MediaKind
from generation.errors import FailureKind, UnusableResult
from generation.media.media_types import (
    DRAWING,
    PROGRAM,
    WEB_PAGE,
    detect_media_type,
    guess_media_type,
)
from generation.record import Failure

_FAILURES = {
    MediaKind.IMAGE: Failure(
        FailureKind.WORKFLOW_ERROR,
        "The result is no picture, so it was not posted. Tell the people who run this bot.",
    ),
    MediaKind.VIDEO: Failure(
        FailureKind.WORKFLOW_ERROR,
        "The result is no video, so it was not posted. Tell the people who run this bot.",
    ),
    MediaKind.AUDIO: Failure(
        FailureKind.WORKFLOW_ERROR,
        "The result is no sound, so it was not posted. Tell the people who run this bot.",
    ),
    MediaKind.MODEL_3D: Failure(
        FailureKind.WORKFLOW_ERROR,
        "The result is no 3D model, so it was not posted. Tell the people who run this bot.",
    ),
    MediaKind.OTHER: Failure(
        FailureKind.WORKFLOW_ERROR,
        "The result is not what its name says. Tell the people who run this bot.",
    ),
}

_FAMILIES = {
    MediaKind.IMAGE: ("image/",),
    MediaKind.VIDEO: ("video/",),
    # Sounds in ISO files often have a video's brand.
    MediaKind.AUDIO: ("audio/", "video/mp4"),
    # .usdz is a ZIP file, .spz a gzip one; .obj and .gltf are texts.
    MediaKind.MODEL_3D: ("model/", "application/zip", "application/gzip", "text/plain"),
}
_WITHOUT_SIGNATURE = (".splat", ".ksplat")
"""3D files whose first bytes are a number."""


def require_kind(content: bytes, filename: str, kind: MediaKind, class_type: str) -> None:
    """Verify a result's kind by its bytes. Raises UnusableResult.

    A drawing is accepted only from nodes whose class name contains SVG.
    """
    found = detect_media_type(content)
    if not _is_of_kind(content, found, filename, kind, class_type):
        failure = _FAILURES[kind]
        raise UnusableResult(
            failure.kind,
            failure.template,
            report=f"The result {filename} is {found or _describe(content)}, not {kind.value}.",
        )


def _is_of_kind(
    content: bytes, found: str | None, filename: str, kind: MediaKind, class_type: str
) -> bool:
    if found == DRAWING:
        return filename.lower().endswith(".svg") and "svg" in class_type.lower()
    if not content or found == PROGRAM:
        return False
    if kind is MediaKind.OTHER:
        named = guess_media_type(filename)
        return named == WEB_PAGE if found == WEB_PAGE else _is_text_as_named(found, named)
    if found is None:
        return filename.lower().endswith(_WITHOUT_SIGNATURE)
    return found.startswith(_FAMILIES[kind])


def _is_text_as_named(found: str | None, named: str) -> bool:
    is_named_text = named.startswith("text/") or named == "application/json"
    return not is_named_text or found == "text/plain"


def _describe(content: bytes) -> str:
    return "of an unknown type" if content else "empty"
