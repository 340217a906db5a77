"""Morphology on literal masks: `#` is the mask, `.` the background."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from masks import morphology
from masks.morphology import Borders

ALL = Borders(True, True, True, True)
NONE = Borders(False, False, False, False)


def mask(text: str) -> np.ndarray:
    return np.array([[c == "#" for c in line] for line in text.split()])


CASES = {
    "dilate by one pixel makes a cross": (
        lambda m: morphology.dilate(m, 1),
        "..... ..... ..#.. ..... .....",
        "..... ..#.. .###. ..#.. .....",
    ),
    "dilate by 1.5 takes the diagonals": (
        lambda m: morphology.dilate(m, 1.5),
        "..... ..... ..#.. ..... .....",
        "..... .###. .###. .###. .....",
    ),
    "dilate by 0 changes nothing": (lambda m: morphology.dilate(m, 0), ".#. ... ...", ".#. ... ..."),
    "close joins two limbs across a one-pixel crack": (
        lambda m: morphology.close(m, 1),
        "....... .##.##. .##.##. .##.##. .......",
        "....... .##.##. .#####. .##.##. .......",
    ),
    "close does not glue to the border": (
        lambda m: morphology.close(m, 1),
        "..... .###. .###. .###. .....",
        "..... .###. .###. .###. .....",
    ),
    "specks below the area go": (
        lambda m: morphology.drop_specks(m, 3),
        "##...... ##....#. ........ ....###.",
        "##...... ##...... ........ ....###.",
    ),
    "the largest part always stays": (
        lambda m: morphology.drop_specks(m, 99),
        "#... ..## ....",
        ".... ..## ....",
    ),
    "an enclosed hole is filled": (
        lambda m: morphology.fill_enclosed(m, 4),
        "..... .###. .#.#. .###. .....",
        "..... .###. .###. .###. .....",
    ),
    "a larger one stays": (
        lambda m: morphology.fill_enclosed(m, 1),
        "###### #....# ######",
        "###### #....# ######",
    ),
    "an open bay is no hole": (lambda m: morphology.fill_enclosed(m, 9), "### #.. ###", "### #.. ###"),
    "snap runs down to the photo's border": (
        lambda m: morphology.snap(m, 2, Borders(False, True, False, False)),
        ".... .##. .##. ....",
        ".... .##. .##. .##.",
    ),
    "snap leaves an array side that is not the photo's": (
        lambda m: morphology.snap(m, 2, NONE),
        ".... .##. .##. ....",
        ".... .##. .##. ....",
    ),
    "snap does not reach further": (
        lambda m: morphology.snap(m, 2, ALL),
        "..... ..... ..... ..#.. ..... ..... .....",
        "..... ..... ..... ..#.. ..... ..... .....",
    ),
    "snap wider than the array": (lambda m: morphology.snap(m, 9, ALL), "... .#. ...", ".#. ### .#."),
}


@pytest.mark.parametrize("name", CASES)
def test_case(name: str) -> None:
    operation, before, after = CASES[name]
    np.testing.assert_array_equal(operation(mask(before)), mask(after))


masks = arrays(bool, st.tuples(st.integers(1, 24), st.integers(1, 24)))


@given(masks, st.floats(0, 8))
def test_dilate_equals_the_slow_definition(m: np.ndarray, radius: float) -> None:
    got = morphology.dilate(m, radius)
    points = np.argwhere(m)
    expected = m.copy()
    if radius >= 1:
        for y, x in np.ndindex(m.shape):
            if len(points) and (((points - (y, x)) ** 2).sum(1) <= radius**2 + 1e-4).any():
                expected[y, x] = True
    np.testing.assert_array_equal(got, expected)


@given(masks, st.floats(0, 6))
def test_every_growing_operation_keeps_the_mask(m: np.ndarray, radius: float) -> None:
    for out in (
        morphology.dilate(m, radius),
        morphology.close(m, radius),
        morphology.fill_enclosed(m, radius**2),
        morphology.snap(m, radius, ALL),
    ):
        assert out.shape == m.shape
        assert (out | ~m).all()
