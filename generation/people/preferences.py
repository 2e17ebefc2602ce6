"""Default options and named presets of people."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import Any, Self

from cachetools import LRUCache

from db.cached_query import CachedQuery
from db.database import Database, Session
from db.repositories.policies import PolicyRepository
from db.repositories.preferences import PreferencesRepository
from db.tables import ChannelPolicyRow, PreferencesRow
from generation.backends.pool import BackendPool
from generation.errors import InvalidOption, RequestRefused
from generation.quota.costs import COUNT
from generation.request import GenerationRequest, Layout, Requester, Value
from generation.requests.checkpoints import offered_models
from generation.requests.selection import no_place, select_workflow, unknown_workflow, without_place
from generation.requests.values import (
    MAX_PROMPT_CHARACTERS,
    NEGATIVE,
    SIZE,
    fits,
    follows_picture,
    picture_inputs,
)
from generation.text import clean_text
from generation.transactions import Service, available, reads, writes
from workflows.folders.catalog import Catalog

MAX_PRESETS = 50
"""Presets of one person."""

MAX_PRESET_NAME_CHARACTERS = 32

REMEMBERED_PEOPLE = 10_000
"""People whose defaults are cached for when the database is slow."""

LONG_WAIT_S = 120
"""Seconds after which people are assumed to have stopped watching."""

NO_PRESET = "There is no preset of that name. See them with /presets list."


@dataclass(frozen=True, slots=True)
class Defaults:
    """One person's default options; None leaves the choice to the workflow.

    A person whose request took longer than `call_after_s` is notified by a mention or directly;
    None notifies nobody.
    """

    workflow: str | None = None
    aspect: str | None = None
    count: int | None = None
    negative: str | None = None
    private: bool = False
    spoiler: bool = False
    layout: Layout = Layout.GRID
    keeps_metadata: bool = True
    call_after_s: int | None = LONG_WAIT_S
    calls_directly: bool = False

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Self:
        """Parse recorded values, ignoring unreadable ones of other versions."""
        known = {one.name: values[one.name] for one in fields(cls) if one.name in values}
        if "layout" in known:
            is_known = known["layout"] in {one.value for one in Layout}
            known["layout"] = Layout(known["layout"]) if is_known else Layout.GRID
        return cls(**known)

    def to_record(self) -> dict[str, Any]:
        """Return the values that differ from the program's defaults."""
        plain = type(self)()
        return {
            one.name: getattr(self, one.name)
            for one in fields(self)
            if getattr(self, one.name) != getattr(plain, one.name)
        }


Preset = Mapping[str, Value]
"""Options of `/imagine` by name, including those of its workflow and `workflow` itself."""


class Preferences(Service):
    """Stores defaults and presets, and completes requests with defaults."""

    def __init__(
        self,
        database: Database,
        catalog: Catalog,
        pool: BackendPool,
        clock: Callable[[], datetime],
    ) -> None:
        super().__init__(database, clock)
        self._catalog = catalog
        self._pool = pool
        self._remembered = LRUCache[int, Defaults](REMEMBERED_PEOPLE)
        self._defaults = CachedQuery[int, Defaults](database, (PreferencesRow,), _load_defaults)
        self._channel_workflows = CachedQuery[int | None, dict[int, str]](
            database, (ChannelPolicyRow,), _load_channel_workflows
        )

    async def defaults(self, user_id: int) -> Defaults:
        """Return a person's defaults. Raises ServiceUnavailable."""
        with available():
            return self._remember(user_id, await self._defaults.get(user_id))

    async def defaults_before(
        self, user_id: int, deadline: float, requester: Requester | None = None
    ) -> Defaults:
        """Return the person's defaults, or the last known ones at `deadline` (loop time).

        If none are known, a private reply is assumed: a public one cannot be made private later.
        The workflow of the requester's channel takes precedence over their own.
        """
        try:
            async with asyncio.timeout_at(deadline):
                own = await self.defaults(user_id)
                workflow = await self._find_channel_workflow(requester) if requester else None
        except TimeoutError:
            return self._remembered.get(user_id, Defaults(private=True))
        return own if workflow is None else replace(own, workflow=workflow)

    async def change(self, user_id: int, **changes: object) -> Defaults:
        """Set some defaults. Raises ServiceUnavailable."""
        return self._remember(user_id, await self._change(user_id, changes))

    async def reset(self, user_id: int) -> Defaults:
        """Reset all defaults. Raises ServiceUnavailable."""
        return await self.change(user_id, **asdict(Defaults()))

    def forget(self, user_id: int) -> None:
        """Drop this person's cached defaults; their records are deleted elsewhere."""
        self._remembered.pop(user_id, None)

    def complete(self, request: GenerationRequest, defaults: Defaults) -> GenerationRequest:
        """Return the request with defaults for omitted options that its workflow has.

        Privacy and spoiler are left as they are: the front end has decided on them.
        """
        request = replace(request, layout=defaults.layout, keeps_metadata=defaults.keeps_metadata)
        if request.workflow is None and self._takes(request, defaults.workflow):
            request = replace(request, workflow=defaults.workflow)
        try:
            workflow = select_workflow(request, self._catalog, self._pool)
        except RequestRefused:
            # Accepting the request raises the same refusal.
            return request
        values, offered = dict(request.values), offered_models(workflow, self._pool)
        for name, value in ((NEGATIVE, defaults.negative), (COUNT, defaults.count)):
            if name not in values and value is not None and fits(workflow, name, value, offered):
                values[name] = value
        aspect = request.aspect
        has_shape = SIZE in values or (request.files and follows_picture(workflow))
        if aspect is None and not has_shape and SIZE in workflow.manifest.options:
            aspect = defaults.aspect
        if values == request.values and aspect == request.aspect:
            return request
        return replace(request, workflow=workflow.name, values=values, aspect=aspect)

    @reads
    def presets(self, session: Session, user_id: int) -> Mapping[str, Preset]:
        """Return a person's presets by name, or those of a `server_owner`.

        Raises ServiceUnavailable.
        """
        return PreferencesRepository(session).presets(user_id)

    async def find_preset(self, requester: Requester, name: str) -> Preset:
        """Return a preset of the person, else of the server.

        Raises RequestRefused when there is none, ServiceUnavailable.
        """
        wanted = clean_name(name)
        for owner_id in preset_owners(requester):
            for known, values in (await self.presets(owner_id)).items():
                if known.casefold() == wanted.casefold():
                    return values
        raise InvalidOption(NO_PRESET, {"option": "name"})

    async def save_preset(self, user_id: int, name: str, values: Preset) -> str:
        """Store options under a name, replacing an earlier preset; return the stored name.

        Raises RequestRefused if the name or an option is invalid, ServiceUnavailable.
        """
        kept = clean_name(name)
        if not kept or len(kept) > MAX_PRESET_NAME_CHARACTERS:
            raise InvalidOption(
                "The name of a preset has 1 to {limit} characters.",
                {"option": "name", "limit": MAX_PRESET_NAME_CHARACTERS},
            )
        if not values:
            raise InvalidOption("A preset needs at least one option beside its name.")
        self._check_preset(values)
        return await self._save_preset(user_id, kept, values)

    @writes
    def delete_preset(self, session: Session, user_id: int, name: str) -> None:
        """Delete a preset. Raises RequestRefused when there is none, ServiceUnavailable."""
        preferences, wanted = PreferencesRepository(session), clean_name(name).casefold()
        for known in preferences.presets(user_id):
            if known.casefold() == wanted:
                preferences.delete_preset(user_id, known)
                return
        raise InvalidOption(NO_PRESET, {"option": "name"})

    async def _find_channel_workflow(self, requester: Requester) -> str | None:
        """Return the default workflow of the narrowest place that has one."""
        with available():
            workflows = await self._channel_workflows.get(requester.guild_id)
        return next(filter(None, map(workflows.get, requester.place_ids)), None)

    @writes
    def _change(self, session: Session, user_id: int, changes: Mapping[str, object]) -> Defaults:
        preferences = PreferencesRepository(session)
        before = Defaults.parse(preferences.defaults(user_id))
        after = replace(before, **changes)  # type: ignore[arg-type] # named by the front end
        if after.negative is not None:
            negative = clean_text(after.negative)[:MAX_PROMPT_CHARACTERS]
            after = replace(after, negative=negative or None)
        preferences.set_defaults(user_id, after.to_record(), now=self._clock())
        return after

    @writes
    def _save_preset(self, session: Session, user_id: int, name: str, values: Preset) -> str:
        preferences = PreferencesRepository(session)
        known = {known_name.casefold(): known_name for known_name in preferences.presets(user_id)}
        same = known.get(name.casefold())
        if same is None and len(known) >= MAX_PRESETS:
            raise InvalidOption(
                "There are {limit} presets already. Delete one first.", {"limit": MAX_PRESETS}
            )
        if same is not None and same != name:
            preferences.delete_preset(user_id, same)
        preferences.set_preset(user_id, name, values, now=self._clock())
        return name

    def _check_preset(self, values: Preset) -> None:
        name = values.get("workflow")
        workflow = self._catalog.workflows.get(str(name)) if name is not None else None
        if name is not None and workflow is None:
            raise unknown_workflow(self._catalog.workflows)
        how_shown = {"workflow", "private", "spoiler"}
        missing = without_place(workflow, values.keys() - how_shown) if workflow else ()
        if workflow is not None and missing:
            raise no_place(workflow, sorted(missing))

    def _takes(self, request: GenerationRequest, name: str | None) -> bool:
        """Return whether the default workflow accepts what was given."""
        workflow = self._catalog.workflows.get(name) if name is not None else None
        if workflow is None or (request.kinds and workflow.manifest.kind not in request.kinds):
            return False
        given = {*request.values, *request.files, *({SIZE} if request.aspect else ())}
        if without_place(workflow, given):
            return False
        return all(
            input_.name in request.files
            for input_ in workflow.manifest.inputs
            if input_.required and input_.name in picture_inputs(workflow)
        )

    def _remember(self, user_id: int, defaults: Defaults) -> Defaults:
        self._remembered[user_id] = defaults
        return defaults


def server_owner(guild_id: int) -> int:
    """Return the id under which a server's presets are stored, in place of a person's."""
    return -guild_id


def preset_owners(requester: Requester) -> tuple[int, ...]:
    """Return whose presets a person can use, their own first."""
    guild_id = requester.guild_id
    return (requester.user_id,) if guild_id is None else (requester.user_id, server_owner(guild_id))


def _load_defaults(session: Session, user_id: int) -> Defaults:
    return Defaults.parse(PreferencesRepository(session).defaults(user_id))


def _load_channel_workflows(session: Session, guild_id: int | None) -> dict[int, str]:
    return PolicyRepository(session).channel_workflows(guild_id)


def clean_name(name: str) -> str:
    """Normalize a preset's name for storage: one line, single spaces."""
    return " ".join(clean_text(name).split())
