"""People's text: shown as typed, and harmless whatever it is."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.ui.text import harmless, lines_within, mebibytes, ordinal, plain, relative, visible

HOSTILE = st.text(
    st.sampled_from("@everyone<>#&!*_~`|[]()\\:/- \n\t\r\u200b\u202e\u200de\u0301😀0189")
)


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("a fox in the snow", "a fox in the snow"),
        ("**bold** _it_", r"\*\*bold\*\* \_it\_"),
        ("# heading", r"\# heading"),
        ("> quote", r"\> quote"),
        ("- list", r"\- list"),
        ("`code` ||spoiler||", r"\`code\` \|\|spoiler\|\|"),
        ("[text](https://evil.example)", r"\[text\](https\://evil.example)"),
        ("<@1234567890123456789>", "\\<@\u200b1234567890123456789>"),
        ("@everyone @here", "@\u200beveryone @\u200bhere"),
        ("discord.gg/abc", r"discord.gg\/abc"),
        ("one\ntwo\r\n\tthree", "one two three"),
        ("\x00a\x1b[31m\u202eb\u200b", r"a\[31mb"),
        ("👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"),
        ("\u200d \u200c", ""),
        ("   \n", ""),
        ("\u3164a\u2800b\u3164", "a b"),
        ("\u3164\u115f\u1160\uffa0", ""),
        ("a" + "\u0301" * 90, "a" + "\u0301" * 3),
    ],
)
def test_what_people_see(typed, shown):
    assert harmless(typed) == shown


@given(HOSTILE)
def test_nothing_typed_is_markdown_or_a_mention(text):
    shown = harmless(text)
    plain = re.sub(r"\\.", "", shown)
    assert not re.search(r"[*_~`|\[\]<]|://", plain)
    assert not re.search(r"@(everyone|here|[!&]?\d{17,20})", shown)
    assert not re.search(r"[\n\r\t\x00-\x1f\u202e\u200e]", shown)
    assert not shown.startswith((">", "#", "-"))


@given(st.one_of(HOSTILE, st.text()), st.integers(2, 400))
def test_it_is_bounded_and_never_ends_in_half_an_escape(text, limit):
    shown = harmless(text, limit)
    assert len(shown) <= 2 * limit + 1
    assert (len(shown) - len(shown.rstrip("\\"))) % 2 == 0


def test_what_is_cut_ends_with_an_ellipsis():
    assert harmless("abcdef", 4) == "abc…"


LINE = st.text(st.characters(exclude_characters="\n"), min_size=1, max_size=30)


@given(st.lists(LINE), st.integers(1, 200))
def test_lists_are_cut_at_whole_lines(lines, limit):
    text = lines_within(lines, limit)
    assert len(text) <= limit
    if text != "\n".join(lines):
        *shown, last = text.split("\n")
        assert last == "…"
        assert shown == lines[: len(shown)]


def test_visible_keeps_lines():
    assert visible("a\n\tb\x00\u202ec") == "a\n\tbc"


@pytest.mark.parametrize(
    ("numbers", "ending"),
    [((1, 21, 101), "st"), ((2, 22), "nd"), ((3, 103), "rd"), ((4, 10, 11, 12, 13, 111), "th")],
)
def test_ordinals(numbers, ending):
    assert [ordinal(number) for number in numbers] == [f"{number}{ending}" for number in numbers]


def test_sizes_and_times_for_people():
    assert mebibytes(10 * 1024 * 1024) == "10.0 MiB"
    assert relative(datetime(2026, 1, 1, tzinfo=UTC)) == "<t:1767225600:R>"


def test_plain_text_is_one_line_with_nothing_escaped():
    assert plain("max_power\u202e\n *the* 2nd ") == "max_power *the* 2nd"
