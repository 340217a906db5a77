"""What `embedded` knows of each place of a person's crop, weighed into one probability.

Logistic regressions: the two mask networks see what stands out (a dog in somebody's arms is a person to
them), the detector knows what a dog is but not where its outline runs. For small people it knows as much
alone. benchmarks/fit_fusion.py fits the coefficients.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

import cv2
import numpy as np
from numpy.typing import NDArray

from data.geometry import Box
from detection.crops import SIDE, Corners, SoftMask
from detection.yolo_network import Cues

Map = NDArray[np.float32]
"""float32 SIDE x SIDE on the grid of a person's square crop."""
SURE = 0.01
"""Probabilities are kept this far from 0 and 1 before their logits are taken."""

SIZES = (1.6, 6.4)
"""Logarithms of the smallest and largest person (square root of the box's area) of the photos that it was fitted on."""


@dataclass(frozen=True)
class Fusion:
    """Coefficients of the regression. features: by the names of `features`; cues: for each of the detector's maps."""

    bias: float
    features: dict[str, float]
    cues: NDArray[np.float32]

    def weighed(self, cues: Cues) -> Cues:
        """The sum of a pass's maps: cues with one map. All finds of the pass share it."""
        return replace(cues, maps=np.tensordot(self.cues, cues.maps, 1).astype(np.float32)[None])

    def logits(self, maps: dict[str, Map | float], weighed: Cues, centred: Box) -> Map:
        """Log odds of a person at each place of the crop. weighed: as `weighed` gives it."""
        flat = self.bias + sum(self.features[k] * v for k, v in maps.items() if isinstance(v, float))
        out = at_crop(weighed.maps[0], weighed, centred) + np.float32(flat)
        for name, value in maps.items():
            if not isinstance(value, float):
                out += np.float32(self.features[name]) * value
        return out


@dataclass(frozen=True)
class Fusions:
    """large: of people whose crop the mask networks see. small: of those whom the detector alone sees."""

    large: Fusion
    small: Fusion


@cache
def fitted() -> Fusions:
    """The coefficients that come with the program."""
    data = json.loads((files("detection") / "fusion.json").read_text(encoding="utf-8"))
    large, small = (
        Fusion(one["bias"], one["features"], np.array(one["cues"], np.float32))
        for one in (data["large"], data["small"])
    )
    return Fusions(large, small)


def features(pose: SoftMask, selfie: SoftMask, box: Corners, score: float, centred: Box) -> dict[str, Map | float]:
    """Maps on the crop's grid, and numbers that hold for all of it: what the mask networks say, and `places`.

    pose, selfie: person probabilities on that grid. box: in the photo's pixels. centred: what the crop shows.
    """
    known = places(box, score, centred)
    size, inside = float(known["size"]), np.asarray(known["outside the box"]) == 0
    of_pose, of_selfie = _logit(pose), _logit(selfie)
    if not inside.any():  # a box thinner than the grid
        inside[:] = True
    mean_pose, mean_selfie = float(pose[inside].mean()), float(selfie[inside].mean())
    return {
        "pose": of_pose,
        "selfie": of_selfie,
        "both": of_pose * of_selfie / np.float32(4),
        "pose where it finds somebody": of_pose * np.float32(mean_pose),
        "selfie where it finds somebody": of_selfie * np.float32(mean_selfie),
        "pose by size": of_pose * np.float32(size - 4),
        "selfie by size": of_selfie * np.float32(size - 4),
        **known,
        "mean pose": mean_pose,
        "mean selfie": mean_selfie,
    }


def places(box: Corners, score: float, centred: Box) -> dict[str, Map | float]:
    """The same of the box alone: where in it a place lies, how large it is and how sure the detector."""
    x0, y0, x1, y1 = box
    width, height = max(x1 - x0, 1.0), max(y1 - y0, 1.0)
    steps = (np.arange(SIDE, dtype=np.float32) + 0.5) / SIDE
    u = ((centred.left + steps * centred.width - (x0 + x1) / 2) * 2 / width).astype(np.float32)[None, :]
    v = ((centred.top + steps * centred.height - (y0 + y1) / 2) * 2 / height).astype(np.float32)[:, None]
    inside = (np.abs(u) <= 1) & (np.abs(v) <= 1)
    size = min(max(float(np.log(width * height) / 2), SIZES[0]), SIZES[1])
    sure = float(score) if score < 1 else 0.999
    whole = np.ones((SIDE, SIDE), np.float32)
    return {
        "x2": u * u * whole,
        "x4": u**4 * whole,
        "y": v * whole,
        "y2": v * v * whole,
        "y4": v**4 * whole,
        "x2 y": u * u * v * whole,
        "x2 y2": u * u * v * v * whole,
        "outside the box": (~inside).astype(np.float32),
        "score": float(np.log(sure / (1 - sure))),
        "size": size,
        "aspect": float(np.log(height / width)),
    }


def at_crop(values: NDArray[np.float32], cues: Cues, centred: Box) -> Map:
    """A map of the detector, or h x w x K of them, on the crop's grid; beyond the photo its border goes on."""
    steps = (np.arange(SIDE) + 0.5) / SIDE
    x = (centred.left + steps * centred.width - 0.5 - cues.x0) / cues.step
    y = (centred.top + steps * centred.height - 0.5 - cues.y0) / cues.step
    columns, rows = np.meshgrid(x.astype(np.float32), y.astype(np.float32))
    out = cv2.remap(values, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return out.astype(np.float32, copy=False)


def _logit(probability: SoftMask) -> Map:
    p = np.clip(probability, SURE, 1 - SURE)
    odds: Map = np.log(p / (1 - p)).astype(np.float32)
    return odds
