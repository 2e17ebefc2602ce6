"""Selection of a backend for a run: in service, reachable, capable and least loaded."""

import asyncio
import logging
import math
import random
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import monotonic

from comfy.backend import Backend, Graph
from comfy.errors import ComfyError
from comfy.protocol.responses import BackendDescription
from generation.backends import capability
from generation.backends.inventory import Inventory
from generation.backends.members import MemberState, Occupancy, PoolMember
from generation.backends.power_calls import PowerSettings
from generation.backends.status import BackendStatus
from generation.tasks import TaskOwner

PROBE_TIMEOUT_S = 3.0
"""Seconds for a backend to report its load; one that does not is not selected."""

_log = logging.getLogger(__name__)


class UnknownBackend(LookupError):
    """No backend has this name."""


class BackendPool:
    """All backends. An unreachable one never delays requests to the others.

    `inventory` has what each offers. Of the `default_models` the first that an input lists is used.
    `tasks` end when the pool is closed.
    """

    def __init__(
        self,
        members: Sequence[PoolMember],
        default_models: Sequence[str] = (),
        random_source: random.Random | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.default_models = tuple(default_models)
        self.inventory = Inventory({member.backend.name: member.backend for member in members})
        self.tasks = TaskOwner(_log)
        self._states = {member.backend.name: MemberState(member) for member in members}
        self._random = random_source or random.Random()  # noqa: S311 - breaks ties, guards nothing
        self._clock = clock
        self._claims: dict[str, str] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all backends, in the configured order."""
        return tuple(self._states)

    @property
    def concurrency(self) -> Mapping[str, int]:
        """Graphs sent to each backend at a time, by name."""
        return {name: state.member.concurrency for name, state in self._states.items()}

    @property
    def weighs_waits(self) -> bool:
        """Whether any backend is used only when the wait for others is too long."""
        return any(state.member.max_wait_s for state in self._states.values())

    @property
    def occupancies(self) -> Mapping[str, Occupancy]:
        """What is known of each backend without sending a request, by name."""
        claims = Counter(self._claims.values())
        return {
            name: Occupancy(state.backend.is_reachable, claims[name])
            for name, state in self._states.items()
        }

    @property
    def refusals(self) -> Mapping[str, str]:
        """Why a backend takes no work until somebody acts, by its name.

        It is "" after a run that succeeded, and left out while there was neither.
        """
        known = {name: state.refusal for name, state in self._states.items()}
        return {name: refusal for name, refusal in known.items() if refusal is not None}

    @property
    def is_any_reachable(self) -> bool:
        """Whether any backend answered its last request."""
        return any(state.backend.is_reachable for state in self._states.values())

    @property
    def powers(self) -> Mapping[str, PowerSettings]:
        """The start and stop calls of each backend that has any, by name."""
        return {
            name: state.member.power
            for name, state in self._states.items()
            if state.member.power.wake or state.member.power.sleep
        }

    @property
    def is_any_usable(self) -> bool:
        """Whether any backend answered its last request or can be started."""
        return self.is_any_reachable or self.is_any_asleep

    @property
    def is_any_asleep(self) -> bool:
        """Whether any backend is stopped and can be started."""
        return any(state.can_be_woken for state in self._states.values())

    @property
    def reachable_names(self) -> tuple[str, ...]:
        """Names of the backends that are reachable and in service."""
        now = self._clock()
        return tuple(name for name, state in self._states.items() if state.takes_work(now))

    async def open(self) -> None:
        """Open every backend and start fetching descriptions."""
        for name, state in self._states.items():
            await state.backend.open()
            self.tasks.start(self.inventory.keep_informed(name), f"object info of {name}")

    async def close(self) -> None:
        """Stop all background tasks and close every backend. May be called twice."""
        await self.tasks.close()
        closing = (state.backend.close() for state in self._states.values())
        await asyncio.gather(*closing, return_exceptions=True)

    def find(self, name: str) -> Backend | None:
        """Return the backend of this name; None if it is no longer configured."""
        state = self._states.get(name)
        return state.backend if state else None

    def drain(self, name: str) -> None:
        """Send no new graph to it; running ones finish. Raises UnknownBackend."""
        self._state_of(name).is_drained = True

    def resume(self, name: str) -> None:
        """Put it back into service and reset its breaker. Raises UnknownBackend."""
        state = self._state_of(name)
        state.is_drained = False
        state.breaker.note_success()

    def is_drained(self, name: str) -> bool:
        """Return whether it is drained. Raises UnknownBackend."""
        return self._state_of(name).is_drained

    def set_stopping(self, name: str, *, is_stopping: bool) -> None:
        """Send no new graph to it while it is being stopped. Raises UnknownBackend."""
        self._state_of(name).is_stopping = is_stopping

    def is_stopping(self, name: str) -> bool:
        """Return whether it is being stopped. Raises UnknownBackend."""
        return self._state_of(name).is_stopping

    async def statuses(self) -> tuple[BackendStatus, ...]:
        """Ask every backend for its status, in the operator's order, within the time-out."""
        return tuple(await asyncio.gather(*map(self._ask_status, self._states.values())))

    def has_tags(self, tags: Collection[str]) -> bool:
        """Return whether any backend, in service or not, has all of these tags."""
        return not tags or any(
            state.member.tags.issuperset(tags) for state in self._states.values()
        )

    async def choose(
        self,
        graph: Graph,
        *,
        avoid: Collection[str] = (),
        tags: Collection[str] = (),
        among: Collection[str] | None = None,
        wait_s: Callable[[Collection[str]], float] = lambda _names: math.inf,
    ) -> str | None:
        """Select a backend for this graph; None while none can take it.

        Only backends with all `tags` are considered, and only those in `among` if it is given.
        Capable backends are preferred; if the only capable one is unreachable, the graph waits for
        it. If no backend is known to be capable, any may be selected, since its rejection names
        what is missing. Idle backends come first; among these the cheapest, then the highest
        weight, then the one that ran these models last, because it need not load them. A more
        expensive one is skipped while `wait_s`, the seconds until any of the given backends is
        free, stays below its limit. Backends in `avoid` are used only if there is no other. A
        single candidate is not asked for its load.
        """
        now = self._clock()
        fit = [n for n in self.find_fit(graph, tags) if self._states[n].takes_work(now)]
        unspoiled = [name for name in fit if name not in avoid]
        able = [name for name in fit if among is None or name in among]
        candidates = [name for name in able if name in unspoiled] or able
        candidates = [name for name in candidates if self._justifies_cost(name, unspoiled, wait_s)]
        if len(candidates) <= 1:
            return candidates[0] if candidates else None
        loads = await self._probe([self._states[name] for name in candidates])
        if not loads:
            return None
        models = capability.find_models(graph)
        answered = sorted(loads)
        # `min` takes the first of equals, which must not be the same backend every time.
        self._random.shuffle(answered)

        def rank(name: str) -> tuple[object, ...]:
            state = self._states[name]
            member, load = state.member, loads[name]
            is_unloaded = not models <= state.loaded
            return (load > 0, member.cost, load, -member.weight, is_unloaded)

        return min(answered, key=rank)

    def find_backend_to_wake(
        self,
        graph: Graph,
        *,
        avoid: Collection[str] = (),
        tags: Collection[str] = (),
        wait_s: Callable[[Collection[str]], float] = lambda _names: math.inf,
    ) -> str | None:
        """Return the name of the backend to start for this graph, if any.

        Applies the cost rule of `choose`; of several candidates the cheapest wins, then the one
        with the highest weight.
        """
        now = self._clock()
        fit = self.find_fit(graph, tags)
        awake = [name for name in fit if self._states[name].takes_work(now)]
        sleepers = [n for n in fit if n not in avoid and self._states[n].can_be_woken]
        members = [
            self._states[n].member for n in sleepers if self._justifies_cost(n, awake, wait_s)
        ]
        best = min(members, key=lambda one: (one.cost, -one.weight), default=None)
        return best.backend.name if best else None

    def is_served(self, graph: Graph, tags: Collection[str]) -> bool:
        """Return whether a capable backend is in service, even if it is busy."""
        now = self._clock()
        return any(self._states[name].takes_work(now) for name in self.find_fit(graph, tags))

    def find_fit(self, graph: Graph, tags: Collection[str]) -> Sequence[str]:
        """Return backends with these tags that can run this graph, else all with these tags."""
        fit = {n: p for n, p in self._states.items() if p.member.tags.issuperset(tags)}
        return [n for n, p in fit.items() if self._is_capable(p, graph)] or list(fit)

    @contextmanager
    def claim(self, generation_id: str, name: str) -> Iterator[None]:
        """Count a run as this backend's load for the length of the context."""
        self.reserve(generation_id, name)
        try:
            yield
        finally:
            self.release(generation_id)

    def reserve(self, generation_id: str, name: str, graph: Graph | None = None) -> None:
        """Count a generation assigned to this backend as its load until it is released.

        Otherwise several selections at the same time would all pick the same idle backend.
        """
        self._claims[generation_id] = name
        state = self._states.get(name)
        if state is not None and graph:
            state.loaded = capability.find_models(graph) or state.loaded

    def release(self, generation_id: str) -> None:
        """Release a reservation. May be called twice."""
        self._claims.pop(generation_id, None)

    def note_success(self, name: str) -> None:
        """Record a run that reached its end, which closes the breaker."""
        if name in self._states:
            self._states[name].breaker.note_success()
            self._states[name].problem, self._states[name].refusal = None, ""

    def note_failure(self, name: str, sentence: str, *, needs_operator: bool = False) -> None:
        """Record a lost run or a missing answer, which may open the breaker.

        What `needs_operator` is the backend's refusal until a run succeeds.
        """
        state = self._states.get(name)
        if state is None:
            return
        # It may have been restarted, with no model in its memory.
        state.loaded = frozenset()
        state.problem = sentence
        state.refusal = sentence if needs_operator else state.refusal
        was_open = state.breaker.is_open(now := self._clock())
        state.breaker.note_failure(now)
        if not was_open and (open_for_s := state.breaker.open_for_s(now)):
            _log.warning("Backend %s rests for %g s: %s", name, open_for_s, sentence)

    def note_problem(self, name: str, sentence: str) -> None:
        """Record a problem for the operator; the backend goes on taking work."""
        _log.warning("Backend %s: %s", name, sentence)
        if name in self._states:
            self._states[name].problem = sentence

    def _justifies_cost(
        self, name: str, others: Sequence[str], wait_s: Callable[[Collection[str]], float]
    ) -> bool:
        """Return whether no cheaper backend of `others` is free within this one's wait limit."""
        member = self._states[name].member
        cheaper = [other for other in others if self._states[other].member.cost < member.cost]
        return not cheaper or not member.max_wait_s or wait_s(cheaper) > member.max_wait_s

    def _state_of(self, name: str) -> MemberState:
        if name not in self._states:
            raise UnknownBackend(name)
        return self._states[name]

    async def _probe(self, states: Sequence[MemberState]) -> dict[str, float]:
        """Return the load of each backend that answers, divided by its concurrency."""
        now = self._clock()
        able = [state for state in states if state.takes_work(now)]
        answers = await asyncio.gather(*map(self._fetch_load, able))
        claimed = Counter(self._claims.values())
        return {
            # What was claimed may not have been submitted yet.
            state.backend.name: max(load, claimed[state.backend.name]) / state.member.concurrency
            for state, load in zip(able, answers, strict=True)
            if load is not None
        }

    async def _fetch_load(self, state: MemberState) -> int | None:
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_S):
                # If it does not report its load, our own count is used.
                return await state.backend.fetch_load() or 0
        except TimeoutError:
            self.note_failure(state.backend.name, "It did not say its load in time.")
        except ComfyError as error:
            self.note_failure(state.backend.name, str(error))
        return None

    def _is_capable(self, state: MemberState, graph: Graph) -> bool:
        info = self.inventory.infos.get(state.backend.name)
        return info is None or capability.can_run(info, graph)

    async def _ask_status(self, state: MemberState) -> BackendStatus:
        name, description, load, problem = state.backend.name, None, None, state.problem
        try:
            description, load = await self._fetch_status(state.backend)
        except TimeoutError:
            problem = "It does not answer in time."
        except ComfyError as error:
            problem = str(error)
        return BackendStatus(
            name=name,
            state=state.state(self._clock()),
            running=Counter(self._claims.values())[name],
            concurrency=state.member.concurrency,
            tags=state.member.tags,
            load=load,
            version=description.version if description else None,
            surface=description.surface if description else None,
            devices=description.devices if description else (),
            problem=problem,
        )

    async def _fetch_status(self, backend: Backend) -> tuple[BackendDescription, int | None]:
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            return await backend.fetch_description(), await backend.fetch_load()
