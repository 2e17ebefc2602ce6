"""Results of one run, fetched and made rows of."""

import pytest

from comfy.protocol.events import MediaKind, OutputFile, OutputText
from comfy.protocol.outputs import media_kind
from generation.errors import FailureKind, GenerationFailed
from generation.media.media_types import guess_media_type
from generation.runs.outputs import MAX_RESULTS, OutputFetcher


class Files:
    """A backend that has every file, each of the same bytes."""

    def __init__(self, content=b"fLaC\0\0\0\x22"):
        self.content = content
        self.fetched = []

    async def fetch_output(self, output, *, max_bytes):
        self.fetched.append(output.filename)
        return self.content


def sound(number):
    return OutputFile("9", f"{number}.flac", "", "output", MediaKind.AUDIO)


async def test_results_come_in_the_order_of_the_run():
    async with OutputFetcher(Files()) as fetcher:
        fetcher.collect([sound(1)])
        made = await fetcher.finish([sound(0), sound(1)])
    assert [(one.position, one.filename) for one in made] == [(0, "0.flac"), (1, "1.flac")]


async def test_a_text_has_only_characters_that_can_be_stored_and_sent():
    async with OutputFetcher(Files()) as fetcher:
        (made,) = await fetcher.finish([OutputText("2", "  a\x00 fox\ud800\n")])
    assert (made.text, made.content) == ("  a fox\n", b"  a fox\n")


async def test_more_results_than_anybody_looks_at_are_not_even_fetched():
    files = Files()
    results = [sound(number) for number in range(MAX_RESULTS + 1)]
    async with OutputFetcher(files) as fetcher:
        fetcher.collect(results)
        with pytest.raises(GenerationFailed, match="101 results, and 100 is the most") as failed:
            await fetcher.finish(results)
    assert failed.value.kind is FailureKind.WORKFLOW_ERROR
    assert len(files.fetched) <= MAX_RESULTS


async def test_results_that_would_fill_the_memory_are_refused(monkeypatch):
    monkeypatch.setattr("generation.runs.outputs.MAX_TOTAL_BYTES", 9)
    async with OutputFetcher(Files(b"fLaC\0")) as fetcher:
        with pytest.raises(GenerationFailed, match="too large together"):
            await fetcher.finish([sound(0), sound(1)])


@pytest.mark.parametrize("kind", [MediaKind.IMAGE, MediaKind.VIDEO, MediaKind.AUDIO])
def test_what_can_be_seen_or_heard_is_known_to_on_every_machine(kind):
    """What has no type that can be looked at would get past the image check."""
    extensions = "png jpg webp gif bmp tiff avif apng svg exr heic jxl mp4 webm mkv mov avi m4v mpg"
    extensions += " mpeg flac mp3 wav ogg opus m4a aac"
    named = [f"x.{one}" for one in extensions.split() if media_kind(f"x.{one}") is kind]
    assert len(named) >= 7
    assert {guess_media_type(one).partition("/")[0] for one in named} == {kind.value}
