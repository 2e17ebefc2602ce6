"""What the face is given to serve: one attribute for each of the heart's services."""

from dataclasses import dataclass

from generation.administration import Administration
from generation.service import GenerationService


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that commands and buttons ask."""

    generations: GenerationService
    administration: Administration
