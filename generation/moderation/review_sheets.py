"""Contact sheets of pending results, which moderators decide on together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from db.database import Database, Session
from db.repositories.moderation.reviews import ReviewRepository
from generation.history.records import Records
from generation.media.contact_sheet import Tile, build_tiles, contact_sheet
from generation.media.decoding import decode
from generation.record import Generation
from generation.transactions import Service, available, reads

GENERATIONS_A_SHEET = 9
"""Generations on one contact sheet: as many as can be judged at a glance."""

TILES_A_SHEET = 36
"""Pictures on one contact sheet: four of each generation."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """The oldest pending results of a guild that can be decided on together, with their pictures.

    `counts` has the number of numbered pictures in `picture`, a PNG, of each generation. Results
    that are not withheld were reported.
    """

    waiting: int
    generations: tuple[Generation, ...]
    counts: tuple[int, ...]
    picture: bytes


class ReviewSheets(Service):
    """Builds sheets. Methods raise ServiceUnavailable."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        super().__init__(database, clock)
        self._records = Records(database)

    async def build(self, guild_id: int, max_id_characters: int) -> Sheet | None:
        """Return the oldest results that can be decided on together; None if fewer than two.

        Their ids have at most that many characters in all, so that a front end can put them in one
        button. Results that must be heard, read or watched, and those that fill a sheet alone, are
        left to `Reviews.case`.
        """
        waiting, chosen = await self.choose(guild_id, max_id_characters)
        if len(chosen) <= 1:
            return None
        return Sheet(
            waiting,
            tuple(generation for generation, _ in chosen),
            tuple(len(tiles) for _, tiles in chosen),
            await decode(contact_sheet, [tile for _, tiles in chosen for tile in tiles]),
        )

    async def choose(
        self, guild_id: int, max_id_characters: int
    ) -> tuple[int, list[tuple[Generation, Sequence[Tile]]]]:
        """Return how many results are pending, and those for `build` with their pictures."""
        chosen: list[tuple[Generation, Sequence[Tile]]] = []
        characters = count = 0
        waiting, ids = await self._find_waiting(guild_id)
        for generation_id in ids:
            with available():
                generation = await self._records.find(generation_id, include_withheld=True)
            tiles = build_tiles(generation) if generation is not None else ()
            if generation is None or not tiles or count + len(tiles) > TILES_A_SHEET:
                continue
            characters, count = characters + len(generation_id), count + len(tiles)
            if characters > max_id_characters or len(chosen) == GENERATIONS_A_SHEET:
                break
            chosen.append((generation, tiles))
        return waiting, chosen

    @reads
    def _find_waiting(self, session: Session, guild_id: int) -> tuple[int, tuple[str, ...]]:
        return ReviewRepository(session).waiting(guild_id, 2 * GENERATIONS_A_SHEET)
