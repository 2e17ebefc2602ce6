"""Content Credentials (C2PA): a signed statement inside a file that AI made it.

The statement contains no prompt, person or backend. https://spec.c2pa.org/, version 2.2.
"""

import io
import logging
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

import c2pa

from generation.marking.errors import KeyUnusable
from generation.marking.keys import SigningKey, read_signing_key
from generation.media.imaging import grey
from generation.media.xmp import add_source_type

SIGNED_TYPES = frozenset(
    {
        "image/png",
        "image/jpeg",
        "image/webp",
        "image/gif",
        "image/avif",
        "video/mp4",
        "video/quicktime",
        "audio/mp4",
        "audio/mpeg",
        "audio/flac",
        "audio/x-flac",
        "audio/wav",
    }
)
"""Media types that the library can sign. WebM, Ogg and 3D models are posted unsigned."""

_ALGORITHMS = (b"es256", b"es384", b"es512", b"ed25519", b"ps256")
"""C2PA's names of the signatures of P-256, P-384, P-521, Ed25519 and RSA keys."""

_CATALOG = "http://cv.iptc.org/newscodes/digitalsourcetype/"

_log = logging.getLogger(__name__)


class SourceType(StrEnum):
    """How a file was made, as IPTC's Digital Source Type names it."""

    MADE = f"{_CATALOG}trainedAlgorithmicMedia"
    EDITED = f"{_CATALOG}compositeWithTrainedAlgorithmicMedia"


class Credentials:
    """Signs files with one key. Thread-safe. Raises KeyUnusable."""

    def __init__(self, key: SigningKey) -> None:
        self.fingerprint = key.fingerprint
        self._info = _find_signer(key)
        # An embedded thumbnail would cost up to 0.9 MB and 70 ms.
        self._settings = {"builder": {"thumbnail": {"enabled": False}}}
        self._has_warned = False

    def sign(self, content: bytes, media_type: str, source: SourceType) -> bytes:
        """Return the file with credentials; pictures also get IPTC's source type in their XMP.

        A file that cannot be signed is returned as it is. Credentials that are in it already are
        replaced: sign last.
        """
        if media_type not in SIGNED_TYPES:
            return content
        try:
            return self.sign_or_raise(content, media_type, source)
        except Exception as error:  # noqa: BLE001 - logged; no fault of a mark stops a picture
            if not self._has_warned:
                self._has_warned = True
                _log.warning("Results are posted without Content Credentials: %s", error)
            return content

    def sign_or_raise(self, content: bytes, media_type: str, source: SourceType) -> bytes:
        """Return the file with credentials. Raises C2paError, or any error of a damaged file."""
        action = {"action": "c2pa.created", "digitalSourceType": source.value}
        manifest = {
            "claim_generator_info": [{"name": "Limner"}],
            "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [action]}}],
        }
        signed = io.BytesIO()
        with (
            c2pa.Signer.from_info(self._info) as signer,
            c2pa.Context(c2pa.Settings.from_dict(self._settings)) as context,
            c2pa.Builder(manifest, context) as builder,
        ):
            described = add_source_type(content, media_type, source)
            builder.sign(signer, media_type, io.BytesIO(described), signed)
        return signed.getvalue()


def load_credentials(setting: str, folder: Path) -> Credentials:
    """Build the signer and sign with it once. Raises KeyUnusable.

    The parameters are those of `keys.read_signing_key`.
    """
    credentials = Credentials(read_signing_key(setting, folder))
    try:
        credentials.sign_or_raise(grey(), "image/png", SourceType.MADE)
    except c2pa.C2paError as error:
        raise KeyUnusable(
            f"The certificate cannot sign. {error}. It must be valid now, be that of the key, and "
            "be the first in the file."
        ) from error
    return credentials


def open_credentials(setting: str, folder: Path) -> Credentials | None:
    """Build the signer; return None if signing is off or, logged, impossible.

    The parameters are those of `keys.read_signing_key`, and `off`.
    """
    if setting == "off":
        return None
    try:
        return load_credentials(setting, folder)
    except KeyUnusable as error:
        _log.warning("Results are posted without Content Credentials: %s", error)
        return None


def _find_signer(key: SigningKey) -> c2pa.C2paSignerInfo:
    for algorithm in _ALGORITHMS:
        info = c2pa.C2paSignerInfo(
            alg=algorithm,
            sign_cert="".join(key.certificates).encode(),
            private_key=key.private_key.encode(),
            ta_url=None,
        )
        # The library refuses keys of another algorithm.
        with suppress(c2pa.C2paError), c2pa.Signer.from_info(info):
            return info
    raise KeyUnusable(
        "The key must be of P-256, P-384, P-521, Ed25519 or RSA, as PKCS #8 without a password. "
        "Convert it with: openssl pkcs8 -topk8 -nodes."
    )
