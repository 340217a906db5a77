"""Find people: one `Segmenter` protocol, one small file for each way of finding them.

Importing this package is quick: networks and their libraries load when a segmenter is built.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from configs import SegmentSettings, SettingsError
from configs.segmenters import SEGMENTERS
from data.types import Weight
from detection.protocol import Segmenter, SegmenterModule

__all__ = ["SEGMENTERS", "STAGE_VERSION", "Segmenter", "build_member", "build_segmenter"]

STAGE_VERSION = 12
"""Part of every key: raise it when the same photo, settings and weights give other people than before."""


def build_segmenter(settings: SegmentSettings, weights: Mapping[str, Weight]) -> Segmenter:
    """The segmenter of these settings; `weights` holds an entry for each of `settings.required_weights()`. No two
    people that it finds in a photo share a pixel, except in given masks.

    Raises SettingsError, before any photo is read, for settings or weights that cannot be used.
    """
    missing = [name for name in settings.required_weights() if name not in weights]
    if missing:
        raise SettingsError(
            f"segment.segmenter {settings.segmenter} needs the weights {', '.join(missing)}; "
            f"fetch them with: person-removal weights fetch {' '.join(missing)}"
        )
    segmenter = build_member(settings.segmenter, settings, weights)
    if SEGMENTERS[settings.segmenter].disjoint:
        return segmenter
    return import_module("detection.disjoint").Disjoint(segmenter)  # type: ignore[no-any-return]


def build_member(name: str, settings: SegmentSettings, weights: Mapping[str, Weight]) -> Segmenter:
    """The segmenter `name` with these settings, whose people may share pixels."""
    module: SegmenterModule = import_module(SEGMENTERS[name].module)
    return module.build(settings, weights)
