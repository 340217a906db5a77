"""`embedded`: people without a segmentation network of their own.

Person boxes from YOLOv8n, then square crops of each person through two small networks: MediaPipe's
selfie segmentation (everyone in the crop) and the mask output of its pose landmarks (the one in its
middle). A small regression weighs them together with what the detector thinks of each place; of small
people the detector alone is asked. All three files stand inside wheels on the package index.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from configs import SegmentSettings
from configs.segmenters import EmbeddedSettings
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
)
from detection.disjoint import AWAY, Certainty, Detection, disjoint
from detection.fusion import Fusions, Map, features, fitted, places
from detection.litert import LitertNetwork
from detection.sizes import SeveralSizes
from detection.tiles import Detector, tiled_detector
from detection.yolo_network import Cues, Found, YoloNetwork

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
SMALL = 32
"""A box whose longer side has fewer pixels is too small for the mask networks, which see it enlarged by more than six:
the detector's own view of each place gives as good a mask, in a tenth of the time."""
FAINT = 64
"""`segment.embedded.small_score` holds for boxes whose longer side has fewer pixels."""
NOBODY = 0.2
"""Where the pose network gives less than this for the box, in the mean, it has not found its person: it is asked again
with the mirror image, in which it often does."""
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
        self, detector: Detector, networks: CropNetworks, settings: SegmentSettings, fusions: Fusions | None = None
    ) -> None:
        """detector: gives cues. fusions: coefficients; None are those that come with the program."""
        self._detector = detector
        self._fusions = fusions or fitted()
        self._networks = networks
        self._settings = settings

    def segment(self, photos: Sequence[Photo]) -> list[People]:
        """One `People` a photo, the most certain person first; masks at the photo's full size."""
        pixels = [photo.pixels for photo in photos]
        score = self._settings.score
        faint = self._settings.of(EmbeddedSettings).small_score
        least = score if faint is None else faint
        passes = self._detector.find(pixels, min(score, least), self._settings.image_size)
        return [
            self._people(photo, found.where(_enough(found, score, least)))
            for photo, found in zip(photos, passes, strict=True)
        ]

    def _people(self, photo: Photo, found: Found) -> People:
        detections = []
        large, small = _each_once(self._fusions.large.weighed), _each_once(self._fusions.small.weighed)
        for box, score, cues in zip(found.boxes.tolist(), found.scores.tolist(), found.cues or (), strict=True):
            x0, y0, x1, y1 = box
            is_small = max(x1 - x0, y1 - y0) < SMALL
            maps = crop_maps(photo.pixels, (x0, y0, x1, y1), score, None if is_small else self._networks)
            if maps is not None:
                fusion, weighed = (self._fusions.small, small) if is_small else (self._fusions.large, large)
                logits = fusion.logits(maps.features, weighed(cues), maps.centred)
                mask = BoxMask(maps.where.top, maps.where.left, person_mask(logits, (x0, y0, x1, y1), maps)).tight()
                if mask.mask.size:
                    sure = certainty(logits, (x0, y0, x1, y1), maps.centred, score)
                    detections.append(Detection(mask, score, SOURCE, sure, box=(x0, y0, x1, y1)))
        return People(photo.size, tuple(disjoint(detections, photo.size, photo.pixels)))


def _enough(found: Found, score: float, small: float) -> NDArray[np.bool_]:
    """Which finds are certain enough: `small` is enough for those of small boxes."""
    sides = (found.boxes[:, 2:] - found.boxes[:, :2]).max(1, initial=0)
    return found.scores >= np.where(sides < FAINT, small, score)


def _each_once(function: Callable[[Cues], Cues]) -> Callable[[Cues], Cues]:
    """The function for the cues of one photo's finds, of which those of a pass share one object."""
    made: dict[int, Cues] = {}

    def of(cues: Cues) -> Cues:
        if id(cues) not in made:
            made[id(cues)] = function(cues)
        return made[id(cues)]

    return of


def build(settings: SegmentSettings, weights: Mapping[str, Weight], fusions: Fusions | None = None) -> Embedded:
    detector = YoloNetwork(weights["yolov8n"].path, "detect", settings.device, cues=True)
    selfie = LitertNetwork(weights["selfie-segmentation"].path)
    logits = LitertNetwork(weights["pose-landmark-full"].path)

    def pose(crop: Crop) -> SoftMask:
        return (1 / (1 + np.exp(-np.clip(logits(crop), -50, 50)))).astype(np.float32)

    # Only the detector needs sizes and tiles: a person's crop comes from the photo at full size.
    further = settings.of(EmbeddedSettings).further_sizes
    sized = SeveralSizes(detector, further) if further else detector
    in_tiles = tiled_detector(sized, settings, sees=max((settings.image_size, *further)))
    return Embedded(in_tiles, CropNetworks(selfie, pose), settings, fusions)


@dataclass(frozen=True)
class CropMaps:
    """What is known of a person's crop. centred: the square it shows. where: the part of the photo a mask may fill."""

    features: dict[str, Map | float]
    centred: Box
    where: Box


def crop_maps(pixels: Pixels, box: Corners, score: float, networks: CropNetworks | None) -> CropMaps | None:
    """The crop around a box, through both networks if there are any; None for a box outside the photo."""
    size = pixels.shape[0], pixels.shape[1]
    where = grown(box, CLIP, size)
    if where.empty:
        return None
    # The pose network wants its person in the middle, undistorted. Selfie sees everyone, and better amid
    # real surroundings than beside a continued border: at the photo's edge its window is moved inside.
    centred = square_around(box, CROP)
    if networks is None:
        return CropMaps(places(box, score, centred), centred, where)
    inside = centred.moved_inside(size)
    selfie = regridded(networks.selfie(cut(pixels, inside)), inside, centred)

    def pose_cues(pose: SoftMask) -> dict[str, Map | float]:
        return features(pose, selfie, box, score, centred)

    crop = cut(pixels, centred)
    known = pose_cues(networks.pose(crop))
    if float(known["mean pose"]) < NOBODY:
        mirrored = pose_cues(networks.pose(np.ascontiguousarray(crop[:, ::-1]))[:, ::-1])
        known = max(known, mirrored, key=lambda one: float(one["mean pose"]))
    return CropMaps(known, centred, where)


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


def person_mask(logits: Map, box: Corners, maps: CropMaps) -> NDArray[np.bool_]:
    """The mask from a person's log odds on the crop's grid: bool h x w on the pixels of `maps.where`."""
    least = math.log(THRESHOLD / (1 - THRESHOLD))
    mask: NDArray[np.bool_] = paste(logits - np.float32(least), maps.centred, maps.where) > 0
    likely = ellipse(box, maps.where) <= 1
    if (mask & likely).sum() < LEAST * likely.sum():
        mask |= likely
    return mask
