"""What a file states is read, whoever made it, and nothing outside is asked for it."""

import asyncio
import io
import struct
import zlib

import pytest
from PIL import Image

from generation.marking.credentials import SourceType, open_credentials
from generation.marking.statements import Statement, read_statement
from tests.support.films import build_film, build_sound
from tests.support.pictures import build_picture


@pytest.fixture(scope="module")
def credentials(tmp_path_factory):
    return open_credentials("on", tmp_path_factory.mktemp("key"))


def with_xmp(attributes="", inside=""):
    """A PNG with an XMP packet that describes it so."""
    content = build_picture()
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" xmlns:dcterms="http://purl.org/dc/terms/" '
        f'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" {attributes}>'
        f"{inside}</rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    body = b"iTXtXML:com.adobe.xmp" + bytes(5) + packet.encode()
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return content[:33] + chunk + content[33:]


@pytest.mark.parametrize(
    ("media_type", "build"),
    [
        ("image/png", build_picture),
        ("image/jpeg", lambda: build_picture(file_format="JPEG")),
        ("video/mp4", lambda: build_film(1)),
        ("audio/mpeg", build_sound),
    ],
)
def test_what_we_sign_is_read(credentials, media_type, build):
    signed = credentials.sign(build(), media_type, SourceType.EDITED)
    found = read_statement(signed)
    is_picture = media_type.startswith("image/")
    assert found == Statement(
        issuer="Limner",
        program="Limner",
        source_types=("compositeWithTrainedAlgorithmicMedia",),
        is_intact=True,
        is_trusted=False,
        xmp_source_type="compositeWithTrainedAlgorithmicMedia" if is_picture else "",
    )


def test_a_changed_file_is_told(credentials):
    noise = io.BytesIO()
    Image.effect_noise((64, 64), 60).save(noise, "PNG")
    signed = bytearray(credentials.sign(noise.getvalue(), "image/png", SourceType.MADE))
    signed[-100] ^= 1
    found = read_statement(bytes(signed))
    assert found.source_types == ("trainedAlgorithmicMedia",)
    assert not found.is_intact


def test_the_source_type_beside_credentials_is_read():
    captured = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
    name = "Iptc4xmpExt:DigitalSourceType"
    for content in (
        with_xmp(f'{name}="{captured}"'),
        with_xmp(inside=f"<{name}>{captured}</{name}>"),
        with_xmp(inside=f'<{name} rdf:resource="{captured}"/>'),
    ):
        assert read_statement(content) == Statement(xmp_source_type="digitalCapture")


@pytest.mark.parametrize("content", [b"", b"text", build_picture(), b"\x89PNG\r\n\x1a\n" * 99])
def test_what_states_nothing_is_told_as_nothing(content):
    assert read_statement(content) is None


async def test_no_address_in_a_file_is_asked():
    asked = []
    server = await asyncio.start_server(
        lambda _reader, writer: (asked.append(1), writer.close()), "127.0.0.1", 0
    )
    async with server:
        port = server.sockets[0].getsockname()[1]
        url = f"http://127.0.0.1:{port}/manifest.c2pa"
        content = with_xmp(f'dcterms:provenance="{url}"')
        assert await asyncio.to_thread(read_statement, content) is None
    assert asked == []
