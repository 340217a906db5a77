"""Every kind of image file: what stays when a hole is filled."""

from __future__ import annotations

import io

import numpy as np
import pytest
from image_kinds import KINDS, picture, saved
from PIL import Image

from data.images import Decoded, decode, encode
from data.images.containers.jpeg import parse_jpeg
from data.images.containers.webp import lossy_quality, parse_webp
from data.images.samples import MODES
from data.images.writers.jpeg_blocks import read_coefficients
from data.types import Hole, Pixels


def hole_in(photo: Decoded) -> Hole:
    hole = np.zeros(photo.pixels.shape[:2], np.uint8)
    hole[5:13, 18:30] = 255
    return hole


def filled(photo: Decoded, hole: Hole) -> Pixels:
    """The photo with a flat colour in the hole."""
    out = photo.pixels.copy()
    out[hole > 0] = (200, 90, 30)
    return out


@pytest.mark.parametrize("name", KINDS)
def test_a_file_keeps_what_its_kind_can_keep(name: str) -> None:
    kind = KINDS[name]
    photo = decode(kind.raw, name)
    hole = hole_in(photo)
    encoded = encode(photo, filled(photo, hole), hole)
    again = decode(encoded.raw, name)
    assert (again.format, again.mode, again.pixels.shape) == (photo.format, photo.mode, photo.pixels.shape)
    assert photo.mode in MODES
    assert len(encoded.notes) == bool(kind.note) and all(kind.note in note for note in encoded.notes)
    outside = hole == 0
    if kind.keeps == "samples":
        np.testing.assert_array_equal(again.samples[outside], photo.samples[outside])
        if photo.mode.startswith(("RGBA", "LA")):
            np.testing.assert_array_equal(again.samples[..., -1], photo.samples[..., -1])
        if name.startswith("BMP 16 bits"):
            assert np.abs(again.pixels[~outside].astype(int) - (200, 90, 30)).max() <= 255 / 31 / 2 + 1
        elif photo.premultiplied:
            opaque = ~outside & (photo.samples[..., 3] > photo.samples[..., 3].max() // 2)
            assert np.abs(again.pixels[opaque].astype(int) - (200, 90, 30)).max() <= 2
        elif photo.mode in ("RGB", "RGBA", "RGB;16", "RGBA;16"):
            assert (again.pixels[~outside] == (200, 90, 30)).all()
        elif photo.palette is not None and (photo.palette[:, 3] == 255).all():
            assert len(np.unique(again.samples[~outside])) == 1
    elif kind.keeps == "blocks":
        outside_blocks_are_equal(kind.raw, encoded.raw, hole)
    else:
        assert np.abs(again.pixels[outside].astype(int) - photo.pixels[outside]).mean() < 4
    inside = again.pixels[8:10, 22:26].reshape(-1, 3).astype(int)
    if photo.premultiplied:
        return
    if "gray" not in name and "1 bit" not in name and photo.palette is None:
        assert np.abs(inside - (200, 90, 30)).mean() < 12, "the fill is there"


def outside_blocks_are_equal(before: bytes, after: bytes, hole: Hole) -> None:
    """All quantised coefficients outside the touched MCUs; tables, sampling, coding and size too."""
    frame, new_frame = parse_jpeg(before).frame, parse_jpeg(after).frame
    assert frame == new_frame
    old, new = read_coefficients(before), read_coefficients(after)
    mcu_height, mcu_width = frame.mcu
    touched = np.zeros((-(-frame.height // mcu_height), -(-frame.width // mcu_width)), bool)
    rows, columns = np.nonzero(hole)
    touched[rows // mcu_height, columns // mcu_width] = True
    assert touched.any() and not touched.all()
    for component, a, b in zip(frame.components, old.coefficients, new.coefficients, strict=True):
        blocks = touched.repeat(component.v, 0).repeat(component.h, 1)[: a.shape[0], : a.shape[1]]
        np.testing.assert_array_equal(a[~blocks], b[~blocks])
        assert (a[blocks] != b[blocks]).any() or component != frame.components[0]
    for a, b in zip(old.tables, new.tables, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", KINDS)
def test_pillows_own_limit_on_pixels_does_not_count(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)
    photo = decode(KINDS[name].raw, name)
    hole = hole_in(photo)
    encode(photo, filled(photo, hole), hole)
    assert Image.MAX_IMAGE_PIXELS == 20


@pytest.mark.parametrize("name", KINDS)
def test_the_same_hole_gives_the_same_bytes(name: str) -> None:
    photo = decode(KINDS[name].raw, name)
    hole = hole_in(photo)
    first, second = (encode(photo, filled(photo, hole), hole).raw for _ in range(2))
    assert first == second


@pytest.mark.parametrize("name", KINDS)
def test_without_a_hole_the_file_is_the_original(name: str) -> None:
    photo = decode(KINDS[name].raw, name)
    assert encode(photo, photo.pixels, np.zeros(photo.pixels.shape[:2], np.uint8)).raw == KINDS[name].raw


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind.keeps == "samples"])
@pytest.mark.parametrize("whole", [True, False], ids=["whole", "one pixel"])
def test_the_old_picture_is_nowhere_in_the_file(name: str, whole: bool) -> None:
    """TIFF and BMP are changed in place, so the bytes of the old picture could stay behind."""
    photo = decode(KINDS[name].raw, name)
    hole = np.full(photo.pixels.shape[:2], 255, np.uint8)
    if not whole:
        hole[:] = 0
        hole[0, 0] = 255
    raw = encode(photo, np.zeros_like(photo.pixels), hole).raw
    again = decode(raw, name)
    if whole and photo.palette is None and "1 bit" not in name:
        assert not again.pixels.any()
        old = photo.samples[..., :3].tobytes() if photo.samples.ndim == 3 else photo.samples.tobytes()
        assert old[300:340] not in raw


@pytest.mark.parametrize("name", [name for name in KINDS if name.startswith("JPEG ") and "2000" not in name])
def test_progressive_stays_progressive(name: str) -> None:
    photo = decode(KINDS[name].raw, name)
    hole = hole_in(photo)
    before, after = (Image.open(io.BytesIO(r)) for r in (photo.raw, encode(photo, filled(photo, hole), hole).raw))
    assert before.info.get("progressive") == after.info.get("progressive")


@pytest.mark.parametrize("quality", [30, 50, 75, 80, 90, 95, 100])
def test_the_quality_of_a_lossy_webp_is_read_from_its_quantiser(quality: int) -> None:
    raw = saved(picture(size=(256, 192)), "WEBP", quality=quality)
    found = lossy_quality(parse_webp(raw))
    assert found is not None and quality - 1 <= found <= quality + 16
    assert lossy_quality(parse_webp(saved(picture(), "WEBP", lossless=True))) is None
