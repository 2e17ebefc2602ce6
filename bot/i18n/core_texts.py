"""Messages for translators that other packages name: states, findings, kinds of results.

Those of the shipped manifests are taken from the manifests themselves. Texts of an operator's own
workflows are shown untranslated.
"""

from typing import Final

from bot.i18n.language import mark

STATES: Final = (
    mark("on"),
    mark("off"),
    mark("broken"),
    mark("to be enabled"),
    mark("waiting for a GPU"),
)
"""States of the entries of `generation.library.library`."""

IMAGE_NOTES: Final = (
    mark("anus"),
    mark("buttocks"),
    mark("breast"),
    mark("female genitals"),
    mark("male genitals"),
    mark("nothing"),
    mark("attached"),
    mark("blocked picture"),
    mark("could not be checked"),
)
"""What `generation.moderation.image_filter` notes for moderators."""

RESULTS: Final = (
    mark("pictures"),
    mark("videos"),
    mark("sounds"),
    mark("texts"),
    mark("3D models"),
    mark("latents"),
)
"""Kinds of results, as `workflows.infer` names them."""
