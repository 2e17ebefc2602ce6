"""Patterns in the names of saved files that the editor replaces: dates and widgets' values."""

import re
from datetime import datetime

from workflows.convert.export import EditorNode
from workflows.convert.flattening import GraphInstance

FILENAME_PREFIX = "filename_prefix"

SAVERS = frozenset(
    {"SaveImage", "SaveImageAdvanced", "SaveSVGNode", "SaveVideo", "SaveAnimatedWEBP", "SaveWEBM"}
    | {"SaveAudio", "SaveAudioMP3", "SaveAudioOpus", "SaveAudioAdvanced", "SaveAnimatedPNG"}
    | {"SaveGLB", "Save3DAdvanced", "SaveGaussianSplat", "SavePointCloud", "SaveLatent"}
    | {"CLIPSave", "VAESave", "ModelSave", "LoraSave"}
)
"""Classes in whose `filename_prefix` the editor replaces patterns."""

_PATTERN = re.compile(r"%([^%]+)%")
_DATE = "date:"
_DATE_PART = re.compile(r"dd?|MM?|hh?|mm?|ss?|yyy?y?")
_ALIAS = "Node name for S&R"
"""Property by which patterns refer to a node; new nodes, except savers, have their class in it."""

_ILLEGAL = re.compile(r"[/?<>\\:*|\"\x00-\x1f\x7f]")
_OF_SERVER = {
    "y": "%year%",
    "M": "%month%",
    "d": "%day%",
    "h": "%hour%",
    "m": "%minute%",
    "s": "%second%",
}
"""Patterns that ComfyUI replaces when it saves (`folder_paths.get_save_image_path`)."""


class Replacements:
    """The values of patterns that refer to a file's nodes.

    Without `now`, dates are left to ComfyUI, which inserts them when it saves: a stored graph would
    keep the day of its conversion. In this case years have four digits, all other parts two.
    """

    def __init__(self, root: GraphInstance, now: datetime | None) -> None:
        self._root = root
        self._now = now

    def replace(self, text: str) -> str:
        """Replace known patterns in a text; keep others."""
        return _PATTERN.sub(self._replaced, text)

    def _replaced(self, pattern: re.Match[str]) -> str:
        node, *widget = pattern[1].split(".")
        if len(widget) != 1:
            is_date = node.startswith(_DATE)
            return self._dated(node.removeprefix(_DATE)) if is_date else pattern[0]
        found = self._find(node)
        values = found[0].values_of(found[1]) if found else {}
        if widget[0] not in values:
            return pattern[0]
        return _ILLEGAL.sub("_", _as_text(values[widget[0]]))

    def _find(self, name: str) -> tuple[GraphInstance, EditorNode] | None:
        nodes = list(self._root.walk_all())
        by_alias = (one for one in nodes if _alias(one[1], one[0]) == name)
        by_title = (one for one in nodes if one[0].title(one[1]) == name)
        return next(by_alias, None) or next(by_title, None)

    def _dated(self, pattern: str) -> str:
        now = self._now
        if now is None:
            return _DATE_PART.sub(lambda part: _OF_SERVER[part[0][0]], pattern)
        return _DATE_PART.sub(lambda part: _date_part(part[0], now), pattern)


def _alias(node: EditorNode, place: GraphInstance) -> object:
    named = node.properties.get(_ALIAS)
    if named is None and place.classes.has(node.type) and node.type not in SAVERS:
        return node.type
    return named


def _date_part(part: str, now: datetime) -> str:
    if part == "yy":
        return f"{now.year % 100:02}"
    numbers = {"d": now.day, "M": now.month, "h": now.hour, "m": now.minute, "s": now.second}
    number = numbers.get(part[0])
    if number is None:
        return str(now.year) if part == "yyyy" else part
    return str(number).zfill(len(part))


def _as_text(value: object) -> str:
    """Format a value as JavaScript does."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case float() if value.is_integer():
            return str(int(value))
    return str(value)
