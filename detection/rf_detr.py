"""`rf-detr`: RF-DETR-Seg as its authors export it to ONNX. Not AGPL; one look at a small square, no suppression."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from configs import SegmentSettings, SettingsError
from configs.segmenters import RfDetrSettings
from data.rle import NOTHING, BoxMask
from data.types import Instance, People, Photo, Pixels, Weight
from data.weights.onnx import open_session, signature
from detection.coco_classes import coco_names
from detection.protocol import Segmenter
from detection.tiles import tiled

SOURCE = "rf-detr"
SETTING = "segment.rf_detr.weights"
MEAN, DEVIATION = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)
"""ImageNet's, of RGB in 0..1: what the network takes."""
CLASSES = 91
"""Of COCO, by their numbers in its annotations; 1 is the person."""
PERSON = 1


@dataclass(frozen=True)
class Network:
    """session: onnxruntime's. side: of the square that it takes. outputs: names of scores and masks, in this order."""

    session: Any
    side: int
    outputs: tuple[str, str]

    def __call__(self, image: Pixels) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Logits of the classes, float32 Q x 91, and of the masks over the whole image, float32 Q x h x w.

        image: uint8 H x W x 3 RGB of any size, stretched to the square.
        """
        # Bilinear even where the square is much smaller, as in its training: a smoother picture lowers its scores.
        square = cv2.resize(image, (self.side, self.side), interpolation=cv2.INTER_LINEAR).astype(np.float32) / 255
        x = np.ascontiguousarray(((square - MEAN) / DEVIATION).transpose(2, 0, 1)[None], np.float32)
        labels, masks = self.session.run(list(self.outputs), {self.session.get_inputs()[0].name: x})
        return labels[0], masks[0]


class RfDetr:
    """Segments persons; a photo at a time, so that results never depend on the company."""

    def __init__(self, network: Network, settings: SegmentSettings) -> None:
        self._network = network
        self._score = settings.score
        self._things = {number: name for number, name in coco_names().items() if name in settings.objects}

    def segment(self, photos: Sequence[Photo]) -> list[People]:
        """One `People` a photo with the things wanted, the most certain first; masks at the photo's full size."""
        return [People.of(self._found(photo), photo.size) for photo in photos]

    def _found(self, photo: Photo) -> Iterator[Instance | None]:
        logits, masks = self._network(photo.pixels)
        scores = 1 / (1 + np.exp(-logits.astype(np.float64)))  # each class by itself: they do not share a whole
        numbers = [PERSON, *self._things]
        # A query that may be a person is one, whatever else it may be: a missed person is worse than a larger hole.
        best = np.where(scores[:, PERSON] >= self._score, 0, scores[:, numbers].argmax(axis=1))
        certain = scores[np.arange(len(scores)), np.take(numbers, best)]
        for query in np.argsort(-certain, kind="stable"):
            if certain[query] < self._score:
                return
            number = numbers[best[query]]
            label = "person" if number == PERSON else self._things[number]
            mask = mask_at_size(masks[query], photo.size)
            yield Instance.from_box(mask, photo.size, float(certain[query]), SOURCE, label=label)


def mask_at_size(logits: NDArray[np.float32], size: tuple[int, int]) -> BoxMask:
    """The mask in its box at `size` (height, width).

    logits: float32 h x w over the whole photo, enlarged bilinearly (half-pixel centres) and cut at 0, as the authors
    do, but in the box alone.
    """
    above = logits > 0
    rows, columns = np.flatnonzero(above.any(1)), np.flatnonzero(above.any(0))
    if not rows.size:
        return NOTHING
    (height, width), (h, w) = size, logits.shape
    (top, above_rows, below_rows, down) = _steps(rows, h, height)
    (left, before, behind, across) = _steps(columns, w, width)
    tall = logits[above_rows] * (1 - down[:, None]) + logits[below_rows] * down[:, None]
    return BoxMask(top, left, tall[:, before] * (1 - across) + tall[:, behind] * across > 0)


def _steps(at: NDArray[np.intp], grid: int, size: int) -> tuple[int, Any, Any, NDArray[np.float32]]:
    """The first position of a photo's axis that a mask at the grid's positions `at` can reach; and for it and those
    behind it: grid positions before and behind, and how far it lies towards the latter."""
    scale = size / grid
    # Between a grid point above 0 and its neighbour below, part of the way is above.
    first, last = max(0, int((at[0] - 0.5) * scale) - 1), min(size, int((at[-1] + 1.5) * scale) + 2)
    centre = np.clip((np.arange(first, last) + 0.5) / scale - 0.5, 0, grid - 1)
    before = centre.astype(np.intp)
    return first, before, np.minimum(before + 1, grid - 1), (centre - before).astype(np.float32)


def build(settings: SegmentSettings, weights: Mapping[str, Weight]) -> Segmenter:
    """Raises SettingsError, before any photo, for a file that is not this network."""
    network = load_network(weights[settings.of(RfDetrSettings).weights].path)
    return tiled(RfDetr(network, settings), settings, sees=network.side)


def load_network(path: Path) -> Network:
    """The network in a file. Raises SettingsError for another one."""
    if path.suffix.lower() != ".onnx":
        raise SettingsError(
            f"{SETTING}: {path.name} is no .onnx file; `model.export()` of the package rfdetr makes one of a .pth."
        )
    session = open_session(path, SETTING)
    inputs, outputs = session.get_inputs(), session.get_outputs()
    shape = inputs[0].shape
    square = (
        len(inputs) == 1 and len(shape) == 4 and shape[1] == 3 and isinstance(shape[2], int) and shape[2] == shape[3]
    )
    masks = [one for one in outputs if len(one.shape) == 4]
    labels = [one for one in outputs if len(one.shape) == 3 and one.shape[2] == CLASSES]
    if not square or len(masks) != 1 or len(labels) != 1 or masks[0].shape[1] != labels[0].shape[1]:
        raise SettingsError(
            f"{SETTING}: {path.name} takes {signature(inputs)} and gives {signature(outputs)}; an RF-DETR-Seg network "
            f"takes [1, 3, S, S] and gives boxes [1, Q, 4], labels [1, Q, {CLASSES}] and masks [1, Q, h, w]."
        )
    network = Network(session, shape[2], (labels[0].name, masks[0].name))
    try:
        made = network(np.zeros((network.side, network.side, 3), np.uint8))
    except Exception as error:  # a strange network can fail in any way
        reason = (str(error).strip().splitlines() or [type(error).__name__])[-1]
        raise SettingsError(f"{SETTING}: {path.name} fails on a black picture ({reason}).") from error
    if not all(np.isfinite(part).all() for part in made):
        raise SettingsError(f"{SETTING}: {path.name} gives NaN or infinite values.")
    return network
