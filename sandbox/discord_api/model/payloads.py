"""JSON payloads of Discord, built from the stand-in's values."""

import copy
from datetime import datetime
from typing import Final

from sandbox.discord_api.files import Files
from sandbox.discord_api.model.directory import BOT_ROLE_ID, Directory
from sandbox.discord_api.model.embeds import ATTACHMENT_SCHEME, attachment_names, picture_places
from sandbox.discord_api.model.layouts import map_media, shown_names
from sandbox.discord_api.values import (
    Channel,
    JsonObject,
    Member,
    Message,
    MessageKind,
    Overwrite,
    Role,
    StoredFile,
)

JOINED_AT: Final = "2024-01-12T17:40:12.000000+00:00"
VERIFY_KEY: Final = "5c" * 32


def timestamp(moment: datetime) -> str:
    """Return a moment as Discord writes it."""
    return moment.isoformat(timespec="microseconds")


class Payloads:
    """Renders values as Discord's JSON, with freshly signed URLs."""

    def __init__(self, directory: Directory, files: Files) -> None:
        self._directory = directory
        self._files = files

    def user(self, member: Member) -> JsonObject:
        """Return a user object."""
        user: JsonObject = {
            "id": str(member.id),
            "username": member.name,
            "global_name": None if member.is_bot else member.display_name,
            "discriminator": "0",
            "avatar": None,
            "avatar_decoration_data": None,
            "banner": None,
            "accent_color": None,
            "collectibles": None,
            "primary_guild": None,
            "public_flags": 0,
            "flags": 0,
        }
        return {**user, "bot": True} if member.is_bot else user

    def own_user(self) -> JsonObject:
        """Return the bot's user as it sees itself."""
        own = {"mfa_enabled": False, "locale": "en-US", "verified": True, "email": None}
        return self.user(self._directory.bot) | own

    def member(self, member: Member, channel: Channel | None = None) -> JsonObject:
        """Return a guild member; with a channel, its permissions there too."""
        payload: JsonObject = {
            "user": self.user(member),
            "nick": None,
            "avatar": None,
            "banner": None,
            "roles": [str(role_id) for role_id in member.role_ids],
            "joined_at": JOINED_AT,
            "premium_since": None,
            "deaf": False,
            "mute": False,
            "flags": 0,
            "pending": False,
            "communication_disabled_until": None,
        }
        if channel is not None:
            payload["permissions"] = str(int(self._directory.permissions(member, channel)))
        return payload

    def role(self, role: Role) -> JsonObject:
        """Return a role."""
        payload: JsonObject = {
            "id": str(role.id),
            "name": role.name,
            "description": None,
            "permissions": str(int(role.permissions)),
            "position": role.position,
            "color": role.color,
            "colors": {
                "primary_color": role.color,
                "secondary_color": None,
                "tertiary_color": None,
            },
            "hoist": role.color != 0,
            "managed": role.id == BOT_ROLE_ID,
            "mentionable": False,
            "icon": None,
            "unicode_emoji": None,
            "flags": 0,
        }
        if role.id == BOT_ROLE_ID:
            payload["tags"] = {"bot_id": str(self._directory.application_id)}
        return payload

    def channel(self, channel: Channel, member: Member | None = None) -> JsonObject:
        """Return a channel; with a member, their permissions in it too."""
        if channel.is_direct:
            ids = channel.group_ids or {channel.recipient_id or 0}
            recipients = [self._directory.member(id_) for id_ in sorted(ids)]
            return {
                "id": str(channel.id),
                "type": int(channel.kind),
                "last_message_id": None,
                "flags": 0,
                "recipients": [self.user(recipient) for recipient in recipients],
            }
        payload: JsonObject = {
            "id": str(channel.id),
            "type": int(channel.kind),
            "guild_id": str(self._directory.guild_id),
            "name": channel.name,
            "topic": channel.topic,
            "position": channel.position,
            "nsfw": channel.nsfw,
            "parent_id": None,
            "last_message_id": None,
            "rate_limit_per_user": 0,
            "permission_overwrites": [_overwrite(entry) for entry in channel.overwrites],
            "flags": 0,
        }
        if member is not None:
            payload["permissions"] = str(int(self._directory.permissions(member, channel)))
        return payload

    def guild(self) -> JsonObject:
        """Return the guild."""
        directory = self._directory
        payload: JsonObject = dict.fromkeys(_NULL_GUILD_FIELDS)
        payload |= {
            "id": str(directory.guild_id),
            "name": directory.guild_name,
            "owner_id": str(directory.owner.id),
            "roles": [self.role(role) for role in directory.roles.values()],
            "features": [],
            "emojis": [],
            "stickers": [],
            "region": "deprecated",
            "preferred_locale": directory.guild_locale,
            "afk_timeout": 300,
            "max_members": 500000,
            "max_video_channel_users": 25,
            "max_stage_video_channel_users": 50,
            "widget_enabled": False,
            "premium_progress_bar_enabled": False,
            "nsfw": False,
        }
        return payload | dict.fromkeys(_ZERO_GUILD_FIELDS, 0)

    def created_guild(self, *, with_members: bool) -> JsonObject:
        """Return the guild as GUILD_CREATE carries it."""
        directory = self._directory
        shown = directory.members.values() if with_members else (directory.bot,)
        return self.guild() | {
            "joined_at": JOINED_AT,
            "large": False,
            "unavailable": False,
            "member_count": len(directory.members),
            "members": [self.member(member) for member in shown],
            "channels": [self.channel(channel) for channel in directory.guild_channels()],
            "threads": [],
            "presences": [],
            "voice_states": [],
            "stage_instances": [],
            "guild_scheduled_events": [],
            "soundboard_sounds": [],
        }

    def application(self) -> JsonObject:
        """Return the bot's application as it sees itself."""
        directory = self._directory
        owner = self.user(directory.operator)
        return {
            "id": str(directory.application_id),
            "name": directory.application_name,
            "icon": None,
            "description": "Turns ComfyUI workflows into slash commands",
            "summary": "",
            "type": None,
            "bot": self.user(directory.bot),
            "bot_public": True,
            "bot_require_code_grant": False,
            "verify_key": VERIFY_KEY,
            "flags": 0,
            "flags_new": "0",
            "owner": owner,
            "team": None,
            "redirect_uris": [],
            "interactions_endpoint_url": None,
            "role_connections_verification_url": None,
            "approximate_guild_count": 1,
            "approximate_user_install_count": 0,
            "approximate_user_authorization_count": 0,
            "explicit_content_filter": 0,
            "eligible_oauth2_scopes": ["applications.commands", "bot"],
            "integration_types_config": {"0": {}},
        }

    def message(self, message: Message, referenced: Message | None = None) -> JsonObject:
        """Return a message, as REST gives it."""
        directory = self._directory
        shown = {*attachment_names(message.embeds), *shown_names(message.components)}
        payload: JsonObject = {
            "id": str(message.id),
            "channel_id": str(message.channel_id),
            "type": int(message.kind),
            "author": self.user(directory.members[message.author_id]),
            "content": message.content,
            "embeds": [self._embed(embed, message) for embed in message.embeds],
            "attachments": [
                self._files.attachment(file) for file in message.files if file.filename not in shown
            ],
            "components": list(
                map_media(
                    copy.deepcopy(message.components), lambda media: self._media(media, message)
                )
            ),
            "mentions": [
                self.user(directory.members[user])
                for user in message.mentions
                if user in directory.members
            ],
            "mention_roles": [str(role) for role in message.mention_roles],
            "mention_everyone": message.mention_everyone,
            "timestamp": timestamp(message.created_at),
            "edited_timestamp": timestamp(message.edited_at) if message.edited_at else None,
            "flags": int(message.flags),
            "pinned": False,
            "tts": False,
        }
        return payload | self._message_extras(message, referenced)

    def message_event(self, message: Message, referenced: Message | None = None) -> JsonObject:
        """Return a message, as the gateway gives it."""
        payload = self.message(message, referenced)
        if self._directory.channels[message.channel_id].is_direct:
            return payload
        author = self.member(self._directory.members[message.author_id])
        del author["user"]
        return payload | {"guild_id": str(self._directory.guild_id), "member": author}

    def _message_extras(self, message: Message, referenced: Message | None) -> JsonObject:
        extras: JsonObject = {}
        if message.nonce is not None:
            extras["nonce"] = message.nonce
        if message.is_from_interaction:
            extras["application_id"] = extras["webhook_id"] = str(self._directory.application_id)
        if message.interaction is not None:
            extras["interaction"] = message.interaction
        if message.interaction_metadata is not None:
            extras["interaction_metadata"] = message.interaction_metadata
        if message.reference_id is not None:
            extras["message_reference"] = {
                "type": 0,
                "channel_id": str(message.channel_id),
                "message_id": str(message.reference_id),
            }
            if message.kind is MessageKind.REPLY:
                extras["referenced_message"] = self.message(referenced) if referenced else None
        return extras

    def _embed(self, embed: JsonObject, message: Message) -> JsonObject:
        shown: JsonObject = copy.deepcopy(embed)
        by_name = {file.filename: file for file in message.files}
        for part, key in picture_places():
            place = shown.get(part) or {}
            address = place.get(key, "")
            if not address.startswith(ATTACHMENT_SCHEME):
                continue
            name = address.removeprefix(ATTACHMENT_SCHEME)
            shown[part] = {**place, **self._picture(key, name, by_name.get(name))}
        return shown

    def _media(self, media: JsonObject, message: Message) -> JsonObject:
        """Return the description of a file that a component shows."""
        address = str(media["url"])
        if not address.startswith(ATTACHMENT_SCHEME):
            return {**media, "proxy_url": address, "flags": 0}
        name = address.removeprefix(ATTACHMENT_SCHEME)
        file = next((file for file in message.files if file.filename == name), None)
        shown = self._picture("url", name, file)
        return shown | ({} if file is None else {"attachment_id": str(file.id)})

    def _picture(self, key: str, name: str, file: StoredFile | None) -> JsonObject:
        if file is None:  # deleted by an edit that did not list it: a dead address remains
            return {key: f"{self._files.host}/attachments/0/0/{name}"}
        url = self._files.url(file)
        if key != "url":
            return {key: url, f"proxy_{key}": url}
        shown: JsonObject = {"url": url, "proxy_url": url, "flags": 0}
        if file.width is not None:
            shown |= {"width": file.width, "height": file.height}
        return shown | ({"content_type": file.content_type} if file.content_type else {})


def _overwrite(entry: Overwrite) -> JsonObject:
    return {
        "id": str(entry.target_id),
        "type": 1 if entry.is_member else 0,
        "allow": str(int(entry.allow)),
        "deny": str(int(entry.deny)),
    }


_NULL_GUILD_FIELDS = (
    "icon",
    "description",
    "home_header",
    "splash",
    "discovery_splash",
    "banner",
    "application_id",
    "afk_channel_id",
    "system_channel_id",
    "widget_channel_id",
    "vanity_url_code",
    "rules_channel_id",
    "safety_alerts_channel_id",
    "public_updates_channel_id",
    "max_presences",
    "incidents_data",
)
_ZERO_GUILD_FIELDS = (
    "system_channel_flags",
    "verification_level",
    "default_message_notifications",
    "mfa_level",
    "explicit_content_filter",
    "premium_tier",
    "premium_subscription_count",
    "nsfw_level",
)
