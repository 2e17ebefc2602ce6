"""Statements in a file about its origin: Content Credentials and IPTC's source type.

Anybody may have written either; only credentials show whether the file was changed since.
"""

import io
import json
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import c2pa

from generation.media.media_types import detect_media_type

# A file must not cause requests: an address in it could be inside the network.
_SETTINGS = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False}}

_SOURCE_TYPE = re.compile(
    rb"Iptc4xmpExt:DigitalSourceType[^<>]{0,40}?[\"'>]https?://cv\.iptc\.org/newscodes/"
    rb"digitalsourcetype/(\w{1,60})"
)
_UNTRUSTED = "signingCredential.untrusted"
_MOST_CHARACTERS = 100

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Statement:
    """Statements in a file about its origin.

    `source_types` are IPTC's names in the credentials, such as "trainedAlgorithmicMedia", and
    `xmp_source_type` is the one in the XMP. `issuer` signed with `program`; without an issuer there
    are no credentials. Unless it `is_intact`, the file was changed since.
    """

    issuer: str = ""
    program: str = ""
    source_types: tuple[str, ...] = ()
    is_intact: bool = False
    is_trusted: bool = False
    xmp_source_type: str = ""


def read_statement(content: bytes) -> Statement | None:
    """Read a file's statements without network access; return None if there are none."""
    found = _SOURCE_TYPE.search(content)
    xmp_source_type = found[1].decode() if found else ""
    report = _read_report(content)
    if report is None:
        return Statement(xmp_source_type=xmp_source_type) if xmp_source_type else None
    manifest = report["manifests"].get(report.get("active_manifest")) or {}
    signature = manifest.get("signature_info") or {}
    programs = manifest.get("claim_generator_info") or [{}]
    faults = {one.get("code") for one in report.get("validation_status") or ()}
    return Statement(
        issuer=_text(signature.get("issuer") or signature.get("common_name")) or "?",
        program=_text(programs[0].get("name") or manifest.get("claim_generator")),
        source_types=tuple(dict.fromkeys(_find_source_types(manifest))),
        is_intact=not faults - {_UNTRUSTED},
        is_trusted=_UNTRUSTED not in faults,
        xmp_source_type=xmp_source_type,
    )


def _read_report(content: bytes) -> Mapping[str, Any] | None:
    """Return the library's report on a file; None if it has no readable credentials."""
    media_type = detect_media_type(content)
    if media_type not in _readable_types():
        return None
    try:
        with c2pa.Context(c2pa.Settings.from_dict(_SETTINGS)) as context:
            reader = c2pa.Reader.try_create(media_type, io.BytesIO(content), context=context)
            if reader is None:
                return None
            with reader:
                report = json.loads(reader.json())
    except (c2pa.C2paError, ValueError) as error:
        _log.info("A file's credentials could not be read: %s", type(error).__name__)
        return None
    return report if isinstance(report.get("manifests"), dict) else None


@cache
def _readable_types() -> frozenset[str]:
    # Not at import: the library maps 7 MB to answer.
    return frozenset(c2pa.Reader.get_supported_mime_types())


def _find_source_types(manifest: Mapping[str, Any]) -> Iterator[str]:
    for assertion in manifest.get("assertions") or ():
        if str(assertion.get("label", "")).startswith("c2pa.actions"):
            for action in (assertion.get("data") or {}).get("actions") or ():
                source_type = _text(action.get("digitalSourceType"))
                if source_type:
                    yield source_type.rpartition("/")[2]


def _text(value: object) -> str:
    return value[:_MOST_CHARACTERS] if isinstance(value, str) else ""
