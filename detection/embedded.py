"""`embedded`: people without a segmentation network of their own.

Person boxes from YOLOv8n, then for each person a square crop through two small networks that mask the
person in the middle of a picture: MediaPipe's selfie segmentation, and the mask output of its pose
landmarks. All three files stand inside wheels on the package index.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from configs import SegmentSettings
from data.types import People, Person, Photo, Pixels, Weight
from detection.litert import LitertNetwork
from detection.rle import person_in_box
from detection.yolo_network import YoloNetwork

SOURCE = "embedded"

SIDE = 256
"""Side in pixels of the crop that the networks see."""
CROP = 1.25
"""Side of the crop as a multiple of the box's longer side."""
THRESHOLD = 0.25
"""Least mean of the two networks' probabilities for a pixel to be the person's."""
CLIP = 0.1
"""A mask may leave its box by this share of the box's width and height."""

Probability = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Person probability, float32 SIDE x SIDE in 0..1, of an RGB crop, float32 SIDE x SIDE x 3 in 0..1."""
Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels, edges of pixels at whole numbers."""


class Embedded:
    """Boxes, then a mask for each box; photos and crops one at a time, so results never depend on a batch."""

    def __init__(self, detector: YoloNetwork, probability: Probability, settings: SegmentSettings) -> None:
        self._detector = detector
        self._probability = probability
        self._settings = settings

    def segment(self, photos: Sequence[Photo]) -> list[People]:
        """One `People` a photo, the most certain person first; masks at the photo's full size."""
        return [self._people(photo) for photo in photos]

    def _people(self, photo: Photo) -> People:
        found = self._detector.find(photo.pixels, self._settings.score, self._settings.image_size)
        persons = (
            _person(photo.pixels, tuple(box), score, self._probability)
            for box, score in zip(found.boxes.tolist(), found.scores.tolist(), strict=True)
        )
        return People(photo.size, tuple(p for p in persons if p is not None))


def build(settings: SegmentSettings, weights: Mapping[str, Weight]) -> Embedded:
    detector = YoloNetwork(weights["yolov8n"].path, "detect", settings.device)
    selfie = LitertNetwork(weights["selfie-segmentation"].path)
    pose = LitertNetwork(weights["pose-landmark-full"].path)

    def probability(crop: NDArray[np.float32]) -> NDArray[np.float32]:
        odds = np.exp(-np.clip(pose(crop), -50, 50))  # selfie gives probabilities, pose gives logits
        return ((selfie(crop) + 1 / (1 + odds)) / 2).astype(np.float32)

    return Embedded(detector, probability, settings)


def _person(pixels: Pixels, box: Box, score: float, probability: Probability) -> Person | None:
    size = pixels.shape[0], pixels.shape[1]
    left, top, right, bottom = outline(box, size)
    if right <= left or bottom <= top:
        return None
    x, y, side = square(box)
    soft = probability(crop(pixels, x, y, side))
    whole = cv2.resize(soft, (side, side), interpolation=cv2.INTER_LINEAR)
    mask = whole[top - y : bottom - y, left - x : right - x] > THRESHOLD
    return person_in_box(mask, left, top, size, score, SOURCE)


def square(box: Box) -> tuple[int, int, int]:
    """(x, y, side) in whole pixels of the crop around a box; may reach out of the photo."""
    x0, y0, x1, y1 = box
    side = max(2, math.ceil(max(x1 - x0, y1 - y0) * CROP))
    return math.floor((x0 + x1 - side) / 2 + 0.5), math.floor((y0 + y1 - side) / 2 + 0.5), side


def outline(box: Box, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) in whole pixels of the box grown by CLIP, inside photo and crop."""
    (height, width), (x, y, side) = size, square(box)
    x0, y0, x1, y1 = box
    dx, dy = CLIP * (x1 - x0), CLIP * (y1 - y0)
    return (
        max(round(x0 - dx), x, 0),
        max(round(y0 - dy), y, 0),
        min(round(x1 + dx), x + side, width),
        min(round(y1 + dy), y + side, height),
    )


def crop(pixels: Pixels, x: int, y: int, side: int) -> NDArray[np.float32]:
    """The square of `side` pixels at column x, row y as float32 SIDE x SIDE x 3 in 0..1.

    Outside the photo its border goes on: black bars would read as edges of the person.
    """
    inside = pixels[max(y, 0) : y + side, max(x, 0) : x + side]
    h, w = inside.shape[:2]
    top, left = max(-y, 0), max(-x, 0)
    padded = cv2.copyMakeBorder(inside, top, side - h - top, left, side - w - left, cv2.BORDER_REPLICATE)
    # Averaging when shrinking: interpolation would skip pixels of people larger than the crop.
    shrinks = cv2.INTER_AREA if side > SIDE else cv2.INTER_LINEAR
    return cv2.resize(padded, (SIDE, SIDE), interpolation=shrinks).astype(np.float32) / np.float32(255)
