"""Who stays: A, B, C are people in this order, in capitals where they overlap nobody."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from literal_masks import mask, picture
from refine_plainly import kept_plainly

import masks
from configs import RefineSettings, SettingsError
from configs.load import load_settings
from data.types import Instance, Keep, People
from masks import choose, hole_and_rest, refine
from masks.choice import INSIDE

PLAIN = RefineSettings(speck=0, close=0, fill_holes=0, snap=0, dilate=0, dilate_min=0, keep_margin=0)
PHOTO = "AA...... AA..BBBB AA..BBBB ....BBBB ........ .CCCCCC. .CCCCCC. ........"


def people(text: str = PHOTO, crowds: str = "") -> People:
    return People(
        mask(text).shape,
        tuple(Instance.from_mask(mask(text, c), 0.9, "annotations", c in crowds) for c in "ABC" if c in text),
    )


@pytest.mark.parametrize(
    ("keep", "settings", "left"),
    [
        ((), {}, "ABC"),
        ("largest", {}, "AC"),
        ((0, 2), {}, "B"),
        ((7,), {}, "ABC"),
        (((0.0, 0.0, 2.0, 4.0),), {}, "BC"),  # nearly A's box
        (((3.0, 0.0, 1.0, 1.0),), {}, "ABC"),  # nobody's box
        ((), {"min_size": 0.25}, "BC"),  # A is 2.4 pixels of size, the diagonal 11.3
        ((0,), {"spare": ((0.5, 0.0, 0.5, 0.5),)}, "C"),
        ((), {"spare": ((0.0, 0.5, 1.0, 0.5, 1.0, 1.0, 0.0, 1.0),)}, "AB"),  # a polygon
    ],
)
def test_who_is_removed(keep: Any, settings: dict[str, Any], left: str) -> None:
    chosen = PLAIN.model_copy(update=settings)
    choice = choose(people(), keep, chosen)
    assert picture(refine(people(), chosen, choice=choice)) == picture(mask(PHOTO, left))
    assert picture(choice.kept) == picture(mask(PHOTO, "".join(set("ABC") - set(left))))


def test_a_crowd_is_never_the_largest_person() -> None:
    found = people(crowds="B")
    assert choose(found, "largest", PLAIN).stays == (False, False, True)


def test_people_of_a_later_look_do_not_move_the_numbers() -> None:
    extra = People((8, 8), (Instance.from_mask(np.ones((8, 8), bool), 0.5, "yolo"),))
    assert choose(people(), "largest", PLAIN, extra=extra).stays == (False, True, False, False)


def test_half_of_somebody_in_a_region_stays() -> None:
    settings = PLAIN.model_copy(update={"spare": ((0.75, 0.0, 0.25, 1.0),)})
    choice = choose(people(), (), settings)
    expected = "........ ......## ......## ......## ........ ......#. ......#. ........"
    assert picture(choice.kept) == expected and choice.stays == (False, False, False)


def test_what_two_masks_claim_goes_to_the_nearer_one() -> None:
    text = "........ .AAxyBB. .AAxyBB. .AAxyBB. .AAxyBB. ........ ........ ........"
    found = People((8, 8), tuple(Instance.from_mask(mask(text, c), 1.0, "yolo") for c in ("Axy", "Bxy")))
    choice = choose(found, (1,), PLAIN)
    assert picture(choice.kept) == picture(mask(text, "yB"))
    assert picture(refine(found, PLAIN, choice=choice)) == picture(mask(text, "Ax"))


CROSSING = "........ .AAAA... .AAxxBBB .AAxxBBB .AAAA... ........ ........ ........"
INNER = "AAAAAA.. AxxxAA.. AxxxAA.. AxxxAA.. AAAAAA.. ........ ........ ........"


@pytest.mark.parametrize(
    ("text", "scores", "keep", "kept", "cut"),
    [
        (CROSSING, (0.9, 0.3), 0, "Ax", 0),  # all of the more certain one
        (CROSSING, (0.3, 0.9), 0, "A", 1),
        (CROSSING, (0.3, 0.9), 1, "xB", 0),
        (CROSSING, (0.9, 0.3), 1, "B", 1),
        (INNER, (0.9, 0.3), 0, "Ax", 0),  # a doubtful find inside
        (INNER, (0.3, 0.9), 0, "A", 1),
        (INNER, (0.3, 0.9), 1, "x", 0),
        (INNER, (0.9, 0.3), 1, "", 1),
        (INNER, (1.0, 1.0), 0, "A", 1),  # equally certain: the smaller one is in front
        (INNER, (1.0, 1.0), 1, "x", 0),
    ],
)
def test_what_two_masks_claim_goes_to_the_more_certain_one(
    text: str, scores: tuple[float, float], keep: int, kept: str, cut: int
) -> None:
    both = zip(("Ax", "Bx"), scores, strict=True)
    found = People((8, 8), tuple(Instance.from_mask(mask(text, c), score, "yolo") for c, score in both))
    choice = choose(found, (keep,), PLAIN)
    hole = refine(found, PLAIN, choice=choice)
    assert picture(choice.kept) == picture(mask(text, kept or " "))
    assert (picture(hole), masks.cut(found, choice, hole)) == (
        picture(mask(text, "ABx") & ~mask(text, kept or " ")),
        cut,
    )


def test_a_crowd_takes_nothing_from_a_person_and_a_later_look_takes_nothing_from_one_who_stays() -> None:
    person, crowd = (Instance.from_mask(mask(INNER, c), 1.0, "annotations", c == "Ax") for c in ("x", "Ax"))
    choice = choose(People((8, 8), (person, crowd)), (0,), PLAIN)
    assert picture(choice.kept) == picture(mask(INNER, "x"))
    again = People((8, 8), (Instance.from_mask(mask(INNER, "Ax"), 1.0, "yolo"),))
    choice = choose(People((8, 8), (replace(person, score=0.2),)), (0,), PLAIN, extra=again)
    assert picture(choice.kept) == picture(mask(INNER, "x"))


@pytest.mark.parametrize(
    ("doubtful", "stay", "close"),
    [
        ("D", (0,), 1),  # 4 of the 12 pixels of A that B was given
        ("e", (0,), 0),  # a pixel that nobody has
        ("D", (1,), 0),  # who stays is sure
        ("D", (0, 1), 0),  # both stay
        ("D", (), 0),
        ("", (0,), 0),
        ("DA", (0,), 1),
    ],
)
def test_pixels_that_may_be_theirs_and_leave(doubtful: str, stay: tuple[int, ...], close: int) -> None:
    text = "........ .AAADBB. .AAADBB. .AAADBB. .AAADBB. .......e ........ ........"
    first, second = (Instance.from_mask(mask(text, those), 0.9, "embedded") for those in ("A", "BD"))
    lost = Instance.from_mask(mask(text, doubtful), 0.9, "embedded").counts if doubtful else ""
    found = People((8, 8), (replace(first, doubtful=lost), second))
    choice = choose(found, stay, PLAIN)
    hole = refine(found, PLAIN, choice=choice)
    assert (masks.may_be_cut(found, choice, hole), masks.cut(found, choice, hole)) == (close, 0)


@pytest.mark.parametrize(
    ("text", "score", "stays"),
    [
        ("........ .AA..... .AAb.... .AAAA... .AAAA... .AAAA... ........ ........", 0.3, True),  # a hand
        ("........ .AA..... .AAb.... .AAAA... .AAAA... .AAAA... ........ ........", 0.6, False),  # surer: somebody else
        ("........ .AA..... .AA.b... .AA..... .AA..... .AAAA... ........ ........", 0.3, False),  # does not touch
        ("........ .AAA.bb. .AAA.bb. .AAAbb.. .AAA..... ........ ........ ........", 0.3, False),  # not inside the box
        ("........ .AA..... .AAbbb.. .AAbbb.. .AAbbb.. .AAAAA.. ........ ........", 0.3, False),  # too large a part
    ],
)
def test_a_doubtful_find_that_may_be_a_part_of_who_stays(text: str, score: float, stays: bool) -> None:
    rows = " ".join(row.ljust(8, ".")[:8] for row in text.split())
    found = People((8, 8), tuple(Instance.from_mask(mask(rows, c), s, "x") for c, s in (("A", 0.9), ("b", score))))
    choice = choose(found, (0,), PLAIN)
    assert choice.stays == (True, stays)
    assert masks.may_be_cut(found, choice, refine(found, PLAIN, choice=choice)) == stays
    assert choose(found, (1,), PLAIN).stays == (False, True)
    assert choose(found, (), PLAIN).stays == (False, False)


@pytest.mark.parametrize(
    ("keep", "later", "outgrown"), [("largest", "B", True), ("largest", "c", False), ((0,), "B", False)]
)
def test_a_later_look_that_finds_somebody_larger_than_the_largest(keep: Keep, later: str, outgrown: bool) -> None:
    text = "........ .AA.BBB. .AA.BBB. .AA.BBB. ......c. ........ ........ ........"
    first, again = (People((8, 8), (Instance.from_mask(mask(text, those), 0.9, "x"),)) for those in ("A", later))
    assert masks.is_outgrown(first, again, keep) == outgrown
    assert not masks.is_outgrown(first, People((8, 8)), keep)


def test_who_is_cut_is_not_said_to_be_in_doubt_too() -> None:
    text = "........ .AAADBB. .AAADBB. .AAADBB. .AAADBB. ........ ........ ........"
    first, second = (Instance.from_mask(mask(text, those), 0.9, "embedded") for those in ("A", "BD"))
    found = People((8, 8), (replace(first, doubtful=second.counts), second))
    choice, hole = choose(found, (0,), PLAIN), mask(text, "AD").astype(np.uint8)
    assert (masks.cut(found, choice, hole), masks.may_be_cut(found, choice, hole)) == (1, 0)


def test_the_ring_goes_half_the_way_to_somebody_who_stays() -> None:
    text = "............ AA.......... AA.....BB... AA.......... ............"
    settings = PLAIN.model_copy(update={"dilate_min": 4})
    found = people(text)
    choice = choose(found, (1,), settings)
    assert picture(refine(found, settings, choice=choice)).split()[2] == "#####......."
    settings = settings.model_copy(update={"dilate_min": 1})
    assert picture(refine(found, settings, choice=choice)).split()[2] == "###........."


@given(
    st.lists(st.tuples(arrays(bool, (12, 12)), st.sampled_from([0.2, 0.5, 1.0])), min_size=1, max_size=4),
    st.integers(0, 3),
    st.builds(RefineSettings, dilate=st.floats(0, 1), close=st.floats(0, 0.5), fill_holes=st.floats(0, 1)),
)
def test_who_is_more_certain_than_all_others_keeps_every_pixel(
    seen: list[tuple[np.ndarray, float]], keep: int, settings: RefineSettings
) -> None:
    found = People((12, 12), tuple(Instance.from_mask(m, score, "yolo") for m, score in seen))
    choice = choose(found, (keep,), settings)
    hole = refine(found, settings, choice=choice) > 0
    if keep < len(seen) and all(score < seen[keep][1] for i, (_, score) in enumerate(seen) if i != keep):
        assert not (hole & seen[keep][0]).any()
    assert not (hole & choice.kept).any()


@pytest.mark.parametrize(
    ("keep", "unmatched"),
    [("largest", ()), ((0, 7), (7,)), (((3.0, 0.0, 1.0, 1.0), 1), ((3.0, 0.0, 1.0, 1.0),)), ((), ())],
)
def test_entries_that_fit_nobody(keep: Any, unmatched: tuple[Any, ...]) -> None:
    assert choose(people(), keep, PLAIN).unmatched == unmatched


def test_the_margin_takes_from_the_ring_and_from_nobody() -> None:
    text = "........ .AA.BBB. .AA.BBB. .AA.BBB. .AABBBB. .AABBBB. ........ ........"
    settings = PLAIN.model_copy(update={"dilate_min": 2, "keep_margin": 0.5})
    found = people(text)
    hole = refine(found, settings, choice=choose(found, (1,), settings)) > 0
    assert (hole & mask(text, "A")).sum() == mask(text, "A").sum()
    assert not (hole & mask(text, "B")).any()
    assert not hole[1, 3]  # the crack between the two


@given(arrays(bool, (12, 12)), arrays(bool, (12, 12)), arrays(bool, (12, 12)), st.floats(0, 0.5), st.integers(0, 4))
def test_nothing_of_those_who_stay_and_no_region_is_in_the_hole(
    goes: np.ndarray, stays: np.ndarray, region: np.ndarray, dilate: float, least: int
) -> None:
    found = People((12, 12), tuple(Instance.from_mask(m, 1.0, "annotations") for m in (goes, stays)))
    settings = RefineSettings(dilate=dilate, dilate_min=least)
    choice = choose(found, (1,), settings, spared=region)
    hole = refine(found, settings, choice=choice) > 0
    assert not (hole & ((stays & ~goes) | region)).any()
    assert (hole | ~goes | stays | region).all()


@given(arrays(bool, (14, 12)), arrays(bool, (14, 12)), st.integers(0, 13), st.integers(0, 13))
def test_who_stays_keeps_in_boxes_what_full_frames_keep(stays: np.ndarray, goes: np.ndarray, a: int, b: int) -> None:
    stays[min(a, b) : max(a, b)] = False  # boxes that are not all of the photo
    goes[: min(a, b)] &= np.arange(12) > b
    assume((goes & stays).sum() < INSIDE * min(goes.sum(), stays.sum()))  # else the smaller one has it all
    found = People((14, 12), tuple(Instance.from_mask(m, 1.0, "yolo") for m in (goes, stays)))
    np.testing.assert_array_equal(choose(found, (1,), PLAIN).kept, kept_plainly(stays, goes))


@pytest.mark.parametrize(
    ("shapes", "sentence"),
    [("[[0.1, 0.2, 0.3]]", "4 numbers .* not 3"), ("[[0, 0, 640, 480]]", "shares of the photo's width and height")],
)
def test_regions_that_are_none(shapes: str, sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        load_settings("coco", [f"refine.spare={shapes}"])


def test_what_is_cut_out_of_the_hole_is_no_source() -> None:
    """Of the ring around A, what the margin of B and the region on the left took; and B."""
    text = "........ ........ ...AA.BB ...AA.BB ...AA.BB ........ ........ ........"
    settings = PLAIN.model_copy(update={"dilate_min": 1, "keep_margin": 0.5, "spare": ((0, 0, 0.3, 1.0),)})
    found = people(text)
    hole, rest = hole_and_rest(found, settings, choice=choose(found, (1,), settings))
    assert picture(hole > 0) == "........ ...##... ...##... ...##... ...##... ...##... ........ ........"
    assert picture(rest > 0) == "........ ........ ..#..### ..#..### ..#..### ........ ........ ........"
