"""What every segmenter is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from configs import SegmentSettings
from data.types import People, Photo, Weight


class Segmenter(Protocol):
    """Finds people. Built once per process, may hold a network."""

    def segment(self, photos: Sequence[Photo]) -> list[People]:
        """One `People` a photo, in order; masks at the photo's full size.

        Raises PhotoError for a photo whose given masks cannot be used.
        """
        ...


class SegmenterModule(Protocol):
    """What the file of a segmenter offers."""

    def build(self, settings: SegmentSettings, weights: Mapping[str, Weight]) -> Segmenter:
        """The segmenter. weights: those of `settings.required_weights()`, by name.

        Raises SettingsError, before any photo is read, for settings or weights that cannot be used.
        """
        ...
