"""Whether a result that is shown again may be public there, and where it was shared.

A public repost must satisfy the rules of that place. Otherwise results from direct messages, other
channels and other servers would circumvent its moderators' decisions.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime

from db.database import Database, Session
from db.repositories.generations import GenerationRepository
from db.repositories.moderation.blocks import BlockRepository
from db.repositories.moderation.reviews import APPROVED, ReviewRepository
from db.repositories.policies import PolicyRepository
from generation.errors import NotAllowedHere, RequestRefused
from generation.moderation.blocks import Moderation
from generation.moderation.review import ReviewMode, find_mode
from generation.quota.usage import refuse_elsewhere
from generation.record import Generation
from generation.request import Requester
from generation.requests.lineage import Lineage
from generation.transactions import Service, reads, writes
from workflows.folders.catalog import Catalog
from workflows.manifest import InputType


class Reposting(Service):
    """Applies the rules of the channel as if the generation were requested there."""

    def __init__(
        self,
        database: Database,
        catalog: Catalog,
        moderation: Moderation,
        lineage: Lineage,
        clock: Callable[[], datetime],
    ) -> None:
        super().__init__(database, clock)
        self._catalog = catalog
        self._lineage = lineage
        self._moderation = moderation

    async def find_obstacle(
        self, generation: Generation, requester: Requester, gallery_id: int | None = None
    ) -> RequestRefused | None:
        """Return why it must not be public there; None if it may. Raises ServiceUnavailable.

        In a gallery, where nothing need be made, the review mode of that channel counts.
        """
        try:
            await self._check(generation, requester, gallery_id)
        except RequestRefused as refusal:
            return refusal
        return None

    @writes
    def record_share(self, session: Session, generation_id: str, url: str) -> bool:
        """Record where a result was shared; it is no longer private.

        Return False if its results were removed in the meantime. Raises ServiceUnavailable.
        """
        generations = GenerationRepository(session)
        row = generations.get(generation_id, for_update=True)
        if row is None or row.removed_at is not None or row.withheld:
            return False
        return generations.update(generation_id, shared_url=url, private=False)

    async def _check(
        self, generation: Generation, requester: Requester, gallery_id: int | None
    ) -> None:
        await self._lineage.check_age(generation, requester)
        if requester.guild_id is None:
            return
        is_approved, mode = await self._find_review(generation, requester, gallery_id)
        if is_approved and generation.guild_id == requester.guild_id:
            return
        words = await self._moderation.judge(requester, tuple(self._texts(generation)))
        if mode is ReviewMode.HOLD or words.needs_hold:
            raise NotAllowedHere("Results appear here once a moderator approves them.")

    @reads
    def _find_review(
        self,
        session: Session,
        generation: Generation,
        requester: Requester,
        gallery_id: int | None,
    ) -> tuple[bool, ReviewMode]:
        """Return whether it was approved, and the mode here. Raises RequestRefused."""
        blocks, reviews = BlockRepository(session), ReviewRepository(session)
        if blocks.find(requester.user_id, requester.guild_id, self._clock()) is not None:
            raise NotAllowedHere("You're blocked in this server.")
        refuse_elsewhere(PolicyRepository(session).channels(requester.guild_id), requester)
        review = reviews.find(generation.id)
        is_approved = review is not None and review.state == APPROVED
        shown = requester
        if gallery_id is not None:
            shown = replace(requester, channel_id=gallery_id, parent_channel_id=None)
        return is_approved, find_mode(reviews.modes(requester.guild_id), shown)

    def _texts(self, generation: Generation) -> Iterator[str]:
        """Return what somebody typed; for a deleted workflow, all that may have been typed."""
        yield generation.prompt
        workflow = self._catalog.workflows.get(generation.workflow)
        for name, value in generation.values.items():
            wanted = workflow.manifest.find(name) if workflow is not None else None
            if isinstance(value, str) and (wanted is None or wanted.type is InputType.TEXT):
                yield value
