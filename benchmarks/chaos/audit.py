"""Audit of each generation by the evidence collected after a run."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.chaos.evidence import Evidence, Posted, Recorded, digest
from bot.ui.error_messages import FAILURE_TITLES
from generation.errors import FailureKind

REFUSED = "A moderator declined"


@dataclass(frozen=True, slots=True)
class Finding:
    """A violation. `rule` is one of end, message, charge, pictures, card and run."""

    generation_id: str
    rule: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.generation_id} [{self.rule}] {self.sentence}"


def audit(evidence: Evidence) -> tuple[Finding, ...]:
    """Return all violations; empty when every promise was kept."""
    return tuple(_findings(evidence))


def _findings(evidence: Evidence) -> Iterator[Finding]:
    messages = {message.id: message for message in evidence.messages}
    for generation in evidence.generations:
        for rule, sentences in (
            ("end", _judge_end(generation, evidence)),
            ("message", _judge_message(generation, messages.get(generation.message_id))),
            ("message", _judge_posts(generation, evidence)),
            ("charge", _judge_charge(generation)),
            ("pictures", _judge_pictures(generation, evidence)),
            ("card", _judge_cards(generation, evidence)),
            ("run", _judge_runs(generation, evidence)),
        ):
            for sentence in sentences:
                yield Finding(generation.id, rule, sentence)
    known = {generation.id for generation in evidence.generations}
    for message in evidence.messages:
        for generation_id in sorted({id_ for id_, _ in message.buttons} - known):
            yield Finding(generation_id, "end", "It was shown as accepted and is not recorded.")


def _judge_end(generation: Recorded, evidence: Evidence) -> Iterator[str]:
    if not generation.has_ended:
        told = "told" if generation.is_told else "not told"
        yield f"It is {generation.state} and {told}."
    if generation.state == "succeeded" and not generation.pictures:
        yield "It succeeded without any picture."
    if generation.state == "failed" and generation.failure_kind is None:
        yield "It failed without saying why."
    if not generation.was_foreseen and generation.id not in evidence.given_up:
        yield "It failed in a way that nobody foresaw: the log has the reference."


def _judge_message(generation: Recorded, message: Posted | None) -> Iterator[str]:
    """The message of its acceptance shows its end."""
    if message is None:
        yield "Its message is gone."
        return
    if message.is_thinking or (generation.id, "cancel") in message.buttons:
        yield "Its message still shows it as under way."
    if generation.is_refused:
        if REFUSED not in message.text:
            yield "Its message does not say that a moderator refused it."
        if message.files:
            yield "Its message still has files."
    elif generation.state == "succeeded":
        shown = {_stem(name) for name in message.files}
        if not shown & {_name(generation, 1), _grid(generation)}:
            yield "Its message shows no picture of it."
    elif generation.failure_kind is not None:
        title = FAILURE_TITLES[FailureKind(generation.failure_kind)]
        if title not in message.text:
            yield f"Its message does not say {title!r}."
        if message.files:
            yield "Its message still has files."


def _judge_posts(generation: Recorded, evidence: Evidence) -> Iterator[str]:
    """It has no second message with buttons, which would be a repeated delivery."""
    bearing = [
        message
        for message in evidence.messages
        if any(generation_id == generation.id for generation_id, _ in message.buttons)
        and message.id != generation.lost_message_id
    ]
    if len(bearing) > 1:
        yield f"{len(bearing)} messages tell of it."


def _judge_charge(generation: Recorded) -> Iterator[str]:
    kinds = Counter(kind for kind, _ in generation.charges)
    total = sum(amount for _, amount in generation.charges)
    if kinds["reserve"] != 1:
        yield f"It has {kinds['reserve']} reservations."
    if kinds["charge"] + kinds["refund"] != 1:
        yield f"It was charged {kinds['charge']} and refunded {kinds['refund']} times."
    is_charged = generation.state == "succeeded" or (
        generation.state == "cancelled" and generation.was_sampled
    )
    wanted = generation.cost if is_charged else 0
    if total != wanted:
        yield f"It cost {total} in the end, and should have cost {wanted}."


def _judge_pictures(generation: Recorded, evidence: Evidence) -> Iterator[str]:
    """Each result was posted once, as it was recorded, and was made from this prompt."""
    posted = [
        (_stem(name), content)
        for message in evidence.messages
        for name, content in message.files.items()
        if _stem(name).startswith(f"limner-{generation.id}-")
    ]
    is_shown = generation.state == "succeeded" and not generation.is_refused
    wanted = generation.pictures if is_shown else ()
    grids = [name for name, _ in posted if name == _grid(generation)]
    if len(wanted) > 1:
        # Two to four are posted as one grid, whose bytes are nobody's result.
        if len(grids) != 1:
            yield f"Its grid was posted {len(grids)} times."
        return
    for number, recorded in enumerate(wanted, start=1):
        found = [content for name, content in posted if name == _name(generation, number)]
        if len(found) != 1:
            yield f"Picture {number} was posted {len(found)} times."
        if any(digest(content) != recorded for content in found):
            yield f"Picture {number} is not the one that was recorded."
        if any(generation.prompt.encode() not in content for content in found):
            yield f"Picture {number} was made from another prompt."
    if len(posted) > len(wanted):
        yield f"{len(posted)} pictures were posted of {len(wanted)}."


def _judge_cards(generation: Recorded, evidence: Evidence) -> Iterator[str]:
    """Moderators were asked once at most, and can decide or undo nothing any more."""
    cards = [card for card in evidence.cards if generation.id in card.text]
    if len(cards) > 1:
        yield f"{len(cards)} messages to moderators tell of it."
    if any(card.decisions for card in cards):
        yield "Moderators are still asked to decide on it."
    if generation.is_refused and any(card.files for card in cards):
        yield "Moderators are still shown what they refused."


def _judge_runs(generation: Recorded, evidence: Evidence) -> Iterator[str]:
    """It ran once, unless a backend that was restarted or cut off explains a second time."""
    runs = [run for run in evidence.executions if run.prompt_id in generation.prompt_ids]
    for (_, backend, life), count in Counter(
        (run.prompt_id, run.backend, run.life) for run in runs
    ).items():
        if count > 1:
            yield f"Backend {backend} ran it {count} times in its life {life}."
    backends = {run.backend for run in runs}
    if len(backends) > 1 and not backends & evidence.disturbed:
        yield f"{len(backends)} backends ran it, and none of them had any fault."
    if generation.state == "succeeded" and not runs:
        yield "It succeeded, and no backend ran it."


def _name(generation: Recorded, number: int) -> str:
    return f"limner-{generation.id}-{number}"


def _grid(generation: Recorded) -> str:
    return f"limner-{generation.id}-grid"


def _stem(filename: str) -> str:
    return filename.rpartition(".")[0].removeprefix("SPOILER_")
