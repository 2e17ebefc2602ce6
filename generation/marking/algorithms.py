"""Examination of an operator's key and certificates for signing Content Credentials."""

from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from generation.marking.errors import KeyUnusable

_CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}


def find_algorithm(content: bytes, path: Path) -> str:
    """Return C2PA's name of the algorithm that a PEM file of key and certificates signs with.

    Raises KeyUnusable if they do not match, are expired or cannot sign.
    """
    try:
        key = load_pem_private_key(content, password=None)
        certificate, *_ = x509.load_pem_x509_certificates(content)
    except (ValueError, TypeError) as error:
        raise KeyUnusable(
            f"{path} must hold a private key without a password and its certificates, as PEM."
        ) from error
    if certificate.public_key() != key.public_key():
        raise KeyUnusable(f"The first certificate in {path} is not that of its key.")
    if certificate.not_valid_after_utc < datetime.now(UTC):
        raise KeyUnusable(f"The certificate in {path} has expired.")
    match key:
        case ec.EllipticCurvePrivateKey() if key.curve.name in _CURVES:
            return _CURVES[key.curve.name]
        case ed25519.Ed25519PrivateKey():
            return "ed25519"
        case rsa.RSAPrivateKey():
            return "ps256"
    raise KeyUnusable(f"The key in {path} must be of P-256, P-384, P-521, Ed25519 or RSA.")
