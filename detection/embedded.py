"""`embedded`: people without a segmentation network of their own.

Person boxes from YOLOv8n, then square crops of each person through two small networks: MediaPipe's
selfie segmentation (everyone in the crop) and the mask output of its pose landmarks (the one in its
middle). A small regression weighs them together with what the detector thinks of each place. All three
files stand inside wheels on the package index.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from configs import SegmentSettings
from data.geometry import Box
from data.rle import BoxMask
from data.types import People, Photo, Pixels, Weight
from detection.crops import (
    SIDE,
    Corners,
    Crop,
    SoftMask,
    cut,
    ellipse,
    grown,
    paste,
    regridded,
    square_around,
    with_mirror,
)
from detection.disjoint import AWAY, Certainty, Detection, disjoint
from detection.fusion import Fusion, Map, features, fitted
from detection.litert import LitertNetwork
from detection.tiles import Detector, tiled_detector
from detection.yolo_network import Found, YoloNetwork

SOURCE = "embedded"

# Measured with `person-removal evaluate masks` and on a grid around these values: 186 COCO photos.
CROP = 1.25
"""Side of the crop as a multiple of the box's longer side."""
THRESHOLD = 0.35
"""Least probability for a pixel to be the person's."""
CLIP = 0.1
"""A mask may leave its box by this share of the box's width and height."""
SCORE = 0.5
"""Share of the log odds of a find's score that counts for each of its pixels, where two people claim it: many doubtful
finds are parts of somebody else. Of 148 people, the largest of their photos, 12 instead of 20 then lose more than 2 %
of their annotated pixels to others; from 0.75 on small people lose theirs."""
LEAST = 0.1
"""A mask that covers less than this share of its box has failed; the ellipse in the box stands in."""


@dataclass(frozen=True)
class CropNetworks:
    """Person probabilities of a crop, SIDE x SIDE."""

    selfie: Callable[[Crop], SoftMask]
    pose: Callable[[Crop], SoftMask]


class Embedded:
    """Boxes, then a mask for each box; photos and crops one at a time, so results never depend on a batch."""

    def __init__(
        self, detector: Detector, networks: CropNetworks, settings: SegmentSettings, fusion: Fusion | None = None
    ) -> None:
        """detector: gives cues. fusion: coefficients; None are those that come with the program."""
        self._detector = detector
        self._fusion = fusion or fitted()
        self._networks = networks
        self._settings = settings

    def segment(self, photos: Sequence[Photo]) -> list[People]:
        """One `People` a photo, the most certain person first; masks at the photo's full size."""
        pixels = [photo.pixels for photo in photos]
        looks = self._detector.find(pixels, self._settings.score, self._settings.image_size)
        return [self._people(photo, found) for photo, found in zip(photos, looks, strict=True)]

    def _people(self, photo: Photo, found: Found) -> People:
        detections = []
        for box, score, cues in zip(found.boxes.tolist(), found.scores.tolist(), found.cues or (), strict=True):
            x0, y0, x1, y1 = box
            look = crop_maps(photo.pixels, (x0, y0, x1, y1), score, self._networks)
            if look is not None:
                logits = self._fusion.logits(look.features, cues, look.centred)
                mask = BoxMask(look.where.top, look.where.left, person_mask(logits, (x0, y0, x1, y1), look)).tight()
                if mask.mask.size:
                    sure = certainty(logits, (x0, y0, x1, y1), look.centred, score)
                    detections.append(Detection(mask, score, SOURCE, sure, box=(x0, y0, x1, y1)))
        return People(photo.size, tuple(disjoint(detections, photo.size, photo.pixels)))


def build(settings: SegmentSettings, weights: Mapping[str, Weight], fusion: Fusion | None = None) -> Embedded:
    detector = YoloNetwork(weights["yolov8n"].path, "detect", settings.device, cues=True)
    selfie = LitertNetwork(weights["selfie-segmentation"].path)
    logits = LitertNetwork(weights["pose-landmark-full"].path)

    def pose(crop: Crop) -> SoftMask:
        return (1 / (1 + np.exp(-np.clip(logits(crop), -50, 50)))).astype(np.float32)

    # Only the detector needs tiles: a person's crop comes from the photo at full size.
    seen = tiled_detector(detector, settings, sees=settings.image_size)
    return Embedded(seen, CropNetworks(selfie, pose), settings, fusion)


@dataclass(frozen=True)
class CropMaps:
    """What is known of a person's crop. centred: the square it shows. where: the part of the photo a mask may fill."""

    features: dict[str, Map | float]
    centred: Box
    where: Box


def crop_maps(pixels: Pixels, box: Corners, score: float, networks: CropNetworks) -> CropMaps | None:
    """The crop around a box through both networks; None for a box outside the photo."""
    size = pixels.shape[0], pixels.shape[1]
    where = grown(box, CLIP, size)
    if where.empty:
        return None
    # The pose network wants its person in the middle, undistorted. Selfie sees everyone, and better amid
    # real surroundings than beside a continued border: at the photo's edge its window is moved inside.
    centred = square_around(box, CROP)
    inside = centred.moved_inside(size)
    pose = with_mirror(networks.pose, cut(pixels, centred))
    selfie = regridded(with_mirror(networks.selfie, cut(pixels, inside)), inside, centred)
    return CropMaps(features(pose, selfie, box, score, centred), centred, where)


def certainty(logits: Map, box: Corners, centred: Box, score: float) -> Certainty:
    """How certain each pixel is this person's: its log odds and half of those of the find, less by the distance from
    the middle of the box (`AWAY`), because the network that sees everyone in the crop gives what two people share to
    both: 86 % of such pixels are then the right one's, 80 % by the log odds alone; 1 to 4 give about the same."""
    to_crop = SIDE / centred.width
    found = SCORE * math.log(max(score, 1e-3) / max(1 - score, 1e-3))

    def of(window: Box) -> Map:
        shift = [(start + 0.5 - first) * to_crop - 0.5 for start, first in zip(window[:2], centred[:2], strict=True)]
        matrix = np.array([[to_crop, 0, shift[0]], [0, to_crop, shift[1]]])
        how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        odds = cv2.warpAffine(logits, matrix, (window.width, window.height), flags=how, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(
            odds + np.float32(found) - np.float32(AWAY) * ellipse(box, window).astype(np.float32), np.float32
        )

    return of


def person_mask(logits: Map, box: Corners, look: CropMaps) -> NDArray[np.bool_]:
    """The mask from a person's log odds on the crop's grid: bool h x w on the pixels of `look.where`."""
    least = math.log(THRESHOLD / (1 - THRESHOLD))
    mask: NDArray[np.bool_] = paste(logits - np.float32(least), look.centred, look.where) > 0
    likely = ellipse(box, look.where) <= 1
    if (mask & likely).sum() < LEAST * likely.sum():
        mask |= likely
    return mask
