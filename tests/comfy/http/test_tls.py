"""Certificates that OpenSSL's strict checks refuse, told in words; real handshakes in memory."""

import re
import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

from comfy.http.tls import describe_tls_failure

DOCUMENT = Path(__file__).parents[3] / "docs" / "configuration.md"
COMMANDS = re.search(r"```sh\n(openssl .*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)[1]


def make_certificates(folder, commands):
    shell = shutil.which("sh")
    if shell is None or shutil.which("openssl") is None:
        pytest.skip("makes its certificates with openssl")
    subprocess.run([shell, "-ec", commands], check=True, capture_output=True, cwd=folder)  # noqa: S603 - the document's own commands


def shake_hands(folder):
    """Connect strictly to a server that has the folder's certificates. Raises what OpenSSL does."""
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(folder / "gpu.pem", folder / "gpu.key")
    asking = ssl.create_default_context(cafile=folder / "my-ca.pem")
    asking.verify_flags |= ssl.VERIFY_X509_STRICT
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = asking.wrap_bio(back, there, server_hostname="gpu.example.org")
    server = serving.wrap_bio(there, back, server_side=True)
    for side in (client, server, client, server):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue


def test_the_documented_commands_make_what_is_accepted(tmp_path):
    make_certificates(tmp_path, COMMANDS)

    shake_hands(tmp_path)


@pytest.mark.parametrize(
    ("left_out", "words"),
    [
        (
            '-addext "keyUsage=critical,keyCertSign,cRLSign" ',
            "its authority's certificate lacks keyUsage (critical, keyCertSign, cRLSign)",
        ),
        ("keyCertSign,", "OpenSSL says 'invalid CA certificate'"),
    ],
    ids=["no key usage", "another purpose"],
)
def test_what_a_certificate_lacks(tmp_path, left_out, words):
    assert left_out in COMMANDS
    make_certificates(tmp_path, COMMANDS.replace(left_out, ""))

    with pytest.raises(ssl.SSLCertVerificationError) as refused:
        shake_hands(tmp_path)
    sentence = describe_tls_failure(refused.value)
    assert words in sentence
    assert "docs/configuration.md" in sentence
