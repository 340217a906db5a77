"""Instances made disjoint: A, B, C are people in this order of certainty; small letters are pixels of several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from literal_masks import mask, picture

from configs import SegmentSettings
from data.geometry import Box
from data.rle import BoxMask, box_mask
from data.types import Instance, People, Photo
from detection import SEGMENTERS, build_segmenter
from detection.disjoint import RIM, UNSURE, Detection, Disjoint, by_ellipse, disjoint

CASES: dict[str, tuple[str, dict[str, str], list[str]]] = {
    "found twice": (
        "........ .xxxB... .xxxB... .xxx.... .xxx.... .xxx.... .xAx.... ........",
        {"A": "Ax", "B": "Bx"},
        ["AxB"],
    ),
    "two who share pixels: each is of the one in whose middle it lies": (
        "........ AAAAxxyyBBBB AAAAxxyyBBBB AAAAxxyyBBBB ........",
        {"A": "Axy", "B": "Bxy"},
        ["Ax", "By"],
    ),
    "one mask over two people": (
        ".xx..yy. .xx..yy. .xx..yy. .xxCCyy. .xx..yy. .xx..yy. ........ ........",
        {"A": "x", "B": "y", "C": "xyC"},
        ["x", "y"],
    ),
    "apart": ("AA..BB", {"A": "A", "B": "B"}, ["A", "B"]),
}


def rows(text: str) -> str:
    """The text with all lines as long as the longest."""
    lines = text.split()
    return " ".join(line.ljust(max(map(len, lines)), ".") for line in lines)


def instance(array: np.ndarray, score: float, source: str = "yolo") -> Detection:
    boxed = BoxMask(0, 0, array).tight()
    return Detection(boxed, score, source, by_ellipse(boxed))


@pytest.mark.parametrize("name", CASES)
def test_case(name: str) -> None:
    text, letters, expected = CASES[name]
    text = rows(text)
    instances = [instance(mask(text, those), 0.9 - 0.2 * i) for i, those in enumerate(letters.values())]
    size = mask(text).shape
    found = disjoint(instances[::-1], size)
    assert [picture(People(size).mask(person)) for person in found] == [picture(mask(text, one)) for one in expected]
    assert [person.score for person in found] == sorted((person.score for person in found), reverse=True)


def test_a_mask_over_two_people_that_shows_much_more_is_of_somebody() -> None:
    text = ".xxCCyy. .xxCCyy. .xxCCyy. .xxCCyy. .xxCCyy. CCCCCCCC CCCCCCCC CCCCCCCC"
    instances = [instance(mask(text, those), score) for those, score in (("x", 0.9), ("y", 0.7), ("xyC", 0.5))]
    assert [person.score for person in disjoint(instances, (8, 8))] == [0.9, 0.7, 0.5]


def test_who_is_found_twice_has_the_highest_score_and_both_sources() -> None:
    text, letters, _ = CASES["found twice"]
    text = rows(text)
    pair = [instance(mask(text, those), s, n) for those, s, n in zip(letters.values(), (0.4, 0.7), "ab", strict=True)]
    (person,) = disjoint(pair, mask(text).shape)
    assert (person.score, person.source) == (0.7, "b+a")


seen = st.lists(st.tuples(arrays(bool, (9, 11)), st.sampled_from([0.2, 0.5, 0.9])), min_size=0, max_size=5)


@given(seen)
def test_no_two_share_a_pixel_and_only_phantoms_lose_one(found: list[tuple[np.ndarray, float]]) -> None:
    instances = [instance(array, score) for array, score in found if array.any()]
    people = disjoint(instances, (9, 11))
    masks = [People((9, 11)).mask(person) for person in people]
    everyone = np.logical_or.reduce([array for array, _ in found]) if found else np.zeros((9, 11), bool)
    together = np.sum(masks, axis=0) if masks else np.zeros((9, 11), int)
    assert together.max(initial=0) <= 1 and not (together.astype(bool) & ~everyone).any()
    assert len(people) <= len(instances) and all(one.any() for one in masks)
    if len({score for _, score in found}) == 1:  # nobody is more certain, so nobody is a phantom
        np.testing.assert_array_equal(together.astype(bool), everyone)


def test_made_disjoint_again_is_the_same() -> None:
    text, letters, _ = CASES["two who share pixels: each is of the one in whose middle it lies"]
    text = rows(text)
    size = mask(text).shape
    people = People(size, tuple(Instance.from_mask(mask(text, those), 0.9, "yolo") for those in letters.values()))
    once = Disjoint(Sees(people)).segment([photo(size)])
    (again,) = Disjoint(Sees(once[0])).segment([photo(size)])
    assert [person.counts for person in again.persons] == [person.counts for person in once[0].persons]
    assert [person.counts for person in again.persons] != [person.counts for person in people.persons]


def sure(array: np.ndarray, score: float, by: float, box: tuple[float, float, float, float] | None = None) -> Detection:
    def certainty(window: Box) -> np.ndarray:
        return np.full((window.height, window.width), by, np.float32)

    return Detection(BoxMask(0, 0, array).tight(), score, "yolo", certainty, box=box)


@pytest.mark.parametrize(("by", "doubtful"), [(1.0 - UNSURE - 0.1, ""), (1.0 - UNSURE + 0.1, "x"), (1.0, "x")])
def test_what_somebody_hardly_less_certain_lost_is_told(by: float, doubtful: str) -> None:
    text = "AAAxxBBB AAAxxBBB AAAAABBB"
    first = sure(mask(text, "Ax"), 0.9, 1.0)
    one, two = disjoint([first, sure(mask(text, "Bx"), 0.8, by)], (3, 8))
    size = People((3, 8))
    assert picture(size.mask(one)) == picture(mask(text, "Ax")) and picture(size.mask(two)) == picture(mask(text, "B"))
    assert one.doubtful == ""
    lost = box_mask(two.doubtful, (3, 8)).within(Box(0, 0, 8, 3)) if two.doubtful else mask(text, "")
    assert picture(lost) == picture(mask(text, doubtful))


@pytest.mark.parametrize("scale", [1, 15])  # the larger photo is looked at reduced
@pytest.mark.parametrize("edge", [28, 30, 32])
def test_a_border_that_is_not_sure_lies_at_the_edge_in_the_photo(edge: int, scale: int) -> None:
    """Both claim the columns 27 to 32, the second hardly more; the colours change within."""
    side = 60 * scale
    a, b, pixels = np.zeros((side, side), bool), np.zeros((side, side), bool), np.zeros((side, side, 3), np.uint8)
    a[:, : 33 * scale], b[:, 27 * scale :] = True, True
    pixels[:, edge * scale :] = (200, 150, 120)
    instances = [sure(a, 0.9, 0.0), sure(b, 0.8, 0.1)]
    for shown, at in ((pixels, edge), (None, 27)):
        first, second = (People((side, side)).mask(person) for person in disjoint(instances, (side, side), shown))
        assert (first ^ second).all()
        assert np.abs(first.sum(1) / scale - at).max() <= 1


@pytest.mark.parametrize(
    ("scores", "second_box", "people"),
    [
        ((0.9, 0.7), (0, 0, 10, 6), 1),  # masks and boxes agree
        ((0.9, 0.7), (6, 0, 14, 6), 2),  # a catcher in front of an umpire: each mask shows both
        ((0.9, 0.5), (6, 0, 14, 6), 1),  # a doubtful find is a part of the other one
    ],
)
def test_two_who_are_certain_and_whose_boxes_do_not_agree_stay_two(
    scores: tuple[float, float], second_box: tuple[float, float, float, float], people: int
) -> None:
    text = " ".join(["..AAxxxxxxxxBB"] * 6)
    first = sure(mask(text, "Ax"), scores[0], 1.0, (0, 0, 10, 6))
    second = sure(mask(text, "Bx"), scores[1], 0.5, second_box)
    assert len(disjoint([first, second], mask(text).shape)) == people


class Sees:
    """A segmenter that sees the same people in every photo."""

    def __init__(self, people: People) -> None:
        self._people = people

    def segment(self, photos: Sequence[Photo]) -> list[People]:
        return [self._people for _ in photos]


def photo(size: tuple[int, ...]) -> Photo:
    return Photo("a", "a", np.zeros((*size, 3), np.uint8))


@pytest.mark.parametrize("name", ["yolo", "maskrcnn", "union", "annotations", "mask-files"])
def test_networks_give_disjoint_people_and_annotators_what_they_say(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    text = "AAxxBB AAxxBB"
    people = People((2, 6), tuple(Instance.from_mask(mask(text, those), 0.9, name) for those in ("Ax", "Bx")))
    method = replace(SEGMENTERS[name], settings=None, uses=lambda section: ())  # no weights
    monkeypatch.setitem(SEGMENTERS, name, method)
    monkeypatch.setattr(f"{method.module}.build", lambda settings, weights: Sees(people))
    segmenter = build_segmenter(SegmentSettings.model_validate({"segmenter": name}), {})
    (found,) = segmenter.segment([photo((2, 6))])
    both = np.sum([found.mask(person) for person in found.persons], axis=0)
    assert both.max() == (2 if name in ("annotations", "mask-files") else 1)
    np.testing.assert_array_equal(both > 0, people.union())


def test_what_stands_over_at_the_rim_of_somebody_is_theirs() -> None:
    """B lies in A but for a rim, and A is more certain of all that they share."""
    size = (20, 20)
    a, b = np.zeros(size, bool), np.zeros(size, bool)
    a[2:18, 2:10], b[8:12, 4:11] = True, True
    second = instance(b, 0.8)
    (person,) = disjoint([sure(a, 0.9, 9), second], size)
    assert (a & b).sum() >= (1 - RIM) * b.sum()
    np.testing.assert_array_equal(People(size).mask(person), a | b)
