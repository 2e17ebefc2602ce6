"""A stand-in Discord on real sockets: REST v10, the gateway, and the attachment host.

It implements what one bot uses, enforces the platform's rules, and answers everything else with an
error that is recorded. Loopback only.
"""

from sandbox.discord_api.server import Address, DiscordStandIn

__all__ = ["Address", "DiscordStandIn"]
