"""JPEG files whose coded data end before their picture does: decoders fill the rest with gray and say nothing."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_kinds import picture, saved
from PIL import Image

from data.images import decode
from data.images.containers.jpeg import SOS, JpegFile, parse_jpeg
from data.types import PhotoError

SIZE = (150, 110)
OPTIONS = {
    "4:2:0": {"subsampling": 2},
    "4:4:4": {"subsampling": 0},
    "progressive": {"progressive": True},
    "restarts": {"restart_marker_blocks": 7},
    "progressive, restarts": {"progressive": True, "restart_marker_blocks": 5},
}
WHOLE = {name: saved(picture(size=SIZE), "JPEG", quality=90, **options) for name, options in OPTIONS.items()} | {
    "gray": saved(picture("L", SIZE), "JPEG"),
    "CMYK": saved(picture("CMYK", SIZE), "JPEG"),
}
EOI = b"\xff\xd9"


def cut(raw: bytes, share: float) -> bytes:
    """A part of the coded data, with an end marker behind it."""
    start = raw.index(b"\xff\xda") + 14
    return raw[: int(start + (len(raw) - start) * share)].rstrip(b"\xff") + EOI


def state(raw: bytes) -> str:
    try:
        decode(raw, "x.jpg")
    except PhotoError as error:
        return error.state
    return "whole"


@pytest.mark.parametrize("kind", WHOLE)
@pytest.mark.parametrize("share", [0.0, 0.03, 0.25, 0.5, 0.75, 0.9])
def test_a_cut_file_with_an_end_marker_is_corrupt(kind: str, share: float) -> None:
    assert state(WHOLE[kind]) == "whole"
    assert Image.open(io.BytesIO(cut(WHOLE[kind], 0.5))).convert("RGB").size == SIZE, "Pillow says nothing"
    assert state(cut(WHOLE[kind], share)) == "corrupt"


@pytest.mark.parametrize("kind", ["4:2:0", "4:4:4", "gray", "CMYK", "progressive"])
@pytest.mark.parametrize("missing", [3, 5, 8, 12])
def test_a_file_without_its_last_bytes_is_corrupt(kind: str, missing: int) -> None:
    """Its last block is not gray: a decoder goes on with bits of nothing."""
    raw = WHOLE[kind].removesuffix(EOI)
    assert state(raw[:-missing].rstrip(b"\xff") + EOI) == "corrupt"


def test_a_hole_inside_the_data_is_seen_at_restart_markers() -> None:
    raw = WHOLE["restarts"]
    first, second = raw.index(b"\xff\xd2"), raw.index(b"\xff\xd3")
    assert state(raw[: first + 12] + raw[second:]) == "corrupt"
    assert state(raw[:first] + raw[second:]) == "corrupt", "a whole interval is gone"


def test_a_progressive_file_without_its_last_scans_is_corrupt() -> None:
    file = parse_jpeg(WHOLE["progressive"])
    scans = [i for i, segment in enumerate(file.segments) if segment.marker == SOS]
    for last in scans[:-1]:
        assert state(JpegFile(file.segments[: last + 1], b"").to_bytes()) == "corrupt"


@pytest.mark.parametrize("shade", [0, 127, 128, 129, 255])
@pytest.mark.parametrize("kind", OPTIONS)
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_flat_pictures_are_whole(kind: str, mode: str, shade: int) -> None:
    """Middle gray is what a decoder puts where there are no data; a flat picture is the smallest file of its size."""
    colour = shade if mode == "L" else (shade,) * len(mode)
    options = {k: v for k, v in OPTIONS[kind].items() if mode != "L" or k != "subsampling"}
    for optimize in (True, False):
        assert state(saved(Image.new(mode, SIZE, colour), "JPEG", optimize=optimize, **options)) == "whole"


@given(
    width=st.integers(1, 70),
    height=st.integers(1, 70),
    seed=st.integers(0, 99),
    quality=st.integers(1, 100),
    progressive=st.booleans(),
    subsampling=st.integers(0, 2),
    rows=st.integers(0, 2),
    gray=st.booleans(),
)
def test_whole_files_are_whole(
    width: int, height: int, seed: int, quality: int, progressive: bool, subsampling: int, rows: int, gray: bool
) -> None:
    noise = np.random.default_rng(seed).integers(100, 156, (height, width, 3), np.uint8)
    image = Image.fromarray(noise[..., 0] if gray else noise)
    options = {"quality": quality, "progressive": progressive, "restart_marker_rows": rows}
    assert state(saved(image, "JPEG", **options, **({} if gray else {"subsampling": subsampling}))) == "whole"


@pytest.mark.parametrize(("precision", "process"), [(12, 0xC1), (8, 0xC3), (16, 0xC3), (8, 0xC5)])
def test_kinds_that_nothing_here_reads_are_refused_and_their_cut_files_corrupt(precision: int, process: int) -> None:
    raw = bytearray(WHOLE["gray"])
    place = raw.index(b"\xff\xc0")
    raw[place + 1], raw[place + 4] = process, precision
    assert state(bytes(raw)) == "refused"
    assert state(bytes(raw[:-300])) == "corrupt"


def test_more_pixels_than_the_bytes_can_hold_are_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = bytearray(WHOLE["gray"])
    place = raw.index(b"\xff\xc0")
    raw[place + 5 : place + 9] = struct.pack(">HH", 14000, 14000)
    tried = []
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda image: tried.append(image))
    with pytest.raises(PhotoError, match="14000 x 14000 pixels are more than its bytes can hold"):
        decode(bytes(raw), "x.jpg")
    assert not tried
