"""Acceptance of requests: all checks first, then recording and reservation in one transaction."""

import logging
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime

from db.cached_query import CachedQuery
from db.database import Database, Session
from db.errors import Conflict
from db.repositories.charges import Spent
from db.repositories.generations import GenerationRepository
from db.repositories.moderation.flags import FlagRepository
from db.repositories.moderation.reviews import PENDING, SHOWN, ReviewRepository
from db.tables import GenerationRow, ReviewPolicyRow
from generation.backends.pool import BackendPool
from generation.estimates import workload_of
from generation.history.queries import copy_generation
from generation.history.records import load_durations
from generation.ids import ID_ALPHABET, ID_CHARACTERS, MAX_ID_CHARACTERS
from generation.media.decoding import FileSlots
from generation.moderation.blocks import Moderation
from generation.moderation.image_filter import FLAG, ImageGate
from generation.moderation.image_policy import ImageVerdict
from generation.moderation.review import ReviewMode, find_mode
from generation.prompts.wildcard_lists import WildcardLists
from generation.prompts.wildcards import Lists, has_wildcards
from generation.quota.costs import cost_of, count_of
from generation.quota.policy import Access, is_allowed
from generation.quota.rules import UNKNOWN_GPU_MS, Cost
from generation.quota.usage import QuotaLookups, QuotaService
from generation.record import Generation, InputFile
from generation.request import GenerationRequest
from generation.requests.access import NOTHING_NAMED, check_role_access
from generation.requests.attachments import verify_attachments
from generation.requests.checking import CheckedRequest, RequestChecker
from generation.requests.values import NEGATIVE, followed_size
from generation.tasks import finish
from generation.text import clean_text
from generation.transactions import Transactional, reads, writes
from workflows.folders.catalog import Catalog
from workflows.manifest import InputType

ID_ATTEMPTS = 4
"""Taken ids of one length before a longer one is tried, since that length is crowded."""


MAX_NAME_CHARACTERS = 100

_log = logging.getLogger(__name__)


class Acceptor(Transactional):
    """Turns requests into recorded generations."""

    def __init__(
        self,
        *,
        database: Database,
        catalog: Catalog,
        pool: BackendPool,
        usage: QuotaService,
        moderation: Moderation,
        image_gate: ImageGate,
        wildcards: WildcardLists,
        clock: Callable[[], datetime],
        random_source: random.Random,
    ) -> None:
        super().__init__(database)
        self._checker = RequestChecker(catalog, pool, random_source)
        self._usage = usage
        self._moderation = moderation
        self._image_gate = image_gate
        self._wildcards = wildcards
        self._clock = clock
        self._random = random_source
        self._attachment_slots = FileSlots()
        self._review_modes = CachedQuery[int | None, dict[int, str]](
            database,
            (ReviewPolicyRow,),
            lambda session, guild_id: ReviewRepository(session).modes(guild_id),
        )

    async def accept(
        self, request: GenerationRequest, checked: CheckedRequest | None = None
    ) -> Generation:
        """Record a request as waiting and reserve its charge. Raises RequestRefused, DatabaseError.

        `checked` is what `check` returned for the same request: then only usage and unfinished
        generations are read again. Attachments are fetched and decoded only after admission.
        """
        try:
            if checked is None or not checked.is_valid_for(request, self._clock()):
                checked = await self.check(request)
            return await self._accept(request, replace(checked, request=request))
        finally:
            self._usage.release(request.requester)

    async def _accept(self, request: GenerationRequest, checked: CheckedRequest) -> Generation:
        if not request.files:
            return await self._record_under_new_id(checked)
        async with self._attachment_slots.take(request.requester.user_id):
            cost = checked.cost
            # Other requests of this person may have used the quota while this one waited.
            await self._usage.check(request.requester, lambda _session: cost)
            wants_hashes = await self._image_gate.has_blocklist(request.requester.guild_id)
            files = await verify_attachments(
                checked.workflow, request.files, wants_hashes=wants_hashes
            )
            # Fetching may take long, so the rules are read again.
            values = {**checked.values, **followed_size(checked.workflow, request, files)}
            checked = await self._price(replace(checked, files=files, values=values, rules=None))
            shown = tuple(_find_visible(checked))
            ruling = await self._image_gate.judge_inputs(shown, request.requester, request.results)
            return await self._record_under_new_id(replace(checked, ruling=ruling))

    async def _record_under_new_id(self, checked: CheckedRequest) -> Generation:
        review = await self._find_review(checked)
        for length in range(ID_CHARACTERS, MAX_ID_CHARACTERS + 1):
            for _ in range(ID_ATTEMPTS):
                generation_id = "".join(self._random.choices(ID_ALPHABET, k=length))
                try:
                    accepted = await finish(self._record(generation_id, checked, review))
                except Conflict:
                    # Any other conflict would only repeat itself with the next id.
                    if not await self._is_taken(generation_id):
                        raise
                else:
                    _log.info(
                        "Generation %s was accepted for %s.", accepted.id, checked.workflow.name
                    )
                    return accepted
        raise RuntimeError("No free generation id was found.")

    async def check(self, request: GenerationRequest) -> CheckedRequest:
        """Refuse what `accept` would refuse, except for the pictures' bytes; changes nothing.

        Raises RequestRefused, DatabaseError.
        """
        checked_at = self._clock()
        checked = await self._check_request(request)
        rules, cost = await self._usage.check(
            request.requester, lambda session: self._find_cost(session, checked)
        )
        checked = replace(checked, cost=cost)
        access = rules.effective.access if rules else {}
        if not is_allowed(access, "workflows", checked.workflow.name):
            # If none was chosen, another workflow may be suitable.
            checked = await self._price(await self._check_request(request, access))
        check_role_access(access, checked.workflow, request, checked.values, checked.loras)
        return replace(checked, rules=rules, checked_at=checked_at)

    async def _check_request(
        self, request: GenerationRequest, access: Access = NOTHING_NAMED
    ) -> CheckedRequest:
        """Check everything but the pictures and the cost. Raises RequestRefused."""
        lists: Lists = {}
        if has_wildcards(f"{request.prompt}\n{request.values.get(NEGATIVE)}"):
            lists = await self._wildcards.find(request.requester.guild_id)
        return await self._judge(self._checker.check(request, lists, access))

    async def _price(self, checked: CheckedRequest) -> CheckedRequest:
        given = sum(math.prod(attached.size) for attached in checked.files.values())
        checked = replace(checked, workload=workload_of(checked.values, given))
        cost = await self._read(lambda session: self._find_cost(session, checked))
        return replace(checked, cost=cost)

    def _find_cost(self, session: Session, checked: CheckedRequest) -> Cost:
        """Return the cost: pictures by the workflow's cost, time by recent runs."""
        name = checked.workflow.name
        typical_s = load_durations(session, [name]).typical_s(name, checked.workload)
        unknown_ms = UNKNOWN_GPU_MS * count_of(checked.values)
        gpu_ms = unknown_ms if typical_s is None else round(typical_s * 1000)
        return Cost(cost_of(checked.workflow.manifest, checked.values), gpu_ms)

    async def _judge(self, checked: CheckedRequest) -> CheckedRequest:
        """Refuse blocked people and prompts with refused words."""
        texts = [checked.prompt] + [
            str(checked.values[wanted.name])
            for wanted in checked.workflow.manifest.inputs
            if wanted.type is InputType.TEXT and wanted.name in checked.values
        ]
        words = await self._moderation.judge(checked.request.requester, texts)
        return replace(checked, words=words)

    @writes
    def _record(
        self, session: Session, generation_id: str, checked: CheckedRequest, review: str | None
    ) -> Generation:
        request = checked.request
        shown_name = clean_text(request.requester.name)[:MAX_NAME_CHARACTERS]
        requester = replace(request.requester, name=shown_name)
        now = self._clock()
        lookups = QuotaLookups(session)
        place = self._usage.admit(lookups, requester, checked.cost, now, checked.rules)
        row = GenerationRow(
            id=generation_id,
            user_id=requester.user_id,
            user_name=requester.name,
            guild_id=requester.guild_id,
            channel_id=requester.channel_id,
            workflow=checked.workflow.name,
            prompt=checked.prompt,
            typed_prompt=None if checked.typed_prompt == checked.prompt else checked.typed_prompt,
            follow_up=dict(request.follow_up) or None,
            values=checked.values,
            seed=checked.seed,
            cost=checked.cost.pictures,
            private=request.private,
            spoiler=request.spoiler or checked.ruling.verdict is ImageVerdict.SPOILER,
            priority=place.has_priority,
            lane=place.lane,
            workload=checked.workload,
            created_at=now,
            parent_id=request.parent_id,
            parent_position=request.parent_position,
            derivation=request.derivation.value if request.derivation else None,
            layout=request.layout.value,
            keeps_metadata=request.keeps_metadata,
            reply=request.reply,
            withheld=review == PENDING,
            parent_channel_id=requester.parent_channel_id,
            age_restricted=requester.is_channel_age_restricted,
            edited=request.is_edit or any(_find_attached(checked)),
        )
        lookups.generations.add(row)
        self._record_findings(session, generation_id, checked, review, now)
        for name, file in checked.files.items():
            lookups.outputs.add_input(
                generation_id, name=name, content=file.content, media_type=file.media_type
            )
        lookups.charges.reserve(
            generation_id,
            user_id=requester.user_id,
            guild_id=requester.guild_id,
            spent=Spent(checked.cost.pictures, checked.cost.gpu_ms),
            at=now,
        )
        return copy_generation(row)

    def _record_findings(
        self,
        session: Session,
        generation_id: str,
        checked: CheckedRequest,
        review: str | None,
        now: datetime,
    ) -> None:
        flags = list(checked.words.flags)
        if checked.ruling.verdict is not ImageVerdict.SHOW:
            flags.append((FLAG, f"attached: {checked.ruling.note}"))
        for kind, note in flags:
            FlagRepository(session).add(generation_id, kind=kind, note=note, at=now)
        if review is not None:
            ReviewRepository(session).begin(generation_id, review, now)

    async def _find_review(self, checked: CheckedRequest) -> str | None:
        """Return whether results are held for a moderator, also shown to them, or neither."""
        requester = checked.request.requester
        mode = find_mode(await self._review_modes.get(requester.guild_id), requester)
        verdict = checked.ruling.verdict
        is_held = checked.words.needs_hold or verdict is ImageVerdict.HOLD
        if mode is ReviewMode.HOLD or is_held:
            return PENDING
        is_flagged = checked.words.flags or verdict is ImageVerdict.SPOILER
        is_worth_a_look = mode is ReviewMode.FLAGGED and is_flagged
        return SHOWN if mode is ReviewMode.LOG or is_worth_a_look else None

    @reads
    def _is_taken(self, session: Session, generation_id: str) -> bool:
        return GenerationRepository(session).get(generation_id) is not None


def _find_attached(checked: CheckedRequest) -> Iterator[InputFile]:
    """Return the attached files other than masks, which show nothing."""
    return (one for one in _find_visible(checked) if one.name not in checked.request.results)


def _find_visible(checked: CheckedRequest) -> Iterator[InputFile]:
    """Return the files of a request other than masks."""
    for name, file in checked.files.items():
        wanted = checked.workflow.manifest.find(name)
        is_mask = wanted is not None and wanted.type is InputType.MASK
        if not is_mask:
            yield file
