"""A stand-in Discord on real sockets: REST v10, the gateway, and the attachment host.

It is as small as one bot's use of it, enforces the platform's rules, and answers whatever it does
not know with a loud error. Loopback only.
"""

from sandbox.discord_api.server import Address, DiscordStandIn

__all__ = ["Address", "DiscordStandIn"]
