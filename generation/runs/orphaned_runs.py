"""Cancellation of runs on a backend that became unreachable, once it is back."""

import asyncio
import logging

from comfy.errors import ComfyError
from db.errors import DatabaseError
from generation.backends.inventory import REACHABLE_POLL_S
from generation.backends.pool import BackendPool
from generation.history.records import Records

GIVE_UP_AFTER_S = 24 * 3600.0
"""A backend that is unreachable for longer has probably lost its queue in a restart."""

_log = logging.getLogger(__name__)


class OrphanedRuns:
    """Cancels orphaned runs. Its tasks end with the pool; remaining runs are left alone."""

    def __init__(self, pool: BackendPool, records: Records) -> None:
        self._pool = pool
        self._records = records
        self._watched: set[str] = set()
        self._withdrawn: set[str] = set()

    def was_withdrawn(self, prompt_id: str) -> bool:
        """Return whether this prompt id was cancelled and must not be used again."""
        return prompt_id in self._withdrawn

    def watch(self, generation_id: str, backend_name: str, prompt_id: str) -> None:
        """Cancel this run once its backend is back, unless the generation continues there."""
        if prompt_id not in self._watched:
            self._watched.add(prompt_id)
            work = self._watch(generation_id, backend_name, prompt_id)
            self._pool.tasks.start(work, f"withdrawal of {prompt_id} from {backend_name}")

    async def _watch(self, generation_id: str, backend_name: str, prompt_id: str) -> None:
        try:
            async with asyncio.timeout(GIVE_UP_AFTER_S):
                await self._withdraw(generation_id, backend_name, prompt_id)
        except TimeoutError:
            _log.warning("Backend %s was away too long to withdraw a run.", backend_name)
        finally:
            self._watched.discard(prompt_id)

    async def _withdraw(self, generation_id: str, backend_name: str, prompt_id: str) -> None:
        while True:
            if await self._try_to_withdraw(generation_id, backend_name, prompt_id):
                return
            await asyncio.sleep(REACHABLE_POLL_S)

    async def _try_to_withdraw(self, generation_id: str, backend_name: str, prompt_id: str) -> bool:
        """Try to cancel a run; return whether nothing is left to do."""
        backend = self._pool.find(backend_name)
        if backend is None:
            return True
        if not backend.is_reachable:
            return False
        try:
            if await self._goes_on_there(generation_id, prompt_id):
                return False
            # Before the request: even if its response is lost, the id must not be used again.
            self._withdrawn.add(prompt_id)
            outcome = await backend.cancel(prompt_id)
        except (ComfyError, DatabaseError) as error:
            _log.debug("Run %s could not be withdrawn yet: %s", prompt_id, error)
            return False
        _log.info("Run %s was withdrawn from backend %s: %s.", prompt_id, backend_name, outcome)
        return True

    async def _goes_on_there(self, generation_id: str, prompt_id: str) -> bool:
        """Return whether the unfinished generation will re-attach to this run."""
        placement = await self._records.find_placement(generation_id)
        return placement is not None and placement.is_wanted and placement.prompt_id == prompt_id
