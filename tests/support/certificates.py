"""Certificates signed by an authority of our own, made with openssl."""

import ssl
import subprocess
import uuid

import pytest

NEW_KEY = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1"
"""Made in a moment, unlike one for RSA."""


class Authority:
    """Signs certificates for servers; what it makes lies in `folder`."""

    def __init__(self, folder):
        self._folder = folder
        self._openssl(
            f"req -x509 {NEW_KEY} -nodes -days 2 -subj /CN=Authority "
            "-addext keyUsage=critical,keyCertSign,cRLSign -keyout ca.key -out ca.pem"
        )

    def sign(self, name="IP:127.0.0.1", days=2):
        """Return the authority's file, and the context of a server of this name."""
        stem = uuid.uuid4().hex
        (self._folder / f"{stem}.ext").write_text(
            f"subjectAltName={name}\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
        )
        self._openssl(f"req {NEW_KEY} -nodes -subj /CN=server -keyout {stem}.key -out {stem}.csr")
        self._openssl(
            f"x509 -req -in {stem}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days {days} "
            f"-extfile {stem}.ext -out {stem}.pem"
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._folder / f"{stem}.pem", self._folder / f"{stem}.key")
        return self._folder / "ca.pem", context

    def _openssl(self, arguments):
        command = ["openssl", *arguments.split()]
        try:
            subprocess.run(command, check=True, capture_output=True, cwd=self._folder)  # noqa: S603 - our own arguments
        except FileNotFoundError:
            pytest.skip("makes its certificates with openssl")
