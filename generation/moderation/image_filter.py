"""Checks of results and previews before they are shown, by blocklists and a guild's policy.

One picture is checked at a time, in a separate thread. A checker that fails or times out does not
fail the generation: moderators review what it could not check.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import chain

from db.cached_query import CachedQuery
from db.database import Database, Session
from db.repositories.generations import GenerationRepository
from db.repositories.moderation.flags import FlagRepository
from db.repositories.moderation.guild_moderation import GuildModerationRepository
from db.repositories.moderation.reviews import APPROVED, SHOWN, ReviewRepository
from db.repositories.outputs import NewOutput
from db.tables import GuildModerationRow
from generation.errors import FailureKind, InvalidOption, RequestRefused
from generation.history.queries import copy_generation
from generation.media import imaging, video
from generation.media.decoding import decode
from generation.media.perceptual_hash import hash_picture
from generation.moderation.image_hashes import Blocklist, Blocklists, HashView, match_pictures
from generation.moderation.image_policy import (
    LEAST_PERCENT,
    CheckMode,
    Detections,
    ImageChecker,
    ImagePolicy,
    ImageVerdict,
    decide,
    merge,
    strictest,
)
from generation.moderation.preview_filter import PREVIEW_INTERVAL_S, PreviewFilter
from generation.moderation.review import ReviewMode, find_mode
from generation.record import Failure, Generation, InputFile, OutputContent, PictureHash
from generation.request import Actor, Requester
from generation.transactions import Service, available, reads, writes

FLAG = "image"

CHECK_TIMEOUT_S = 30.0
"""Seconds for one picture, including the wait for others; a check takes a tenth of a second."""

REFUSED = Failure(FailureKind.BLOCKED_BY_FILTER, "This server's image filter blocked the result.")

REFUSED_AS_BLOCKED = Failure(FailureKind.BLOCKED_BY_FILTER, "The result shows a blocked picture.")

BLOCKED = "blocked picture"

NOT_INSTALLED = (
    "The image check is not installed here. Ask who runs the bot to install it (limner[nsfw])."
)

MISSING = "NudeNet is not installed (limner[nsfw]). Until it is, what should be checked is held."

UNSEEN = "could not be checked"

View = Callable[[], tuple[bytes, ...] | None]
"""Reads the stills of one result: empty if that fails, None for media that shows nothing, such as a
sound."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ruling:
    """The decision on a generation's results, with a note for moderators.

    `failure` is what its person is told of a refusal.
    """

    verdict: ImageVerdict = ImageVerdict.SHOW
    note: str = ""
    failure: Failure = REFUSED

    def join(self, other: "Ruling") -> "Ruling":
        """Return the stricter of two decisions, with the notes of both."""
        note = ", ".join(filter(None, (self.note, other.note)))
        return replace(other, verdict=strictest((self.verdict, other.verdict)), note=note)


class ImageGate(Service):
    """Checks results and previews by the guild's policy. Without a checker, results are held."""

    def __init__(
        self,
        database: Database,
        checker: ImageChecker | None,
        clock: Callable[[], datetime],
        *,
        timeout_s: float = CHECK_TIMEOUT_S,
        preview_interval_s: float = PREVIEW_INTERVAL_S,
    ) -> None:
        super().__init__(database, clock)
        self._checker = checker
        self._timeout_s = timeout_s
        self._preview_interval_s = preview_interval_s
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="image check")
        self._waiting = 0
        self._policies = CachedQuery[int, ImagePolicy](
            database, (GuildModerationRow,), _load_policy
        )
        self._blocklists = Blocklists(database)

    @property
    def is_installed(self) -> bool:
        """Whether an image checker is installed."""
        return self._checker is not None

    @property
    def is_busy(self) -> bool:
        """Whether a picture is being checked."""
        return self._waiting > 0

    def close(self) -> None:
        """Stop checking, without waiting for a check in progress."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def count_checked(self) -> int:
        """Return how many guilds have the check enabled. Raises DatabaseError."""
        return await self._database.read(
            lambda session: GuildModerationRepository(session).count_checked()
        )

    async def warn_if_missed(self) -> None:
        """Log an error if guilds enabled the check but no checker is installed.

        Raises DatabaseError.
        """
        if self._checker is None and (count := await self.count_checked()):
            _log.error("Servers that want their pictures checked: %d. %s", count, MISSING)

    async def policy(self, guild_id: int | None) -> ImagePolicy:
        """Return a guild's policy; off in direct messages. Raises DatabaseError."""
        return ImagePolicy() if guild_id is None else await self._policies.get(guild_id)

    async def find_policy(self, guild_id: int | None) -> ImagePolicy:
        """Return a guild's policy for display. Raises ServiceUnavailable."""
        with available():
            return await self.policy(guild_id)

    @writes
    def set_policy(self, session: Session, actor: Actor, policy: ImagePolicy) -> None:
        """Set a guild's policy; recorded in the audit log.

        Raises RequestRefused if no checker is installed, ServiceUnavailable.
        """
        if self._checker is None and policy.mode is not CheckMode.OFF:
            raise InvalidOption(NOT_INSTALLED)
        GuildModerationRepository(session).put(
            actor.guild_id,
            image_check=policy.mode.value,
            image_check_percent=policy.percent,
            image_check_exempts=policy.exempts_age_restricted,
            image_check_inputs=policy.checks_inputs,
        )
        self._audit(
            session,
            actor,
            "image-check",
            mode=policy.mode.value,
            certainty=policy.percent,
            age_restricted="exempt" if policy.exempts_age_restricted else "checked",
            inputs="checked" if policy.checks_inputs else "",
        )

    async def has_blocklist(self, guild_id: int | None) -> bool:
        """Return whether pictures are blocked in this guild. Raises DatabaseError."""
        return bool(await self._blocklists.of_guild(guild_id))

    async def judge_inputs(
        self, files: Sequence[InputFile], requester: Requester, results: Collection[str] = ()
    ) -> Ruling:
        """Check the files of a request: all by the blocklists, attachments by the guild's policy.

        `results` names files that are results of the bot. The verdict holds for the result: it is
        held, or a spoiler. Raises RequestRefused for refused files, DatabaseError.
        """
        hashes = [partial(_hash_input, one) for one in files]
        blocked = await self._match(requester.guild_id, hashes)
        if blocked.verdict is ImageVerdict.REFUSE:
            raise RequestRefused(
                FailureKind.BLOCKED_BY_FILTER, "This picture is blocked here. Use another one."
            )
        policy = await self.policy(requester.guild_id)
        if not policy.checks_inputs:
            return blocked
        attached = [one for one in files if one.name not in results]
        views = [partial(_stills, one.content, one.media_type) for one in attached]
        ruling = await self._rule(
            policy.in_channel(is_age_restricted=requester.is_channel_age_restricted), views
        )
        if ruling.verdict is ImageVerdict.REFUSE:
            raise RequestRefused(
                FailureKind.BLOCKED_BY_FILTER,
                "This server's image filter blocked what you attached.",
            )
        return blocked.join(ruling)

    async def judge(self, generation: Generation, outputs: Sequence[NewOutput]) -> Ruling:
        """Check new results. Raises DatabaseError."""
        hashes = [
            partial(_hash_result, one.content, one.media_type, one.thumbnail) for one in outputs
        ]
        blocked = await self._match(generation.guild_id, hashes)
        if blocked.verdict is ImageVerdict.REFUSE:
            return blocked
        views = [partial(_stills, one.content, one.media_type) for one in outputs]
        return blocked.join(await self._rule(await self._policy_of(generation), views))

    async def admit(
        self, generation: Generation, contents: Sequence[OutputContent], requester: Requester
    ) -> Generation:
        """Check results that are posted again, possibly elsewhere; return the ruling there.

        Results approved by a moderator of this guild are not checked again, unless a blocklist
        refuses them. Raises RequestRefused, ServiceUnavailable.
        """
        hashes = [
            partial(_hash_result, one.content, one.output.media_type, one.output.thumbnail)
            for one in contents
        ]
        with available():
            ruling = await self._match(requester.guild_id, hashes)
        policy = await self.find_policy(requester.guild_id)
        policy = policy.in_channel(is_age_restricted=requester.is_channel_age_restricted)
        if ruling.verdict is ImageVerdict.SHOW and policy.mode is CheckMode.OFF:
            return generation
        if ruling.verdict is not ImageVerdict.REFUSE:
            is_here = generation.guild_id == requester.guild_id
            if is_here and await self._is_approved(generation.id):
                return generation
            views = [partial(_stills, one.content, one.output.media_type) for one in contents]
            ruling = ruling.join(await self._rule(policy, views))
        match ruling.verdict:
            case ImageVerdict.SHOW:
                return generation
            case ImageVerdict.SPOILER:
                return replace(generation, spoiler=True)
            case ImageVerdict.HOLD | ImageVerdict.REFUSE:
                raise RequestRefused(
                    FailureKind.BLOCKED_BY_FILTER,
                    "This server's image filter doesn't allow it in this channel.",
                )

    def record(self, session: Session, generation_id: str, ruling: Ruling) -> None:
        """Record a ruling, in the transaction that records its results. Idempotent."""
        if ruling.verdict is ImageVerdict.SHOW:
            return
        flags, now = FlagRepository(session), self._clock()
        if all(one.kind != FLAG for one in flags.of_generation(generation_id)):
            flags.add(generation_id, kind=FLAG, note=ruling.note, at=now)
        generations, reviews = GenerationRepository(session), ReviewRepository(session)
        match ruling.verdict:
            case ImageVerdict.REFUSE:
                return
            case ImageVerdict.HOLD:
                generations.update(generation_id, withheld=True)
                reviews.hold(generation_id, now)
            case ImageVerdict.SPOILER:
                generations.update(generation_id, spoiler=True)
                asked = generations.get(generation_id)
                mode = (
                    find_mode(reviews.modes(asked.guild_id), copy_generation(asked))
                    if asked
                    else None
                )
                if mode is ReviewMode.FLAGGED:
                    reviews.begin(generation_id, SHOWN, now)

    async def preview_filter(self, generation: Generation) -> PreviewFilter:
        """Build the filter of this generation's previews. Raises DatabaseError."""
        policy = await self._policy_of(generation)
        lists = await self._blocklists.of_guild(generation.guild_id)
        if not lists and policy.mode is CheckMode.OFF:
            return PreviewFilter()
        may_show = partial(self.may_preview, policy, lists=lists)
        return PreviewFilter(may_show, lambda: self.is_busy, self._preview_interval_s)

    async def may_preview(
        self, policy: ImagePolicy, picture: bytes, *, lists: Sequence[Blocklist] = ()
    ) -> bool:
        """Return whether a preview may be shown under the policy for results.

        Checkers are less certain about unfinished pictures, so the lowest threshold applies.
        """
        hashes = [lambda: [hash_picture(picture)]]
        if lists and await decode(match_pictures, lists, hashes) is not ImageVerdict.SHOW:
            return False
        strict = replace(policy, percent=LEAST_PERCENT)
        views = [partial(imaging.sketches, picture)]
        ruling = await self._rule(strict, views)
        return ruling.verdict is ImageVerdict.SHOW

    async def _policy_of(self, generation: Generation) -> ImagePolicy:
        policy = await self.policy(generation.guild_id)
        return policy.in_channel(is_age_restricted=generation.age_restricted)

    async def _match(self, guild_id: int | None, hashes: Sequence[HashView]) -> Ruling:
        """Compare pictures with the blocklists that hold in a guild. Raises DatabaseError."""
        lists = await self._blocklists.of_guild(guild_id)
        verdict = await decode(match_pictures, lists, hashes) if lists else ImageVerdict.SHOW
        note = "" if verdict is ImageVerdict.SHOW else BLOCKED
        return Ruling(verdict, note, REFUSED_AS_BLOCKED)

    async def _rule(self, policy: ImagePolicy, views: Sequence[View]) -> Ruling:
        """Check all results, up to the first that cannot be checked."""
        if policy.mode is CheckMode.OFF:
            return Ruling()
        verdicts, notes = [], []
        for view in views:
            finding = await self._find(view)
            verdict = decide(policy, finding)
            verdicts.append(verdict)
            if verdict is not ImageVerdict.SHOW:
                notes.append(finding.note if finding else UNSEEN)
            if finding is None:
                # A moderator reviews all of them, so the others need not be checked.
                break
        return Ruling(strictest(verdicts), ", ".join(dict.fromkeys(notes)))

    async def _find(self, view: View) -> Detections | None:
        """Check a result; return None, and log, if that failed."""
        self._waiting += 1
        try:
            stills = await decode(view)
            if stills is None:
                return Detections()
            if self._checker is None:
                _log.error("A result could not be checked: %s", MISSING)
                return None
            if not stills:
                _log.warning("A result could not be checked: it cannot be read.")
                return None
            return merge([await self._look(self._checker, still) for still in stills])
        except TimeoutError:
            _log.error("The image check took longer than %g s.", self._timeout_s)
            return None
        except Exception:  # noqa: BLE001 - logged; a checker's fault ends no generation
            _log.exception("The image check failed.")
            return None
        finally:
            self._waiting -= 1

    async def _look(self, checker: ImageChecker, still: bytes) -> Detections:
        """Run the checker. Raises TimeoutError and any error of the checker."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self._timeout_s):
            # The time-out abandons a check, but its thread stays busy until the checker returns.
            return await loop.run_in_executor(self._thread, checker.check, still)

    @reads
    def _is_approved(self, session: Session, generation_id: str) -> bool:
        review = ReviewRepository(session).find(generation_id)
        return review is not None and review.state == APPROVED


def _load_policy(session: Session, guild_id: int) -> ImagePolicy:
    row = GuildModerationRepository(session).get(guild_id)
    if row is None:
        return ImagePolicy()
    return ImagePolicy(
        CheckMode(row.image_check),
        row.image_check_percent,
        row.image_check_exempts,
        row.image_check_inputs,
    )


def _hash_input(file: InputFile) -> Iterable[PictureHash | None]:
    """Return the hash of a picture, or those of a video; none of a sound."""
    if not file.media_type.startswith("video/"):
        return (file.hash,)
    return map(hash_picture, video.stills(file.content))


def _hash_result(
    content: bytes, media_type: str, thumbnail: bytes | None
) -> Iterable[PictureHash | None]:
    """Return the hash of a result's small copy, or those of a video."""
    frames = video.stills(content) if media_type.startswith("video/") else ()
    return map(hash_picture, frames or (thumbnail or content,))


def _stills(content: bytes, media_type: str) -> tuple[bytes, ...] | None:
    """Return the stills of a result; None if it shows nothing, such as a sound."""
    found = imaging.stills(content)
    if found:
        return found
    if media_type.startswith("video/"):
        return tuple(chain.from_iterable(map(imaging.stills, video.stills(content))))
    return () if media_type.startswith("image/") else None
