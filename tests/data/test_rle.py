"""Masks in their boxes equal masks of the full frame."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from literal_masks import mask, picture

from data.geometry import Box, Span
from data.rle import BoxMask, bounds, box_mask, counts_from_runs, decode_counts, encode_counts, runs_from_counts
from data.types import Instance, People

MASKS = arrays(bool, st.tuples(st.integers(1, 40), st.integers(1, 40)))


def framed(part: BoxMask, shape: tuple[int, ...]) -> np.ndarray:
    out = np.zeros(shape, bool)
    out[part.box.slices] = part.mask
    return out


@given(MASKS)
def test_a_mask_in_its_box_is_the_mask(whole: np.ndarray) -> None:
    part = box_mask(encode_counts(whole), whole.shape)
    assert (framed(part, whole.shape) == whole).all() and part.area == np.count_nonzero(whole)
    if part.mask.size:
        assert part.mask[0].any() and part.mask[-1].any() and part.mask[:, 0].any() and part.mask[:, -1].any()


def test_long_runs_are_read_as_pycocotools_reads_them() -> None:
    """Numbers of several characters, and differences below zero."""
    size = (4000, 6000)
    whole = np.zeros(size, bool)
    whole[100:3900, 10:14] = whole[7:9, 5000:5990] = whole[:, 3000:3002] = True
    part = box_mask(encode_counts(whole), size)
    assert (framed(part, size) == whole).all()


@given(MASKS, st.data())
def test_the_part_within_another_box(whole: np.ndarray, data: st.DataObject) -> None:
    def span(length: int) -> Span:
        start = data.draw(st.integers(0, length))
        return Span(start, data.draw(st.integers(start, length)))

    box = Box.of_spans(span(whole.shape[0]), span(whole.shape[1]))
    assert (box_mask(encode_counts(whole), whole.shape).within(box) == whole[box.slices]).all()


@given(st.lists(st.integers(0, 5), min_size=1, max_size=12))
def test_empty_runs_are_left_out(counts: list[int]) -> None:
    pixels = sum(counts)
    flat = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    clean = counts_from_runs(runs_from_counts(np.array(counts)), pixels)
    assert (np.repeat(np.arange(len(clean)) % 2 == 1, clean) == flat).all()
    assert all(clean[1:]) and sum(clean) == pixels


def test_the_box_around_several() -> None:
    parts = [
        box_mask(encode_counts(mask(text)), (4, 5)) for text in ("..... ..#.. ..... .....", "..... ..... ...#. .....")
    ]
    assert bounds(parts, 1, (4, 5)) == Box(1, 0, 5, 4)
    assert picture(parts[1].within(bounds(parts, 0, (4, 5)))) == ".. .#"


@pytest.mark.parametrize("text", ["#", ".", "## ##"])
def test_people_give_their_masks_in_boxes(text: str) -> None:
    whole = mask(text)
    found = People(whole.shape, (Instance.from_mask(whole, 1, "yolo"),))
    assert (
        framed(found.boxed(found.persons[0]), whole.shape) == decode_counts(found.persons[0].counts, found.size)
    ).all()
