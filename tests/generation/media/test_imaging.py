import os
import random
import struct
import zlib
from contextlib import suppress
from io import BytesIO

import pytest
from PIL import Image, ImageChops, ImageCms, ImageDraw, PngImagePlugin

from generation.media.contact_sheet import Symbol, Tile, contact_sheet
from generation.media.fitting import fit_under
from generation.media.imaging import cut_from_grid, describe, grid, preview, stills, thumbnail
from generation.media.inputs import fit_input, verify_input, verify_mask
from generation.media.normalising import MAX_INPUT_SIDE, InvalidImage

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def write(image, file_format="PNG", **options):
    buffer = BytesIO()
    image.save(buffer, file_format, **{"compress_level": 1} | options)
    return buffer.getvalue()


def read(content):
    image = Image.open(BytesIO(content))
    image.load()
    return image


def noise(width=320, height=240, mode="RGB"):
    size = width * height * len(Image.new(mode, (1, 1)).getbands())
    return Image.frombytes(mode, (width, height), random.Random(7).randbytes(size))  # noqa: S311 - the same every time


def corners(mode="RGB"):
    """Red above left, green above right, blue below: its turns can be told apart."""
    image = Image.new("RGB", (64, 32), BLUE)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 31, 15), RED)
    draw.rectangle((32, 0, 63, 15), GREEN)
    return image.convert(mode)


def png_claiming(width, height):
    """A small PNG file whose header promises a picture of that size."""

    def chunk(kind, body):
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(1000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


def assert_close(pixel, expected, tolerance=12):
    assert all(abs(one - other) <= tolerance for one, other in zip(pixel, expected, strict=True))


@pytest.mark.parametrize(
    ("file_format", "written_as"), [("PNG", "PNG"), ("JPEG", "JPEG"), ("WEBP", "PNG")]
)
def test_a_good_picture_is_written_anew(file_format, written_as):
    given = write(corners(), file_format)
    checked = verify_input(given)
    assert (checked.width, checked.height) == (64, 32)
    assert checked.media_type == f"image/{written_as.lower()}"
    image = read(checked.content)
    assert (image.format, image.mode, image.size) == (written_as, "RGB", (64, 32))
    assert_close(image.getpixel((5, 5)), RED)
    assert_close(image.getpixel((60, 5)), GREEN)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x89PNG\r\n\x1a\n",
        b"<html>not a picture</html>",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        write(corners(), "GIF"),
        write(corners(), "BMP"),
        write(corners(), "TIFF"),
        write(corners(), "ICO"),
        write(corners(), "PPM"),
    ],
)
def test_other_files_are_refused_by_their_bytes(content):
    with pytest.raises(InvalidImage, match=r"PNG, JPEG or WebP|damaged"):
        verify_input(content)


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("kept", [0.2, 0.5, 0.9])
def test_a_truncated_picture_is_refused(file_format, kept):
    content = write(noise(), file_format)
    with pytest.raises(InvalidImage, match="damaged or incomplete"):
        verify_input(content[: int(len(content) * kept)])


def test_too_many_bytes_are_refused_before_anything_is_read():
    with pytest.raises(InvalidImage, match=r"2\.0 MiB, limit 1"):
        verify_input(bytes(2 * 2**20), max_bytes=2**20)


@pytest.mark.parametrize("size", [(4097, 10), (10, 4097)])
def test_too_many_pixels_a_side_are_refused(size):
    with pytest.raises(InvalidImage, match="limit 4096 a side"):
        verify_input(write(Image.new("RGB", size)))


def test_the_longest_side_allowed_is_accepted():
    assert verify_input(write(Image.new("RGB", (4096, 4)))).width == 4096


@pytest.mark.parametrize("side", [10_000, 20_000, 2**31 - 1])
def test_a_decompression_bomb_is_refused_by_its_header(side):
    for refused in (verify_input, lambda content: verify_mask(content, (8, 8))):
        with pytest.raises(InvalidImage, match=r"pixels|damaged"):
            refused(png_claiming(side, side))
    assert thumbnail(png_claiming(side, side)) is None
    assert describe(png_claiming(20_000, 20_000)) is None


def test_a_text_chunk_that_unpacks_to_gigabytes_is_refused():
    bomb = PngImagePlugin.PngInfo()
    bomb.add_text("prompt", "x" * 5_000_000, zip=True)
    with pytest.raises(InvalidImage):
        verify_input(write(corners(), pnginfo=bomb))


def test_broken_bytes_raise_nothing_else():
    source = random.Random(11)  # noqa: S311 - the same every time
    for file_format in ("PNG", "JPEG", "WEBP"):
        whole = write(noise(48, 48), file_format)
        for _ in range(150):
            content = bytearray(whole)
            for _ in range(source.randint(1, 8)):
                content[source.randrange(len(content))] = source.randrange(256)
            for function in (verify_input, lambda some: fit_under(some, 500)):
                with suppress(InvalidImage):
                    function(bytes(content))
            thumbnail(bytes(content))
            describe(bytes(content))


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_noise_is_kept_in_no_more_than_twice_the_bytes_that_are_permitted(mode):
    noise = Image.frombytes(mode, (256, 256), os.urandom(256 * 256 * len(mode)))
    if mode == "RGBA":
        noise.putalpha(half("L", 0, 255, (256, 256)))
    content = write(noise, "WEBP", quality=80)
    checked = verify_input(content, max_bytes=len(content))
    assert len(checked.content) <= 2 * len(content)
    assert (checked.width, checked.height) == (256, 256)
    assert read(checked.content).mode == mode


@pytest.mark.parametrize("file_format", ["PNG", "WEBP"])
def test_only_the_first_frame_of_an_animation_is_left(file_format):
    frames = [Image.new("RGB", (32, 32), colour) for colour in (RED, GREEN, BLUE)]
    given = write(frames[0], file_format, save_all=True, append_images=frames[1:], lossless=True)
    image = read(verify_input(given).content)
    assert getattr(image, "n_frames", 1) == 1
    assert_close(image.getpixel((16, 16)), RED)


@pytest.mark.parametrize("mode", ["CMYK", "L"])
def test_a_jpeg_of_other_colours_becomes_rgb(mode):
    image = read(verify_input(write(corners(mode), "JPEG", quality=95)).content)
    assert image.mode == "RGB"
    assert_close(image.getpixel((5, 5)), corners(mode).convert("RGB").getpixel((5, 5)))


@pytest.mark.parametrize("mode", ["P", "L", "1", "LA", "RGBA"])
def test_a_png_of_any_kind_becomes_rgb(mode):
    image = read(verify_input(write(corners().convert(mode))).content)
    assert image.mode == "RGB"
    assert image.getpixel((5, 5)) == corners().convert(mode).convert("RGB").getpixel((5, 5))


def test_sixteen_bits_are_scaled_and_not_cut_off():
    given = write(Image.new("I;16", (8, 8), 0x8080))
    assert_close(read(verify_input(given).content).getpixel((0, 0)), (128, 128, 128), 1)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_kept(mode):
    given = corners(mode)
    given.putalpha(Image.linear_gradient("L").resize(given.size))
    image = read(verify_input(write(given)).content)
    assert image.mode == "RGBA"
    assert image.getchannel("A").tobytes() == given.getchannel("A").tobytes()


def test_transparency_of_a_palette_is_kept():
    given = corners().quantize(4)
    image = read(verify_input(write(given, transparency=given.getpixel((0, 0)))).content)
    assert [image.getpixel(at)[3] for at in ((0, 0), (60, 2))] == [0, 255]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP"])
def test_a_picture_is_turned_upright(file_format, orientation):
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    lying = corners() if orientation == 1 else corners().transpose(undo[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = read(verify_input(write(lying, file_format, exif=exif, quality=95)).content)
    assert image.size == (64, 32)
    assert_close(image.getpixel((5, 5)), RED)
    assert_close(image.getpixel((58, 5)), GREEN)
    assert_close(image.getpixel((32, 28)), BLUE)


def test_a_picture_is_turned_whose_metadata_is_of_odd_types():
    entries = (
        struct.pack(">HHII", 0x010F, 5, 1, 38),  # the maker, as a fraction instead of a text
        struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0),
    )
    ends = bytes(4) + struct.pack(">II", 1, 2)
    exif = b"Exif\0\0MM\0*" + struct.pack(">IH", 8, 2) + b"".join(entries) + ends
    lying = corners().transpose(Image.Transpose.ROTATE_90)
    image = read(verify_input(write(lying, "JPEG", exif=exif, quality=95)).content)
    assert image.size == corners().size


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_broken_metadata_is_no_reason_to_refuse():
    given = write(corners(), "JPEG", exif=b"Exif\x00\x00MM\x00*\x00\x00\xff\xff\x00\x01")
    assert verify_input(given).width == 64


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP"])
def test_nothing_is_left_of_metadata(file_format):
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    options = {"exif": exif, "icc_profile": profile, "xmp": b"<x>secret place</x>"}
    if file_format == "PNG":
        options["pnginfo"] = PngImagePlugin.PngInfo()
        options["pnginfo"].add_text("workflow", '{"secret": 1}')
    if file_format == "JPEG":
        options["comment"] = b"secret place"
    written = verify_input(write(corners(), file_format, **options)).content
    image = read(written)
    assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert not image.getexif()
    assert b"secret" not in written
    assert b"home" not in written


def test_a_picture_is_fitted_to_what_the_workflow_takes():
    checked = verify_input(write(Image.new("RGB", (400, 100))), max_pixels=10_000)
    assert (checked.width, checked.height) == (200, 50)
    assert read(checked.content).size == (200, 50)
    checked = verify_input(write(Image.new("RGB", (100, 100))), max_pixels=10_000)
    assert (checked.width, checked.height) == (100, 100)


def half(mode, left, right, size=(64, 32)):
    image = Image.new(mode, size, left)
    image.paste(right, (size[0] // 2, 0, *size))
    return image


def sides(mask):
    """The mask's value on the left and on the right."""
    image = read(mask)
    assert (image.format, image.mode) == ("PNG", "L")
    return image.getpixel((1, 1)), image.getpixel((image.width - 2, 1))


def photograph_with_hole():
    image = corners("RGBA")
    image.paste((*GREEN, 0), (32, 0, 64, 32))
    return image


@pytest.mark.parametrize(
    "image",
    [
        half("L", 0, 255),
        half("1", 0, 1),
        half("RGB", (0, 0, 0), (255, 255, 255)),
        half("RGBA", (0, 0, 0, 255), (255, 255, 255, 255)),
        half("RGBA", (0, 0, 0, 0), (255, 255, 255, 255)),
        half("RGBA", (0, 0, 0, 255), (0, 0, 0, 0)),
        half("RGBA", (255, 255, 255, 255), (255, 255, 255, 0)),
        photograph_with_hole(),
    ],
    ids=[
        "grey",
        "black and white",
        "colour",
        "opaque",
        "white on nothing",
        "holes in black",
        "holes in white",
        "holes in a photograph",
    ],
)
def test_what_is_repainted(image):
    assert sides(verify_mask(write(image), (64, 32))) == (0, 255)


def test_a_mask_of_the_same_shape_is_scaled_without_mixing():
    mask = verify_mask(write(half("L", 0, 255)), (200, 100))
    assert read(mask).size == (200, 100)
    assert set(read(mask).tobytes()) == {0, 255}


def test_a_mask_that_was_rounded_to_whole_pixels_is_the_same_shape():
    assert read(verify_mask(write(half("L", 0, 255, (333, 250))), (1000, 750))).size == (1000, 750)


def test_a_mask_of_another_shape_is_refused():
    with pytest.raises(InvalidImage, match=r"64 x 32.*64 x 64"):
        verify_mask(write(half("L", 0, 255)), (64, 64))


@pytest.mark.parametrize(
    "content",
    [
        write(Image.new("RGB", (64, 32))),
        write(Image.new("RGB", (64, 32), (3, 3, 3)), "JPEG"),
        write(Image.new("RGBA", (64, 32))),
    ],
)
def test_a_mask_that_marks_nothing(content):
    if read(content).mode == "RGBA":
        # All of it is erased, so all of it is repainted.
        assert sides(verify_mask(content, (64, 32))) == (255, 255)
        return
    with pytest.raises(InvalidImage, match="all black"):
        verify_mask(content, (64, 32))


@pytest.mark.parametrize(
    ("file_format", "media_type"),
    [
        ("PNG", "image/png"),
        ("JPEG", "image/jpeg"),
        ("WEBP", "image/webp"),
        ("GIF", "image/gif"),
    ],
)
def test_a_result_is_described_by_its_bytes(file_format, media_type):
    assert describe(write(corners(), file_format)) == (media_type, 64, 32)


def test_what_is_no_picture_has_no_description_thumbnail_or_preview():
    for content in (b"", b"RIFF....WEBPVP8 ", b"\xff\xd8\xff\xe0", b"ftypmp42"):
        assert describe(content) is None
        assert thumbnail(content) is None
        assert preview(content) is None


@pytest.mark.parametrize(
    ("mode", "file_format"), [("RGB", "JPEG"), ("RGBA", "WEBP"), ("L", "JPEG")]
)
def test_a_thumbnail_is_small_and_keeps_the_shape_and_what_is_transparent(mode, file_format):
    image = read(thumbnail(write(noise(800, 400, mode))))
    assert (image.format, image.size) == (file_format, (256, 128))


def test_a_small_picture_is_not_made_larger():
    assert read(thumbnail(write(corners()))).size == (64, 32)


def write_large(file_format, **options):
    mode = "RGB" if file_format in ("WEBP", "JPEG") else "L"  # one byte a pixel is written sooner
    frames = [
        Image.new(mode, (MAX_INPUT_SIDE + 1, MAX_INPUT_SIDE), shade) for shade in ("red", "blue")
    ]
    if options.pop("count", 1) == 2:
        options |= {"save_all": True, "append_images": frames[1:]}
    return write(frames[0], file_format, **options)


@pytest.mark.parametrize(
    ("file_format", "options"),
    [
        ("WEBP", {"quality": 1, "method": 0}),
        ("WEBP", {"quality": 1, "method": 0, "count": 2}),
        ("PNG", {"compress_level": 1, "count": 2}),
        ("GIF", {}),
        ("JPEG", {"progressive": True}),
    ],
)
def test_what_would_take_too_much_memory_is_described_and_never_decoded(file_format, options):
    content = write_large(file_format, **options)
    assert describe(content)[1:] == (MAX_INPUT_SIDE + 1, MAX_INPUT_SIDE)
    assert thumbnail(content) is None
    assert stills(content) == ()
    with pytest.raises(InvalidImage, match="far too large"):
        fit_under(content, len(content) - 1)


def test_a_png_of_too_many_pixels_is_described_and_never_decoded():
    content = png_claiming(8193, 8192)
    assert describe(content)[1:] == (8193, 8192)
    assert thumbnail(content) is None
    assert grid([content, content]) is None
    with pytest.raises(InvalidImage, match="far too large"):
        fit_input(content)


@pytest.mark.parametrize("size", [(3001, 2503), (2503, 3001), (6000, 1400)])
def test_bands_that_are_scaled_one_after_the_other_show_no_seam(size):
    picture = noise(*size, "L").convert("RGB")
    made = read(grid([write(picture, compress_level=0)] * 2)).crop((0, 0, *_cell(size)))
    whole = picture.resize(_cell(size), Image.Resampling.LANCZOS, reducing_gap=2)
    difference = ImageChops.difference(made.convert("L"), whole.convert("L"))
    assert difference.getextrema()[1] <= 24  # what JPEG makes of noise


def _cell(size):
    return tuple(int(side * 1024 / max(size)) for side in size)


def test_a_preview_is_a_jpeg():
    image = read(preview(write(noise(1024, 768, "RGBA")), 512))
    assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (512, 384))


def test_what_fits_is_left_as_it_is():
    content = write(corners(), "GIF")
    fitted = fit_under(content, len(content))
    assert (fitted.content, fitted.extension, fitted.media_type) == (content, "gif", "image/gif")


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("limit", [200_000, 50_000, 5_000, 300, 150])
def test_a_fitted_picture_is_never_above_the_limit(mode, limit):
    content = write(noise(400, 300, mode))
    assert len(content) > limit
    fitted = fit_under(content, limit)
    assert len(fitted.content) <= limit
    assert (fitted.extension, fitted.media_type) == ("webp", "image/webp")
    assert describe(fitted.content).media_type == "image/webp"


def test_quality_is_given_up_before_size():
    smooth = Image.radial_gradient("L").resize((1024, 1024)).convert("RGB")
    content = write(smooth)
    fitted = fit_under(content, len(content) // 3)
    assert read(fitted.content).size == (1024, 1024)


def test_a_limit_below_any_picture_is_an_error():
    with pytest.raises(InvalidImage):
        fit_under(write(noise()), 10)


def test_a_picture_longer_than_webp_can_hold_is_fitted():
    fitted = fit_under(write(Image.new("RGB", (17_000, 4))), 100)
    assert len(fitted.content) <= 100


def test_only_what_has_fewer_pixels_is_said_to_be_smaller():
    content = write(noise())
    assert not fit_under(content, len(content)).is_scaled
    assert not fit_under(content, len(content) - 1).is_scaled
    assert fit_under(content, len(content) // 20).is_scaled


def test_a_contact_sheet_shows_every_picture_in_order():
    colours = [RED, GREEN, BLUE, (255, 255, 0), (0, 255, 255)]
    tiles = [
        Tile(f"number {number}", thumbnail(write(Image.new("RGB", (512, 512), colour))))
        for number, colour in enumerate(colours, 1)
    ]
    sheet = read(contact_sheet(tiles))
    assert (sheet.format, sheet.mode) == ("PNG", "RGB")
    width, height = sheet.width // 3, sheet.height // 2
    for index, colour in enumerate(colours):
        centre = (width * (index % 3) + width // 2, height * (index // 3) + height // 2)
        assert_close(sheet.getpixel(centre), colour)


@pytest.mark.parametrize(
    "caption",
    [
        "",
        "   ",
        "x" * 2000,
        "word " * 400,
        "雪の中の狐 🦊",
        "line\nbreak\x00\x07",
        "\ud800",
        "Ωmega",
    ],
)
def test_any_caption_can_be_drawn(caption):
    assert read(contact_sheet([Tile(caption, None)])).format == "PNG"


def test_a_contact_sheet_survives_broken_thumbnails_and_emptiness():
    assert read(contact_sheet([Tile("a", b"garbage"), Tile("b", None)])).width > 256
    assert read(contact_sheet([])).format == "PNG"


# Several in one, and parts of it.


def is_about(image, colour):
    middle = image.convert("RGB").getpixel((image.width // 2, image.height // 2))
    return all(abs(one - other) < 12 for one, other in zip(middle, colour, strict=True))


def test_what_a_grid_is_made_of_can_be_cut_out_of_it():
    colours = (RED, GREEN, BLUE, (250, 250, 250))
    sheet = grid([write(Image.new("RGB", (96, 64), one)) for one in colours])
    assert read(sheet).size == (192, 128)
    for index, colour in enumerate(colours):
        cut = read(cut_from_grid(sheet, index, 4))
        assert cut.size == (96, 64)
        assert is_about(cut, colour)


def test_a_grid_of_two_has_one_row():
    sheet = grid([write(Image.new("RGB", (96, 64), one)) for one in (RED, BLUE)])
    assert read(sheet).size == (192, 64)
    assert is_about(read(cut_from_grid(sheet, 1, 2)), BLUE)


def test_large_pictures_of_different_shapes_fit_into_a_grid():
    sheet = read(grid([write(Image.new("RGB", size, RED)) for size in ((2048, 64), (64, 2048))]))
    assert sheet.size == (2048, 1024)


@pytest.mark.parametrize("content", [b"", b"garbage", write(Image.new("L", (3, 3)))[:40]])
def test_what_cannot_be_read_is_in_no_grid(content):
    assert grid([write(corners()), content]) is None
    assert cut_from_grid(content, 0, 4) is None


def test_a_result_of_any_size_can_be_an_input_again():
    large = write(Image.new("RGB", (9000, 90), RED))
    assert read(fit_input(large)).size == (4096, 40)
    noisy = write(noise(700, 700))
    assert fit_input(noisy) == noisy
    fitted = fit_input(noisy, max_bytes=200_000)
    assert len(fitted) <= 200_000
    assert verify_input(fitted, max_bytes=200_000)


@pytest.mark.parametrize("file_format", ["GIF", "WEBP", "PNG"])
def test_an_animation_is_made_smaller_with_all_of_its_frames(file_format):
    frames = [noise(160, 120), noise(160, 120).transpose(Image.Transpose.ROTATE_180)] * 3
    for number, frame in enumerate(frames):
        frame.paste(RED, (0, 0, 1 + number, 1))
    content = write(frames[0], file_format, save_all=True, append_images=frames[1:], duration=80)
    fitted = fit_under(content, len(content) // 4)
    moving = Image.open(BytesIO(fitted.content))
    assert (fitted.extension, moving.n_frames) == ("webp", 6)
    moving.seek(1)
    moving.load()
    assert moving.info["duration"] == 80
    assert moving.height / moving.width == pytest.approx(0.75, abs=0.02)


@pytest.mark.parametrize("symbol", Symbol)
def test_every_symbol_looks_different(symbol):
    sheets = {contact_sheet([Tile("", symbol=one)]) for one in (*Symbol, None)}
    assert len(sheets) == len(Symbol) + 1
    assert contact_sheet([Tile("", symbol=symbol)]) in sheets
