"""Discord's limits, each by its own name."""

from typing import Final

API_VERSION: Final = 10
"""The only REST and gateway version served."""

RESPONSE_SECONDS: Final = 3.0
"""Seconds within which an interaction needs its first response."""
TOKEN_MINUTES: Final = 15
"""Minutes that an interaction's token is valid, from its creation."""

CONTENT_LENGTH: Final = 2000
EMBEDS: Final = 10
EMBED_CHARACTERS: Final = 6000
"""Over all embeds of a message together."""
EMBED_TITLE: Final = 256
EMBED_DESCRIPTION: Final = 4096
EMBED_FIELDS: Final = 25
EMBED_FIELD_NAME: Final = 256
EMBED_FIELD_VALUE: Final = 1024
EMBED_FOOTER: Final = 2048
EMBED_AUTHOR: Final = 256
EMBED_URL: Final = 2048

FILES: Final = 10
FILE_BYTES: Final = 10 * 1024 * 1024
"""Default for one file, in a guild without boosts."""
REQUEST_BYTES: Final = 25 * 1024 * 1024
"""All files of one request together."""
FILE_DESCRIPTION: Final = 1024

ROWS: Final = 5
LAYOUT_COMPONENTS: Final = 40
"""Components of a message with the flag IS_COMPONENTS_V2, nested ones included."""
LAYOUT_TEXT: Final = 4000
"""Characters of all its text displays together."""
GALLERY_ITEMS: Final = 10
SECTION_TEXTS: Final = 3
ROW_BUTTONS: Final = 5
LABEL: Final = 80
CUSTOM_ID: Final = 100
BUTTON_URL: Final = 512
SELECT_OPTIONS: Final = 25
SELECT_TEXT: Final = 100
SELECT_PLACEHOLDER: Final = 150

MODAL_TITLE: Final = 45
MODAL_ITEMS: Final = 5
MODAL_LABEL: Final = 45
TEXT_INPUT: Final = 4000
GROUP_OPTIONS: Final = 10
"""Entries of a group of radio buttons or checkboxes."""

COMMANDS_BY_TYPE: Final = {1: 100, 2: 15, 3: 15}
COMMAND_CREATIONS_A_DAY: Final = 200
COMMAND_NAME: Final = 32
COMMAND_DESCRIPTION: Final = 100
COMMAND_OPTIONS: Final = 25
COMMAND_CHARACTERS: Final = 8000
CHOICES: Final = 25
CHOICE_TEXT: Final = 100
STRING_OPTION: Final = 6000
SAFE_INTEGER: Final = 2**53 - 1
"""Integers of options stay within plus or minus this."""

NONCE: Final = 25
MENTIONS_LISTED: Final = 100
MESSAGES_PAGE: Final = 100

GATEWAY_SENDS: Final = 120
"""Sends a client may make in `GATEWAY_WINDOW_SECONDS`."""
GATEWAY_WINDOW_SECONDS: Final = 60.0
HEARTBEAT_SECONDS: Final = 41.25
REPLAY_EVENTS: Final = 1000
"""Events kept for a session that may resume."""

URL_SECONDS: Final = 24 * 60 * 60
"""A signed attachment address works this long."""
