r"""Alternatives in prompts: `{red|blue}`, `{2$$red|blue|green}`, and `__name__` from a list.

Braces without `|` are kept, because a prompt may be JSON. `\{`, `\|`, `\}` and `\_` stand for the
character itself.
"""

import random
import re
from collections.abc import Mapping, Sequence

from generation.errors import InvalidOption, RequestRefused
from generation.text import list_names

MAX_DEPTH = 16
"""Nesting depth of alternatives and lists."""

MAX_DRAWS = 500
"""Alternatives drawn for one prompt: lists that contain each other could multiply without end."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9/-]*(?:_[A-Za-z0-9/-]+)*")
"""Pattern of list names."""

_WILDCARD = re.compile(rf"(?<!\\)__({NAME.pattern})__")
_AMOUNT = re.compile(r"\s*(\d{1,2})(?:-(\d{1,2}))?\$\$")
_ESCAPED = re.compile(r"\\([{}|_])")
_SPECIAL = re.compile(r"\\[{}|_]|[{}|]")

Lists = Mapping[str, Sequence[str]]
"""The lines of each list, by its name in lower case."""


def has_wildcards(text: str) -> bool:
    """Return whether the text names a list."""
    return _WILDCARD.search(text) is not None


def draw(text: str, lists: Lists, seed: object) -> str:
    """Replace each alternative by one drawn with the seed; None draws at random.

    Raises RequestRefused for a wildcard without a list, and for a list that contains itself.
    """
    # Seeded by text, so that a typed number and a drawn one give the same result.
    source = random.Random(None if seed is None else str(seed))  # noqa: S311 - no secret
    drawn = _Drawing(lists, source).expand(text, 0)
    return _ESCAPED.sub(r"\1", drawn)


class _Drawing:
    """The drawing of one prompt. Escapes are resolved last, because drawn text is parsed again."""

    def __init__(self, lists: Lists, random_source: random.Random) -> None:
        self._lists = lists
        self._random = random_source
        self._draws = 0

    def expand(self, text: str, depth: int) -> str:
        if depth > MAX_DEPTH:
            raise _nested()
        parts, at = [], 0
        while (opening := _find(text, "{", at)) is not None:
            closing = _find_end(text, opening)
            if closing is None:
                break
            parts.append(self._expand_lists(text[at:opening], depth))
            parts.append(self._choose(text[opening + 1 : closing], depth))
            at = closing + 1
        return "".join([*parts, self._expand_lists(text[at:], depth)])

    def _expand_lists(self, text: str, depth: int) -> str:
        return _WILDCARD.sub(lambda match: self._draw_line(match[1], depth), text)

    def _draw_line(self, name: str, depth: int) -> str:
        lines = self._lists.get(name.lower())
        if not lines:
            raise _unknown(name, self._lists)
        return self._take(self._random.choice(lines), depth)

    def _choose(self, inside: str, depth: int) -> str:
        options = _split(inside)
        if len(options) == 1:
            # Deeper nesting is a document, not alternatives.
            return f"{{{self.expand(inside, depth + 1) if depth < MAX_DEPTH else inside}}}"
        amount = _AMOUNT.match(options[0])
        if amount is None:
            return self._take(self._random.choice(options), depth)
        options[0] = options[0][amount.end() :]
        fewest, most = int(amount[1]), int(amount[2] or amount[1])
        count = self._random.randint(min(fewest, most), max(fewest, most))
        chosen = self._random.sample(options, min(count, len(options)))
        return ", ".join(self._take(option, depth) for option in chosen)

    def _take(self, option: str, depth: int) -> str:
        self._draws += 1
        if self._draws > MAX_DRAWS:
            raise _nested()
        return self.expand(option, depth + 1)


def _find(text: str, wanted: str, start: int) -> int | None:
    for match in _SPECIAL.finditer(text, start):
        if match[0] == wanted:
            return match.start()
    return None


def _find_end(text: str, opening: int) -> int | None:
    """Return the position of the closing brace."""
    depth = 0
    for match in _SPECIAL.finditer(text, opening):
        depth += {"{": 1, "}": -1}.get(match[0], 0)
        if depth == 0:
            return match.start()
    return None


def _split(inside: str) -> list[str]:
    """Split the text between braces into alternatives, leaving nested braces whole."""
    options, depth, start = [], 0, 0
    for match in _SPECIAL.finditer(inside):
        depth += {"{": 1, "}": -1}.get(match[0], 0)
        if match[0] == "|" and depth == 0:
            options.append(inside[start : match.start()])
            start = match.end()
    return [*options, inside[start:]]


def _unknown(name: str, lists: Lists) -> RequestRefused:
    facts = {"option": "prompt", "wildcard": name, "listed": list_names(sorted(lists))}
    if not lists:
        return InvalidOption("There is no list {wildcard}, and no other either.", facts)
    return InvalidOption("There is no list {wildcard}. Use one of these: {listed}.", facts)


def _nested() -> RequestRefused:
    return InvalidOption(
        "These wildcards contain each other endlessly. Use fewer of them.", {"option": "prompt"}
    )
