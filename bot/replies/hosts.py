"""Where Discord keeps files: nothing is downloaded from anywhere else."""

from urllib.parse import urlsplit

from discord.http import Route

FILE_HOSTS = frozenset({"cdn.discordapp.com", "media.discordapp.net"})
"""https://docs.discord.com/developers/reference#signed-attachment-cdn-urls"""


def attachment_hosts() -> frozenset[str]:
    """Discord's network for files, or where its API is."""
    return FILE_HOSTS | {urlsplit(Route.BASE).netloc}


def is_kept_by_discord(url: str) -> bool:
    """Whether a file is where Discord keeps what people and bots attach."""
    return urlsplit(url).netloc in attachment_hosts()
