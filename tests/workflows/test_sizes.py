import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.errors import InvalidValue
from workflows.manifest import Input, InputType
from workflows.sizes import MAX_AREA, MAX_SIDE, fit, is_within_limits, parse_pair, size_of_aspect
from workflows.values import size_for

SIZE = Input(name="size", type=InputType.SIZE, area=1_048_576, multiple=64)


@pytest.mark.parametrize(
    ("aspect", "size"),
    [
        ("1:1", (1024, 1024)),
        ("3:2", (1280, 832)),
        ("2:3", (832, 1280)),
        ("4:3", (1152, 896)),
        ("3:4", (896, 1152)),
        ("16:9", (1344, 768)),
        ("9:16", (768, 1344)),
        ("21:9", (1536, 640)),
        (" 4 : 1 ", (2048, 512)),
    ],
)
def test_an_aspect_comes_to_a_size_near_the_area(aspect, size):
    assert size_for(aspect, SIZE) == size


@pytest.mark.parametrize(
    "aspect",
    [
        "",
        "16",
        "16/9",
        "0:1",
        "1:0",
        "5:1",
        "1:5",
        "-1:1",
        "1.5:1",
        "99999:1",
        "\N{FULLWIDTH DIGIT ONE}:1",
    ],
)
def test_anything_else_is_no_aspect(aspect):
    with pytest.raises(InvalidValue, match="size must be a ratio such as 16:9"):
        size_for(aspect, SIZE)


def test_a_huge_area_is_brought_within_the_limits():
    huge = SIZE.model_copy(update={"area": 100_000_000})
    assert size_for("1:1", huge) == (1984, 1984)
    assert size_for("4:1", huge) == (2048, 512)


@given(
    ratio=st.floats(0.25, 4),
    area=st.integers(4096, 50_000_000),
    multiple=st.integers(1, 256),
)
def test_every_size_is_of_multiples_and_within_the_limits(ratio, area, multiple):
    width, height = size_of_aspect(ratio, area=area, multiple=multiple)
    assert width % multiple == height % multiple == 0
    assert is_within_limits((width, height))


@given(st.tuples(st.integers(64, MAX_SIDE), st.integers(64, MAX_SIDE)), st.integers(1, 256))
def test_a_fitted_size_is_of_multiples_and_within_the_limits(size, multiple):
    width, height = fit(size, multiple=multiple)
    assert width % multiple == height % multiple == 0
    assert is_within_limits((width, height))


@pytest.mark.parametrize(
    ("size", "allowed"),
    [
        ((64, 64), True),
        ((63, 64), False),
        ((2048, 1953), True),
        ((2048, 1954), False),
        ((2049, 64), False),
    ],
)
def test_limits(size, allowed):
    assert is_within_limits(size) is allowed
    assert MAX_AREA == 4_000_000


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("1024x768", (1024, 768)),
        (" 64 \N{MULTIPLICATION SIGN} 64 ", (64, 64)),
        ("1024", None),
        ("0x5", None),
        ("1x2x3", None),
    ],
)
def test_a_pair_is_read(text, pair):
    assert parse_pair(text) == pair
