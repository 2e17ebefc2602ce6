"""Imitation of sampling: a picture that emerges from noise step by step."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Protocol, TypeVar

from PIL import Image, ImageOps

from sandbox.comfyui.nodes.values import Guider, Latent
from sandbox.comfyui.painting import painter

Produced = TypeVar("Produced")

PREVIEW_SIDE: Final = 512
"""Pixels of the longer side of a preview, a real server's default."""


class Stepper(Protocol):
    """Services of the run that sampling uses."""

    largest_drawing: int | None

    async def step(self, value: int, maximum: int, preview: Callable[[], Image.Image]) -> None:
        """Report one finished step."""

    async def in_thread(self, function: Callable[..., Produced], *arguments: object) -> Produced:
        """Run something slow outside the event loop."""


@dataclass(frozen=True)
class Sampling:
    """One sampler run over a batch; `unfinished` is the part of the noise that stays in."""

    guider: Guider
    seed: int
    steps: int
    denoise: float
    latent: Latent
    unfinished: float = 0.0

    async def run(self, stepper: Stepper) -> Latent:
        """Sample the whole batch, reporting every step with a preview of its first picture."""
        size = self.latent.width, self.latent.height
        batch = max(self.latent.batch, 1)
        pictures = [
            await stepper.in_thread(self._picture, index, stepper.largest_drawing)
            for index in range(batch)
        ]
        source = self.latent.pictures[0] if self.latent.pictures else None
        noise = painter.noise(self.seed, size)
        side = min(PREVIEW_SIDE, stepper.largest_drawing or PREVIEW_SIDE)
        for step in range(1, self.steps + 1):
            share = step / self.steps * (1 - self.unfinished)
            preview = partial(
                painter.emerging,
                pictures[0],
                source,
                noise,
                share,
                self.denoise,
                side=side,
            )
            await stepper.step(step, self.steps, preview)
        if self.unfinished:
            pictures = [
                painter.emerging(
                    picture, source, noise, 1 - self.unfinished, self.denoise, side=None
                )
                for picture in pictures
            ]
        return replace(self.latent, batch=batch, pictures=tuple(pictures))

    def _picture(self, index: int, largest_drawing: int | None) -> Image.Image:
        guider = self.guider
        brief = painter.Brief(
            prompt=guider.positive.text,
            negative=guider.negative.text,
            seed=self.seed + index,
            size=(self.latent.width, self.latent.height),
            model=guider.model.name,
            loras=guider.model.loras,
            guidance=guider.positive.guidance or guider.cfg,
            steps=self.steps,
        )
        painted = painter.paint(brief, largest_drawing)
        if guider.positive.source is not None:
            source = ImageOps.fit(guider.positive.source.convert("RGB"), painted.size)
            return painter.paint_over(source, painted, guider.positive.change)
        if not self.latent.pictures:
            return painted
        source = self.latent.pictures[index % len(self.latent.pictures)]
        mixed = painter.paint_over(source, painted, self.denoise)
        if self.latent.mask is None:
            return mixed
        mask = self.latent.mask.resize(source.size, Image.Resampling.BILINEAR)
        return Image.composite(mixed, source, mask)
