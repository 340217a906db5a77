"""The segmenter of docs/adding-a-segmenter.md: any TorchScript network that maps an image to person probabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from configs import SegmentSettings, SettingsError
from configs.methods import Frozen
from data.rle import BoxMask
from data.types import Instance, People, Photo, Weight
from detection.protocol import Segmenter
from detection.tiles import tiled

SOURCE = "probability-map"
SEES = 512
"""Longer side, in pixels, of what the network was trained on: larger photos are looked at in tiles too."""


class ProbabilityMapSettings(Frozen):
    weights: str | None = None
    """TorchScript file that maps an image to person probabilities."""


class ProbabilityMap:
    """A person for each connected part of the map above one half."""

    def __init__(self, network: Any) -> None:
        self._network = network

    def segment(self, photos: Sequence[Photo]) -> list[People]:
        """One `People` a photo, in order; masks at the photo's full size."""
        return [self._people(photo) for photo in photos]

    def _people(self, photo: Photo) -> People:
        found = self._map(photo) > 0.5
        count, labels, stats, _ = cv2.connectedComponentsWithStats(found.astype(np.uint8))
        persons = []
        for i in range(1, count):
            x, y, w, h = stats[i, :4].tolist()
            part = BoxMask(y, x, labels[y : y + h, x : x + w] == i)
            persons.append(Instance.from_box(part, photo.size, 1.0, SOURCE))
        return People.of(persons, photo.size)

    def _map(self, photo: Photo) -> NDArray[np.float32]:
        """Probability of a person, float32 H x W."""
        import torch  # when a photo is there: it takes seconds

        with torch.inference_mode():
            image = torch.tensor(photo.pixels).permute(2, 0, 1)[None] / 255  # 1 x 3 x H x W, RGB in 0..1
            out: NDArray[np.float32] = self._network(image)[0, 0].numpy()  # 1 x 1 x H x W
        return out


def build(settings: SegmentSettings, weights: Mapping[str, Weight]) -> Segmenter:
    import torch

    path = weights[str(settings.of(ProbabilityMapSettings).weights)].path
    try:
        network = torch.jit.load(str(path), map_location="cpu")  # type: ignore[no-untyped-call]
    except RuntimeError as error:
        raise SettingsError(f"segment.probability_map.weights: {path} is not a TorchScript file.") from error
    return tiled(ProbabilityMap(network.eval()), settings, sees=SEES)
