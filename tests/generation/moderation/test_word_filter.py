"""Watched words, however they are dressed up."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.errors import RequestRefused
from generation.moderation.word_filter import (
    MAX_PATTERN_CHARACTERS,
    WARNED,
    WATCHED,
    WatchedWord,
    WordAction,
    WordFilter,
    WordVerdict,
    check_pattern,
)

FOX = WatchedWord(1, "fox", WordAction.REFUSE)


@pytest.mark.parametrize(
    "text",
    [
        "a fox in the snow",
        "FOX!",
        "f0x",
        "a fox_hunt",
        "\u0444\u0435 f\u043e\u0445",  # Cyrillic o and x
        "fo\u200bx",
        "\uff46\uff4f\uff58",  # full width
        "f\u00f3x",
        "f o x",
        "a f o x",
        "f.o.x",
        "foooox",
        "\U0001d4bb\U0001d4f8\U0001d4fd\u200d fox",
        "fox\u3164",  # a letter that shows nothing
        "f\uffa0o\u115fx",
        "a\u2800fox",
        "\U0001f1eb\U0001f1f4\U0001f1fd",  # the letters of flags
        "\U0001f155\U0001f15e\U0001f167",  # white in black circles
        "\U0001f175\U0001f17e\U0001f187",
        "\ua730\u1d0fx",  # small capitals
        "f\u00f8x",
        "!f0x!",
    ],
)
def test_a_word_is_found_however_it_is_written(text):
    assert WordFilter([FOX]).judge(text).found == (FOX,)


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("bass", "ba$$!"),
        ("bass", "a BA$$."),
        ("asp", "@sp"),
        ("agent 47", "!@gent 47"),
        ("at", "a+"),
    ],
)
def test_signs_at_the_edges_of_words_are_letters_too(word, text):
    watched = WatchedWord(1, word, WordAction.REFUSE)
    assert WordFilter([watched]).judge(text).found == (watched,)


@pytest.mark.parametrize("text", ["a foxglove", "firefox", "fo x", "f", "", "wolf and hound"])
def test_only_whole_words_are_found(text):
    assert WordFilter([FOX]).judge(text).action is None


def test_phrases_are_found_across_punctuation():
    phrase = WatchedWord(1, "Bad  Phrase", WordAction.HOLD)
    found = WordFilter([phrase])
    assert found.judge("a bad, phrase").action is WordAction.HOLD
    assert found.judge("phrase bad").action is None


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("book", "a booooook"),
        ("agent 47", "the 4gent 47"),
        ("a fox", "a f o x"),
        ("b or fox", "b or f o x"),
        ("x y", "see x y now"),
    ],
)
def test_a_phrase_is_found_however_its_words_are_written(pattern, text):
    watched = WatchedWord(1, pattern, WordAction.HOLD)
    assert WordFilter([watched]).judge(text).found == (watched,)


def test_what_is_allowed_is_not_found_and_an_expression_is_not_read_as_words():
    allowed = WatchedWord(1, "fox", WordAction.ALLOW, is_expression=True)
    at_the_end = WatchedWord(2, "fox$", WordAction.HOLD, is_expression=True)
    nothing = WatchedWord(3, "!!", WordAction.ALLOW)
    for watched in ([allowed, nothing], [at_the_end, nothing]):
        assert WordFilter(watched).judge("a fox hunt") == WordVerdict()


@pytest.mark.parametrize(
    ("action", "flag", "needs_hold"),
    [
        (WordAction.OBSERVE, WATCHED, False),
        (WordAction.WARN, WARNED, False),
        (WordAction.HOLD, WATCHED, True),
    ],
)
def test_what_is_found_is_flagged_for_moderators(action, flag, needs_hold):
    verdict = WordFilter([WatchedWord(1, "fox", action)]).judge("a fox")
    assert (verdict.flags, verdict.needs_hold) == (((flag, "fox"),), needs_hold)
    assert (WordVerdict().flags, WordVerdict().needs_hold) == ((), False)


def test_ones_are_read_as_i_and_as_l():
    kill, pill = WatchedWord(1, "kill", WordAction.WARN), WatchedWord(2, "pixel", WordAction.WARN)
    assert WordFilter([kill, pill]).judge("ki11 p1xel").found == (kill, pill)
    assert WordFilter([WatchedWord(1, "111", WordAction.WARN)]).judge("lll").action is None


@pytest.mark.parametrize(
    "expression",
    [
        "(?:[a-z]{50000}){50000}",
        "a{1000000}",
        "a{1001}",
        "a{0}b{1001}",
        "(?:(?:a?){ 999}){999,}",
        "a{" + "9" * 150 + "}",
        "a{00000000001001}",
    ],
)
def test_no_expression_takes_the_memory_of_all_servers(expression):
    with pytest.raises(RequestRefused, match="too often"):
        check_pattern(expression, is_expression=True)


def test_an_expression_may_repeat_as_much_as_anybody_needs():
    for expression in (
        r"\d{4}-\d{2}-\d{2}",
        "(?:ab{3}){0,40}",
        "[{1}]{2}",
        "(?:a{1}){1000}",
        "(?:a{0,1}){1000}",
    ):
        assert check_pattern(expression, is_expression=True) == expression


def test_an_allowed_phrase_hides_the_word_in_it():
    allowed = WatchedWord(2, "fox terrier", WordAction.ALLOW)
    found = WordFilter([FOX, allowed])
    assert found.judge("my fox terrier").action is None
    assert found.judge("my fox terrier and a fox").action is WordAction.REFUSE
    assert found.judge("a fox, fox terrier").action is WordAction.REFUSE
    terriers = WordFilter([WatchedWord(1, "terrier fox", WordAction.REFUSE), allowed])
    assert terriers.judge("fox terrier fox").action is None, "an allowed phrase leaves a gap"


def test_the_strictest_action_counts():
    watched_words = [
        FOX,
        WatchedWord(2, "snow", WordAction.OBSERVE),
        WatchedWord(3, "dark", WordAction.HOLD),
    ]
    verdict = WordFilter(watched_words).judge("snow", "dark")
    assert verdict.action is WordAction.HOLD
    assert [one.id for one in verdict.found] == [2, 3]


def test_an_expression_sees_the_text_and_its_plain_spelling():
    guns = WatchedWord(1, r"\bguns?\b", WordAction.WARN, is_expression=True)
    assert WordFilter([guns]).judge("two \uff27uns").found == (guns,)
    assert WordFilter([guns]).judge("a gunner").action is None


def test_an_expression_that_would_never_end_is_skipped_and_named():
    hostile = WatchedWord(
        1, r"(?:a|aa|aaa)+[^b]{5}(?:a|b|ab)+$\d", WordAction.REFUSE, is_expression=True
    )
    begun = time.monotonic()
    verdict = WordFilter([hostile, FOX]).judge("a" * 2000 + " fox")
    assert verdict.slow == (hostile,)
    assert verdict.found == (FOX,)
    assert time.monotonic() - begun < 30, "it was never ended"


def test_all_expressions_together_have_an_end_and_words_are_found_all_the_same(monkeypatch):
    monkeypatch.setattr("generation.moderation.word_filter.EXPRESSIONS_TIMEOUT_S", 0)
    guns = WatchedWord(1, r"\bguns?\b", WordAction.WARN, is_expression=True)
    verdict = WordFilter([guns, FOX]).judge("a fox with guns")
    assert (verdict.found, verdict.slow) == ((FOX,), (guns,))


@pytest.mark.parametrize(("pattern", "is_expression"), [("", False), ("!!", False), ("(", True)])
def test_what_cannot_be_watched_for_is_refused(pattern, is_expression):
    with pytest.raises(RequestRefused):
        check_pattern(pattern, is_expression=is_expression)


@given(st.text(max_size=200), st.text(min_size=1, max_size=30))
def test_any_text_can_be_judged(text, pattern):
    try:
        kept = check_pattern(pattern, is_expression=False)
    except RequestRefused:
        return
    found = WordFilter([WatchedWord(1, kept, WordAction.REFUSE)])
    found.judge(text)
    assert found.judge(f"so {kept} it is").action is WordAction.REFUSE


def test_blanks_are_one_space_in_words_and_kept_inside_expressions():
    assert check_pattern("  bad \t phrase\n", is_expression=False) == "bad phrase"
    assert check_pattern("  a  b ", is_expression=True) == "a  b"


def test_two_letters_that_stand_alone_are_no_word():
    ox = WordFilter([WatchedWord(1, "ox", WordAction.REFUSE)])
    assert ox.judge("an o x").action is None
    assert ox.judge("a o x").action is None
    assert ox.judge("an ox").action is WordAction.REFUSE


def test_an_expression_that_explodes_costs_little():
    explosive = WatchedWord(1, r"(a|aa)+$", WordAction.REFUSE, is_expression=True)
    began_at = time.thread_time()
    verdict = WordFilter([explosive]).judge("a" * 60 + "!")
    assert verdict.slow == (explosive,)
    assert time.thread_time() - began_at < 0.5


@pytest.mark.parametrize("is_expression", [False, True])
def test_a_pattern_is_as_long_as_promised(is_expression):
    longest = "x" * MAX_PATTERN_CHARACTERS
    assert check_pattern(longest, is_expression=is_expression) == longest
    with pytest.raises(RequestRefused, match="1 to 200 characters"):
        check_pattern(longest + "x", is_expression=is_expression)


def test_a_phrase_is_found_at_the_end_and_after_its_first_word_alone():
    phrase = WatchedWord(1, "red fox", WordAction.HOLD)
    assert WordFilter([phrase]).judge("a red and a red fox").found == (phrase,)
    assert WordFilter([phrase]).judge("a fox that is red").found == ()
