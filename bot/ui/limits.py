"""Discord's limits for messages, commands and components.

Their sources are https://docs.discord.com/developers/interactions/application-commands and
https://docs.discord.com/developers/components/reference.
"""

ALT_TEXT_CHARACTERS = 1024
"""Characters of a file's description."""

COMMAND_OPTIONS = 25
"""Options of one command."""

CHOICES = 25
"""Choices of one option, fixed or looked up."""

CHOICE_CHARACTERS = 100
"""Characters of a choice's name, and of its value if that is a string."""

MENU_OPTIONS = 25
"""Entries of one select menu."""

MENU_OPTION_CHARACTERS = 100
"""Characters of the label of a select menu's entry."""

MODAL_TITLE_CHARACTERS = 45
"""Characters of a modal's title."""

MODAL_FIELDS = 5
"""Fields of a modal."""

MODAL_LABEL_CHARACTERS = 45
"""Characters of the label of a modal's field."""

CONTENT_CHARACTERS = 2000
"""Characters of a message without layout components."""

MODAL_DESCRIPTION_CHARACTERS = 100
"""Characters of the description of a modal's field."""

LAYOUT_CHARACTERS = 4000
"""Characters of all texts of a message with layout components."""
