"""Damage that libtiff and Pillow pass over, and sizes that the bytes cannot hold; and what only looks like that."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import pytest
import tifffile
from image_kinds import KINDS, by_tifffile, picture, saved

from data.images import decode, encode
from data.types import PhotoError

SIZE = (160, 144)
JPEG_LAYOUTS: dict[str, dict[str, Any]] = {
    "one strip": {},
    "strips": {"rowsperstrip": 64},
    "tiles": {"tile": (64, 64)},
}


def jpeg_tiff(layout: str) -> bytes:
    pixels = np.asarray(picture(size=SIZE))
    return by_tifffile(pixels, photometric="rgb", compression="jpeg", **JPEG_LAYOUTS[layout])


def last_part(raw: bytes) -> tuple[int, int]:
    """Where the last strip or tile starts and ends."""
    with tifffile.TiffFile(io.BytesIO(raw)) as file:
        page = file.pages[0]
        return page.dataoffsets[-1], page.dataoffsets[-1] + page.databytecounts[-1]  # type: ignore[union-attr]


def state(raw: bytes) -> str:
    with pytest.raises(PhotoError) as caught:
        decode(raw, "x")
    return str(caught.value.state)


@pytest.mark.parametrize("layout", JPEG_LAYOUTS)
@pytest.mark.parametrize("tail", [b"", b"\xff\xd9"])
@pytest.mark.parametrize("share", [0.3, 0.8])
def test_jpeg_data_of_a_tiff_that_end_early(layout: str, tail: bytes, share: float) -> None:
    raw = bytearray(jpeg_tiff(layout))
    start, end = last_part(bytes(raw))
    assert decode(bytes(raw), "x").pixels.shape == (SIZE[1], SIZE[0], 3)
    cut = start + int((end - start) * share)
    raw[cut:end] = tail.ljust(end - cut, b"\0")
    assert state(bytes(raw)) == "corrupt"


@pytest.mark.parametrize("scrub", [True, False])
@pytest.mark.parametrize("layout", JPEG_LAYOUTS)
def test_jpeg_data_of_a_cmyk_tiff_stay_cmyk(layout: str, scrub: bool) -> None:
    samples = np.asarray(picture(size=SIZE).convert("CMYK"))
    raw = by_tifffile(samples, photometric="separated", compression="jpeg", **JPEG_LAYOUTS[layout])
    photo = decode(raw, "x")
    hole = np.zeros(photo.pixels.shape[:2], np.uint8)
    hole[20:60, 30:90] = 255
    done = decode(encode(photo, np.full_like(photo.pixels, 90), hole, scrub=scrub).raw, "x")
    assert done.mode == photo.mode == "CMYK"
    np.testing.assert_array_equal(done.samples[hole == 0], photo.samples[hole == 0])
    assert np.abs(done.pixels[hole > 0].astype(int) - 90).max() <= 1


def test_a_tiff_of_jpeg_data_is_no_larger_than_its_bytes_can_hold() -> None:
    file = io.BytesIO(jpeg_tiff("one strip"))
    with tifffile.TiffFile(file, mode="r+") as tiff:
        for tag in (256, 257, 278):
            tiff.pages[0].tags[tag].overwrite(14_000)  # type: ignore[union-attr]
    assert state(file.getvalue()) == "corrupt"


def test_a_jpeg_strip_smaller_than_its_place() -> None:
    file = io.BytesIO(jpeg_tiff("one strip"))
    with tifffile.TiffFile(file, mode="r+") as tiff:
        for tag in (257, 278):
            tiff.pages[0].tags[tag].overwrite(SIZE[1] + 64)  # type: ignore[union-attr]
    assert state(file.getvalue()) == "corrupt"


@pytest.mark.parametrize("compression", ["zlib", "deflate"])
def test_deflate_data_of_a_tiff_that_end_early(compression: str) -> None:
    raw = bytearray(by_tifffile(np.asarray(picture(size=SIZE)), photometric="rgb", compression=compression))
    start, end = last_part(bytes(raw))
    half = (start + end) // 2
    raw[half:end] = bytes(end - half)
    assert state(bytes(raw)) == "corrupt"


def test_a_gif_canvas_larger_than_its_bytes_can_hold() -> None:
    raw = bytearray(saved(picture("P"), "GIF"))
    raw[6:10] = struct.pack("<HH", 14_000, 14_000)
    assert state(bytes(raw)) == "corrupt"
    raw[6:10] = struct.pack("<HH", 100, 80)  # a frame smaller than its canvas is as it should be
    assert decode(bytes(raw), "x").pixels.shape == (80, 100, 3)


def test_jpeg_ls_is_refused_by_name() -> None:
    raw = bytes.fromhex("ffd8fff7000b080010001001011100ffda0008010100000000") + bytes(40) + b"\xff\xd9"
    with pytest.raises(PhotoError, match=r"JPEG-LS files are not supported") as caught:
        decode(raw, "x.jpg")
    assert caught.value.state == "refused"


@pytest.mark.parametrize("name", [name for name in KINDS if name.startswith("PNG")])
@pytest.mark.parametrize("share", [0.6, 0.8, 0.95])
def test_a_png_whose_end_was_overwritten_with_zeros(name: str, share: float) -> None:
    raw = KINDS[name].raw
    picture_ends = raw.rindex(b"IEND") - 8  # before the last IDAT's checksum
    start = raw.index(b"IDAT") + 8
    cut = start + int((picture_ends - start) * share)
    assert state(raw[:cut] + bytes(len(raw) - cut)) == "corrupt"
    assert state(raw[:cut] + bytes(picture_ends - cut) + raw[picture_ends:]) == "corrupt"
