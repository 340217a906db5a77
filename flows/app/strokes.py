"""What a hand drew on the photo: brush strokes that add to the hole or take from it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

import cv2
import numpy as np

from data.errors import InputError
from data.types import Hole

MOST_POINTS = 100_000
"""In all strokes of a photo together; a hand draws some hundred a stroke."""


@dataclass(frozen=True)
class Stroke:
    """removes: whether it adds to the hole or takes from it. radius: of the brush, as a share of the photo's width.
    points: (x, y) where the brush went, as shares of the photo's width and height."""

    removes: bool
    radius: float
    points: tuple[tuple[float, float], ...]


def draw(hole: Hole, strokes: Sequence[Stroke]) -> Hole:
    """The hole, uint8 H x W, after the strokes, in order: the last one over a place counts."""
    out = hole.copy()
    height, width = hole.shape
    for stroke in strokes:
        # Pixel centres lie at halves of the photo's frame, at whole numbers of OpenCV's.
        path = np.rint(np.array(stroke.points) * (width, height) - 0.5).astype(np.int32)
        radius = max(1, round(stroke.radius * width))
        colour = 255 if stroke.removes else 0
        cv2.polylines(out, [path], isClosed=False, color=colour, thickness=2 * radius)  # 2 r + 1 pixels wide
        for end in (path[0], path[-1]):  # a point has no line
            cv2.circle(out, end.tolist(), radius, colour, thickness=-1)
    return out


class StrokeJson(TypedDict):
    """A stroke as the page sends it; nothing of it is checked yet. points: x1, y1, x2, y2, ..."""

    removes: bool
    radius: float
    points: list[float]


def parse_strokes(data: Sequence[StrokeJson]) -> tuple[Stroke, ...]:
    """Strokes as the page sends them: `[{"removes": bool, "radius": r, "points": [x1, y1, x2, y2, ...]}, ...]`.

    Raises InputError for anything else, and for more than `MOST_POINTS` points.
    """
    try:
        strokes = tuple(
            Stroke(
                bool(one["removes"]),
                min(1.0, _number(one["radius"])),
                tuple((_number(x), _number(y)) for x, y in zip(one["points"][::2], one["points"][1::2], strict=True)),
            )
            for one in data
        )
    except (TypeError, KeyError, ValueError, IndexError):
        raise InputError("The brush strokes could not be read; undo the last one, or drop the photo again.") from None
    if sum(len(stroke.points) for stroke in strokes) > MOST_POINTS:
        raise InputError("These are more brush strokes than the page can take; undo some and use a larger brush.")
    return tuple(stroke for stroke in strokes if stroke.points)


def _number(value: float) -> float:
    number = float(value)
    if not math.isfinite(number) or abs(number) > 10:
        raise ValueError(value)
    return number
