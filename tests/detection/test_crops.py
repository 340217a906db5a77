"""Crops go out of the photo and come back to the same pixels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.geometry import Box
from detection.crops import (
    SIDE,
    cut,
    ellipse,
    grown,
    paste,
    square_around,
)


@pytest.mark.parametrize(
    ("box", "window"),
    [
        ((10, 20, 18, 24), Box.at(9, 17, 10, 10)),  # longer side 8 x 1.25
        ((0, 0, 4, 8), Box.at(-3, -1, 10, 10)),  # may reach out
        ((5, 5, 5, 5), Box.at(4, 4, 2, 2)),  # never empty
    ],
)
def test_the_square_around_a_box(box: tuple[float, float, float, float], window: Box) -> None:
    assert square_around(box, 1.25) == window


@pytest.mark.parametrize(
    ("box", "where"),
    [
        ((10, 10, 20, 30), Box.at(9, 8, 12, 24)),
        ((-5, 2, 5, 12), Box.at(0, 1, 6, 12)),
        ((60, 60, 70, 70), Box.at(59, 59, 0, 0)),  # beyond the photo: empty
    ],
)
def test_boxes_grow_and_stay_in_a_photo_of_40_by_40(box: tuple[float, float, float, float], where: Box) -> None:
    assert grown(box, 0.1, (40, 40)) == where


@given(
    st.integers(1, 60),
    st.integers(1, 60),
    st.tuples(st.floats(-5, 60), st.floats(-5, 60), st.floats(0, 50), st.floats(0, 50)),
)
def test_windows_always_lie_in_the_photo(height: int, width: int, xywh: tuple[float, float, float, float]) -> None:
    x, y, w, h = xywh
    box, size = (x, y, x + w, y + h), (height, width)
    for window in (grown(box, 0.1, size), square_around(box, 1.25).moved_inside(size)):
        if window.width and window.height:
            assert window.left >= 0 and window.top >= 0
            assert window.right <= width and window.bottom <= height


@pytest.mark.parametrize("window", [Box.at(40, 20, 300, 300), Box.at(-60, -30, 400, 400), Box.at(5, 5, 90, 60)])
def test_what_is_cut_pastes_back_to_its_place(window: Box) -> None:
    y, x = np.mgrid[:300, :400]
    photo = np.repeat((x * 0.3 + y * 0.4).astype(np.uint8)[..., None], 3, axis=2)
    where = Box.at(max(window.left, 0), max(window.top, 0), 50, 40)
    back = paste(cut(photo, window)[..., 0], window, where) * 255
    truth = photo[where.slices][..., 0]
    assert np.abs(back - truth)[2:-2, 2:-2].max() < 2.5


def test_outside_the_photo_the_border_goes_on() -> None:
    photo = np.zeros((8, 8, 3), np.uint8)
    photo[:, -1] = 255
    crop = cut(photo, Box.at(0, 0, 16, 16))
    assert crop.shape == (SIDE, SIDE, 3) and crop.dtype == np.float32
    assert crop[:, SIDE // 2 :].min() > 0.99 and crop[:, : SIDE // 4].max() == 0


def test_pasting_is_zero_off_the_window() -> None:
    soft = np.ones((SIDE, SIDE), np.float32)
    out = paste(soft, Box.at(2, 0, 2, 2), Box.at(0, 0, 6, 3))
    np.testing.assert_array_equal(out, [[0, 0, 1, 1, 0, 0], [0, 0, 1, 1, 0, 0], [0, 0, 0, 0, 0, 0]])
    assert not paste(soft, Box.at(20, 20, 2, 2), Box.at(0, 0, 6, 3)).any()


def test_the_ellipse_fills_its_box() -> None:
    inside = ellipse((1.0, 0.0, 5.0, 4.0), Box.at(0, 0, 6, 4)) <= 1
    rows = ["".join(".#"[int(v)] for v in row) for row in inside]
    assert rows == ["..##..", ".####.", ".####.", "..##.."]
