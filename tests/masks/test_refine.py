"""From people to one hole."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from configs import RefineSettings
from data.types import People, Person
from masks import refine


def people(*masks: np.ndarray, source: str = "yolo") -> People:
    return People(masks[0].shape, tuple(Person.from_mask(m, 0.9, source) for m in masks))


def square(size: int, y: int, x: int, side: int) -> np.ndarray:
    out = np.zeros((size, size), bool)
    out[y : y + side, x : x + side] = True
    return out


def test_no_people_is_an_empty_hole() -> None:
    hole = refine(People((5, 7)), RefineSettings())
    assert hole.shape == (5, 7) and hole.dtype == np.uint8 and not hole.any()


def test_values_are_0_and_255() -> None:
    assert set(np.unique(refine(people(square(64, 20, 20, 16)), RefineSettings()))) == {0, 255}


@pytest.mark.parametrize(("side", "grown"), [(10, 4), (100, 8), (200, 16)])
def test_growth_follows_the_persons_size(side: int, grown: int) -> None:
    hole = refine(people(square(400, 100, 100, side)), RefineSettings(dilate=0.08, dilate_min=4))
    middle = hole[100 + side // 2] > 0
    assert middle.sum() == side + 2 * grown


def test_a_small_person_beside_a_large_one_keeps_a_thin_ring() -> None:
    hole = refine(people(square(400, 20, 20, 200), square(400, 300, 300, 10)), RefineSettings())
    assert (hole[305, 280:330] > 0).sum() == 10 + 2 * 4


@pytest.mark.parametrize(("source", "stays"), [("yolo", False), ("annotations", True), ("mask-files", True)])
def test_specks_are_noise_of_networks_only(source: str, stays: bool) -> None:
    mask = square(200, 20, 20, 100) | square(200, 180, 180, 2)
    hole = refine(people(mask, source=source), RefineSettings())
    assert bool(hole[181, 181]) is stays


@given(arrays(bool, st.tuples(st.integers(1, 40), st.integers(1, 40))), st.floats(0, 0.5), st.integers(0, 8))
def test_given_masks_are_always_wholly_inside(mask: np.ndarray, dilate: float, least: int) -> None:
    hole = refine(people(mask, source="annotations"), RefineSettings(dilate=dilate, dilate_min=least))
    assert (hole[mask] == 255).all()
    if not mask.any():
        assert not hole.any()


@given(
    st.lists(arrays(bool, (40, 30)), min_size=1, max_size=3),
    st.floats(0, 0.3),
    st.floats(0, 0.3),
    st.sampled_from(["yolo", "annotations"]),
)
def test_looking_only_at_each_persons_surroundings_changes_nothing(
    masks: list[np.ndarray], close: float, dilate: float, source: str
) -> None:
    settings = RefineSettings(close=close, dilate=dilate, dilate_min=2, snap=0.1)
    hole = refine(people(*masks, source=source), settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules["masks.refine"], "_surroundings", lambda mask, margin: (slice(0, 40), slice(0, 30)))
        np.testing.assert_array_equal(hole, refine(people(*masks, source=source), settings))


@given(arrays(bool, (16, 16)), arrays(bool, (16, 16)))
def test_every_pixel_of_annotated_people_and_crowds_is_inside(person: np.ndarray, crowd: np.ndarray) -> None:
    found = People((16, 16), tuple(Person.from_mask(m, 1.0, "annotations", m is crowd) for m in (person, crowd)))
    hole = refine(found, RefineSettings())
    assert (hole[person | crowd] == 255).all()
