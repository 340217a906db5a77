"""PNG files: one transparent colour (tRNS), chunks that speak of the old stream, EXIF that cannot be read."""

from __future__ import annotations

import io
import zlib

import cv2
import numpy as np
import pytest
from exif_blocks import ASCII, SHORT, block
from image_kinds import picture, png, png_chunk, saved, unfiltered
from PIL import Image

from data.images import decode, encode, upright
from data.images.containers.png import parse_png

SIZE = (32, 20)
HOLE = np.zeros(SIZE[::-1], np.uint8)
HOLE[4:16, 6:26] = 255


def keyed(depth: int, colour: int, key: int) -> tuple[bytes, np.ndarray]:
    """A PNG of gray (0) or RGB (2) of few values, and its samples as numbers of `depth` bits, H x W x channels."""
    channels = 1 if colour == 0 else 3
    rng = np.random.default_rng(depth)
    values = rng.choice([key, (key + 1) % (1 << depth)], (SIZE[1], SIZE[0], channels))
    if depth == 16:
        rows = values.astype(">u2").reshape(SIZE[1], -1).view(np.uint8)
    elif depth == 8:
        rows = values.astype(np.uint8).reshape(SIZE[1], -1)
    else:
        bits = (values.reshape(SIZE[1], -1, 1) >> np.arange(depth - 1, -1, -1)) & 1
        rows = np.packbits(bits.reshape(SIZE[1], -1).astype(np.uint8), axis=1)
    trns = png_chunk(b"tRNS", np.full(channels, key, ">u2").tobytes())
    return png(unfiltered(rows), depth, colour, SIZE, trns), values


@pytest.mark.parametrize("at_most", [True, False], ids=["brightest", "darkest"])
@pytest.mark.parametrize(("depth", "colour"), [(1, 0), (2, 0), (4, 0), (8, 0), (16, 0), (8, 2), (16, 2)])
def test_no_filled_pixel_gets_the_transparent_colour(depth: int, colour: int, at_most: bool) -> None:
    key = (1 << depth) - 1 if at_most else 0
    raw, values = keyed(depth, colour, key)
    photo = decode(raw, "x.png")
    fill = np.full_like(photo.pixels, 255 if at_most else 0)  # the transparent colour itself
    after = decode(encode(photo, fill, HOLE).raw, "x.png")
    most = (1 << depth) - 1
    scale = 1 if depth in (1, 8, 16) else 255 // most
    samples = after.samples.astype(int).reshape(values.shape) // scale
    clear = (values == key).all(2)
    assert clear.any() and not clear.all()
    np.testing.assert_array_equal((samples == key).all(2), clear)
    np.testing.assert_array_equal(samples[HOLE == 0], values[HOLE == 0])
    assert np.abs(samples[(HOLE > 0) & ~clear] - key).max() <= 1, "and nearly the colour that was asked for"


def test_a_16_bit_rgb_with_a_transparent_colour_has_three_channels() -> None:
    photo = decode(keyed(16, 2, 7)[0], "x.png")
    assert (photo.mode, photo.samples.shape) == ("RGB;16", (*SIZE[::-1], 3))


def test_the_chunk_that_points_into_the_old_stream_goes_with_it() -> None:
    raw = saved(picture(size=SIZE), "PNG")
    raw = raw[:33] + png_chunk(b"iDOT", bytes(28)) + raw[33:]
    photo = decode(raw, "x.png")
    assert b"iDOT" in encode(photo, photo.pixels, np.zeros_like(HOLE)).raw, "an untouched file is the original"
    after = encode(photo, photo.pixels, HOLE)
    assert [c.kind for c in parse_png(after.raw)] == [b"IHDR", b"IDAT", b"IEND"] and after.notes == ()


UNREADABLE = {
    "eXIf of two bytes": png_chunk(b"eXIf", b"MM"),
    "eXIf of Python's": png_chunk(b"eXIf", b"b'Exif\\x00\\x00MM'"),
    "eXIf without a header": png_chunk(b"eXIf", b"\0\0\x11\0\0\1\4\0" * 9),
    "profile of no digits, compressed": png_chunk(
        b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(b"\nexif\n      8\nxyz\n")
    ),
    "profile of no digits": png_chunk(b"tEXt", b"Raw profile type exif\0\nexif\n      8\nxyz\n"),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_unreadable_exif_is_dropped_from_a_whole_png(kind: str) -> None:
    raw = saved(picture(size=SIZE), "PNG")
    photo = decode(raw[:33] + UNREADABLE[kind] + raw[33:], "x.png")
    assert photo.orientation == 1
    done = encode(photo, photo.pixels, HOLE)
    assert done.notes == ("dropped: unreadable EXIF",)
    assert len(parse_png(done.raw)) == 3
    np.testing.assert_array_equal(decode(done.raw, "x.png").pixels, photo.pixels)


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("preview", [True, False])
@pytest.mark.parametrize("start", [b"", b"Exif\0\0"])
@pytest.mark.parametrize("scrub", [True, False])
def test_exif_in_a_text_chunk_keeps_the_orientation(packed: bool, preview: bool, start: bytes, scrub: bool) -> None:
    """As ImageMagick wrote it before PNG had a chunk of its own for it."""
    thumbnail = saved(picture(size=(16, 16)), "JPEG") if preview else b""
    directories = {"IFD0": {0x0112: (SHORT, 6), 0x010F: (ASCII, b"Maker\0")}} | ({"IFD1": {}} if preview else {})
    exif = start + block(">", directories, thumbnail).raw
    text = f"\nexif\n{len(exif):8d}\n{exif.hex()}\n".encode()
    chunk = (b"zTXt", b"\0" + zlib.compress(text)) if packed else (b"tEXt", text)
    raw = saved(picture(size=SIZE), "PNG")
    photo = decode(raw[:33] + png_chunk(chunk[0], b"Raw profile type exif\0" + chunk[1]) + raw[33:], "x.png")
    assert photo.orientation == 6
    done = encode(photo, photo.pixels, upright(HOLE, 6), scrub=scrub)
    assert Image.open(io.BytesIO(done.raw)).getexif() == ({274: 6} if scrub else {274: 6, 271: "Maker"})
    assert scrub or (done.notes == ("dropped: EXIF thumbnail",)) == preview


@pytest.mark.parametrize("alpha", [0, 1, 254, 255])
def test_a_palette_without_an_opaque_colour_is_filled_too(alpha: int) -> None:
    image = picture("P", SIZE)
    colours = len(image.getpalette() or ()) // 3
    photo = decode(saved(image, "PNG", transparency=bytes([alpha] * colours)), "x.png")
    done = decode(encode(photo, np.full_like(photo.pixels, 255), HOLE).raw, "x.png")
    inside = done.samples[HOLE > 0]
    assert (len(np.unique(inside)) == 1) == (alpha > 0), "what nobody sees keeps its colour"
    assert (done.palette is not None) and (done.palette[inside, 3] == alpha).all()
    np.testing.assert_array_equal(done.samples[HOLE == 0], photo.samples[HOLE == 0])


def test_half_clear_pixels_get_half_clear_colours() -> None:
    samples = np.repeat(np.arange(4, dtype=np.uint8), SIZE[0] // 4)[None].repeat(SIZE[1], 0)
    image = Image.fromarray(samples, "P")
    image.putpalette([0, 0, 0, 200, 0, 0, 0, 0, 0, 190, 0, 0])
    photo = decode(saved(image, "PNG", transparency=bytes((255, 255, 128, 120))), "x.png")
    done = decode(encode(photo, np.full_like(photo.pixels, (200, 0, 0)), HOLE).raw, "x.png")
    inside = HOLE > 0
    for old, new in ((0, 1), (1, 1), (2, 3), (3, 3)):
        assert (done.samples[inside & (samples == old)] == new).all()


@pytest.mark.parametrize("lossless", [True, False])
@pytest.mark.parametrize("exif", [b"http://ns.adobe.com/xap/1.0/\0<x/>", b"MM", b"Exif\0\0II*\0"])
def test_unreadable_exif_is_dropped_from_a_whole_webp(exif: bytes, lossless: bool) -> None:
    image = Image.open(io.BytesIO(saved(picture(size=SIZE), "PNG")))
    photo = decode(saved(image, "WEBP", lossless=lossless, exif=exif), "x.webp")
    done = encode(photo, photo.pixels, HOLE)
    assert "dropped: unreadable EXIF" in done.notes
    assert cv2.imdecode(np.frombuffer(done.raw, np.uint8), cv2.IMREAD_COLOR).shape[:2] == HOLE.shape
