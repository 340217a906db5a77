"""Boxes: what lies in what, and where two meet."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from boxes import box, some_boxes
from hypothesis import given
from hypothesis import strategies as st

from data.geometry import Box, around, box_iou, merged


@given(some_boxes())
def test_what_two_boxes_have_in_common_are_the_pixels_of_both(boxes: list[Box]) -> None:
    for a, b in pairwise(boxes):
        one, two = np.zeros((99, 99), bool), np.zeros((99, 99), bool)
        one[a.slices] = two[b.slices] = True
        common = a.common(b)
        assert a.meets(b) is (not common.empty) is bool((one & two).any())
        assert (0 if common.empty else common.area) == (one & two).sum()
        assert a.covers(b) is bool((one | ~two).all())
        assert a.union(b).covers(a) and a.union(b) == around([b, a])


@given(some_boxes())
def test_a_box_counted_from_another_one_is_the_same_pixels(boxes: list[Box]) -> None:
    numbers = np.arange(99 * 99).reshape(99, 99)
    for one in boxes:
        outer = one.grown(5).within(numbers.shape)
        assert (numbers[outer.slices][one.relative_to(outer).slices] == numbers[one.slices]).all()


def test_the_share_that_two_boxes_have_in_common() -> None:
    assert box_iou((0, 0, 2, 2), (1, 0, 2, 2)) == pytest.approx(1 / 3)
    assert box_iou((0, 0, 2, 2), (2, 0, 2, 2)) == box_iou((0, 0, 0, 0), (0, 0, 0, 0)) == 0


@pytest.mark.parametrize(
    ("window", "inside"),
    [
        (Box.at(2, 3, 5, 5), Box.at(2, 3, 5, 5)),
        (Box.at(-3, 8, 5, 5), Box.at(0, 5, 5, 5)),
        (Box.at(-3, -9, 30, 30), Box.at(0, 0, 20, 10)),
        (Box.at(18, -2, 12, 12), Box.at(8, 0, 12, 10)),
    ],
)
def test_moving_a_window_into_a_photo_of_20_by_10(window: Box, inside: Box) -> None:
    assert window.moved_inside((10, 20)) == inside


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [
        ([], []),
        ([box(0, 2, 0, 2), box(7, 9, 7, 9)], [box(0, 2, 0, 2), box(7, 9, 7, 9)]),  # far apart
        ([box(0, 4, 0, 4), box(0, 4, 4, 8)], [box(0, 4, 0, 8)]),  # side by side
        ([box(0, 9, 0, 9), box(2, 3, 2, 3)], [box(0, 9, 0, 9)]),  # one in the other
        ([box(0, 2, 0, 1), box(0, 2, 2, 3), box(0, 2, 1, 2)], [box(0, 2, 0, 3)]),  # joined by the third
    ],
)
def test_boxes_become_one_where_that_is_no_more_work(boxes: list[Box], expected: list[Box]) -> None:
    assert sorted(merged(boxes)) == expected


@given(some_boxes())
def test_merged_boxes_hold_all_and_are_no_more_work(boxes: list[Box]) -> None:
    out = merged(boxes)
    assert all(any(other.covers(one) for other in out) for one in boxes)
    assert sum(b.area for b in out) <= sum(b.area for b in boxes)


@given(some_boxes(), st.integers(1, 40))
def test_tiles_cover_a_box_once(boxes: list[Box], side: int) -> None:
    for whole in boxes:
        seen = np.zeros((99, 99), int)
        for tile in whole.tiles(side):
            assert max(tile.shape) <= side
            seen[tile.slices] += 1
        assert seen.sum() == whole.area == seen[whole.slices].sum() and seen.max() == 1
