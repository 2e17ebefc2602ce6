"""What each check and mark of a picture costs on one core.

`python -m benchmarks.checks`: CPU time of each, as medians. The picture is painted as the stand-in
paints them, and encoded as each type; videos need PyAV, the image filter NudeNet.
"""

import argparse
import io
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from generation.marking.credentials import SIGNED_TYPES, SourceType, open_credentials
from generation.media import imaging, normalising
from generation.media.inputs import verify_input
from generation.media.perceptual_hash import hash_picture
from generation.media.stripping import strip_metadata
from generation.media.video import fit_video, stills
from generation.moderation.image_hashes import MAX_BOT_PICTURES, MAX_GUILD_PICTURES, Blocklist
from generation.moderation.nudenet import find_checker
from generation.moderation.word_filter import (
    MAX_WATCHED_WORDS,
    WatchedWord,
    WordAction,
    WordFilter,
)
from sandbox.comfyui.painting.painter import Brief, paint

SIDE = 1024
PROMPT_WORDS = 300
"""About 2,000 characters, the longest prompt."""

Case = tuple[str, Callable[[], object]]


def list_cases(folder: Path) -> Iterator[Case]:
    """Every check with its name; `folder` is for the key."""
    chance = random.Random(1)  # noqa: S311 - repeatable on purpose
    words = ["".join(chance.choices("abcdefghijklmnop", k=7)) for _ in range(MAX_WATCHED_WORDS)]
    watched = [WatchedWord(n, word, WordAction.REFUSE) for n, word in enumerate(words)]
    prompt = " ".join(chance.choices([f"{word[:-1]}z" for word in words], k=PROMPT_WORDS))
    word_filter = WordFilter(watched)
    yield (
        f"watched words: {MAX_WATCHED_WORDS} in 2,000 characters",
        lambda: word_filter.judge(prompt),
    )
    files = build_files()
    png = files["image/png"]
    thumbnail = imaging.thumbnail(png) or b""
    yield "decode a PNG, and write its thumbnail", lambda: imaging.thumbnail(png)
    yield "decode, hash and write an attached PNG", lambda: verify_input(png, wants_hash=True)
    yield "hash a thumbnail", lambda: hash_picture(thumbnail)
    picture = hash_picture(thumbnail)
    hashes = tuple(chance.getrandbits(256) for _ in range(MAX_BOT_PICTURES + MAX_GUILD_PICTURES))
    blocklist = Blocklist(hashes)
    if picture is not None:
        yield f"compare with {len(hashes):,} blocked pictures", lambda: blocklist.has(picture)
    checker = find_checker()
    if checker is not None:
        (still,) = imaging.stills(png)
        yield "image filter: scale down", lambda: imaging.stills(png)
        yield "image filter: NudeNet", lambda: checker.check(still)
    if film := files.get("video/mp4"):
        yield "decode four stills of a video", lambda: stills(film)
    yield from list_file_cases(files, folder)


def list_file_cases(files: dict[str, bytes], folder: Path) -> Iterator[Case]:
    """What is done to files of each type before they are sent."""
    credentials = open_credentials("on", folder)
    for media_type, content in files.items():
        size = f"{media_type}, {len(content) / 1e6:.1f} MB"
        yield f"strip {size}", partial(strip_metadata, content)
        if credentials is not None and media_type in SIGNED_TYPES:
            sign = partial(credentials.sign, content, media_type, SourceType.MADE)
            yield f"sign {size}", sign


def build_files() -> dict[str, bytes]:
    """The same painting as a file of each type."""
    painting = paint(Brief("a castle at night", 1, (SIDE, SIDE)))
    files = {
        "image/png": normalising.encode(painting, "PNG"),
        "image/jpeg": normalising.encode(painting, "JPEG", quality=95),
        "image/webp": normalising.encode(painting, "WEBP", quality=90),
        "image/gif": normalising.encode(painting, "GIF"),
    }
    frames = [painting.resize((512, 512)).rotate(number) for number in range(24)]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], duration=100)
    film = fit_video(buffer.getvalue(), 8_000_000)
    return files | ({"video/mp4": film} if film else {})


def measure(call: Callable[[], object], rounds: int) -> float:
    """The median CPU time of a call, in milliseconds, after one that does not count."""
    call()
    taken = []
    for _ in range(rounds):
        began = time.process_time()
        call()
        taken.append(time.process_time() - began)
    return statistics.median(taken) * 1000


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    print("| check | CPU ms |\n| --- | --- |")  # noqa: T201 - the result
    with tempfile.TemporaryDirectory() as folder:
        for name, call in list_cases(Path(folder)):
            print(f"| {name} | {measure(call, rounds):.3g} |", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
