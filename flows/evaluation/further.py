"""Figures of fills that need networks: those whose weights are on this machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from configs import Settings
from data.types import Pixels
from data.weights.files import MissingWeightsError, find
from detection.yolo_network import YoloNetwork
from flows.evaluation.fills import FIGURES, Measure
from flows.evaluation.judged_run import build_verifier
from flows.evaluation.pairs import Case
from flows.evaluation.perceptual import load_lpips
from flows.evaluation.removal import lies_inside, masks_from
from flows.stages.segment import detect
from inpainting.invention import surroundings

NETWORK = "yolov8n"
LAYERS = (0, 1, 2, 4, 6)
"""YOLOv8's layers whose features are compared: every stage of its backbone but the last, from edges to parts."""
FOUND = 0.25
"""Least score of a person who is found in a hole."""
LOOKER = "embedded"
_SIDE = 512
_CELLS = 32
"""Pixels of a cell of the coarsest of YOLOv8's layers: the sides of what it sees are multiples."""


def further_figures(
    settings: Settings, lpips: Path | None, verifier: str | None, say: Callable[[str], None]
) -> dict[str, Measure]:
    """The figures that can be taken here, by name. lpips: file of such a network. verifier: who searches for people in
    holes, as `NAME[:FILE]`; None is `embedded`, where its weights are here. say: is told what is left out.

    Raises InputError, SettingsError, WeightsError for what was named and is not there.
    """
    out: dict[str, Measure] = {}
    if lpips:
        distance = load_lpips(lpips)
        out["lpips"] = lambda result, case: distance(result, case.truth)
    builders: dict[str, Callable[[], Measure]] = {
        "yolo_features": yolo_features,
        "person": lambda: person_found(verifier or LOOKER, settings),
    }
    for name, build in builders.items():
        try:
            out[name] = build()
        except MissingWeightsError as error:
            if name == "person" and verifier:
                raise
            say(f"{FIGURES[name].title}: left out. {error}")
    return out


def yolo_features() -> Measure:
    """The distance of YOLOv8n's features in the hole from the truth's, made like LPIPS (Zhang et al. 2018, eq. 1) but
    with a detector's features and without learned weights: features of unit length at every place, squared
    differences summed over channels, averaged over the hole and over the layers.

    Raises MissingWeightsError.
    """
    network = YoloNetwork(find(NETWORK).path, "detect", "cpu")

    def distance(result: Pixels, case: Case) -> float:
        box = surroundings(case.hole, 0.25, 16)
        shape = _window_shape(case.hole[box].shape)
        inside = _resized((case.hole[box] != 0).astype(np.float32), shape)
        windows = (np.asarray(_resized(image[box], shape), np.uint8) for image in (result, case.truth))
        maps = (network.features(image, LAYERS) for image in windows)
        return float(np.mean([_apart(a, b, inside) for a, b in zip(*maps, strict=True)]))

    return distance


def _window_shape(shape: tuple[int, ...]) -> tuple[int, int]:
    """Height and width at which a window of this shape is looked at: at most `_SIDE` pixels long, in whole cells."""
    scale = min(1.0, _SIDE / max(shape))
    height, width = (max(_CELLS, round(side * scale / _CELLS) * _CELLS) for side in shape)
    return height, width


def _resized(image: NDArray[np.float32] | NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.float32]:
    return np.asarray(cv2.resize(image, shape[::-1], interpolation=cv2.INTER_AREA))


def _apart(one: NDArray[np.float32], other: NDArray[np.float32], inside: NDArray[np.float32]) -> float:
    """Mean squared difference of two maps of features, C x h x w, over what lies inside, a share of each pixel."""
    weight = _resized(inside, one.shape[1:])
    one, other = (maps / np.sqrt(np.square(maps).sum(0) + 1e-6) for maps in (one, other))
    return float((np.square(one - other).sum(0) * weight).sum() / weight.sum())


def person_found(spec: str, settings: Settings) -> Measure:
    """100 where the segmenter `NAME[:FILE]` finds a person mostly in the hole, else 0.

    Raises InputError, SettingsError, WeightsError.
    """
    verifier = build_verifier(spec, settings)

    def found(result: Pixels, case: Case) -> float:
        people = detect(verifier.network, case.pair.scene, result)
        return 100.0 * any(lies_inside(mask, case.hole > 0) for mask in masks_from(people, FOUND))

    return found
