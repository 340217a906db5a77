"""Thumbnails: upright, small, without metadata, the hole exactly over the photo; the README's strip."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from flows.report.thumbnails import SUFFIXES, thumbnails

QUADRANTS = {"red": (220, 30, 30), "green": (30, 200, 30), "blue": (30, 30, 220), "white": (240, 240, 240)}


def quadrants(height: int = 40, width: int = 64) -> np.ndarray:
    """Red, green over blue, white: every turn and flip shows."""
    colours = np.array(list(QUADRANTS.values()), np.uint8).reshape(2, 2, 3)
    return colours.repeat(height // 2, 0).repeat(width // 2, 1)


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def alpha(data: bytes) -> np.ndarray:
    return np.asarray(opened(data).convert("RGBA"))[..., 3]


def test_the_pictures_lie_over_one_another() -> None:
    photo = quadrants()
    hole = np.zeros(photo.shape[:2], np.uint8)
    hole[:20, :32] = 255  # the red quadrant
    made = thumbnails(photo, photo, hole)
    before = np.asarray(opened(made["before"])).astype(int)
    assert np.abs(before - photo).mean() < 6  # JPEG
    red = (photo == QUADRANTS["red"]).all(axis=2)
    assert ((alpha(made["hole"]) > 0) == red).all()


@pytest.mark.parametrize(
    ("size", "longest", "expected"),
    [
        ((40, 64), 960, (64, 40)),  # (height, width) -> (width, height): never enlarged
        ((1000, 2000), 960, (960, 480)),
        ((2000, 1000), 100, (50, 100)),
        ((2, 4000), 960, (960, 1)),
    ],
)
def test_longer_side(size: tuple[int, int], longest: int, expected: tuple[int, int]) -> None:
    photo = np.zeros((*size, 3), np.uint8)
    made = thumbnails(photo, photo, np.zeros(size, np.uint8), longest=longest)
    assert {opened(data).size for data in made.values()} == {expected}


def test_what_is_absent_has_no_thumbnail() -> None:
    assert set(thumbnails(quadrants(), None, None)) == {"before"}
    assert set(thumbnails(quadrants(), quadrants(), np.zeros((40, 64), np.uint8))) == set(SUFFIXES)


def test_same_bytes_each_time_and_no_metadata() -> None:
    hole = np.zeros((40, 64), np.uint8)
    hole[5:30, 10:50] = 255
    first, second = (thumbnails(quadrants(), quadrants(), hole) for _ in range(2))
    assert first == second
    for key, data in first.items():
        assert len(opened(data).getexif()) == 0
        assert opened(data).format == {".jpg": "JPEG", ".png": "PNG"}[SUFFIXES[key]]
    assert set(opened(first["hole"]).info) <= {"transparency"}


def test_a_hole_of_one_pixel_stays_visible_in_a_large_photo() -> None:
    hole = np.zeros((3000, 4000), np.uint8)
    hole[1500, 2000] = 255
    assert (alpha(thumbnails(np.zeros((3000, 4000, 3), np.uint8), None, hole)["hole"]) > 0).sum() >= 1


def test_the_overlay_is_a_veil_with_a_solid_rim_but_none_at_the_photos_border() -> None:
    hole = np.zeros((20, 20), np.uint8)
    hole[5:20, 5:15] = 255  # touches the lower border
    overlay = alpha(thumbnails(np.zeros((20, 20, 3), np.uint8), None, hole)["hole"])
    assert overlay[5, 10] == 255 and overlay[10, 5] == 255  # rim
    assert 0 < overlay[10, 10] < 255 and 0 < overlay[19, 10] < 255  # veil
    assert overlay[4, 10] == 0 and overlay[10, 4] == 0


@pytest.mark.parametrize("wrong", ["after", "hole"])
def test_other_sizes_are_refused(wrong: str) -> None:
    pictures = {"after": quadrants(), "hole": np.zeros((40, 64), np.uint8)}
    pictures[wrong] = pictures[wrong][:-2]
    with pytest.raises(ValueError, match=rf"{wrong} is 64x38, but the photo before is 64x40"):
        thumbnails(quadrants(), pictures["after"], pictures["hole"])
