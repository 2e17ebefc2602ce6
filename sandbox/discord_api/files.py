"""The attachment host: files by id, and their signed URLs."""

import hashlib
import hmac
import io
import mimetypes
import re
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import quote, urlsplit

from PIL import Image, UnidentifiedImageError

from sandbox.discord_api import limits
from sandbox.discord_api.clock import Clock, Snowflakes
from sandbox.discord_api.errors import ApiError, Refusal
from sandbox.discord_api.values import JsonObject, StoredFile, Upload

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
_UNREADABLE = (
    UnidentifiedImageError,
    OSError,
    ValueError,
    EOFError,
    SyntaxError,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)
"""Errors of Pillow for files that are no pictures, broken, or too large to decode."""
_OWN_PATH = re.compile(r"^/(?:ephemeral-)?attachments/\d+/(\d+)/")


class Files:
    """Keeps what was uploaded and signs the addresses; `host` is set once the port is known."""

    def __init__(self, clock: Clock, snowflakes: Snowflakes) -> None:
        self._clock = clock
        self._snowflakes = snowflakes
        self._key = secrets.token_bytes(32)
        self._kept: dict[int, StoredFile] = {}
        self.host = ""

    def store(
        self,
        upload: Upload,
        channel_id: int,
        *,
        description: str | None = None,
        filename: str | None = None,
        is_ephemeral: bool,
    ) -> StoredFile:
        """Keep an upload under its sanitised name."""
        name = sanitise(filename or upload.filename)
        width, height = _measure(upload.content)
        stored = StoredFile(
            self._snowflakes.take(),
            channel_id,
            name,
            upload.content,
            mimetypes.guess_type(name)[0],
            width,
            height,
            description,
            is_ephemeral,
        )
        self._kept[stored.id] = stored
        return stored

    def drop(self, file: StoredFile) -> None:
        """Forget a file: its address answers 404 from now on."""
        self._kept.pop(file.id, None)

    def get(self, file_id: int) -> StoredFile | None:
        """Return a kept file."""
        return self._kept.get(file_id)

    def url(self, file: StoredFile) -> str:
        """Return the file's address, signed for a day from now."""
        now = self._clock.now()
        issued = int(now.timestamp())
        expires = int((now + timedelta(seconds=limits.URL_SECONDS)).timestamp())
        path = f"{file_path(file)}"
        signature = self._sign(path, f"{expires:x}", f"{issued:x}")
        return f"{self.host}{quote(path)}?ex={expires:x}&is={issued:x}&hm={signature}&"

    def find_by_url(self, url: str) -> StoredFile | None:
        """Return the file of a URL of this host, whatever its signature."""
        if not self.host or not url.startswith(self.host):
            return None
        found = _OWN_PATH.match(urlsplit(url).path)
        return self._kept.get(int(found.group(1))) if found else None

    def open(self, path: str, query: Mapping[str, str]) -> StoredFile | None:
        """Return the file of a signed request; None when deleted, unsigned or expired."""
        found = _OWN_PATH.match(path)
        file = self._kept.get(int(found.group(1))) if found else None
        if file is None or file_path(file) != path:
            return None
        expires, issued = query.get("ex", ""), query.get("is", "")
        if not hmac.compare_digest(self._sign(path, expires, issued), query.get("hm", "")):
            return None
        return file if self._is_current(expires) else None

    def attachment(self, file: StoredFile) -> JsonObject:
        """Return the attachment object of a file."""
        url = self.url(file)
        attachment: JsonObject = {
            "id": str(file.id),
            "filename": file.filename,
            "size": len(file.content),
            "url": url,
            "proxy_url": url,
        }
        optional = {
            "content_type": file.content_type,
            "width": file.width,
            "height": file.height,
            "description": file.description,
            "ephemeral": file.is_ephemeral or None,
        }
        return attachment | {key: value for key, value in optional.items() if value is not None}

    def _is_current(self, expires: str) -> bool:
        try:
            moment = datetime.fromtimestamp(int(expires, 16), self._clock.now().tzinfo)
        except (ValueError, OverflowError):
            return False
        return self._clock.now() < moment

    def _sign(self, path: str, expires: str, issued: str) -> str:
        text = f"{path}\n{expires}\n{issued}".encode()
        return hmac.new(self._key, text, hashlib.sha256).hexdigest()


def sanitise(filename: str) -> str:
    """Return a file name as Discord rewrites it: ASCII letters, digits and `._-`."""
    return _UNSAFE.sub("", filename.replace(" ", "_"))[-256:] or "unnamed"


def file_path(file: StoredFile) -> str:
    """Return the path a file is served under."""
    folder = "ephemeral-attachments" if file.is_ephemeral else "attachments"
    return f"/{folder}/{file.channel_id}/{file.id}/{file.filename}"


def check_sizes(uploads: Mapping[int, Upload], limit: int) -> None:
    """Refuse files above the limit of one file, or of a request as a whole."""
    sizes = [len(upload.content) for upload in uploads.values()]
    if any(size > limit for size in sizes) or sum(sizes) > limits.REQUEST_BYTES:
        raise ApiError.of(Refusal.REQUEST_TOO_LARGE)


def _measure(content: bytes) -> tuple[int | None, int | None]:
    try:
        with Image.open(io.BytesIO(content)) as picture:
            return picture.size
    except _UNREADABLE:
        return None, None
