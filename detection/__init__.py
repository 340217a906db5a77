"""Find people: one `Segmenter` protocol, one small file for each way of finding them.

Importing this package is quick: networks and their libraries load when a segmenter is built.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from configs import SegmentSettings, SettingsError
from data.types import Weight
from detection.protocol import Builder, Segmenter

__all__ = ["SEGMENTERS", "STAGE_VERSION", "Segmenter", "build_segmenter", "required_weights"]

STAGE_VERSION = 2
"""Part of every result's key: raise it when the same settings find other pixels than before."""


def _lazily(module: str) -> Builder:
    def build(settings: SegmentSettings, weights: Mapping[str, Weight]) -> Segmenter:
        builder: Builder = import_module(f"detection.{module}").build
        return builder(settings, weights)

    return build


SEGMENTERS: dict[str, Builder] = {
    "annotations": _lazily("annotations"),
    "embedded": _lazily("embedded"),
    "mask-files": _lazily("mask_files"),
    "yolo": _lazily("yolo"),
}
"""Builder of each segmenter by the name that `segment.segmenter` uses."""

_WEIGHTS = {"embedded": ["yolov8n", "selfie-segmentation", "pose-landmark-full"]}
_DEFAULT_YOLO = "yolo11n-seg"


def required_weights(settings: SegmentSettings) -> list[str]:
    """Registry names, or paths, of the weights that the segmenter of these settings needs."""
    if settings.segmenter == "yolo":
        return [settings.weights or _DEFAULT_YOLO]
    return list(_WEIGHTS.get(settings.segmenter, []))


def build_segmenter(settings: SegmentSettings, weights: Mapping[str, Weight]) -> Segmenter:
    """The segmenter of these settings; `weights` holds an entry for each of `required_weights`.

    Raises SettingsError, before any photo is read, for settings or weights that cannot be used.
    """
    missing = [name for name in required_weights(settings) if name not in weights]
    if missing:
        raise SettingsError(
            f"segment.segmenter {settings.segmenter} needs the weights {', '.join(missing)}; "
            f"fetch them with: person-removal weights fetch {' '.join(missing)}"
        )
    return SEGMENTERS[settings.segmenter](settings, weights)
