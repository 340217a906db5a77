"""`union`: several segmenters look, and whoever any of them sees is a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from configs import SegmentSettings
from data.types import People, Photo, Weight
from detection import SEGMENTERS
from detection.merge import merged
from detection.protocol import Segmenter


class Union:
    """Merges what its members see by IoU and containment; a person's source says who saw it (`yolo+embedded`)."""

    def __init__(self, members: Sequence[Segmenter]) -> None:
        self._members = members

    def segment(self, photos: Sequence[Photo]) -> list[People]:
        """One `People` a photo, the most certain person first; a mask is the union of the members' masks."""
        looks = [member.segment(photos) for member in self._members]
        return [merged(of_one) for of_one in zip(*looks, strict=True)]


def required_weights(settings: SegmentSettings) -> list[str]:
    names = [name for member in settings.union for name in SEGMENTERS[member].weights(settings)]
    return list(dict.fromkeys(names))


def build(settings: SegmentSettings, weights: Mapping[str, Weight]) -> Union:
    return Union([SEGMENTERS[member].build(settings, weights) for member in settings.union])
