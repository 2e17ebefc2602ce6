"""Errors of a request that never arrived or was refused, and the words for them."""

import os
import ssl

import aiohttp

from comfy.errors import BackendUnreachable, BackendUntrusted
from comfy.http.response import HttpResponse
from comfy.http.tls import describe_tls_failure


class NeverSent(BackendUnreachable):
    """No connection was made, so the backend cannot have seen the request."""


class StreamRefused(Exception):
    """A stream request got an error status."""

    def __init__(self, answer: HttpResponse) -> None:
        super().__init__(f"The stream was refused with {answer.status}.")
        self.answer = answer


class NeverTrusted(NeverSent, BackendUntrusted):
    """… because TLS failed."""


def describe_failure(error: BaseException) -> str:
    """Describe an error without aiohttp's message, which contains the URL."""
    match error:
        case aiohttp.ClientConnectorDNSError():
            return "its name is unknown"
        case aiohttp.ClientConnectorCertificateError():
            return describe_tls_failure(error.certificate_error)
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return describe_tls_failure(getattr(error, "os_error", error))
        case aiohttp.ClientConnectorError():
            number = error.os_error.errno
            return os.strerror(number).lower() if number else "no connection"
        case aiohttp.ClientPayloadError():
            return "the answer is incomplete"
        case _:
            return "the connection was lost"
