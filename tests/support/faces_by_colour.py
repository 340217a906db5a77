"""Faces that need no network: how red somebody is says who it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from data.types import Pixels
from detection.faces import Face


def vector(*values: float) -> np.ndarray:
    return np.array([*values, *[0.0] * (128 - len(values))])


class ByColour:
    """Stands in for dlib: the person's red is the face."""

    def read(self, pixels: Pixels, box: tuple[float, float, float, float]) -> list[Face]:
        x, y, width, height = (int(value) for value in box)
        red = float(pixels[y : y + height, x : x + width, 0].mean())
        return [] if red < 10 else [Face(x + width / 2, y + height / 2, 20, vector(red / 100))]


def paint(path: Path, box: tuple[int, int, int, int], red: int) -> None:
    pixels = np.asarray(Image.open(path)).copy()
    x, y, width, height = box
    pixels[y : y + height, x : x + width] = (red, 20, 30)
    Image.fromarray(pixels).save(path)
