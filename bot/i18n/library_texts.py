"""Messages for translators that come from data: shipped manifests, states, kinds of results.

Texts of an operator's own workflows are shown untranslated.
"""

from typing import Final

from bot.i18n.language import mark

TEXTS: Final = (
    mark("Picture to picture"),
    mark("Repaint a part"),
    mark("Text to picture (Flux)"),
    mark("Text to picture"),
    mark("Text to picture (SD 3)"),
    mark("Upscale"),
    mark("Paints your picture anew, as the prompt says."),
    mark("Paints anew what the mask marks white and keeps the rest of your picture."),
    mark("Paints what you describe, with a Flux model."),
    mark("Paints what you describe, with a Stable Diffusion 1.5 or SDXL checkpoint."),
    mark(
        "Paints what you describe, with a Stable Diffusion 3 checkpoint "
        "that brings its text encoders."
    ),
    mark("Makes a picture larger and sharper."),
)
"""Titles and descriptions of the shipped workflows."""

STATES: Final = (
    mark("on"),
    mark("off"),
    mark("broken"),
    mark("to be enabled"),
    mark("waiting for a backend"),
)
"""States of the entries of `generation.library.library`."""

RESULTS: Final = (
    mark("pictures"),
    mark("videos"),
    mark("sounds"),
    mark("texts"),
    mark("3D models"),
    mark("latents"),
)
"""Kinds of results, as `workflows.infer` names them."""
