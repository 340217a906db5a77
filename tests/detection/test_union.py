"""`union`: whoever one of several segmenters sees."""

from collections.abc import Sequence

import numpy as np
import pytest
from pydantic import ValidationError

from configs import SegmentSettings
from data.types import Instance, People, Photo
from detection.union import Union


class Sees:
    """A segmenter that sees the same boxes (x, y, width, height, score) in every photo."""

    def __init__(self, name: str, *boxes: tuple[int, int, int, int, float]) -> None:
        self._name = name
        self._boxes = boxes

    def segment(self, photos: Sequence[Photo]) -> list[People]:
        return [People(photo.size, tuple(self._person(photo, *box) for box in self._boxes)) for photo in photos]

    def _person(self, photo: Photo, x: int, y: int, w: int, h: int, score: float) -> Instance:
        mask = np.zeros(photo.size, bool)
        mask[y : y + h, x : x + w] = True
        return Instance.from_mask(mask, score, self._name)


def test_everyone_whom_any_member_sees_once() -> None:
    yolo = Sees("yolo", (2, 2, 4, 8, 0.6), (20, 2, 4, 8, 0.4))
    embedded = Sees("embedded", (2, 2, 5, 8, 0.9), (10, 2, 4, 8, 0.3), (20, 2, 4, 3, 0.2))
    photos = [Photo(name, name, np.zeros((12, 30, 3), np.uint8)) for name in ("a", "b")]
    first, second = Union([yolo, embedded]).segment(photos)
    assert [(p.bbox, p.score, p.source) for p in first.persons] == [
        ((2.0, 2.0, 5.0, 8.0), 0.9, "yolo+embedded"),
        ((20.0, 2.0, 4.0, 8.0), 0.4, "yolo+embedded"),  # one saw only a part
        ((10.0, 2.0, 4.0, 8.0), 0.3, "embedded"),
    ]
    assert first == second


@pytest.mark.parametrize("members", [(), ("yolo", "yolo"), ("annotations",), ("union",)])
def test_members_that_make_no_sense(members: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError, match="union"):
        SegmentSettings.model_validate({"segmenter": "union", "union": {"segmenters": members}})
