"""Requests are validated by Discord's own document where it is at hand."""

import pytest

from tests.support.openapi import FILE, Checker

pytestmark = pytest.mark.skipif(
    not FILE,
    reason="Nothing that was sent was validated by Discord's OpenAPI document: "
    "LIMNER_TEST_DISCORD_OPENAPI names none.",
)

MESSAGES = "/api/v10/channels/1/messages"
ROW = {"type": 1, "components": [{"type": 2, "style": 2, "label": "Go", "custom_id": "go"}]}


def find_problems(method, path, body):
    checker = Checker()
    checker.check(method, path, body)
    return checker.problems


def test_what_discord_takes_is_right():
    body = {"components": [ROW], "flags": 1 << 15, "attachments": [{"id": 0, "filename": "a.png"}]}
    assert find_problems("POST", MESSAGES, body) == []
    assert find_problems("PATCH", "/webhooks/1/token/messages/@original", body) == []
    assert find_problems("DELETE", f"{MESSAGES}/2", None) == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", MESSAGES, {"components": [ROW] * 41}),
        ("POST", MESSAGES, {"components": [{**ROW, "components": []}]}),
        ("PATCH", f"{MESSAGES}/2", {"content": "x" * 4001}),
        ("POST", "/interactions/1/token/callback", {"type": 9, "data": {"title": "x"}}),
        ("POST", "/channels/1/letters", {}),
    ],
)
def test_what_discord_refuses_is_found(method, path, body):
    assert find_problems(method, path, body)
