"""A JPEG's blocks: what the hole does not reach stays, and nothing of what was in it is left."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_kinds import KINDS, picture, saved
from PIL import Image

from data.images import decode, encode
from data.images.containers.jpeg import JpegStructureError, parse_jpeg
from data.images.writers.jpeg_blocks import edit_plane, read_coefficients

JPEGS = [name for name, kind in KINDS.items() if kind.keeps == "blocks"]


@pytest.mark.parametrize("name", JPEGS)
def test_nothing_of_the_person_is_left_in_the_coefficients(name: str) -> None:
    """A flat fill leaves no frequency but the mean in a block that lies in the hole, also beyond the photo's border,
    where decoders show nothing, and in the reduced planes."""
    photo = decode(KINDS[name].raw, name)
    hole = np.full(photo.pixels.shape[:2], 255, np.uint8)
    done = encode(photo, np.full_like(photo.pixels, (90, 140, 60)), hole)
    for plane in read_coefficients(done.raw).coefficients:
        assert not plane.reshape(-1, 64)[:, 1:].any()
        assert len(np.unique(plane[..., 0, 0])) == 1


@pytest.mark.parametrize("name", JPEGS)
def test_bands_of_blocks_give_what_the_whole_picture_gives(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = decode(KINDS[name].raw, name)
    height, width = photo.pixels.shape[:2]
    hole = np.zeros((height, width), np.uint8)
    hole[3:-2, 5 : width // 2] = 255
    pixels = np.random.default_rng(0).integers(0, 256, photo.pixels.shape, np.uint8)
    files = []
    for band in (1, 1 << 30):
        monkeypatch.setattr("data.images.writers.jpeg_blocks._BAND", band)
        files.append(encode(photo, pixels, hole).raw)
    assert files[0] == files[1]


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.floats(0, 1))
def test_a_plane_keeps_untouched_blocks_and_samples(seed: int, step: int, share: float) -> None:
    """Untouched blocks are the old ones; in touched ones a sample that the hole does not reach changes by rounding."""
    rng = np.random.default_rng(seed)
    table = rng.integers(1, step + 1, (8, 8)).astype(np.uint16)
    old = (rng.integers(-200, 200, (3, 4, 8, 8)) // table).astype(np.int16)
    touched = (rng.random((24, 32)) < share * rng.random()) & (np.arange(32) < 16)
    plane = rng.uniform(-128, 127, (24, 32))
    new = edit_plane(old, table, plane, touched)
    np.testing.assert_array_equal(new[:, 2:], old[:, 2:])
    before, after = samples(old, table), samples(new, table)
    # the new quantisation moves a coefficient by half a step at most; the transform keeps the sum of squares
    most = np.sqrt((table.astype(float) ** 2).sum()) / 2 + 1e-6
    wanted = np.where(touched, plane, before)
    if np.abs(new).max() < 1023:
        assert np.sqrt(((after - wanted) ** 2).reshape(3, 8, 4, 8).sum((1, 3))).max() <= most


def samples(coefficients: np.ndarray, table: np.ndarray) -> np.ndarray:
    """The slow obvious inverse transform (T.81 A.3.3)."""
    u = np.arange(8)
    scale = np.where(u == 0, np.sqrt(0.5), 1) / 2
    cosines = np.cos((2 * np.arange(8)[:, None] + 1) * u * np.pi / 16) * scale
    blocks = np.einsum("xu,yv,abvu->abyx", cosines, cosines, coefficients * table.astype(float))
    return blocks.transpose(0, 2, 1, 3).reshape(24, 32)


def test_without_jpeglib_the_file_is_encoded_anew_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jpeglib", None)
    photo = decode(KINDS["JPEG 4:2:0"].raw, "x.jpg")
    hole = np.zeros(photo.pixels.shape[:2], np.uint8)
    hole[4:9, 4:9] = 255
    done = encode(photo, np.zeros_like(photo.pixels), hole)
    assert done.notes == ("re-encoded with the file's own tables: the package jpeglib has no build for this machine",)
    before, after = (Image.open(io.BytesIO(raw)) for raw in (photo.raw, done.raw))
    assert (before.quantization, before.layer) == (after.quantization, after.layer)  # type: ignore[attr-defined]


CUT = {
    "no start": b"\xff\xd9",
    "no end": b"\xff\xd8\xff\xfe\0\3x",
    "inside a segment": b"\xff\xd8\xff\xfe\0\x09x",
    "inside a length": b"\xff\xd8\xff\xfe\0",
    "a length of one": b"\xff\xd8\xff\xfe\0\1\xff\xd9",
}


@pytest.mark.parametrize("name", CUT)
def test_a_cut_file_is_found(name: str) -> None:
    with pytest.raises(JpegStructureError):
        parse_jpeg(CUT[name])


@pytest.mark.parametrize("name", JPEGS)
def test_segments_go_together_again(name: str) -> None:
    raw = KINDS[name].raw + b"behind"
    assert parse_jpeg(raw).to_bytes() == raw
    assert parse_jpeg(raw).trailer == b"behind"


def test_fill_bytes_and_stray_bytes_before_a_marker_are_skipped() -> None:
    raw = saved(picture(), "JPEG")
    padded = raw[:2] + b"\xff\xff" + raw[2:-2] + b"\xff\xff" + raw[-1:]
    assert parse_jpeg(padded).frame == parse_jpeg(raw).frame
