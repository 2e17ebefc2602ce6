"""Matching of watched words despite look-alike characters, and of regular expressions.

Pure but for the clock, which stops expressions that take too long.
"""

import itertools
import math
import re
import string
import time
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING

from generation.errors import InvalidOption
from generation.text import BLANKS

if TYPE_CHECKING:
    import regex

EXPRESSION_TIMEOUT_S = 0.05
"""For one expression on one text; usual ones take microseconds."""

EXPRESSIONS_TIMEOUT_S = 1.0
"""For all expressions on one request: other guilds' requests wait for the same threads."""

MAX_PATTERN_CHARACTERS = 200

MAX_WATCHED_WORDS = 500
"""Limit for one guild."""

MAX_REPETITIONS = 1_000
"""Largest product of nested repetitions in an expression: each is expanded and takes memory."""

SPELLED_OUT = 3
"""Consecutive single letters that are read as one word: f o x."""

WATCHED = "word"
"""Flag of a request in which a watched word was found."""

WARNED = "warning"
"""The same, where the person is warned."""


class WordAction(StrEnum):
    """Action on a watched word, the mildest first; `allow` exempts a phrase from matching."""

    ALLOW = "allow"
    OBSERVE = "observe"
    WARN = "warn"
    HOLD = "hold"
    REFUSE = "refuse"


_COUNT = re.compile(r"\{\s*(\d+)")

_SEVERITY = {action: number for number, action in enumerate(WordAction)}


@dataclass(frozen=True, slots=True)
class WatchedWord:
    """An entry of a guild's list of watched words."""

    id: int
    pattern: str
    action: WordAction
    is_expression: bool = False


@dataclass(frozen=True, slots=True)
class WordVerdict:
    """Result of a match: the strictest action of all words found, None without any.

    `slow` are expressions that timed out; they count as not found, and are to be reported.
    """

    action: WordAction | None = None
    found: tuple[WatchedWord, ...] = ()
    slow: tuple[WatchedWord, ...] = ()

    @property
    def needs_hold(self) -> bool:
        """Whether the result must wait for a moderator."""
        return self.action is WordAction.HOLD

    @property
    def flags(self) -> tuple[tuple[str, str], ...]:
        """Flags for moderators, with their notes."""
        return tuple(
            (WARNED if one.action is WordAction.WARN else WATCHED, one.pattern)
            for one in self.found
        )


def check_pattern(pattern: str, *, is_expression: bool) -> str:
    """Return the pattern as it is stored. Raises RequestRefused."""
    text = " ".join(pattern.split()) if not is_expression else pattern.strip()
    if not text or len(text) > MAX_PATTERN_CHARACTERS:
        raise InvalidOption(
            "A word or expression has 1 to {limit} characters.", {"limit": MAX_PATTERN_CHARACTERS}
        )
    if is_expression:
        if _repetitions(text) > MAX_REPETITIONS:
            raise InvalidOption(
                "The expression repeats its parts too often (limit {limit} in all).",
                {"limit": MAX_REPETITIONS},
            )
        # Imports 2 MB that only servers with expressions need.
        import regex  # noqa: PLC0415

        try:
            regex.compile(text)
        except regex.error as error:
            raise InvalidOption(
                "This isn't a valid regular expression: {reason}.", {"reason": str(error)}
            ) from None
    elif not _words(text):
        raise InvalidOption("Write a word with letters or digits.")
    return text


def _repetitions(expression: str) -> int:
    """Return the product of all repetition limits, as if all were nested."""
    return math.prod(max(int(count), 1) for count in _COUNT.findall(expression))


class WordFilter:
    """A guild's compiled list of watched words."""

    def __init__(self, watched_words: Iterable[WatchedWord]) -> None:
        phrases, self._allowed, self._expressions = [], [], []
        for watched in watched_words:
            if watched.is_expression:
                self._expressions.append((watched, _compile(watched.pattern)))
                continue
            words = _words(watched.pattern)
            if words and watched.action is WordAction.ALLOW:
                self._allowed.append(words)
            elif words:
                phrases.append((watched, words))
        self._phrases = tuple(phrases)

    def judge(self, *texts: str) -> WordVerdict:
        """Match every watched word against every text."""
        found: dict[int, WatchedWord] = {}
        slow: dict[int, WatchedWord] = {}
        ends_at = time.monotonic() + EXPRESSIONS_TIMEOUT_S
        for text in texts:
            different = dict.fromkeys(map(tuple, _readings(text)))
            readings = [_without(words, self._allowed) for words in different]
            for watched, words in self._phrases:
                if any(True for reading in readings for _ in _find(reading, words)):
                    found[watched.id] = watched
            for watched, expression in self._expressions:
                match _search(expression, text, ends_at):
                    case True:
                        found[watched.id] = watched
                    case None:
                        slow[watched.id] = watched
        real = [one for one in found.values() if one.action is not WordAction.ALLOW]
        strictest = max((one.action for one in real), key=_SEVERITY.__getitem__, default=None)
        return WordVerdict(strictest, tuple(real), tuple(slow.values()))


@lru_cache(maxsize=256)
def _compile(pattern: str) -> "regex.Pattern[str]":
    import regex  # noqa: PLC0415 - as above

    return regex.compile(pattern, flags=regex.IGNORECASE)


def _search(expression: "regex.Pattern[str]", text: str, ends_at: float) -> bool | None:
    """Return whether the expression matches; None if that timed out."""
    if time.monotonic() >= ends_at:
        return None
    folded = _fold(text)
    try:
        return any(
            # `concurrent` releases the GIL meanwhile: https://pypi.org/project/regex/
            expression.search(one, timeout=EXPRESSION_TIMEOUT_S, concurrent=True) is not None
            for one in dict.fromkeys((text, folded))
        )
    except TimeoutError:
        return None


# Normalization of words.

_BLANKS = str.maketrans(dict.fromkeys(BLANKS, " "))
"""Characters that separate words as a space does."""

_LOOKALIKES = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u0501\u04bb\u0432\u043d\u043a"
    "\u043c\u0442\u04cf\u0433"
    "\u03b1\u03b5\u03bf\u03c1\u03c4\u03c5\u03b9\u03ba\u03bd\u03c7\u03b2\u03b7\u03c9"
    "\u0131\u0269\u026a\u0261\u0251\u1d00\u1d04\u1d07\u1d0f\u1d1c",
    "aeopcyxijsdhbhkmtlraeoptuiknxbnwiiigaaceou",
)
"""Letters of other alphabets that look like Latin ones."""

_LOOKALIKES |= str.maketrans(
    "\u051b\u051d\u0585\u0578\u057d\u0570"
    "\u0299\u1d05\ua730\u0493\u0262\u029c\u1d0a\u1d0b\u029f\u1d0d\u0274\u1d18\u0280\ua731\u1d1b\u1d20\u1d21"
    "\u028f\u1d22"
    "\u00f8\u0111\u0142\u0127\u0167\u0180\u0268\u0289\u01b6\u0275\u0192\u014b",
    "qwonuhbdffghjklmnprstvwyzodlhtbiuzofn",
)
"""Further ones, small capitals, and letters with a stroke, which no normal form decomposes."""

_SIGNS = str.maketrans(
    {
        chr(first + number): letter
        for first in (0x1F1E6, 0x1F150, 0x1F170)
        for number, letter in enumerate(string.ascii_lowercase)
    }
)
"""Symbols of letters: regional indicators, which make flags, and letters in circles and squares."""

_DIGITS = str.maketrans("0134578@$!|+\u20ac", "oieastbasiite")
"""Digits and signs used in place of letters; 1 is read as l as well."""

_REPEATED = re.compile(r"(.)\1{2,}")
_WORD = re.compile(r"[\w@$!|+\u20ac]+")
_EDGES = ("@$!|+_\u20ac", "!|+_", "")
"""What is no letter at the edges of a word: all signs, those that are also punctuation, or none."""


def _fold(text: str) -> str:
    """Normalize look-alikes: width, case, accents, alphabets; drop invisible characters."""
    decomposed = unicodedata.normalize("NFKD", text.translate(_BLANKS)).casefold()
    visible = (
        one
        for one in decomposed
        if unicodedata.category(one) not in ("Mn", "Cf", "Cc", "Me") or one.isspace()
    )
    plain = unicodedata.normalize("NFKC", "".join(visible))
    return plain.translate(_LOOKALIKES).translate(_SIGNS)


def _words(text: str) -> list[str]:
    """Split a pattern into words."""
    return re.findall(r"[^\W_]+", _fold(text))


def _readings(text: str) -> Iterator[list[str]]:
    """Return the possible readings of a text, as words."""
    folded = _fold(text)
    plain = re.findall(r"[^\W_]+", folded)
    dressed = _WORD.findall(folded)
    for edges, ell in itertools.product(_EDGES, ("i", "l")):
        yield [_replace_digits(word.strip(edges), ell) for word in dressed]
    yield [_REPEATED.sub(r"\1", one) for one in plain]
    yield [_REPEATED.sub(r"\1\1", one) for one in plain]
    # The first letter may be a word of its own: a f o x.
    yield from (list(_joined(plain, apart)) for apart in (0, 1))


def _replace_digits(word: str, ell: str) -> str:
    if not any(one.isalpha() for one in word):
        return word
    return word.replace("1", ell).translate(_DIGITS).replace("_", "")


def _joined(words: Sequence[str], apart: int) -> Iterator[str]:
    """Join consecutive single letters into one word, but for the first `apart`."""
    letters: list[str] = []
    for word in (*words, ""):
        if len(word) == 1:
            letters.append(word)
            continue
        if len(letters) - apart >= SPELLED_OUT:
            yield from letters[:apart]
            yield "".join(letters[apart:])
        else:
            yield from letters
        letters = []
        if word:
            yield word


def _find(words: Sequence[str], phrase: Sequence[str]) -> Iterator[int]:
    """Return where the phrase begins among the words, which may change meanwhile."""
    if phrase[0] in words:
        length = len(phrase)
        yield from (n for n in range(len(words)) if words[n : n + length] == phrase)


def _without(words: Sequence[str], allowed: Iterable[Sequence[str]]) -> list[str]:
    """Replace each allowed phrase by a gap."""
    kept = list(words)
    for phrase in allowed:
        for start in _find(kept, phrase):
            kept[start : start + len(phrase)] = [""] * len(phrase)
    return kept
