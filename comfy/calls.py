"""HTTP requests configured by an operator, such as those that start and stop a rented GPU."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import urlsplit

from comfy.errors import BackendRefused, BackendUnreachable
from comfy.http.client import HttpClient
from comfy.protocol.failures import clean_sentence
from comfy.settings import BackendSettings
from comfy.timeouts import Timing


@dataclass(frozen=True, slots=True)
class HttpCall:
    """One request; nothing of it shows up in its repr.

    `url` may hold `user:password@` and a query. A `body` that is a string is sent as it is, any
    other as JSON.
    """

    url: str = field(repr=False)
    method: str = field(default="POST", repr=False)
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    body: object = field(default=None, repr=False)


async def send_call(call: HttpCall, name: str, *, timeout_s: float) -> None:
    """Send the request once, without following redirects. `name` stands for it in errors.

    Raises BackendUnreachable, and BackendRefused for any status but a success.
    """
    client = HttpClient(BackendSettings(call.url, name, headers=call.headers), Timing())
    url = client.resolve(urlsplit(call.url).path or "/") or call.url
    is_text = isinstance(call.body, str)
    try:
        async with asyncio.timeout(timeout_s):
            answer = await client.exchange(
                call.method,
                url,
                body=None if is_text else call.body,
                form=call.body if isinstance(call.body, str) else None,
                timeout=timeout_s,
            )
    except TimeoutError:
        raise BackendUnreachable(f"{name} did not answer within {timeout_s:g} s.") from None
    finally:
        await client.close()
    if not answer.is_success:
        reason = clean_sentence(answer.text) or "no reason given"
        sentence = f"{name} was answered with {answer.status}: {reason}"
        raise BackendRefused(sentence, status=answer.status)
