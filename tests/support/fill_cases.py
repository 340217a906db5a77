"""A small scene with a red person in it, as an evaluation of fills makes them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from configs import RefineSettings
from flows.evaluation.pairs import Case, Pair, Silhouette, make_case

PAIR = Pair(1, "scene.png", "person.png", 7, 0.1, (0.5, 0.5))


def scene(seed: int = 0, side: int = 64) -> np.ndarray:
    return np.random.default_rng(seed).integers(60, 200, (side, side, 3), np.uint8)


def case(seed: int = 0, number: int = 1) -> Case:
    red = Silhouette(np.full((24, 12, 3), (220, 20, 30), np.uint8), np.ones((24, 12), bool))
    return make_case(replace(PAIR, number=number), scene(seed), red, RefineSettings(dilate=0, dilate_min=2))
