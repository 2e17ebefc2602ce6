"""What the workflows that ship say of themselves, for whoever translates.

An operator's own workflows say what their manifests say.
"""

from typing import Final

from bot.language import mark

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
