"""Delivery of alerts to the operator: to a Discord channel or a webhook."""

from collections.abc import Iterator
from contextlib import contextmanager

import discord

from bot.network import NETWORK_ERRORS
from bot.ui.limits import CONTENT_CHARACTERS
from generation.notifier import DeliveryPostponed


async def tell_operator(client: discord.Client, target: str, text: str) -> None:
    """Post to a channel, given by its id, or to a webhook, given by its URL.

    Raises DeliveryPostponed with a sentence that says what to do.
    """
    content = text[:CONTENT_CHARACTERS]
    with _explained():
        if target.isdecimal():
            await client.get_partial_messageable(int(target)).send(content)
        else:
            await discord.Webhook.from_url(target, client=client).send(content)


async def find_target(client: discord.Client, target: str) -> str:
    """Return the name of the channel or webhook, without posting. Raises as `tell_operator`."""
    with _explained():
        if target.isdecimal():
            return str(await client.fetch_channel(int(target)))
        webhook = await discord.Webhook.from_url(target, client=client).fetch(prefer_auth=False)
        return webhook.name or "a webhook"


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except (discord.Forbidden, discord.NotFound) as error:
        raise DeliveryPostponed(
            "The bot may not post where LIMNER_ALERTS says: let it see that channel and send "
            "messages there, or name another."
        ) from error
    except (discord.DiscordException, *NETWORK_ERRORS) as error:
        raise DeliveryPostponed(f"Discord did not take it ({type(error).__name__}).") from error
