"""The cost of a request, in the units that its workflow counts."""

import math
from collections.abc import Mapping

from generation.request import Value
from workflows.manifest import Manifest
from workflows.sizes import parse_pair

COUNT = "count"


def cost_of(manifest: Manifest, values: dict[str, Value]) -> int:
    """Return the cost of a request in pictures."""
    return manifest.cost * count_of(values) * _units(manifest, values)


def count_of(values: Mapping[str, Value]) -> int:
    """Return how many pictures are requested."""
    count = values.get(COUNT)
    return max(count, 1) if isinstance(count, int) and not isinstance(count, bool) else 1


def _units(manifest: Manifest, values: dict[str, Value]) -> int:
    """Return the number of started units of the cost's input; 1 without such an input."""
    if manifest.cost_input is None or manifest.cost_unit is None:
        return 1
    value = values.get(manifest.cost_input)
    pair = parse_pair(value) if isinstance(value, str) else None
    amount = pair[0] * pair[1] if pair else value
    if not isinstance(amount, int | float):
        return 1
    return max(1, math.ceil(amount / manifest.cost_unit))
