"""Where the operator is told what needs somebody: a channel or a webhook of Discord."""

import discord

from bot.network import NETWORK_ERRORS
from bot.ui.limits import CONTENT_CHARACTERS
from generation.notifier import DeliveryPostponed


async def tell_operator(client: discord.Client, target: str, text: str) -> None:
    """Post to a channel, given by its id, or to a webhook, given by its URL.

    Raises DeliveryPostponed with a sentence that says what to do.
    """
    content = text[:CONTENT_CHARACTERS]
    try:
        if target.isdecimal():
            await client.get_partial_messageable(int(target)).send(content)
        else:
            await discord.Webhook.from_url(target, client=client).send(content)
    except (discord.Forbidden, discord.NotFound) as error:
        raise DeliveryPostponed(
            "The bot may not post where LIMNER_ALERTS says: let it see that channel and send "
            "messages there, or name another."
        ) from error
    except (discord.DiscordException, *NETWORK_ERRORS) as error:
        raise DeliveryPostponed(f"Discord did not take it ({type(error).__name__}).") from error
