"""What a request takes from an allowance."""

import pytest

from generation.quota.costs import cost_of
from workflows.reading import parse_manifest


@pytest.mark.parametrize(
    ("toml", "values", "cost"),
    [
        ("", {}, 1),
        ("cost = 3", {"count": 2}, 6),
        ("cost = 0", {"count": 4}, 0),
        ("cost = 2", {"count": True}, 2),
        ('cost_input = "length"\ncost_unit = 24', {"length": 25}, 2),
        ('cost_input = "length"\ncost_unit = 24', {"length": 24, "count": 3}, 3),
        ('cost_input = "length"\ncost_unit = 24', {}, 1),
        ('cost_input = "size"\ncost_unit = 1048576', {"size": "1024x1024"}, 1),
        ('cost_input = "size"\ncost_unit = 1048576', {"size": "1024x1032"}, 2),
        ('cost = 5\ncost_input = "seconds"\ncost_unit = 2.5', {"seconds": 5.1}, 15),
    ],
)
def test_what_a_request_costs(toml, values, cost):
    manifest = parse_manifest('title = "Film"\n' + toml)
    assert cost_of(manifest, values) == cost
