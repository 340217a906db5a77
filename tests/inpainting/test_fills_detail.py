"""A fill at reduced size gets the photo's fine detail back."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from configs import InpaintSettings
from inpainting import build_fill, compose, inpaint
from inpainting.detail import enlarge, nearest_known
from inpainting.metrics import fine_detail


def test_nearest_known_finds_the_place_a_fill_was_copied_from() -> None:
    image = np.random.default_rng(0).integers(0, 256, (60, 60, 3), dtype=np.uint8)
    image[25:55, 25:55] = image[0:30, 5:35]
    hole = np.zeros((60, 60), np.uint8)
    hole[25:55, 25:55] = 255
    ys, xs = nearest_known(image, hole, hole == 0)
    at_y, at_x = np.nonzero(hole)
    # Whole patches inside the copy, of which what they were copied from is known.
    inner = (at_y > 28) & (at_y < 51) & (at_x > 28) & (at_x < 51) & ~((at_y >= 50) & (at_x >= 45))
    right = (ys[inner] == at_y[inner] - 25) & (xs[inner] == at_x[inner] - 20)
    assert right.mean() > 0.8  # noise is the hardest case: no place is a little better than its neighbours


def test_only_known_places_are_sources() -> None:
    image = np.random.default_rng(0).integers(0, 256, (30, 30, 3), dtype=np.uint8)
    known = np.zeros((30, 30), bool)
    known[3:6, 4:8] = True
    ys, xs = nearest_known(image, np.full((30, 30), 255, np.uint8), known)
    assert known[ys, xs].all()


def test_without_a_source_the_fill_is_enlarged_as_it_is() -> None:
    small, all_hole = np.full((4, 4, 3), 77, np.uint8), np.full((4, 4), 255, np.uint8)
    large_hole = np.full((9, 9), 255, np.uint8)
    out = enlarge(small, all_hole, all_hole, np.zeros((9, 9, 3), np.uint8), large_hole, large_hole)
    assert (out == 77).all()


def test_bands_give_what_the_whole_window_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    image = rng.integers(0, 256, (90, 70, 3), dtype=np.uint8)
    hole = np.zeros((90, 70), np.uint8)
    hole[12:70, 20:60] = 255
    small, small_hole = cv2.resize(image, (24, 30)), cv2.resize(hole, (24, 30), interpolation=cv2.INTER_NEAREST)
    results = []
    for band in (7, 1000):
        monkeypatch.setattr("inpainting.detail._BAND", band)
        results.append(enlarge(small, small_hole, small_hole, image, hole, hole))
    np.testing.assert_array_equal(*results)
    assert (results[0] != image).any()


@pytest.mark.parametrize("search", [1024, 100], ids=["looked for on the fill", "on a smaller picture of it"])
def test_a_large_fill_is_as_sharp_as_its_photo(search: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inpainting.detail._SEARCH", search)
    sides = []
    monkeypatch.setattr(
        "inpainting.detail.nearest_known", lambda *a: sides.append(max(a[1].shape)) or nearest_known(*a)
    )
    rng = np.random.default_rng(0)
    coarse = cv2.resize(rng.integers(60, 190, (40, 50, 3), dtype=np.uint8), (1000, 800), interpolation=cv2.INTER_CUBIC)
    image = np.clip(coarse + rng.normal(0, 12, coarse.shape), 0, 255).astype(np.uint8)
    hole = np.zeros((800, 1000), np.uint8)
    hole[200:600, 400:600] = 255
    settings = InpaintSettings(fill="patchmatch", window=256)
    result = compose(image, hole, inpaint(image, hole, build_fill(settings, {}), settings))
    assert 0.8 < fine_detail(result, hole) / fine_detail(image, hole) < 1.2
    assert sides == [min(256, search)]
