"""Boxes: what of a map is computed."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from inpainting.deepfillv2.boxes import APART, Box, Span, hole_boxes
from inpainting.windows import merged


def box(top: int, bottom: int, left: int, right: int) -> Box:
    return Box(Span(top, bottom), Span(left, right))


@st.composite
def some_boxes(draw: st.DrawFn) -> list[Box]:
    def span() -> Span:
        start = draw(st.integers(0, 90))
        return Span(start, draw(st.integers(start + 1, 99)))

    return [Box(span(), span()) for _ in range(draw(st.integers(0, 6)))]


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
        seen = torch.zeros(99, 99)
        for tile in whole.tiles(side):
            assert max(tile.size) <= side
            tile.of(seen).add_(1)
        assert seen.sum() == whole.area == whole.of(seen).sum() and seen.max() == 1


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        ([], []),
        ([box(0, 1, 0, 1)], [box(0, 1, 0, 1)]),
        ([box(199, 200, 299, 300)], [box(199, 200, 299, 300)]),
        ([box(0, 200, 0, 300)], [box(0, 200, 0, 300)]),
        ([box(5, 180, 10, 40), box(20, 190, 250, 290)], [box(5, 180, 10, 40), box(20, 190, 250, 290)]),
        ([box(5, 60, 10, 40), box(50, 60, 50, 90)], [box(5, 60, 10, 90)]),  # neighbours
    ],
)
def test_boxes_of_a_hole(marked: list[Box], expected: list[Box]) -> None:
    hole = torch.zeros(2, 1, 200, 300)
    for i, part in enumerate(marked):
        part.of(hole[i % 2]).fill_(1)
    assert sorted(hole_boxes(hole)) == expected


@given(some_boxes())
def test_nothing_of_a_hole_is_left_out(boxes: list[Box]) -> None:
    hole = torch.zeros(1, 1, 99, 99)
    for part in boxes:
        part.of(hole).fill_(1)
    covered = torch.zeros_like(hole)
    for part in hole_boxes(hole):
        part.of(covered).fill_(1)
    assert (covered >= hole).all() and APART < 99
