"""What is posted says that a machine made it, and nothing else."""

import io
import json
import logging
import stat
import wave
from datetime import UTC, datetime, timedelta

import c2pa
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from PIL import Image

from bot.operating.private_files import HAS_MODES
from generation.marking.credentials import SourceType, load_credentials, open_credentials
from generation.marking.errors import KeyUnusable
from generation.marking.keys import KEY_FILE, ensure_key, make_key
from generation.media.stripping import strip_metadata

FORMATS = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/webp": "WEBP",
    "image/gif": "GIF",
}


def draw(media_type, mode="RGB", **options):
    picture = Image.effect_noise((64, 48), 60).convert(mode)
    buffer = io.BytesIO()
    picture.save(buffer, FORMATS[media_type], **options)
    return buffer.getvalue()


def read(content, media_type):
    """Validate with c2pa's own reader; returns the state, the codes and the active manifest."""
    reader = c2pa.Reader(media_type, io.BytesIO(content))
    report = json.loads(reader.json())
    codes = {status["code"] for status in report.get("validation_status", ())}
    return reader.get_validation_state(), codes, report["manifests"][report["active_manifest"]]


def pem(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def certify(key, valid_for=timedelta(days=1), *, signs_claims=True):
    """Issue a certificate for a key, by an authority of its own."""
    issuer, subject = (
        x509.Name(
            [
                x509.NameAttribute(NameOID.COMMON_NAME, name),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Community"),
            ]
        )
        for name in ("authority", "operator")
    )
    authority, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + valid_for)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()),
            critical=False,
        )
    )
    if signs_claims:
        purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        usage = x509.KeyUsage(
            digital_signature=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=False,
            crl_sign=False,
            encipher_only=False,
            decipher_only=False,
        )
        builder = builder.add_extension(purpose, critical=False)
        builder = builder.add_extension(usage, critical=True)
    return builder.sign(authority, hashes.SHA256())


@pytest.fixture(scope="module")
def credentials(tmp_path_factory):
    return open_credentials("on", tmp_path_factory.mktemp("keys"))


@pytest.mark.parametrize("source", SourceType)
@pytest.mark.parametrize("media_type", FORMATS)
def test_a_signed_picture_is_valid_and_looks_the_same(credentials, media_type, source):
    content = draw(media_type)
    signed = credentials.sign(content, media_type, source)
    state, codes, manifest = read(signed, media_type)
    assert state == "Valid"
    assert codes == {"signingCredential.untrusted"}
    (action,) = manifest["assertions"][0]["data"]["actions"]
    assert action == {"action": "c2pa.created", "digitalSourceType": source.value}
    assert len(signed) - len(content) < 4096
    before, after = (Image.open(io.BytesIO(file)) for file in (content, signed))
    assert before.tobytes() == after.tobytes()
    assert f'DigitalSourceType="{source.value}"'.encode() in signed


@pytest.mark.parametrize(
    ("mode", "options"),
    [("RGBA", {"lossless": True}), ("RGB", {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0"})],
)
def test_a_webp_of_any_form_keeps_its_pixels(credentials, mode, options):
    content = draw("image/webp", mode, **options)
    signed = credentials.sign(content, "image/webp", SourceType.MADE)
    before, after = (Image.open(io.BytesIO(file)) for file in (content, signed))
    assert (after.mode, after.tobytes()) == (before.mode, before.tobytes())
    assert b"DigitalSourceType" in after.info["xmp"]


def test_a_sound_is_signed(credentials):
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(16000))
    signed = credentials.sign(buffer.getvalue(), "audio/wav", SourceType.MADE)
    assert read(signed, "audio/wav")[0] == "Valid"


def test_signing_again_leaves_one_statement(credentials):
    once = credentials.sign(draw("image/png"), "image/png", SourceType.MADE)
    twice = credentials.sign(once, "image/png", SourceType.EDITED)
    state, _, manifest = read(twice, "image/png")
    assert state == "Valid"
    assert "compositeWithTrained" in json.dumps(manifest)
    assert "ingredients" not in manifest


@pytest.mark.parametrize("media_type", FORMATS)
def test_stripping_removes_all_of_it(credentials, media_type):
    signed = credentials.sign(draw(media_type), media_type, SourceType.MADE)
    bare = strip_metadata(signed)
    assert c2pa.Reader.try_create(media_type, io.BytesIO(bare)) is None
    assert b"c2pa" not in bare
    assert b"DigitalSourceType" not in bare


@pytest.mark.parametrize("media_type", ["video/webm", "audio/ogg", "model/gltf-binary"])
def test_what_cannot_be_signed_stays_as_it_is(credentials, media_type):
    assert credentials.sign(b"content", media_type, SourceType.MADE) == b"content"


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"no picture", "image/png"),
        (b"RIFF\0\0\0\0WEBPVP8X", "image/webp"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"", "video/mp4"),
    ],
)
def test_a_failure_stops_nothing_and_is_told_once(tmp_path, caplog, content, media_type):
    signer = open_credentials("on", tmp_path)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert signer.sign(content, media_type, SourceType.MADE) == content
    assert caplog.text.count("without Content Credentials") == 1


def test_the_key_is_made_once_and_for_this_user_alone(tmp_path):
    path = tmp_path / KEY_FILE
    first, again = (open_credentials("on", tmp_path) for _ in range(2))
    assert first.fingerprint == again.fingerprint
    if HAS_MODES:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    make_key(path)
    assert ensure_key(path).fingerprint != first.fingerprint
    assert "PRIVATE" not in repr(ensure_key(path))


def test_a_key_of_the_operators_signs(tmp_path):
    make_key(tmp_path / "own.pem")
    signer = open_credentials(str(tmp_path / "own.pem"), tmp_path)
    signed = signer.sign(draw("image/png"), "image/png", SourceType.MADE)
    assert read(signed, "image/png")[0] == "Valid"
    assert not (tmp_path / KEY_FILE).exists()


def test_off_makes_no_key(tmp_path):
    assert open_credentials("off", tmp_path) is None
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [b"", b"nonsense", b"-----BEGIN PRIVATE KEY-----\n"])
def test_a_key_that_is_none_is_named_and_stops_nothing(tmp_path, content, caplog):
    for name in ("own.pem", KEY_FILE):
        (tmp_path / name).write_bytes(content)
    assert open_credentials(str(tmp_path / "own.pem"), tmp_path) is None
    assert "own.pem must hold" in caplog.text
    assert open_credentials("on", tmp_path) is None
    assert f"{KEY_FILE} must hold" in caplog.text
    assert (tmp_path / KEY_FILE).read_bytes() == content
    assert open_credentials(str(tmp_path / "missing.pem"), tmp_path) is None
    assert not (tmp_path / "missing.pem").exists()


def test_a_certificate_that_cannot_sign_is_told_at_once(tmp_path, caplog):
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = certify(key, signs_claims=False)
    path = tmp_path / "web.pem"
    path.write_bytes(pem(key) + certificate.public_bytes(Encoding.PEM))
    with pytest.raises(KeyUnusable, match="cannot sign"):
        load_credentials(str(path), tmp_path)
    assert open_credentials(str(path), tmp_path) is None
    assert "The certificate cannot sign" in caplog.text


def test_a_certificate_of_another_key_is_refused(tmp_path):
    for name in ("a.pem", "b.pem"):
        make_key(tmp_path / name)
    end = "-----END PRIVATE KEY-----\n"
    key = (tmp_path / "a.pem").read_text().partition(end)[0] + end
    chain = (tmp_path / "b.pem").read_text().partition(end)[2]
    (tmp_path / "mixed.pem").write_text(key + chain)
    with pytest.raises(KeyUnusable, match="does not match"):
        load_credentials(str(tmp_path / "mixed.pem"), tmp_path)


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP384R1()),
        ec.generate_private_key(ec.SECP521R1()),
        ed25519.Ed25519PrivateKey.generate(),
        rsa.generate_private_key(65537, 2048),
    ],
    ids=["P-384", "P-521", "Ed25519", "RSA"],
)
def test_an_operators_key_of_any_algorithm_signs(tmp_path, key):
    path = tmp_path / "own.pem"
    path.write_bytes(pem(key) + certify(key).public_bytes(Encoding.PEM))
    signer = load_credentials(str(path), tmp_path)
    signed = signer.sign(draw("image/png"), "image/png", SourceType.MADE)
    assert read(signed, "image/png")[0] == "Valid"


@pytest.mark.parametrize(
    ("curve", "file_format", "encryption"),
    [
        (ec.SECP256K1, PrivateFormat.PKCS8, NoEncryption()),
        (ec.SECP256R1, PrivateFormat.TraditionalOpenSSL, NoEncryption()),
        (ec.SECP256R1, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")),
    ],
    ids=["other curve", "not PKCS #8", "password"],
)
def test_a_key_that_cannot_be_read_is_told_with_a_way_out(tmp_path, curve, file_format, encryption):
    key, path = ec.generate_private_key(curve()), tmp_path / "own.pem"
    written = key.private_bytes(Encoding.PEM, file_format, encryption)
    path.write_bytes(written + certify(key).public_bytes(Encoding.PEM))
    with pytest.raises(KeyUnusable, match="openssl pkcs8"):
        load_credentials(str(path), tmp_path)


def test_an_expired_certificate_is_told(tmp_path):
    key, path = ec.generate_private_key(ec.SECP256R1()), tmp_path / "own.pem"
    expired = certify(key, valid_for=timedelta(hours=-1))
    path.write_bytes(pem(key) + expired.public_bytes(Encoding.PEM))
    with pytest.raises(KeyUnusable, match="not valid at time of signing"):
        load_credentials(str(path), tmp_path)


def test_a_program_that_cannot_create_a_key_is_told(tmp_path, monkeypatch):
    # The child is a Python that finds no standard library.
    monkeypatch.setenv("PYTHONHOME", str(tmp_path))
    with pytest.raises(KeyUnusable, match="LIMNER_CREDENTIALS"):
        ensure_key(tmp_path / KEY_FILE)
    assert not list(tmp_path.iterdir())
