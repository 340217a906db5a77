"""`yolo`: instance masks from any ultralytics `-seg` model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from configs import SegmentSettings, SettingsError
from data.types import People, Photo, Weight
from data.weights.files import trusted
from detection.protocol import Segmenter
from detection.rle import Placed, people_in_boxes
from detection.tiles import tiled
from detection.yolo_network import Found, YoloNetwork

SOURCE = "yolo"
FORMATS = (".pt", ".onnx", ".tflite")


class Yolo:
    """Segments persons; on a CPU photos go through one by one, so that a result never depends on its batch."""

    def __init__(self, network: YoloNetwork, settings: SegmentSettings) -> None:
        self._network = network
        self._settings = settings

    def segment(self, photos: Sequence[Photo]) -> list[People]:
        """One `People` a photo with the things of `segment.objects`, the most certain first; masks at its full size."""
        pixels = [photo.pixels for photo in photos]
        looks = self._network.find(pixels, self._settings.score, self._settings.image_size)
        return [people_from_masks(found, photo.size) for photo, found in zip(photos, looks, strict=True)]


def required_weights(settings: SegmentSettings) -> list[str]:
    return [settings.weights or "yolo11n-seg"]


def build(settings: SegmentSettings, weights: Mapping[str, Weight]) -> Segmenter:
    """Raises SettingsError, before any photo, for weights that cannot or must not be loaded."""
    (name,) = required_weights(settings)
    weight = weights[name]
    if weight.path.suffix.lower() not in FORMATS:
        raise SettingsError(f"segment.weights: {weight.path.name} is none of {', '.join(FORMATS)}.")
    if weight.path.suffix.lower() == ".pt" and not (settings.trust or trusted(weight)):
        raise SettingsError(
            f"segment.weights: {weight.path} is a pickle, which can run code, and is not in the registry; "
            "set segment.trust=true if you know where it comes from, or give an .onnx or .tflite export."
        )
    network = YoloNetwork(weight.path, "segment", settings.device, settings.trust, settings.objects)
    return tiled(Yolo(network, settings), settings, sees=settings.image_size)


def people_from_masks(found: Found, size: tuple[int, int]) -> People:
    """People and things at the photo's full `size` from masks over the whole photo at most of that size.

    A mask without a pixel names nobody and is left out.
    """
    masks = found.masks if found.masks is not None else np.zeros((0, 1, 1), bool)
    each = zip(masks, found.scores, found.labels or ("person",) * len(masks), strict=True)
    placed = ((mask_at_size(mask, size), float(score), label) for mask, score, label in each)
    return people_in_boxes(placed, size, SOURCE)


def mask_at_size(mask: NDArray[np.bool_], size: tuple[int, int]) -> Placed | None:
    """(mask within its box, x, y) at `size` (height, width), enlarged with smooth edges; None if empty."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not rows.size:
        return None
    (height, width), (h, w) = size, mask.shape
    y0, y1, x0, x1 = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    if (h, w) == size:
        return mask[y0:y1, x0:x1], x0, y0
    # One pixel of surroundings, so that edges are interpolated against background.
    y0, y1, x0, x1 = max(y0 - 1, 0), min(y1 + 1, h), max(x0 - 1, 0), min(x1 + 1, w)
    top, bottom, left, right = (
        round(y0 * height / h), round(y1 * height / h), round(x0 * width / w), round(x1 * width / w)
    )  # fmt: skip
    part = np.ascontiguousarray(mask[y0:y1, x0:x1]).view(np.uint8) * np.uint8(255)
    large = cv2.resize(part, (right - left, bottom - top), interpolation=cv2.INTER_LINEAR)
    return large >= 128, left, top
