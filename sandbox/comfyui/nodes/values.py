"""Values passed along the links of a graph: models, prompts, latents, pictures and masks."""

from dataclasses import dataclass
from typing import TypeAlias

from PIL import Image

Pictures: TypeAlias = list[Image.Image]


@dataclass(frozen=True)
class Model:
    """A diffusion model and the LoRAs patched into it, as (name, strength)."""

    name: str
    loras: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Clip:
    """A text encoder. Its LoRAs are kept apart from the model's, as in a real server."""

    name: str
    loras: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Vae:
    """An image encoder and decoder."""

    name: str


@dataclass(frozen=True)
class UpscaleModel:
    """An upscaler that enlarges by a whole factor."""

    name: str
    factor: int


@dataclass(frozen=True)
class Conditioning:
    """An encoded prompt; `guidance` is the Flux-type strength.

    With a `source`, the picture is that one changed: by 0 not at all, by 1 wholly.
    """

    text: str
    guidance: float | None = None
    source: Image.Image | None = None
    change: float = 0.5


@dataclass(frozen=True)
class Guider:
    """The guidance of a custom sampler."""

    model: Model
    positive: Conditioning
    negative: Conditioning
    cfg: float


@dataclass(frozen=True)
class Sigmas:
    """A noise schedule."""

    steps: int
    denoise: float


@dataclass(frozen=True)
class Latent:
    """A batch of latents: empty canvases until something was encoded or sampled into them."""

    width: int
    height: int
    batch: int
    pictures: tuple[Image.Image, ...] = ()
    mask: Image.Image | None = None
