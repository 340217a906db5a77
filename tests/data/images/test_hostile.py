"""Broken and hostile image files: each ends in a state, none in an exception, a hang or a picture of another size."""

from __future__ import annotations

import time
import tracemalloc

import hostile_cases
import numpy as np
import pytest
from hostile_images import SEEDS, WITH_INTENT, mutations
from hypothesis import given
from hypothesis import strategies as st
from image_kinds import KINDS, picture, saved

from data.images import Decoded, decode, encode, scrubbed
from data.types import PhotoError

HANG = 60
"""CPU seconds that no file of at most 4 megapixels takes, however slow the machine."""


def through(raw: bytes, megapixels: float = 4) -> tuple[str, Decoded | None]:
    """The state in which a file ends when a part of it is filled; with the photo where it was."""
    start = time.process_time()
    try:
        photo = decode(raw, "name", megapixels)
        hole = np.zeros(photo.pixels.shape[:2], np.uint8)
        hole[: -(-hole.shape[0] // 3), hole.shape[1] // 2 :] = 255
        again = decode(encode(photo, np.full_like(photo.pixels, 90), hole).raw, "name", megapixels)
        assert again.pixels.shape == photo.pixels.shape
        clean = decode(scrubbed(photo).raw, "name", megapixels)
        if photo.format == "HEIF":  # encoded anew
            assert clean.samples.shape == photo.samples.shape
        else:
            np.testing.assert_array_equal(clean.samples, photo.samples)
    except PhotoError as error:
        assert error.state in ("corrupt", "refused") and error.sentence
        return error.state, None
    finally:
        hostile_cases.count["image files"] += 1
        assert time.process_time() - start < HANG
    return "edited", photo


@pytest.mark.parametrize("name", WITH_INTENT)
def test_hostile_with_intent(name: str) -> None:
    raw, state = WITH_INTENT[name]
    tracemalloc.start()
    try:
        assert through(raw, 200)[0] == state
        assert tracemalloc.get_traced_memory()[1] < 100 << 20, "a bomb is not unpacked"
    finally:
        tracemalloc.stop()


@pytest.mark.slow
@pytest.mark.fuzz
@pytest.mark.parametrize("kind", SEEDS)
@given(data=st.data())
def test_hostile_at_random(kind: str, data: st.DataObject) -> None:
    through(data.draw(mutations(SEEDS[kind])))


@pytest.mark.slow
@pytest.mark.fuzz
@given(raw=st.binary(max_size=200), kind=st.sampled_from(sorted(SEEDS)), length=st.integers(0, 80))
def test_bytes_behind_a_true_beginning(raw: bytes, kind: str, length: int) -> None:
    through(SEEDS[kind][:length] + raw)


SIZES = [(1, 1), (1, 9), (9, 1), (7, 8), (8, 7), (15, 17), (16, 16), (17, 33), (64, 1)]
OPTIONS = {
    "JPEG": [{"subsampling": n} for n in (0, 1, 2)] + [{"progressive": True}, {"optimize": True}],
    "PNG": [{}],
    "TIFF": [{}, {"compression": "tiff_lzw"}],
    "BMP": [{}],
    "WEBP": [{"lossless": True}],
    "JPEG2000": [{}],
    "AVIF": [{}],
    "GIF": [{}],
}


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("format_", OPTIONS)
def test_every_size(format_: str, size: tuple[int, int]) -> None:
    for mode in ("L", "P") if format_ == "GIF" else ("RGB",) if format_ == "AVIF" else ("RGB", "L"):
        for options in OPTIONS[format_]:
            state, photo = through(saved(picture(mode, size), format_, **options))
            assert state == "edited" and photo is not None and photo.pixels.shape[:2] == size[::-1]


def test_the_largest_sides_of_a_jpeg() -> None:
    for size in ((65500, 3), (3, 65500)):
        assert through(saved(picture("L", size), "JPEG"))[0] == "edited"


def test_every_kind_is_tried() -> None:
    assert set(KINDS) <= set(SEEDS)
