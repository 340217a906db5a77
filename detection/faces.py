"""Faces of found people, as numbers that are near one another for one person: dlib's detector, landmarks and ResNet.

King, Dlib-ml: A Machine Learning Toolkit, 2009. Runs on this machine alone, on the CPU; the extra `family`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from configs import SettingsError
from data.types import Pixels, Weight

WEIGHTS = ("face-landmarks", "face-recognition")
SIDE = 800
"""Longer side, in pixels, at which a person is looked at: the face of one who stands is about 100 there."""
ENLARGED = 4.0
"""No person is enlarged more than this much."""
LEAST = 28
"""Smaller faces, in pixels of the photo, say too little about who it is."""

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Face:
    """x, y: its middle, in pixels of the photo; side: of the square around it. vector: float64, 128 numbers; faces of
    one person are mostly nearer than 0.5 (Euclidean), those of two people mostly farther than 0.7."""

    x: float
    y: float
    side: float
    vector: Vector


class FaceReader:
    """Reads faces; built once a process."""

    def __init__(self, weights: Mapping[str, Weight]) -> None:
        """weights: those of `WEIGHTS`, by name. Raises SettingsError where dlib is not installed."""
        try:
            import dlib
        except ImportError:
            raise SettingsError(
                "Faces are read with dlib, which is not installed: pip install 'person-removal[family]' "
                "(from the source tree: pip install -e '.[family]')."
            ) from None
        self._find: Any = dlib.get_frontal_face_detector()
        self._landmarks: Any = dlib.shape_predictor(str(weights["face-landmarks"].path))
        self._network: Any = dlib.face_recognition_model_v1(str(weights["face-recognition"].path))

    def read(self, pixels: Pixels, box: tuple[float, float, float, float]) -> list[Face]:
        """Faces inside a person's box (x, y, width, height), largest first. pixels: upright, uint8 H x W x 3 RGB."""
        x, y, width, height = box
        room = 0.1 * max(width, height)
        left, top = max(0, round(x - room)), max(0, round(y - room))
        crop = pixels[top : round(y + height + room), left : round(x + width + room)]
        if min(crop.shape[:2]) < LEAST:
            return []
        scale = min(SIDE / max(crop.shape[:2]), ENLARGED)
        size = (max(1, round(crop.shape[1] * scale)), max(1, round(crop.shape[0] * scale)))
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        resized = np.ascontiguousarray(cv2.resize(crop, size, interpolation=way), np.uint8)
        faces = []
        for found in self._find(resized, 0):
            side = found.width() / scale
            if side < LEAST:
                continue
            vector = np.array(self._network.compute_face_descriptor(resized, self._landmarks(resized, found)))
            middle = found.center()
            faces.append(Face(left + middle.x / scale, top + middle.y / scale, side, vector))
        return sorted(faces, key=lambda face: -face.side)
