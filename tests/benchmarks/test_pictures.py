import io

import pytest
from PIL import Image

from benchmarks.pictures import ResultPicture, build_preview


@pytest.mark.parametrize("size", [1_000, 100_000, 1_500_000])
def test_a_result_is_a_png_of_the_wanted_size_that_names_its_job(size):
    picture = ResultPicture.of_size(size)
    content = picture.head("job-7") + picture.body
    assert abs(len(content) - size) < size * 0.02 + 400
    with Image.open(io.BytesIO(content)) as opened:
        opened.load()
        assert opened.info["job"] == "job-7"


def test_only_the_whole_result_of_the_job_itself_is_right():
    picture = ResultPicture.of_size(1_000)
    content = picture.head("job-7") + picture.body
    assert picture.is_of("job-7", content)
    assert not picture.is_of("job-8", content)
    assert not picture.is_of("job-7", content[:-1])
    assert not picture.is_of("job-7", content + b"\0")
    assert not picture.is_of("job-7", b"")


@pytest.mark.parametrize("size", [400, 60_000, 200_000])
def test_a_preview_is_a_jpeg_of_the_wanted_size(size):
    preview = build_preview(size)
    assert abs(len(preview) - size) <= 4
    with Image.open(io.BytesIO(preview)) as opened:
        opened.load()
        assert opened.format == "JPEG"
