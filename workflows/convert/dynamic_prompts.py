"""Dynamic prompts of the editor: removal of comments, and choice of one of {red|blue}."""

import re

_COMMENT_STARTS = re.compile(r"/\*|//[^\n\r\u2028\u2029]*")
_ESCAPED = re.compile(r"\\([{}|])")

MAX_DEPTH = 50
"""Nesting of braces; deeper ones are kept as typed."""


def resolve_prompt(text: str) -> str:
    """Return the text as the editor would send it, with the first of {choice|of|several}.

    The editor draws one at random each time; a stored graph needs a fixed one. A backslash escapes
    a brace or bar.
    """
    return _ESCAPED.sub(r"\1", _resolve(_remove_comments(text), 0))


def _remove_comments(text: str) -> str:
    kept: list[str] = []
    position = searched_from = 0
    # A regular expression for whole comments would look for the end of each unclosed one.
    last_end = text.rfind("*/")
    while match := _COMMENT_STARTS.search(text, searched_from):
        searched_from = match.end()
        if match[0] == "/*":
            if searched_from > last_end:
                continue
            searched_from = text.index("*/", searched_from) + 2
        kept.append(text[position : match.start()])
        position = searched_from
    return "".join(kept) + text[position:]


def _resolve(text: str, depth: int) -> str:
    if depth > MAX_DEPTH:
        return text
    said: list[str] = []
    position = 0
    while position < len(text):
        character = text[position]
        if character == "\\":
            said.append(text[position : position + 2])
            position += 2
        elif character == "{":
            choice, position = _read_choice(text, position + 1)
            said.append(_resolve(choice, depth + 1))
        else:
            said.append(character)
            position += 1
    return "".join(said)


def _read_choice(text: str, position: int) -> tuple[str, int]:
    """Return the first alternative, and the position after the closing brace."""
    first: str | None = None
    begin, depth = position, 0
    while position < len(text):
        character = text[position]
        if character == "\\":
            position += 2
            continue
        if character == "{":
            depth += 1
        elif character == "}":
            if depth == 0:
                break
            depth -= 1
        elif character == "|" and depth == 0 and first is None:
            first = text[begin:position]
        position += 1
    end = min(position, len(text))
    return (text[begin:end] if first is None else first), end + 1
