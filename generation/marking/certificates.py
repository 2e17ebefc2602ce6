"""Creation and examination of the key and certificates for signing Content Credentials."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from generation.marking.errors import KeyUnusable

VALID_FOR = timedelta(days=3650)

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


def make_key(path: Path) -> None:
    """Create a key with a certificate of our own authority, in a file readable by this user only.

    Replaces the file atomically. Programs that read the credentials report the issuer as untrusted.
    """
    authority_key, key = (
        ec.generate_private_key(ec.SECP256R1()),
        ec.generate_private_key(ec.SECP256R1()),
    )
    authority = _certify("Limner authority", authority_key.public_key(), authority_key, None)
    certificate = _certify("Limner", key.public_key(), authority_key, authority)
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(_pem_of(key) + _pem(certificate) + _pem(authority))
    unfinished.replace(path)


def _certify(
    name: str,
    public_key: ec.EllipticCurvePublicKey,
    signer: ec.EllipticCurvePrivateKey,
    issuer: x509.Certificate | None,
) -> x509.Certificate:
    """Issue a certificate for a key: an authority's without an issuer, else one for signing."""
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, name),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Limner"),
        ]
    )
    now = datetime.now(UTC)
    is_authority = issuer is None
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        # Valid also to a clock that is a little behind.
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + VALID_FOR)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(_usage(is_authority=is_authority), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    )
    if not is_authority:
        # C2PA 2.2, 14.5.1: requirements of certificates that sign claims.
        purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(purpose, critical=False)
    return builder.sign(signer, hashes.SHA256())


def _usage(*, is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_authority,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem_of(key: PrivateKeyTypes) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()
