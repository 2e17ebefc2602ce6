"""Alternatives in prompts."""

import json

import pytest

from generation.errors import RequestRefused
from generation.prompts.wildcards import draw, has_wildcards

LISTS = {"color": ("red", "blue"), "animal": ("a __color__ fox",), "loop": ("again __loop__",)}


def drawn(text, count=60):
    return {draw(text, LISTS, seed) for seed in range(count)}


@pytest.mark.parametrize(
    ("text", "results"),
    [
        ("a fox", {"a fox"}),
        ("a {red|blue} fox", {"a red fox", "a blue fox"}),
        ("{a|{b|c}}", {"a", "b", "c"}),
        ("{|very }old", {"old", "very old"}),
        ("{2$$a|b}", {"a, b", "b, a"}),
        ("{1-2$$a|b}", {"a", "b", "a, b", "b, a"}),
        ("{9$$a|b}", {"a, b", "b, a"}),
        ("__color__", {"red", "blue"}),
        ("__COLOR__!", {"red!", "blue!"}),
        ("{__animal__|a crow}", {"a red fox", "a blue fox", "a crow"}),
        (r"\{a|b\}", {"{a|b}"}),
        (r"{a\|b|c}", {"a|b", "c"}),
        (r"\__color__", {"__color__"}),
        (r"face \(close\)", {r"face \(close\)"}),
        ("{a", {"{a"}),
        ("a}", {"a}"}),
        ("{{a", {"{{a"}),
        ("snake_case and __", {"snake_case and __"}),
    ],
)
def test_one_of_each_alternative_is_drawn(text, results):
    assert drawn(text) == results


def test_the_same_seed_draws_the_same_however_it_was_given():
    text = "{a|b|c} {d|e|f} __color__"
    assert draw(text, LISTS, 7) == draw(text, LISTS, "7")
    assert len(drawn(text)) > 5


@pytest.mark.parametrize("depth", [1, 30, 400])
def test_braces_without_alternatives_stay_as_they_are_typed(depth):
    document = "x"
    for _ in range(depth):
        document = {"a": document}
    text = json.dumps(document)
    assert draw(text, LISTS, 1) == text


@pytest.mark.parametrize("text", ["__loop__", "__deep0__", "__many__"])
def test_nesting_without_end_is_refused(text):
    lists = LISTS | {"many": ("__many2__ " * 200,), "many2": ("__many3__ " * 200,)}
    lists["many3"] = ("__color__",)
    lists |= {f"deep{number}": (f"__deep{number + 1}__",) for number in range(30)}
    with pytest.raises(RequestRefused, match="endlessly"):
        draw(text, lists, 1)


@pytest.mark.parametrize(("lists", "said"), [(LISTS, "animal, color, loop"), ({}, "no other")])
def test_a_wildcard_without_a_list_is_refused_by_name(lists, said):
    with pytest.raises(RequestRefused, match="no list mood") as refused:
        draw("a __mood__ fox", lists, 1)
    assert said in str(refused.value)
    assert has_wildcards("a __mood__ fox")
