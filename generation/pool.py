"""Which backend takes a run: reachable, capable, least loaded. Answers from memory."""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from comfy.backend import Backend
from comfy.errors import ComfyError
from comfy.object_info import ObjectInfo
from generation.tasks import TaskOwner

REFRESH_INTERVAL_S = 180.0
"""How old what a backend offers may get: people add models by hand, now and then."""

REACHABLE_POLL_S = 1.0
"""Pause between looks at whether a backend came back; it costs no request."""

PROBE_TIMEOUT_S = 3.0
"""A backend that cannot say its load in this time is not chosen."""

INFO_TIMEOUT_S = 60.0
"""A large installation's description has megabytes and takes ComfyUI seconds to build."""

Graph = Mapping[str, Mapping[str, Any]]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """The operator's wishes. The first default model that fits an input's list is taken."""

    default_models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PoolMember:
    """A backend and how many graphs it is handed at a time."""

    backend: Backend
    concurrency: int = 2


class BackendPool:
    """All backends; one that is dead never holds up a question about the others."""

    def __init__(
        self,
        members: Sequence[PoolMember],
        settings: PoolSettings | None = None,
        random_source: random.Random | None = None,
    ) -> None:
        self.settings = settings or PoolSettings()
        self._members = {member.backend.name: member for member in members}
        self._random = random_source or random.Random()  # noqa: S311 - breaks ties, guards nothing
        self._infos: dict[str, ObjectInfo] = {}
        self._claims: dict[str, str] = {}
        self._tasks = TaskOwner(_log)

    @property
    def concurrency(self) -> Mapping[str, int]:
        """How many graphs each backend is handed at a time, by its name."""
        return {name: member.concurrency for name, member in self._members.items()}

    @property
    def is_any_reachable(self) -> bool:
        """Whether a backend answered last time."""
        return any(member.backend.is_reachable for member in self._members.values())

    @property
    def reachable_count(self) -> int:
        """How many backends answered last time."""
        return sum(member.backend.is_reachable for member in self._members.values())

    @property
    def is_informed(self) -> bool:
        """Whether any backend has said yet what it offers."""
        return bool(self._infos)

    async def open(self) -> None:
        """Open every backend and begin to learn what each offers."""
        for name, member in self._members.items():
            await member.backend.open()
            self._tasks.start(self._keep_informed(member.backend), f"object info of {name}")

    async def close(self) -> None:
        """Stop learning and close every backend. May be called twice."""
        await self._tasks.close()
        await asyncio.gather(
            *(member.backend.close() for member in self._members.values()), return_exceptions=True
        )

    def find(self, name: str) -> Backend | None:
        """The backend of this name, if it is still configured."""
        member = self._members.get(name)
        return member.backend if member else None

    def choices(self, class_type: str, input_name: str) -> tuple[str, ...] | None:
        """What any backend offers for this input, in a stable order; None when none knows it."""
        lists = [info.choices(class_type, input_name) for info in self._infos.values()]
        known = [choices for choices in lists if choices is not None]
        return (
            tuple(dict.fromkeys(name for choices in known for name in choices)) if known else None
        )

    def can_run(self, class_types: Collection[str]) -> bool:
        """Whether a reachable backend has these node classes; True while nothing is known."""
        if not self._infos:
            return True
        return any(
            all(info.has(class_type) for class_type in class_types)
            for name, info in self._infos.items()
            if self._members[name].backend.is_reachable
        )

    async def refresh(self, name: str) -> None:
        """Ask a backend anew what it offers. Raises ComfyError."""
        backend = self._members[name].backend
        async with asyncio.timeout(INFO_TIMEOUT_S):
            self._infos[name] = await backend.fetch_object_info(refresh=True)

    async def choose(self, graph: Graph, *, avoid: Collection[str] = ()) -> str | None:
        """The backend that should take this graph, or None while none can be reached.

        Capable ones come first; when none is, any reachable one may say precisely what it lacks.
        One to be avoided is taken only when there is no other.
        """
        loads = await self._probe()
        if not loads:
            return None
        capable = {name for name in loads if self._is_capable(name, graph)} or set(loads)
        candidates = sorted(capable - set(avoid)) or sorted(capable)
        self._random.shuffle(candidates)
        return min(candidates, key=lambda name: loads[name])

    @contextmanager
    def claim(self, generation_id: str, name: str) -> Iterator[None]:
        """Count a run as this backend's load, before the backend itself does."""
        self.reserve(generation_id, name)
        try:
            yield
        finally:
            self.release(generation_id)

    def reserve(self, generation_id: str, name: str) -> None:
        """Count a generation that waits for this backend as its load, until it is released.

        Several that choose at once would else all take the same one, and others would idle.
        """
        self._claims[generation_id] = name

    def release(self, generation_id: str) -> None:
        """Count it no longer. May be called twice."""
        self._claims.pop(generation_id, None)

    async def _probe(self) -> dict[str, float]:
        """The load of every backend that answers, per graph it is handed at a time."""
        reachable = [m for m in self._members.values() if m.backend.is_reachable]
        answers = await asyncio.gather(*(self._fetch_load(m.backend) for m in reachable))
        claimed = Counter(self._claims.values())
        return {
            member.backend.name: max(load, claimed[member.backend.name]) / member.concurrency
            for member, load in zip(reachable, answers, strict=True)
            if load is not None
        }

    async def _fetch_load(self, backend: Backend) -> int | None:
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_S):
                return await backend.fetch_load()
        except (ComfyError, TimeoutError) as error:
            _log.debug("Backend %s did not tell its load: %s", backend.name, error)
            return None

    def _is_capable(self, name: str, graph: Graph) -> bool:
        info = self._infos.get(name)
        return info is None or all(_offers(info, node) for node in graph.values())

    async def _keep_informed(self, backend: Backend) -> None:
        failed_before = False
        while True:
            if not backend.is_reachable:
                await asyncio.sleep(REACHABLE_POLL_S)
                continue
            try:
                await self.refresh(backend.name)
            except (ComfyError, TimeoutError) as error:
                level = logging.DEBUG if failed_before else logging.WARNING
                _log.log(level, "Backend %s did not say what it offers: %s", backend.name, error)
                failed_before = True
                await asyncio.sleep(REACHABLE_POLL_S)
            else:
                failed_before = False
                await self._wait_for_refresh(backend)

    async def _wait_for_refresh(self, backend: Backend) -> None:
        """Until what is known is old, or the backend was away: a restart may bring new models."""
        was_reachable = True
        loop = asyncio.get_running_loop()
        until = loop.time() + REFRESH_INTERVAL_S
        while loop.time() < until:
            await asyncio.sleep(REACHABLE_POLL_S)
            if backend.is_reachable and not was_reachable:
                return
            was_reachable = backend.is_reachable


def _offers(info: ObjectInfo, node: Mapping[str, Any]) -> bool:
    """Whether a node's class is there, and each name it picks from a list is on that list."""
    class_type = str(node.get("class_type"))
    if not info.has(class_type):
        return False
    for input_name, value in (node.get("inputs") or {}).items():
        if not isinstance(value, str):
            continue
        spec = info.input(class_type, input_name)
        if spec is None or spec.upload is not None:
            continue
        choices = info.choices(class_type, input_name)
        if choices is not None and value not in choices:
            return False
    return True
