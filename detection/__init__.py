"""Find people: one `Segmenter` protocol, one small file for each way of finding them.

Importing this package is quick: networks and their libraries load when a segmenter is built.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from configs import GIVEN_MASKS, SegmentSettings, SettingsError
from data.types import Weight
from detection.protocol import Builder, Segmenter, SegmenterModule

__all__ = ["SEGMENTERS", "STAGE_VERSION", "Segmenter", "build_segmenter", "builder", "required_weights"]

STAGE_VERSION = 10
"""Part of every key: raise it when the same photo, settings and weights give other people than before."""


def builder(module: str) -> Builder:
    """The builder of a segmenter's module, which is imported when it is first asked for."""

    def imported() -> SegmenterModule:
        return import_module(module)

    return Builder(
        weights=lambda settings: imported().required_weights(settings),
        build=lambda settings, weights: imported().build(settings, weights),
    )


SEGMENTERS: dict[str, Builder] = {
    "yolo": builder("detection.yolo"),
    "maskrcnn": builder("detection.maskrcnn"),
    "annotations": builder("detection.annotations"),
    "mask-files": builder("detection.mask_files"),
    "embedded": builder("detection.embedded"),
    "union": builder("detection.union"),
}
"""Builder of each segmenter by the name that `segment.segmenter` uses; its file is imported when it is asked for."""


def required_weights(settings: SegmentSettings) -> list[str]:
    """Registry names, or paths, of the weights that the segmenter of these settings needs."""
    return SEGMENTERS[settings.segmenter].weights(settings)


def build_segmenter(settings: SegmentSettings, weights: Mapping[str, Weight]) -> Segmenter:
    """The segmenter of these settings; `weights` holds an entry for each of `required_weights`. No two people that it
    finds in a photo share a pixel, except in given masks.

    Raises SettingsError, before any photo is read, for settings or weights that cannot be used.
    """
    missing = [name for name in required_weights(settings) if name not in weights]
    if missing:
        raise SettingsError(
            f"segment.segmenter {settings.segmenter} needs the weights {', '.join(missing)}; "
            f"fetch them with: person-removal weights fetch {' '.join(missing)}"
        )
    segmenter = SEGMENTERS[settings.segmenter].build(settings, weights)
    if settings.segmenter in (*GIVEN_MASKS, "embedded"):  # an annotator's word; and `embedded` knows better than boxes
        return segmenter
    return import_module("detection.disjoint").Disjoint(segmenter)  # type: ignore[no-any-return]
