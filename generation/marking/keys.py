"""Reading of the key and certificates for signing Content Credentials."""

import hashlib
import os
import re
import ssl
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from generation.marking.errors import KeyUnusable

KEY_FILE = "credentials.pem"
"""Name of our own key and certificates in the data folder."""

_BLOCK = re.compile(r"-----BEGIN ([A-Z ]+)-----.*?-----END \1-----\n?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and its certificates, the signing one first, as PEM.

    `fingerprint` (SHA-256, hexadecimal) is the same in all processes that sign with the same
    certificate.
    """

    private_key: str = field(repr=False)
    certificates: tuple[str, ...]

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the signing certificate."""
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(self.certificates[0])).hexdigest()


def read_signing_key(setting: str, folder: Path) -> SigningKey:
    """Read the key that LIMNER_CREDENTIALS names. Raises KeyUnusable.

    `on` is our own key in `folder`, created if it is missing; any other value is the path of a PEM
    file with the operator's key and certificate chain.
    """
    if setting == "on":
        return ensure_key(folder / KEY_FILE)
    return _read(Path(setting))


def ensure_key(path: Path) -> SigningKey:
    """Read our own key, creating it if the file is missing. Raises KeyUnusable."""
    if not path.exists():
        make_key(path)
    return _read(path)


def make_key(path: Path) -> None:
    """Create a key with certificates, in a file readable by this user only.

    Replaces the file atomically. Raises KeyUnusable.
    """
    # In a process of its own: what it imports would keep 11 MB of this one.
    command = (sys.executable, "-P", Path(__file__).with_name("certificates.py"))
    made = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own file
    if made.returncode:
        reason = (made.stderr.splitlines() or [f"exit status {made.returncode}"])[-1]
        raise KeyUnusable(
            f"A key cannot be created ({reason}). Reinstall Limner, or set LIMNER_CREDENTIALS to a "
            "key of your own or to off."
        )
    try:
        _write(path, made.stdout)
    except OSError as error:
        raise KeyUnusable(f"{path} cannot be written: {error.strerror}.") from error


def _write(path: Path, content: str) -> None:
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(content)
    unfinished.replace(path)


def _read(path: Path) -> SigningKey:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise KeyUnusable(f"{path} cannot be read: {error.strerror}.") from error
    blocks = [(match[1], match[0]) for match in _BLOCK.finditer(content.decode("latin-1"))]
    keys = [text for label, text in blocks if label.endswith("PRIVATE KEY")]
    certificates = tuple(text for label, text in blocks if label == "CERTIFICATE")
    if len(keys) != 1 or not certificates:
        raise KeyUnusable(
            f"{path} must hold one private key and its certificates, as PEM. Move it away to have "
            "a new one made."
        )
    return SigningKey(keys[0], certificates)
