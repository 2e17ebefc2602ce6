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

OWN_ALGORITHM = "es256"
"""Algorithm of the keys that `make_key` creates."""

_BLOCK = re.compile(r"-----BEGIN ([A-Z ]+)-----.*?-----END \1-----\n?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and its certificates, the signing one first, as PEM.

    `algorithm` is C2PA's name of the signature. `fingerprint` (SHA-256, hexadecimal) is the same in
    all processes that sign with the same certificate.
    """

    algorithm: str
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
    return read_operators_key(Path(setting))


def ensure_key(path: Path) -> SigningKey:
    """Read our own key, creating it if the file is missing. Raises KeyUnusable."""
    if not path.exists():
        try:
            make_key(path)
        except OSError as error:
            raise KeyUnusable(f"{path} cannot be written: {error.strerror}.") from error
    return _parse(path, _read(path), OWN_ALGORITHM)


def make_key(path: Path) -> None:
    """Create a key with certificates, in a file readable by this user only.

    Replaces the file atomically. Raises OSError.
    """
    # In a process of its own: what it imports would keep 11 MB of this one.
    command = (sys.executable, "-P", Path(__file__).with_name("certificates.py"))
    made = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603 - our own file
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(made.stdout)
    unfinished.replace(path)


def read_operators_key(path: Path) -> SigningKey:
    """Read and examine an operator's key and chain in one PEM file. Raises KeyUnusable."""
    # Imports 11 MB that our own key does not need.
    from generation.marking.algorithms import find_algorithm  # noqa: PLC0415

    content = _read(path)
    return _parse(path, content, find_algorithm(content, path))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise KeyUnusable(f"{path} cannot be read: {error.strerror}.") from error


def _parse(path: Path, content: bytes, algorithm: str) -> SigningKey:
    blocks = [(match[1], match[0]) for match in _BLOCK.finditer(content.decode("latin-1"))]
    keys = [text for label, text in blocks if label.endswith("PRIVATE KEY")]
    certificates = tuple(text for label, text in blocks if label == "CERTIFICATE")
    if len(keys) != 1 or not certificates:
        raise KeyUnusable(
            f"{path} must hold one private key and its certificates, as PEM. Move it away to have "
            "a new one made."
        )
    return SigningKey(algorithm, keys[0], certificates)
