"""Options as Discord gives them."""

from datetime import UTC, datetime

import pytest

from bot.replies.inputs import (
    check_attachments,
    fetching,
    given_values,
    parse_day,
)
from generation.errors import FailureKind, RequestRefused
from generation.media.inputs import MAX_INPUT_BYTES

NOW = datetime(2026, 11, 22, 17, 30, tzinfo=UTC)


class Attachment:
    """What is read of a discord.Attachment."""

    def __init__(self, content=b"bytes", **facts):
        self.filename = "a.png"
        self.size = len(content)
        self.content_type = "image/png"
        self.url = "https://cdn.discordapp.com/ephemeral-attachments/1/2/a.png?ex=1"
        self.__dict__.update(facts)
        self.reads = 0
        self._content = content

    async def read(self):
        self.reads += 1
        if isinstance(self._content, Exception):
            raise self._content
        return self._content


async def test_what_was_attached_is_fetched_by_option():
    attachment = Attachment()
    images = fetching({"image": attachment})
    assert list(images) == ["image"]
    assert attachment.reads == 0
    assert await images["image"]() == b"bytes"


@pytest.mark.parametrize(
    "facts",
    [
        {"size": MAX_INPUT_BYTES + 1},
        {"content_type": "video/mp4"},
        {"content_type": "image/gif; charset=x"},
        {"url": "https://evil.example/a.png"},
        {"url": "http://127.0.0.1:8188/view"},
        {"url": "https://cdn.discordapp.com.evil.example/a.png"},
        {"url": "https://cdn.discordapp.com@evil.example/a.png"},
        {"url": "https://cdn.discordapp.com:8188/a.png"},
        {"url": "file:///etc/passwd"},
    ],
)
def test_what_cannot_be_taken_is_refused_before_any_download(facts):
    attachment = Attachment(**facts)
    with pytest.raises(RequestRefused) as caught:
        check_attachments({"image": attachment})
    assert caught.value.kind is FailureKind.INVALID_ATTACHMENT
    assert caught.value.facts["option"] == "image"


@pytest.mark.parametrize("content", [OSError("reset"), TimeoutError(), bytes(MAX_INPUT_BYTES + 1)])
async def test_a_download_that_goes_wrong_is_an_invalid_attachment(content):
    attachment = Attachment(b"", _content=content)
    attachment._content = content
    with pytest.raises(RequestRefused) as caught:
        await fetching({"image": attachment})["image"]()
    assert caught.value.kind is FailureKind.INVALID_ATTACHMENT


def test_nought_and_false_are_values():
    assert given_values({"seed": 0, "x": None, "private": False}) == {"seed": 0, "private": False}


@pytest.mark.parametrize(
    ("typed", "day"),
    [
        ("2026-11-01", (11, 1)),
        ("today", (11, 22)),
        (" Yesterday ", (11, 21)),
        ("3d", (11, 19)),
        ("1 day", (11, 21)),
        ("2 days", (11, 20)),
    ],
)
def test_days_as_people_write_them(typed, day):
    parsed = parse_day(typed, "since", NOW)
    assert (parsed.month, parsed.day) == day
    assert (parsed.hour, parsed.tzinfo) == (0, UTC)


def test_until_includes_its_day():
    assert parse_day("today", "until", NOW, end=True) == datetime(2026, 11, 23, tzinfo=UTC)
    assert parse_day(None, "until", NOW) is None


@pytest.mark.parametrize("typed", ["", "soon", "2026-13-01", "9999-12-31", "d", "-1d", "99999d"])
def test_other_days_are_refused_by_name(typed):
    with pytest.raises(RequestRefused, match="until"):
        parse_day(typed, "until", NOW, end=True)
