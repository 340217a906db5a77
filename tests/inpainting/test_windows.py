"""Which part of the photo a fill sees, and at what size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from configs import InpaintSettings
from data.geometry import Box
from inpainting import compose, inpaint
from inpainting.windows import MIN_KNOWN, Window, hole_groups, only_groups, plan_windows, shrink


def hole_with(shape: tuple[int, int], *boxes: tuple[int, int, int, int]) -> np.ndarray:
    """A hole of rectangles (left, top, right, bottom)."""
    hole = np.zeros(shape, np.uint8)
    for left, top, right, bottom in boxes:
        hole[top:bottom, left:right] = 255
    return hole


def test_groups_are_eight_connected() -> None:
    hole = np.array([[255, 0, 0, 0], [0, 255, 0, 0], [0, 0, 0, 255]], np.uint8)
    labels, boxes = hole_groups(hole)
    assert labels.tolist() == [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 2]]
    assert boxes == [Window(Box(0, 0, 2, 2), (1,)), Window(Box(3, 2, 4, 3), (2,))]


def test_the_hole_of_some_groups_alone() -> None:
    labels = np.array([[0, 1, 1], [2, 0, 3]], np.int32)
    np.testing.assert_array_equal(only_groups(labels, [1, 3]), np.array([[0, 255, 255], [0, 0, 255]], np.uint8))
    np.testing.assert_array_equal(only_groups(labels[:, :1], [3]), np.zeros((2, 1), np.uint8))  # elsewhere


def plan(hole: np.ndarray, **chosen: object) -> list[Window]:
    return plan_windows(hole, hole_groups(hole)[1], InpaintSettings.model_validate(chosen))


@pytest.mark.parametrize(
    ("why", "boxes", "expected"),
    [
        ("margin x the longer side, every way", [(500, 500, 600, 700)], [Window(Box(300, 300, 800, 900), (1,))]),
        ("clamped to the photo", [(0, 0, 100, 100)], [Window(Box(0, 0, 200, 200), (1,))]),
        ("a speck still gets surroundings", [(500, 500, 501, 501)], [Window(Box(468, 468, 533, 533), (1,))]),
        (
            "neighbours share a window",
            [(400, 400, 500, 500), (510, 400, 610, 500)],
            [Window(Box(300, 300, 710, 600), (1, 2))],
        ),
        (
            "a small overlap is no reason to merge",
            [(200, 200, 300, 300), (450, 450, 550, 550)],
            [Window(Box(100, 100, 400, 400), (1,)), Window(Box(350, 350, 650, 650), (2,))],
        ),
    ],
)
def test_plan(why: str, boxes: list[tuple[int, int, int, int]], expected: list[Window]) -> None:
    assert plan(hole_with((1000, 1000), *boxes), margin=1.0) == expected, why


def test_whole_is_one_window_for_all() -> None:
    hole = hole_with((100, 300), (10, 10, 20, 20), (250, 60, 260, 70))
    assert plan(hole, strategy="whole") == [Window(Box(0, 0, 300, 100), (1, 2))]


@pytest.mark.parametrize(
    ("photo", "structure", "windows"),
    [((600, 1100), "migan", 1), ((600, 1101), "migan", 2), ((600, 1100), "patchmatch", 2)],
)
def test_the_network_that_guides_a_shift_map_sees_a_small_photo_whole(
    photo: tuple[int, int], structure: str, windows: int
) -> None:
    hole = hole_with(photo, (20, 20, 60, 60), (1000, 500, 1040, 540))
    assert len(plan(hole, fill="shift-map", shift_map={"structure": structure})) == windows


def test_empty_hole_has_no_window() -> None:
    assert plan(np.zeros((50, 50), np.uint8)) == []


def test_a_window_grows_until_enough_is_known() -> None:
    hole = hole_with((400, 2000), (0, 0, 600, 400))
    (window,) = plan(hole, margin=0.05)
    assert window.box.right > 630  # what margin alone gives: 5 % of it known
    known = (hole[window.box.slices] == 0).mean()
    assert known >= MIN_KNOWN


def test_a_window_never_grows_beyond_the_photo() -> None:
    (window,) = plan(hole_with((100, 100), (0, 0, 100, 90)), margin=0.05)
    assert window == Window(Box(0, 0, 100, 100), (1,))


@given(hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=40)), st.floats(0.05, 3))
@settings(max_examples=60, deadline=None)
def test_every_group_is_filled_exactly_once_and_wholly_inside_its_window(hole: np.ndarray, margin: float) -> None:
    mask = hole.astype(np.uint8) * np.uint8(255)
    labels, boxes = hole_groups(mask)
    windows = plan_windows(mask, boxes, InpaintSettings(margin=margin))
    assert sorted(n for w in windows for n in w.groups) == list(range(1, len(boxes) + 1))
    for window in windows:
        for n in window.groups:
            assert (labels[window.box.slices] == n).sum() == (labels == n).sum()


def test_shrink_takes_the_mean_and_nothing_of_the_hole() -> None:
    image = np.array([[[10], [20], [200], [7]], [[30], [40], [9], [9]]], np.uint8).repeat(3, axis=2)
    hole = np.array([[0, 0, 255, 0], [0, 0, 0, 0]], np.uint8)
    small, small_hole = shrink(image, hole, (1, 2))
    assert small[0, :, 0].tolist() == [25, 6]  # (10 + 20 + 30 + 40) / 4; (7 + 9 + 9) / 4 without the 200
    assert small_hole.tolist() == [[0, 255]]  # one touched pixel is enough


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_what_is_under_the_hole_never_shows_after_shrinking(data: st.DataObject) -> None:
    height, width = data.draw(st.tuples(st.integers(2, 40), st.integers(2, 40)))
    to = data.draw(st.tuples(st.integers(1, height), st.integers(1, width)))
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    hole = np.where(rng.random((height, width)) < 0.4, 255, 0).astype(np.uint8)
    other = image.copy()
    other[hole != 0] = rng.integers(0, 256, 3, dtype=np.uint8)
    (a, hole_a), (b, hole_b) = shrink(image, hole, to), shrink(other, hole, to)
    assert np.array_equal(a, b)
    assert np.array_equal(hole_a, hole_b)
    ys, xs = np.nonzero(hole)
    assert (hole_a[ys * to[0] // height, xs * to[1] // width] == 255).all()


def test_whole_never_reduces_the_photo() -> None:
    seen = []

    class Spy:
        def fill(self, image: np.ndarray, hole: np.ndarray, exclude: np.ndarray | None = None) -> np.ndarray:
            seen.append(image.shape)
            return image

    photo, hole = np.zeros((700, 900, 3), np.uint8), np.zeros((700, 900), np.uint8)
    hole[100:600, 200:300] = 255
    inpaint(photo, hole, Spy(), InpaintSettings(strategy="whole", window=256))
    assert seen == [(700, 900, 3)]
    inpaint(photo, hole, Spy(), InpaintSettings(strategy="windows", window=256))
    assert max(seen[1]) == 256


@pytest.mark.parametrize(("strategy", "window"), [("windows", 384), ("windows", 64), ("whole", 64)])
def test_what_is_excluded_is_hidden_in_every_window(strategy: str, window: int) -> None:
    """The fill is told of it, at any size, and it stays as it is."""
    told: list[float] = []

    class Spy:
        def fill(self, image: np.ndarray, hole: np.ndarray, exclude: np.ndarray | None = None) -> np.ndarray:
            assert exclude is not None and not (exclude & hole).any()
            told.append(np.count_nonzero(exclude) / exclude.size)
            return np.where(hole[..., None] > 0, np.uint8(7), image)

    image = np.full((120, 160, 3), 200, np.uint8)
    hole, stays = hole_with((120, 160), (40, 30, 80, 90)), hole_with((120, 160), (90, 30, 120, 90), (70, 80, 90, 90))
    hole[stays > 0] = 0
    settings = InpaintSettings.model_validate({"strategy": strategy, "window": window, "feather": 0})
    result = compose(image, hole, inpaint(image, hole, Spy(), settings, stays))
    assert told and all(share > 0.05 for share in told)
    assert (result[35:85, 45:65] == 7).all() and (result[hole == 0] == 200).all()
