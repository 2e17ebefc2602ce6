"""What the library says in words that are no sentences of the code, for whoever translates.

An operator's own workflows say what their manifests say.
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
"""What the workflows that ship say of themselves."""

STATES: Final = (
    mark("on"),
    mark("off"),
    mark("broken"),
    mark("to be enabled"),
    mark("waiting for a backend"),
)
"""Of the entries of `generation.library.library`."""

RESULTS: Final = (
    mark("pictures"),
    mark("videos"),
    mark("sounds"),
    mark("texts"),
    mark("3D models"),
    mark("latents"),
)
"""What workflows make, by `workflows.infer`."""
