"""`union`: several segmenters detect, and whoever any of them finds is a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from configs import SegmentSettings
from configs.segmenters import UnionSettings
from data.types import People, Photo, Weight
from detection import build_member
from detection.merge import merged
from detection.protocol import Segmenter


class Union:
    """Merges what its members see by IoU and containment; a person's source says who saw it (`yolo+embedded`)."""

    def __init__(self, members: Sequence[Segmenter]) -> None:
        self._members = members

    def segment(self, photos: Sequence[Photo]) -> list[People]:
        """One `People` a photo, the most certain person first; a mask is the union of the members' masks."""
        passes = [member.segment(photos) for member in self._members]
        return [merged(of_one) for of_one in zip(*passes, strict=True)]


def build(settings: SegmentSettings, weights: Mapping[str, Weight]) -> Union:
    return Union([build_member(name, settings, weights) for name in settings.of(UnionSettings).segmenters])
