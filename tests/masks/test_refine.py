"""From people to one hole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from refine_plainly import plainly

from configs import RefineSettings
from data.types import Instance, People
from masks import choose, hole_and_rest, refine


def people(*masks: np.ndarray, source: str = "yolo") -> People:
    return People(masks[0].shape, tuple(Instance.from_mask(m, 0.9, source) for m in masks))


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


@given(st.data(), st.sampled_from(["yolo", "annotations"]), st.integers(1, 8))
def test_boxes_give_what_full_frames_give(data: st.DataObject, source: str, orientation: int) -> None:
    """Persons and things of any shape, some of whom stay, and regions: byte for byte."""
    shape = (24, 18)

    def one() -> Instance:
        y, x = data.draw(st.integers(0, 23)), data.draw(st.integers(0, 17))
        part = data.draw(arrays(bool, st.tuples(st.integers(1, 24 - y), st.integers(1, 18 - x))))
        whole = np.zeros(shape, bool)
        whole[y : y + part.shape[0], x : x + part.shape[1]] = part
        return Instance.from_mask(whole, 0.9, source)

    persons = tuple(one() for _ in range(data.draw(st.integers(0, 4))))
    things = tuple(replace(one(), label="umbrella") for _ in range(data.draw(st.integers(0, 3))))
    found = People(shape, persons, things)
    share = st.floats(0, 0.4)
    settings = RefineSettings(
        **{name: data.draw(share) for name in ("speck", "close", "fill_holes", "snap", "dilate", "keep_margin")},
        carry=data.draw(st.floats(0, 1)),
        dilate_min=data.draw(st.integers(0, 4)),
        shadow=bool(persons) and data.draw(st.booleans()),
        spare=data.draw(st.sampled_from([(), ((0.5, 0.2, 0.5, 0.6),)])),
    )
    pixels = data.draw(arrays(np.uint8, (*shape, 3), fill=st.just(90)))
    keep = tuple(data.draw(st.sets(st.integers(0, 3))))
    choice = choose(found, keep, settings)
    for boxed, plain in zip(
        hole_and_rest(found, settings, pixels, choice),
        plainly(found, settings, pixels, choice),
        strict=True,
    ):
        np.testing.assert_array_equal(boxed, plain)


def test_shadows_in_boxes_are_those_of_full_frames() -> None:
    pixels = np.full((200, 120, 3), 150, np.uint8)
    person = np.zeros((200, 120), bool)
    person[40:140, 40:70] = True
    pixels[120:140, 72:110] = 70
    found = People((200, 120), (Instance.from_mask(person, 0.9, "yolo"),))
    settings = RefineSettings(shadow=True)
    boxed = hole_and_rest(found, settings, pixels)[0]
    np.testing.assert_array_equal(boxed, plainly(found, settings, pixels)[0])
    assert (boxed != refine(found, RefineSettings())).any(), "there is a shadow"


@given(arrays(bool, (16, 16)), arrays(bool, (16, 16)))
def test_every_pixel_of_annotated_people_and_crowds_is_inside(person: np.ndarray, crowd: np.ndarray) -> None:
    found = People((16, 16), tuple(Instance.from_mask(m, 1.0, "annotations", m is crowd) for m in (person, crowd)))
    hole = refine(found, RefineSettings())
    assert (hole[person | crowd] == 255).all()
