"""Descriptions of TLS failures, with what an operator can do."""

import ssl

_EXPIRED = 10
_NOT_YET_VALID = 9
_UNTRUSTED = frozenset({2, 18, 19, 20, 21})
_OTHER_HOST = frozenset({62, 64})
"""OpenSSL's verification codes (X509_V_ERR_…): issuer unknown or self-signed; name mismatch."""

_LACKING = {
    85: "it lacks authorityKeyIdentifier",
    86: "its authority's certificate lacks subjectKeyIdentifier",
    89: "basicConstraints of its authority's certificate is not marked critical",
    92: "its authority's certificate lacks keyUsage (critical, keyCertSign, cRLSign)",
}
"""Messages of OpenSSL's strict checks, Python's default since 3.13."""


def describe_tls_failure(error: BaseException | None) -> str:
    """Return the end of a sentence such as "gpu cannot be reached: …"."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _describe_certificate(error.verify_code, error.verify_message)
    if isinstance(error, ssl.SSLError) and error.reason in {"WRONG_VERSION_NUMBER", "HTTP_REQUEST"}:
        return "it does not speak TLS there, so its URL must begin with http://"
    return "TLS could not be agreed on"


def _describe_certificate(code: int, message: str) -> str:
    if code == _EXPIRED:
        return "its certificate has expired"
    if code == _NOT_YET_VALID:
        return "its certificate is not valid yet; look at the clocks"
    if code in _OTHER_HOST:
        return "its certificate is for another host name"
    if code in _UNTRUSTED:
        return "its certificate comes from an authority that is not trusted; name its ca_file"
    lacking = _LACKING.get(code, f"OpenSSL says {message!r}")
    return (
        f"its certificate is not accepted: {lacking}. "
        "docs/configuration.md shows how to make certificates that are"
    )
