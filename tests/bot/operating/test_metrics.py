import math
import re
from pathlib import Path

import pytest

from bot.operating.metrics import Metrics

OPERATING = Path(__file__).parents[3] / "docs" / "operating.md"


@pytest.fixture
def metrics():
    return Metrics()


def families(metrics):
    return {family.name: family for family in metrics.registry.collect()}


def test_every_metric_of_ours_has_its_row_in_the_documents(metrics):
    text = OPERATING.read_text(encoding="utf-8")
    documented = re.findall(r"^\| `(limner_\w+)", text, re.MULTILINE)
    ours = [
        f"{name}_total" if family.type == "counter" else name
        for name, family in families(metrics).items()
        if name.startswith("limner_")
    ]
    assert sorted(documented) == sorted(ours)


def test_a_line_that_cannot_be_read_is_not_an_empty_one(metrics):
    metrics.set_line(2, 5)
    metrics.set_line()
    values = [sample.value for sample in families(metrics)["limner_line_generations"].samples]
    assert len(values) == 2
    assert all(math.isnan(value) for value in values)


def test_two_of_them_share_nothing():
    first, second = Metrics(), Metrics()
    first.count_response(429)
    first.count_response(200)
    counts = [
        families(one)["limner_discord_rate_limited"].samples[0].value for one in (first, second)
    ]
    assert counts == [1, 0]
