"""Cast shadows: ground at somebody's feet that is darker than the ground around it and otherwise like it.

Classical and careful: a wrong extension gives up good photo, a missing one leaves a dark patch. So a shadow is taken
only from people who stand in the photo with their feet, where the dark ground hangs on the feet, ends nearby, is even,
no larger than the person or a little more, and ends in a step of brightness without a change of colour.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from data.types import Pixels
from masks.morphology import Mask, distance

FEET = 0.2
"""The lowest share of a person's height that counts as feet."""
LEAST_SIZE, UPRIGHT = 24.0, 1.5
"""A person of fewer pixels of size, or less tall against the width, says nothing about where its feet are."""
AROUND, REACH = 1.2, 2.0
"""How far from the feet the ground to compare with, and the end of a shadow, may lie, in sizes of the person."""
LIT = 65.0
"""Percentile of the ground's brightness that is taken for lit ground."""
DARKER, DARKEST = 0.25, 2.0
"""Least and most difference between lit and shaded ground, in natural logarithms of linear brightness."""
CHROMA = 0.05
"""Most difference in chromaticity (r, g and b as shares of their sum); the sky makes shadows a little bluer."""
SMALLEST, LARGEST = 0.02, 1.2
"""Area of a shadow as shares of the person's."""
UNEVEN = 0.3
"""Most standard deviation of a shadow's brightness (logarithm), its edge apart."""
STEP, SHARP = 0.15, 0.6
"""Least step in brightness (logarithm) across the edge, and the share of the edge that has it, with the same colour on
both sides."""

Brightness = NDArray[np.float32]


def cast_shadow(pixels: Pixels, person: Mask, everyone: Mask) -> Mask | None:
    """The person's shadow, bool H x W, or None where there is none or it is unsure.

    pixels: uint8 H x W x 3 RGB, upright. person: bool H x W. everyone: bool H x W, what is no ground: people, things.
    """
    size = math.sqrt(np.count_nonzero(person))
    if size < LEAST_SIZE:
        return None
    rows, columns = np.flatnonzero(person.any(1)), np.flatnonzero(person.any(0))
    tall, wide = int(rows[-1] - rows[0]), int(columns[-1] - columns[0])
    if tall < UPRIGHT * wide or rows[-1] >= person.shape[0] - 3:  # lies, sits, or has its feet outside the photo
        return None
    feet_top, margin = int(rows[-1] - FEET * tall), math.ceil((REACH + 0.3) * size)
    top, left = max(0, feet_top - margin), max(0, int(columns[0]) - margin)
    box = slice(top, int(rows[-1]) + 1 + margin), slice(left, int(columns[-1]) + 1 + margin)
    feet = person[box].copy()
    feet[: feet_top - top] = False
    ground = cv2.dilate(everyone[box].view(np.uint8), np.ones((3, 3), np.uint8)) == 0
    found = _dark_ground(pixels[box], np.asarray(ground), distance(feet), size)
    if found is None:
        return None
    out = np.zeros(person.shape, bool)
    out[box] = found
    return out


def _dark_ground(pixels: Pixels, ground: Mask, away: NDArray[np.float32], size: float) -> Mask | None:
    """away: distance to the feet in pixels."""
    near = ground & (away <= AROUND * size)
    if np.count_nonzero(near) < 100:
        return None
    linear = (cv2.blur(pixels, (3, 3)).astype(np.float32) / 255) ** 2.2 + np.float32(1e-3)
    total = linear.sum(2)
    bright: Brightness = np.log(total / 3)
    lit = float(np.percentile(bright[near], LIT))
    chroma = linear / total[..., None]
    usual = np.median(chroma[near & (np.abs(bright - lit) < DARKER)], axis=0)
    alike = np.abs(chroma - usual).max(2) <= CHROMA
    dark = (ground & alike & (bright < lit - DARKER) & (bright > lit - DARKEST)).astype(np.uint8)
    dark = cv2.morphologyEx(dark, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    dark = cv2.morphologyEx(dark, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8)) * ground.view(np.uint8)
    _, labels = cv2.connectedComponents(dark, connectivity=8)
    at_feet = np.unique(labels[(away <= max(4.0, 0.06 * size)) & (dark > 0)])
    shadow = np.isin(labels, at_feet[at_feet > 0])
    return shadow if _is_sure(shadow, bright, alike, ground, away, size) else None


def _is_sure(
    shadow: Mask, bright: Brightness, alike: Mask, ground: Mask, away: NDArray[np.float32], size: float
) -> bool:
    area = np.count_nonzero(shadow)
    if not SMALLEST * size**2 <= area <= LARGEST * size**2 or away[shadow].max() > REACH * size:
        return False
    core = cv2.erode(shadow.view(np.uint8), np.ones((3, 3), np.uint8)) > 0  # its edge is half lit
    if not core.any() or bright[core].std() > UNEVEN:
        return False
    weight = shadow.astype(np.float32)
    inside = cv2.boxFilter(bright * weight, -1, (9, 9)) / np.maximum(cv2.boxFilter(weight, -1, (9, 9)), 1e-6)
    edge = (cv2.dilate(shadow.view(np.uint8), np.ones((5, 5), np.uint8)) > 0) & ~shadow & ground
    if not edge.any():
        return False
    steps, same = (bright - inside)[edge] > STEP, alike[edge]
    return bool(steps.mean() >= SHARP and same.mean() >= SHARP)
