"""A toy segmenter with a setting of its own: what has the colour of skin is a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from configs import SegmentSettings
from data.types import Instance, People, Photo, Weight
from detection.protocol import Segmenter


class SkinColour:
    def __init__(self, red: int) -> None:
        self.red = red

    def segment(self, photos: Sequence[Photo]) -> list[People]:
        return [self._people(photo) for photo in photos]

    def _people(self, photo: Photo) -> People:
        red, green, blue = np.moveaxis(photo.pixels.astype(int), 2, 0)
        mask = (red >= self.red) & (red > green + 20) & (green > blue)
        return People(photo.size, (Instance.from_mask(mask, 0.9, "skin-colour"),) if mask.any() else ())


def build(settings: SegmentSettings, weights: Mapping[str, Weight]) -> Segmenter:
    return SkinColour(getattr(settings.own("skin-colour"), "red"))  # noqa: B009  (a setting of the entry)
