"""Run lengths: untrusted ones are checked before use, own ones equal pycocotools'."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from data.coco.segmentation import rle_of, run_lengths
from data.rle import BoxMask, BrokenMask
from data.types import Instance, People


def mask_from_rle(segmentation: dict[str, Any], size: tuple[int, int]) -> NDArray[np.bool_]:
    counts = run_lengths(segmentation, size)
    flat = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    return flat.reshape(size[1], size[0]).T


CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0], [0, 1, 0]], bool)  # 4 x 3


def coco_rle(mask: NDArray[np.bool_]) -> dict[str, Any]:
    rle = coco_mask.encode(np.asfortranarray(mask.view(np.uint8)))
    return {"size": list(rle["size"]), "counts": rle["counts"].decode()}


@st.composite
def boxes_in_photos(draw: st.DrawFn) -> tuple[NDArray[np.bool_], int, int, tuple[int, int]]:
    height, width = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    h, w = draw(st.integers(1, height)), draw(st.integers(1, width))
    y, x = draw(st.integers(0, height - h)), draw(st.integers(0, width - w))
    bits = draw(st.lists(st.booleans(), min_size=h * w, max_size=h * w))
    return np.array(bits, bool).reshape(h, w), x, y, (height, width)


@given(boxes_in_photos())
def test_a_person_in_a_box_is_the_person_of_the_full_frame(
    case: tuple[NDArray[np.bool_], int, int, tuple[int, int]],
) -> None:
    mask, x, y, size = case
    full = np.zeros(size, bool)
    full[y : y + mask.shape[0], x : x + mask.shape[1]] = mask
    expected = Instance.from_mask(full, 0.5, "s") if full.any() else None
    assert Instance.from_box(BoxMask(y, x, mask), size, 0.5, "s") == expected


@given(st.integers(1, 12), st.lists(st.integers(0, 9), min_size=1, max_size=12))
def test_a_person_of_any_run_lengths_is_the_person_of_the_full_frame(width: int, counts: list[int]) -> None:
    """Empty runs, and a background that is not told, included."""
    height = -(-max(1, sum(counts)) // width)
    counts = (
        [*counts, height * width - sum(counts)] if len(counts) % 2 == 0 else [*counts, 0, height * width - sum(counts)]
    )
    full = mask_from_rle({"size": [height, width], "counts": counts}, (height, width))
    expected = Instance.from_mask(full, 1.0, "s", crowd=True) if full.any() else None
    assert (
        Instance.from_rle(rle_of({"size": [height, width], "counts": counts}, (height, width)), 1.0, "s", crowd=True)
        == expected
    )


def test_a_box_outside_the_photo_is_an_error() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        Instance.from_box(BoxMask(0, 1, CROSS), (4, 3), 1.0, "s")


@pytest.mark.parametrize(
    "counts",
    [
        [1, 1, 2, 4, 1, 1, 2],  # down the columns, background first
        coco_rle(CROSS)["counts"],
        coco_rle(CROSS)["counts"].encode(),
    ],
)
def test_lists_and_strings_give_the_same_mask(counts: Any) -> None:
    np.testing.assert_array_equal(mask_from_rle({"size": [4, 3], "counts": counts}, (4, 3)), CROSS)


def test_a_size_may_be_written_as_a_decimal() -> None:
    rle = {"size": [4.0, 3.0], "counts": coco_rle(CROSS)["counts"]}
    np.testing.assert_array_equal(mask_from_rle(rle, (4, 3)), CROSS)


@given(st.integers(1, 9), st.integers(1, 9), st.randoms(use_true_random=False))
def test_every_coco_string_is_read_back(height: int, width: int, random: Any) -> None:
    mask = np.array([random.random() < 0.5 for _ in range(height * width)], bool).reshape(height, width)
    np.testing.assert_array_equal(mask_from_rle(coco_rle(mask), (height, width)), mask)


def test_long_runs_need_several_characters() -> None:
    mask = np.zeros((700, 900), bool)
    mask[100:650, 30:880] = True
    np.testing.assert_array_equal(mask_from_rle(coco_rle(mask), (700, 900)), mask)


@pytest.mark.parametrize(
    ("rle", "found"),
    [
        ({"size": [3, 4], "counts": [12]}, r"4 x 3 pixels \(width x height\), the photo 3 x 4"),
        ({"size": "43", "counts": [12]}, "size '43'"),
        ({"size": [4.5, 3.0], "counts": [12]}, "instead of"),
        ({"size": [True, 3], "counts": [12]}, "instead of"),
        ({"size": [4, float("nan")], "counts": [12]}, "instead of"),
        ({"counts": [12]}, "size None"),
        ({"size": [4, 3]}, "counts are NoneType"),
        ({"size": [4, 3], "counts": [5]}, "covers 5 pixels, the photo has 12"),
        ({"size": [4, 3], "counts": [10**12, 12]}, "covers 1000000000012 pixels"),
        ({"size": [4, 3], "counts": [14, -2]}, "not a whole number"),
        ({"size": [4, 3], "counts": [True, 11]}, "not a whole number"),
        ({"size": [4, 3], "counts": [6, "6"]}, "not a whole number"),
        ({"size": [4, 3], "counts": [float("nan"), 12]}, "not a whole number"),
        ({"size": [4, 3], "counts": [0] * 99}, "99 runs"),
        ({"size": [4, 3], "counts": "P" * 1000}, "1000 characters"),
        ({"size": [4, 3], "counts": "11P"}, "damaged at character 3"),  # ends inside a run
        ({"size": [4, 3], "counts": "1 1"}, "damaged at character 1"),
        ({"size": [4, 3], "counts": "P" * 80}, "damaged"),  # a run that never ends
        ({"size": [4, 3], "counts": "é4"}, "damaged at character 0"),
    ],
)
def test_broken_run_lengths_say_what_is_wrong(rle: dict[str, Any], found: str) -> None:
    with pytest.raises(BrokenMask, match=found):
        mask_from_rle(rle, (4, 3))


def test_people_keep_what_was_put_in() -> None:
    person = Instance.from_box(BoxMask(1, 2, CROSS), (6, 7), 0.25, "s", crowd=True)
    assert person is not None
    assert (person.bbox, person.score, person.crowd) == ((2.0, 1.0, 3.0, 4.0), 0.25, True)
    np.testing.assert_array_equal(People((6, 7), (person,)).union()[1:5, 2:5], CROSS)
