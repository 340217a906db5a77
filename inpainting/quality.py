"""How well a filled hole fits its surroundings, by the result alone: to sort photos, worst first."""

from __future__ import annotations

import cv2
import numpy as np

from data.types import Hole, Pixels
from inpainting.metrics import fine_detail, ring_delta_e, seam

AROUND = 16
"""Pixels around the hole that are looked at."""
LARGE = 1_000_000
"""Pixels above which the surroundings are looked at reduced, as they would be on a screen."""


def quality(result: Pixels, hole: Hole) -> dict[str, float]:
    """Figures of the result, uint8 H x W x 3, around its hole, uint8 H x W with 255 = filled, which is not empty.

    seam: mean step of the luminance across the rim, in grey levels. ring_delta_e: mean colour difference (CIE76)
    of what lies on both sides of the rim. texture: fine detail in the hole as a share of that around it; 1 is alike,
    0 is smooth. All three depend on the photo too: they are for sorting, not for judging a photo by itself.
    """
    box = _surroundings(hole)
    result, hole = np.ascontiguousarray(result[box]), np.ascontiguousarray(hole[box])
    if hole.size > LARGE:
        scale = (LARGE / hole.size) ** 0.5
        size = max(1, round(hole.shape[1] * scale)), max(1, round(hole.shape[0] * scale))
        result = np.asarray(cv2.resize(result, size, interpolation=cv2.INTER_AREA), np.uint8)
        hole = np.where(cv2.resize(hole, size, interpolation=cv2.INTER_AREA) >= 128, np.uint8(255), np.uint8(0))
    ring = np.asarray(cv2.dilate(hole, np.ones((2 * AROUND + 1,) * 2, np.uint8)), np.uint8) - hole
    around = fine_detail(result, ring) if ring.any() else 0.0
    within = fine_detail(result, hole) if hole.any() else 0.0
    return {
        "seam": round(seam(result, hole), 3),
        "ring_delta_e": round(ring_delta_e(result, hole), 3),
        "texture": round(within / around if around else 1.0, 3),
    }


def _surroundings(hole: Hole) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(hole.any(1)), np.flatnonzero(hole.any(0))
    return (
        slice(max(0, int(rows[0]) - AROUND), int(rows[-1]) + 1 + AROUND),
        slice(max(0, int(columns[0]) - AROUND), int(columns[-1]) + 1 + AROUND),
    )
