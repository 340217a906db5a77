"""`yolo`: instance masks from any ultralytics `-seg` model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from configs import SegmentSettings, SettingsError
from configs.segmenters import YoloSettings
from data.rle import BoxMask
from data.types import Instance, People, Photo, Weight
from data.weights.files import trusted
from detection.protocol import Segmenter
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
        passes = self._network.find(pixels, self._settings.score, self._settings.image_size)
        return [people_from_masks(found, photo.size) for photo, found in zip(photos, passes, strict=True)]


def build(settings: SegmentSettings, weights: Mapping[str, Weight]) -> Segmenter:
    """Raises SettingsError, before any photo, for weights that cannot or must not be loaded."""
    own = settings.of(YoloSettings)
    weight = weights[own.weights]
    if weight.path.suffix.lower() not in FORMATS:
        raise SettingsError(f"segment.yolo.weights: {weight.path.name} is none of {', '.join(FORMATS)}.")
    if weight.path.suffix.lower() == ".pt" and not (own.trust or trusted(weight)):
        raise SettingsError(
            f"segment.yolo.weights: {weight.path} is a pickle, which can run code, and is not in the registry; "
            "set segment.yolo.trust=true if you know where it comes from, or give an .onnx or .tflite export."
        )
    network = YoloNetwork(weight.path, "segment", settings.device, own.trust, settings.objects)
    return tiled(Yolo(network, settings), settings, sees=settings.image_size)


def people_from_masks(found: Found, size: tuple[int, int]) -> People:
    """People and things at the photo's full `size` from masks over the whole photo at most of that size.

    A mask without a pixel names nobody and is left out.
    """
    masks = found.masks if found.masks is not None else np.zeros((0, 1, 1), bool)
    each = zip(masks, found.scores, found.labels or ("person",) * len(masks), strict=True)
    return People.of(
        (
            Instance.from_box(mask_at_size(mask, size), size, float(score), SOURCE, label=label)
            for mask, score, label in each
        ),
        size,
    )


def mask_at_size(mask: NDArray[np.bool_], size: tuple[int, int]) -> BoxMask:
    """The mask in its box at `size` (height, width), enlarged with smooth edges."""
    own = BoxMask(0, 0, mask).tight()
    (height, width), (h, w) = size, mask.shape
    if (h, w) == size or not own.mask.size:
        return own
    # One pixel of surroundings, so that edges are interpolated against background.
    x0, y0, x1, y1 = own.box.grown(1).within((h, w))
    top, bottom, left, right = (
        round(y0 * height / h), round(y1 * height / h), round(x0 * width / w), round(x1 * width / w)
    )  # fmt: skip
    part = np.ascontiguousarray(mask[y0:y1, x0:x1]).view(np.uint8) * np.uint8(255)
    large = cv2.resize(part, (right - left, bottom - top), interpolation=cv2.INTER_LINEAR)
    return BoxMask(top, left, large >= 128)
