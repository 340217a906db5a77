"""Image files in and out: what is kept, what is refused, and in which words."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageCms, ImageOps

from data.images import decode, encode, to_raw_frame, upright
from data.types import PhotoError

ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def picture(mode: str = "RGB", size: tuple[int, int] = (40, 24)) -> Image.Image:
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(80, 160, (size[1] // 8, size[0] // 8, 3), np.uint8)).resize(size)
    return image.convert(mode)


def saved(image: Image.Image, format_: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, format=format_, **options)
    return out.getvalue()


def exif(orientation: int = 1) -> Image.Exif:
    out = Image.Exif()
    out[0x0112], out[0x010F] = orientation, "Maker"
    return out


LOSSLESS = {
    "png": ("RGB", "PNG", {}),
    "png gray": ("L", "PNG", {}),
    "tiff": ("RGB", "TIFF", {}),
    "tiff lzw": ("RGB", "TIFF", {"compression": "tiff_lzw"}),
    "tiff gray": ("L", "TIFF", {}),
    "webp lossless": ("RGB", "WEBP", {"lossless": True}),
}
LOSSY = {
    "jpeg 4:2:0": ("RGB", "JPEG", {"quality": 88, "subsampling": 2}),
    "jpeg 4:4:4": ("RGB", "JPEG", {"quality": 95, "subsampling": 0}),
    "jpeg gray": ("L", "JPEG", {"quality": 90}),
    "jpeg progressive": ("RGB", "JPEG", {"quality": 80, "progressive": True}),
    "webp lossy": ("RGB", "WEBP", {"quality": 80}),
}


@pytest.mark.parametrize("kind", LOSSLESS)
def test_lossless_kinds_keep_every_pixel(kind: str) -> None:
    mode, format_, options = LOSSLESS[kind]
    photo = decode(saved(picture(mode), format_, **options), kind)
    changed = photo.pixels.copy()
    changed[4:8, 4:8] = 77
    again = decode(encode(photo, changed), kind)
    np.testing.assert_array_equal(again.pixels, changed)
    assert (again.mode, again.format) == (mode, format_)


@pytest.mark.parametrize("kind", LOSSY)
def test_lossy_kinds_keep_format_mode_size_and_tables(kind: str) -> None:
    mode, format_, options = LOSSY[kind]
    raw = saved(picture(mode), format_, **options)
    photo = decode(raw, kind)
    out = encode(photo, photo.pixels)
    before, after = Image.open(io.BytesIO(raw)), Image.open(io.BytesIO(out))
    assert (after.mode, after.format, after.size) == (mode, format_, (40, 24))
    if format_ == "JPEG":
        assert after.quantization == before.quantization
        assert after.info.get("progressive") == before.info.get("progressive")
        assert after.layer == before.layer  # component sampling
    assert np.abs(decode(out, kind).pixels.astype(int) - photo.pixels).mean() < 3


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_metadata_survives(format_: str) -> None:
    raw = saved(picture(), format_, exif=exif(6), icc_profile=ICC, dpi=(300, 300))
    photo = decode(raw, "photo")
    after = Image.open(io.BytesIO(encode(photo, photo.pixels)))
    assert photo.orientation == 6 and photo.pixels.shape == (24, 40, 3), "the raw frame"
    assert after.getexif()[0x0112] == 6 and after.getexif()[0x010F] == "Maker"
    assert after.info["icc_profile"] == ICC
    if format_ != "WEBP":  # WebP has no resolution field
        assert [round(float(v)) for v in after.info["dpi"]] == [300, 300]


def test_an_embedded_thumbnail_does_not_survive() -> None:
    """It still shows the people."""
    thumbnail = saved(picture(size=(16, 16)), "JPEG")
    body = saved(picture(), "JPEG")
    ifd0 = struct.pack("<HHHII", 1, 0x0112, 3, 1, 1) + struct.pack("<I", 26)
    ifd1 = struct.pack("<HHHIIHHIII", 2, 0x0201, 4, 1, 56, 0x0202, 4, 1, len(thumbnail), 0)
    tiff = b"II*\0" + struct.pack("<I", 8) + ifd0 + ifd1 + thumbnail
    app1 = b"Exif\0\0" + tiff
    raw = body[:2] + b"\xff\xe1" + struct.pack(">H", len(app1) + 2) + app1 + body[2:]
    assert Image.open(io.BytesIO(raw)).getexif().get_ifd(ExifTags.IFD.IFD1), "the sample carries a thumbnail"
    photo = decode(raw, "photo.jpg")
    out = encode(photo, photo.pixels)
    assert not Image.open(io.BytesIO(out)).getexif().get_ifd(ExifTags.IFD.IFD1)
    assert thumbnail not in out


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_what_pillow_shows(orientation: int) -> None:
    raw = saved(picture(), "JPEG", exif=exif(orientation))
    photo = decode(raw, "photo.jpg")
    shown = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(raw))))
    np.testing.assert_array_equal(upright(photo.pixels, orientation), shown)
    np.testing.assert_array_equal(to_raw_frame(upright(photo.pixels, orientation), orientation), photo.pixels)


def _png_16_bit_rgb() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress(b"".join(b"\0" + b"\1\2" * 12 for _ in range(4)))
    header = struct.pack(">IIBBBBB", 4, 4, 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


REFUSED = {
    "palette": (saved(picture().convert("P"), "PNG"), "P with 8 bits a channel is not supported"),
    "alpha": (saved(picture("RGBA"), "PNG"), "RGBA with 8 bits"),
    "cmyk": (saved(picture("CMYK"), "JPEG"), "CMYK with 8 bits"),
    "16-bit gray": (saved(Image.fromarray(np.zeros((4, 4), np.uint16)), "PNG"), "16 bits a channel"),
    "16-bit colour, which Pillow would cut to 8 in silence": (_png_16_bit_rgb(), "RGB with 16 bits"),
    "gif": (saved(picture("P"), "GIF"), "GIF files are not supported"),
    "bmp": (saved(picture(), "BMP"), "BMP files are not supported"),
    "multi-page": (saved(picture(), "TIFF", save_all=True, append_images=[picture()]), "animated and multi-page"),
    "animated": (saved(picture(), "WEBP", save_all=True, append_images=[picture("L")]), "animated and multi-page"),
}
CORRUPT = {
    "empty": (b"", "the file is empty"),
    "text": (b"not a photo", "not an image"),
    "truncated jpeg": (saved(picture(), "JPEG")[:-120], "damaged image file"),
    "truncated png": (saved(picture(), "PNG")[:-120], "damaged image file"),
    "half a header": (saved(picture(), "PNG")[:20], "half|not an image|damaged"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_refused_by_name(kind: str) -> None:
    raw, words = REFUSED[kind]
    with pytest.raises(PhotoError, match=words) as error:
        decode(raw, "my photo.x")
    assert error.value.state == "refused" and error.value.sentence.startswith("my photo.x: ")


@pytest.mark.parametrize("kind", CORRUPT)
def test_corrupt(kind: str) -> None:
    raw, words = CORRUPT[kind]
    with pytest.raises(PhotoError, match=words) as error:
        decode(raw, "my photo.x")
    assert error.value.state == "corrupt" and error.value.sentence.startswith("my photo.x: ")


SAMPLES = [saved(picture(), "JPEG"), saved(picture(), "PNG"), saved(picture(), "WEBP"), saved(picture(), "TIFF")]


@given(st.sampled_from(SAMPLES), st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=20))
def test_flipped_bytes_never_crash(raw: bytes, flips: list[tuple[int, int]]) -> None:
    data = bytearray(raw)
    for position, value in flips:
        data[position % len(data)] = value
    try:
        photo = decode(bytes(data), "x")
    except PhotoError:
        return
    assert photo.pixels.dtype == np.uint8 and photo.pixels.shape[2] == 3
