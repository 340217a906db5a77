"""COCO person annotations become people at the photo's size, or a sentence."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco_mask

from configs import SegmentSettings
from data.coco.segmentation import rle_of_polygons
from data.types import GivenMasks, Instance, People, Photo, PhotoError
from detection import build_segmenter


def segment(*annotations: Any, size: tuple[int, int] = (6, 8)) -> People:
    photo = Photo("id", "a/b.jpg", np.zeros((*size, 3), np.uint8), GivenMasks(tuple(annotations)))
    (people,) = build_segmenter(SegmentSettings(segmenter="annotations"), {}).segment([photo])
    return people


def rectangle(x0: float, y0: float, x1: float, y1: float) -> list[float]:
    return [x0, y0, x1, y0, x1, y1, x0, y1]


def test_parts_of_one_person_are_one_mask() -> None:
    people = segment({"id": 1, "segmentation": [rectangle(0, 0, 2, 3), rectangle(5, 1, 8, 2)]})
    expected = ["##......", "##...###", "##......", "........", "........", "........"]
    assert ["".join(".#"[v] for v in row) for row in people.union().astype(int)] == expected
    (person,) = people.persons
    assert (person.score, person.source, person.crowd) == (1.0, "annotations", False)
    assert person.bbox == (0.0, 0.0, 8.0, 3.0)


def test_a_crowd_is_marked_as_one() -> None:
    people = segment({"id": 1, "iscrowd": 1, "segmentation": {"size": [6, 8], "counts": [6, 12, 30]}})
    assert people.persons[0].crowd
    assert people.union()[:, 1:3].all() and people.union().sum() == 12


@pytest.mark.parametrize(
    "outline",
    [
        rectangle(0.4, 0.3, 0.6, 0.9),  # shares of the photo, not pixels
        rectangle(30, 40, 30, 40),  # a point
        rectangle(5, 5, 15, 35),  # another place
    ],
)
def test_an_outline_that_is_not_where_its_box_is(outline: list[float]) -> None:
    with pytest.raises(
        PhotoError, match=r"annotation 1 cannot be used: its outline is not where its box is \(\[40, 30"
    ):
        segment({"id": 1, "segmentation": [outline], "bbox": [40, 30, 20, 60]}, size=(100, 100))


@pytest.mark.parametrize(
    "box",
    [
        *(
            [40, 30, 20, 60],
            [44, 34, 20, 60],
            [40, 30, 60, 90],
            [0.4, 0.3, 0.2, 0.6],
            [50, 60, 20, 60],
            [0, 0, 0, 0],
            [],
        ),
        *(None, "box", [40, 30, 20], [40, 30, 20, None], [10**400, 30, 20, 60], [float("nan"), 30, 20, 60]),
    ],
    ids=str,
)
def test_boxes_of_other_forms_say_nothing(box: Any) -> None:
    assert (
        segment({"id": 1, "segmentation": [rectangle(40, 30, 60, 90)], "bbox": box}, size=(100, 100)).union().sum()
        == 1200
    )


def test_no_annotations_are_no_people() -> None:
    assert segment() == People((6, 8))


def test_things_that_people_carry_come_with_their_class() -> None:
    bag = ("handbag", {"id": 9, "segmentation": [rectangle(5, 1, 8, 2)]})
    photo = Photo("id", "a.jpg", np.zeros((6, 8, 3), np.uint8), GivenMasks((), (bag,)))
    (people,) = build_segmenter(SegmentSettings(segmenter="annotations"), {}).segment([photo])
    assert len(people) == 0
    (thing,) = people.objects
    assert (thing.label, thing.bbox, thing.source) == ("handbag", (5.0, 1.0, 3.0, 1.0), "annotations")
    assert people.mask(thing).sum() == 3
    assert People.from_json(people.to_json()) == people


def test_a_broken_thing_is_refused_with_a_way_out() -> None:
    photo = Photo("id", "a.jpg", np.zeros((6, 8, 3), np.uint8), GivenMasks((), (("tie", {"id": 9}),)))
    with pytest.raises(PhotoError, match=r"annotation 9 .* leave 'tie' out of segment.objects"):
        build_segmenter(SegmentSettings(segmenter="annotations"), {}).segment([photo])


def test_outlines_that_leave_the_photo_by_a_little_are_clipped() -> None:
    assert segment({"segmentation": [rectangle(6, 4, 9.5, 7)]}).union().sum() == 4


def test_somebody_thinner_than_a_pixel_is_still_there() -> None:
    union = segment({"segmentation": [[3.1, 1.1, 3.3, 1.1, 3.3, 3.3]]}).union()
    assert union[1:4, 3].all() and union.sum() == 3


@pytest.mark.parametrize(
    ("annotation", "found"),
    [
        ({"id": 7, "segmentation": [[1, 1, 2, 2]]}, "annotation 7 .* at least 3 points .* 4 numbers"),
        ({"id": 7, "segmentation": [[1, 1, 2, 2, 3, 3, 4]]}, "7 numbers"),
        ({"id": 7, "segmentation": [[]]}, "0 numbers"),
        ({"id": 7, "segmentation": [rectangle(0, 0, 2, 2), [1, 1]]}, "2 numbers"),
        ({"id": 7, "segmentation": [[1, 1, 2, 2, float("nan"), 3]]}, "not a finite number"),
        ({"id": 7, "segmentation": [[1, 1, 2, 2, float("inf"), 3]]}, "not a finite number"),
        ({"id": 7, "segmentation": [[1, 1, 2, "2", 3, 3]]}, "not a finite number"),
        ({"id": 7, "segmentation": [rectangle(0, 0, 640, 480)]}, "far outside the photo of 8 x 6"),
        ({"id": 7, "segmentation": [rectangle(-1e30, 0, 4, 4)]}, "far outside"),
        ({"id": 7, "segmentation": []}, "no segmentation"),
        ({"id": 7}, "no segmentation"),
        ({"id": 7, "segmentation": "1,1,2,2"}, "type str"),
        ({"id": 7, "segmentation": [[1, 1, 2, 2, 3, 3], 7]}, "but it has int"),
        ({"id": 7, "segmentation": {"size": [6, 8], "counts": [48]}}, "mask is empty"),
        ({"id": 7, "segmentation": {"size": [8, 6], "counts": [0, 48]}}, "RLE is 6 x 8 .* photo 8 x 6"),
        ({"segmentation": None}, "annotation number 1"),
        ("person", "it is str"),
    ],
)
def test_a_broken_annotation_refuses_the_photo_by_name_and_id(annotation: Any, found: str) -> None:
    with pytest.raises(PhotoError, match=found) as caught:
        segment(annotation)
    assert caught.value.state == "refused"
    assert caught.value.sentence.startswith("a/b.jpg: ") and caught.value.sentence.endswith(".")


def test_a_photo_that_is_not_listed_is_refused() -> None:
    photo = Photo("id", "new.jpg", np.zeros((2, 2, 3), np.uint8))
    segmenter = build_segmenter(SegmentSettings(segmenter="annotations"), {})
    with pytest.raises(PhotoError, match=r"new\.jpg is not listed in the annotation file"):
        segmenter.segment([photo])


def test_real_annotations_give_cocos_own_masks(shared: Path) -> None:
    from pycocotools.coco import COCO

    coco = COCO(shared / "data/coco-people/annotations/instances_train2017.json")
    checked = 0
    for image in list(coco.imgs.values())[:40]:
        people = [a for a in coco.imgToAnns[image["id"]] if a["category_id"] == 1]
        raw = json.loads(json.dumps(people))
        found = segment(*raw, size=(image["height"], image["width"]))
        for annotation, person in zip(people, found.persons, strict=True):
            np.testing.assert_array_equal(found.mask(person), coco.annToMask(annotation).astype(bool))
            checked += 1
    assert checked > 100


@given(st.lists(arrays(np.float64, (3, 2), elements=st.floats(-3, 23)), min_size=1, max_size=3))
def test_polygons_become_what_they_are_in_the_full_frame(corners: list[np.ndarray]) -> None:
    """As pycocotools draws them, or the pixels touched by what is thinner than those."""
    size = (17, 20)
    (person,) = segment({"segmentation": [p.ravel().tolist() for p in corners]}, size=size).persons
    expected = coco_mask.decode(rle_of_polygons(corners, size)).astype(bool)
    if not expected.any():
        thin = np.zeros(size, np.uint8)
        for p in corners:
            cv2.fillPoly(thin, [np.clip(np.floor(p), 0, [19, 16]).astype(np.int32)], 1)
        expected = thin.astype(bool)
    assert person == Instance.from_mask(expected, 1.0, "annotations")
