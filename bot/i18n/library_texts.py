"""Messages for translators that come from data: shipped manifests, states, kinds of results.

Texts of an operator's own workflows are shown untranslated.
"""

from typing import Final

from bot.i18n.language import mark

TEXTS: Final = (
    mark("Picture to 3D (Hunyuan3D)"),
    mark("Makes a 3D model of what your picture shows, with Hunyuan3D 2.1."),
    mark("Song (ACE-Step)"),
    mark("Plays and sings what you describe, with ACE-Step 1.5."),
    mark("Sound (Stable Audio 3)"),
    mark("Makes the sound or music that you describe, with Stable Audio 3."),
    mark("Depth"),
    mark("Shows how far away everything in a picture is: near is light, far is dark."),
    mark("Describe"),
    mark("Writes a prompt that fits your picture, with Qwen3-VL."),
    mark("Edit (Flux.2)"),
    mark("Changes your picture as you say, in seconds, with up to two more to take things from."),
    mark("Edit (Flux.1 Kontext)"),
    mark("Changes your picture as you say, with a second one beside it if you like."),
    mark("Edit (Qwen-Image-Edit)"),
    mark("Changes your picture as you say, with up to two more to take things from."),
    mark("Better prompt"),
    mark("Writes your prompt out in detail, with Qwen3."),
    mark("First and last frame"),
    mark("Makes a video of what happens between two pictures, with sound."),
    mark("Picture to picture"),
    mark("Repaints your picture as the prompt says."),
    mark("Picture to video (LTX-2.3)"),
    mark("Sets your picture in motion, with sound, with LTX-2.3."),
    mark("Picture to video (Wan 2.2)"),
    mark("Sets your picture in motion, with Wan 2.2."),
    mark("Repaint a part"),
    mark("Repaints the white areas of the mask and keeps the rest of your picture."),
    mark("Repaint what you name"),
    mark("Finds what you name in your picture and repaints it, without a mask."),
    mark("Extend"),
    mark("Extends your picture beyond its edges."),
    mark("Remove background"),
    mark("Cuts out what is in front and leaves the rest transparent."),
    mark("Same depth"),
    mark("Paints what you describe, with the depth of your picture."),
    mark("Same edges"),
    mark("Paints what you describe, along the lines of your picture."),
    mark("Same pose"),
    mark("Paints what you describe, in the pose of somebody in your picture."),
    mark("Text to picture (Flux)"),
    mark("Paints what you describe, with a Flux model."),
    mark("Text to picture (Flux schnell)"),
    mark("Paints what you describe, in four steps, with Flux.1 schnell."),
    mark("Text to picture (Flux.2)"),
    mark("Paints what you describe, in seconds, with Flux.2 Klein."),
    mark("Text to picture (Qwen-Image)"),
    mark("Paints what you describe, and writes what you quote, with Qwen-Image."),
    mark("Text to picture"),
    mark("Paints what you describe, with an SDXL checkpoint."),
    mark("Text to picture (SD 1.5)"),
    mark("Paints what you describe, with a Stable Diffusion 1.5 checkpoint."),
    mark("Text to picture (SD 3.5)"),
    mark(
        "Paints what you describe, with a Stable Diffusion 3.5 checkpoint that brings "
        "its text encoders."
    ),
    mark("Text to picture (Z-Image)"),
    mark("Paints what you describe, in seconds, with Z-Image Turbo."),
    mark("Text to video (LTX-2.3)"),
    mark("Makes a video of what you describe, with sound, with LTX-2.3."),
    mark("Text to video (Wan 2.2)"),
    mark("Makes a video of what you describe, with Wan 2.2."),
    mark("Upscale"),
    mark("Makes a picture larger and sharper."),
    mark("Upscale and restore"),
    mark("Makes a picture larger and paints the detail that was lost."),
)
"""Titles and descriptions of the shipped workflows."""

INPUTS: Final = (
    mark("Style, instruments and mood of the song"),
    mark("What is sung, with lines such as [Verse] and [Chorus] before the parts"),
    mark("How long it is, in seconds"),
    mark("Beats a minute"),
    mark("The same seed with the same options gives the same sound"),
    mark("The picture to measure"),
    mark("What to paint in its place"),
    mark("The picture to start from"),
    mark("What to repaint, such as: the red car"),
    mark("What to keep out of the picture"),
    mark("How many pictures"),
    mark("The same seed with the same options gives the same picture"),
    mark("The checkpoint to use"),
    mark("A style or subject to add"),
    mark("More steps take longer and refine more"),
    mark("How closely to follow the prompt"),
    mark("How much to change what was found"),
    mark("How large the result is"),
    mark("What the whole picture shows"),
    mark("The picture to extend"),
    mark("Pixels to add on the left"),
    mark("Pixels to add on the right"),
    mark("Pixels to add at the top"),
    mark("Pixels to add at the bottom"),
    mark("The picture to cut out from"),
)
"""Descriptions of the inputs of those that are commands of their own."""

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
