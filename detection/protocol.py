"""What every segmenter is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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

    def required_weights(self, settings: SegmentSettings) -> list[str]:
        """Registry names, or paths, of the weights files that it needs; empty for none."""
        ...

    def build(self, settings: SegmentSettings, weights: Mapping[str, Weight]) -> Segmenter:
        """The segmenter. weights: those it asked for, by the name it asked with.

        Raises SettingsError, before any photo is read, for settings or weights that cannot be used.
        """
        ...


@dataclass(frozen=True)
class Builder:
    """Both of a `SegmenterModule`'s functions."""

    weights: Callable[[SegmentSettings], list[str]]
    build: Callable[[SegmentSettings, Mapping[str, Weight]], Segmenter]
