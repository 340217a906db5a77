"""Boxes: what of a map is computed."""

from __future__ import annotations

import pytest
import torch
from boxes import box, some_boxes
from hypothesis import given

from data.geometry import Box
from inpainting.deepfillv2.boxes import APART, hole_boxes, view


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
    for i, one in enumerate(marked):
        view(hole[i % 2], one).fill_(1)
    assert sorted(hole_boxes(hole)) == expected


@given(some_boxes())
def test_nothing_of_a_hole_is_left_out(boxes: list[Box]) -> None:
    hole = torch.zeros(1, 1, 99, 99)
    for one in boxes:
        view(hole, one).fill_(1)
    covered = torch.zeros_like(hole)
    for one in hole_boxes(hole):
        view(covered, one).fill_(1)
    assert (covered >= hole).all() and APART < 99
