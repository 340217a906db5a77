"""Two decoders on every file: what one library reads wrongly it writes wrongly, and then reads back as it was meant."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from image_kinds import KINDS, tiff

from data.images import decode, encode
from data.images.second_decoder import agrees
from data.types import PhotoError

ALONE = {
    *(
        "JPEG CMYK",
        "TIFF CMYK",
        "GIF",
        "GIF, transparent",
        "TIFF RGBA, premultiplied",
        "HEIC",
        "HEIC, alpha",
        "HEIC gray",
    ),
    *("TIFF RGBA 16 bits, premultiplied", "TIFF gray 16 bits, white is 0", "TIFF RGB 16 bits, planes"),
    *("TIFF RGB 16 bits, planes, big-endian", "TIFF RGB 16 bits, planes in tiles"),
    *("TIFF RGB 16 bits, planes, Deflate", "TIFF RGBA 16 bits, planes"),
}
"""Kinds that no other decoder here reads rightly."""


@pytest.mark.parametrize("name", KINDS)
def test_another_decoder_reads_the_same(name: str) -> None:
    assert agrees(decode(KINDS[name].raw, name)) is (None if name in ALONE else True)


@pytest.mark.parametrize("name", [name for name in KINDS if name not in ALONE])
def test_a_photo_that_was_read_wrongly_is_refused_before_it_is_written(name: str) -> None:
    photo = decode(KINDS[name].raw, name)
    wrong = replace(photo, samples=photo.samples[::-1].copy(), pixels=photo.pixels[::-1].copy())
    hole = np.zeros(photo.pixels.shape[:2], np.uint8)
    hole[5:13, 18:30] = 255
    with pytest.raises(PhotoError, match="two decoders read its picture differently") as error:
        encode(wrong, wrong.pixels, hole)
    assert error.value.state == "refused"


def test_separate_planes_are_written_as_one_which_others_read() -> None:
    photo = decode(tiff(3, planarconfig="separate", tile=(16, 32), byteorder=">", compression="lzw"), "x.tif")
    assert agrees(photo) is None
    hole = np.zeros(photo.pixels.shape[:2], np.uint8)
    hole[5:13, 18:30] = 255
    assert agrees(decode(encode(photo, photo.pixels, hole).raw, "x.tif")) is True


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("planes", ["contig", "separate"])
@pytest.mark.parametrize("bits", [8, 16])
def test_a_turned_tiff_is_the_same_to_both(orientation: int, planes: str, bits: int) -> None:
    """OpenCV turns TIFF files, whatever it is told."""
    photo = decode(tiff(3, bits, planarconfig=planes, extratags=[(274, 3, 1, orientation, True)]), "x.tif")
    hole = np.zeros(photo.pixels.shape[:2], np.uint8)
    hole[5:13, 18:30] = 255
    for scrub in (False, True):
        done = decode(encode(photo, np.full_like(photo.pixels, 90), hole, scrub=scrub).raw, "x.tif")
        assert (photo.orientation, done.orientation) == (orientation, orientation)
        np.testing.assert_array_equal(done.pixels[hole == 0], photo.pixels[hole == 0])


@pytest.mark.parametrize("planes", ["contig", "separate"])
def test_gray_and_alpha_in_tiles(planes: str) -> None:
    """OpenCV scrambles them, where they have 16 bits."""
    photo = decode(tiff(2, planarconfig=planes, tile=(16, 32)), "x.tif")
    hole = np.zeros(photo.pixels.shape[:2], np.uint8)
    hole[5:13, 18:30] = 255
    done = decode(encode(photo, np.full_like(photo.pixels, 90), hole).raw, "x.tif")
    np.testing.assert_array_equal(done.pixels[hole == 0], photo.pixels[hole == 0])
    assert (done.samples[hole > 0][:, 0] == 90 * 257).all()
