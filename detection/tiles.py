"""Photos much larger than what a network was trained on, seen whole and in overlapping tiles.

A person of 100 pixels in a photo of 4,000 is 16 pixels at the 640 that a network sees, and 100 in a tile of 640.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from configs import SegmentSettings
from data.geometry import Box
from data.rle import BoxMask
from data.types import Instance, People, Photo, Pixels
from detection.crops import Corners
from detection.merge import Overlap, groups_of_same, is_cut, measured, merged
from detection.protocol import Segmenter
from detection.yolo_network import Found

WORTH = 1.5
"""A photo is tiled when its longer side is more than this many tiles: below, the whole photo shows as much."""
ALL = 0.98
"""A pass covered all of a person of whose box it covered this share."""


class Detector(Protocol):
    """Finds person boxes."""

    def find(self, images: Sequence[Pixels], score: float, image_size: int) -> list[Found]: ...


def tiled(segmenter: Segmenter, settings: SegmentSettings, sees: int) -> Segmenter:
    """The segmenter, with tiles as the settings say. sees: longer side, in pixels, at which it sees an image."""
    side = tile_side(settings, sees)
    return Tiled(segmenter, side, settings.tile_overlap) if side else segmenter


def tiled_detector(detector: Detector, settings: SegmentSettings, sees: int) -> Detector:
    """The same for a detector of boxes."""
    side = tile_side(settings, sees)
    return TiledDetector(detector, side, settings.tile_overlap) if side else detector


def tile_side(settings: SegmentSettings, sees: int) -> int:
    """Side of the tiles in pixels, 0 for none."""
    if settings.tile == "none":
        return 0
    return sees if settings.tile == "auto" else settings.tile


def views(size: tuple[int, int], side: int, overlap: float) -> list[Box]:
    """What to look at in a photo of `size` (height, width): all of it, then its tiles row by row, if it is worth it.

    Tiles are `side` pixels square, at least `overlap` of it shared by neighbours, spread evenly from border to border.
    """
    height, width = size
    whole = Box.whole(size)
    if max(size) <= WORTH * side:
        return [whole]
    return [
        whole,
        *(
            Box.at(x, y, min(side, width), min(side, height))
            for y in _starts(height, side, overlap)
            for x in _starts(width, side, overlap)
        ),
    ]


def _starts(length: int, side: int, overlap: float) -> list[int]:
    if length <= side:
        return [0]
    steps = math.ceil((length - side) / (side * (1 - overlap)))
    return [round(i * (length - side) / steps) for i in range(steps + 1)]


class Tiled:
    """A segmenter that looks at large photos whole and in tiles; small ones pass through as they are."""

    def __init__(self, segmenter: Segmenter, side: int, overlap: float) -> None:
        self._segmenter = segmenter
        self._side = side
        self._overlap = overlap

    def segment(self, photos: Sequence[Photo]) -> list[People]:
        """One `People` a photo, the most certain person first; who is cut by a tile's border is put together again."""
        passes = [views(photo.size, self._side, self._overlap) for photo in photos]
        if all(len(windows) == 1 for windows in passes):
            return self._segmenter.segment(photos)  # together, for networks that take a batch
        return [self._people(photo, windows) for photo, windows in zip(photos, passes, strict=True)]

    def _people(self, photo: Photo, windows: Sequence[Box]) -> People:
        found = self._segmenter.segment([Photo(photo.id, photo.name, cut_out(photo.pixels, w)) for w in windows])
        if len(found) == 1:
            return found[0]
        return merged([_placed(people, w, photo.size) for people, w in zip(found, windows, strict=True)], windows)


class TiledDetector:
    """The same for a detector of boxes."""

    def __init__(self, detector: Detector, side: int, overlap: float) -> None:
        self._detector = detector
        self._side = side
        self._overlap = overlap

    def find(self, images: Sequence[Pixels], score: float, image_size: int) -> list[Found]:
        """Boxes of each image, the most certain first."""
        return [self._boxes(pixels, score, image_size) for pixels in images]

    def _boxes(self, pixels: Pixels, score: float, image_size: int) -> Found:
        size = pixels.shape[0], pixels.shape[1]
        windows = views(size, self._side, self._overlap)
        passes = self._detector.find([cut_out(pixels, w) for w in windows], score, image_size)
        if len(passes) == 1:
            return passes[0]
        which = [k for k, found in enumerate(passes) for _ in found.scores]
        boxes = np.concatenate(
            [found.boxes + np.array([w.left, w.top, w.left, w.top]) for found, w in zip(passes, windows, strict=True)]
        )
        scores = np.concatenate([found.scores for found in passes])
        corners: list[Corners] = [(x0, y0, x1, y1) for x0, y0, x1, y1 in boxes.tolist()]

        def overlap(i: int, j: int) -> Overlap:
            zones = windows[which[i]], windows[which[j]]
            a, b = _within(corners[i], zones[1]), _within(corners[j], zones[0])
            both = max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])
            return measured(_area(both), _area(a), _area(b))

        cut = [is_cut(_whole_pixels(box), windows[k], size) for box, k in zip(corners, which, strict=True)]
        people = groups_of_same(which, cut, overlap)
        best = np.array([max(scores[members]) for members in people], np.float64)
        enclosing: list[Corners] = [
            (float(boxes[m, 0].min()), float(boxes[m, 1].min()), float(boxes[m, 2].max()), float(boxes[m, 3].max()))
            for m in people
        ]
        order = np.argsort(-best, kind="stable")
        cues = None
        if all(found.cues is not None for found in passes):
            every = [
                replace(c, x0=c.x0 + w.left, y0=c.y0 + w.top)
                for found, w in zip(passes, windows, strict=True)
                for c in found.cues or ()
            ]
            # What a tile knows of a person ends at the tile's border: first those passes that covered all of them.
            said = [
                max(members, key=lambda i: (_area(_within(box, windows[which[i]])) > ALL * _area(box), scores[i]))
                for members, box in zip(people, enclosing, strict=True)
            ]
            cues = tuple(every[said[i]] for i in order)
        return Found(np.array(enclosing, np.float64).reshape(-1, 4)[order], best[order], None, cues=cues)


def cut_out(pixels: Pixels, window: Box) -> Pixels:
    return pixels[window.slices]


def _placed(people: People, window: Box, size: tuple[int, int]) -> People:
    """People and things of a tile where they are in the photo of `size` (height, width)."""
    if people.size == size:
        return people

    def placed(some: Sequence[Instance]) -> tuple[Instance, ...]:
        out = []
        for found in some:
            mask = people.boxed(found)
            mask = BoxMask(mask.y + window.top, mask.x + window.left, mask.mask)
            out.append(Instance.from_box(mask, size, found.score, found.source, found.crowd, found.label))
        return tuple(found for found in out if found is not None)

    return People(size, placed(people.persons), placed(people.objects))


def _within(box: Corners, zone: Box) -> Corners:
    x0, y0, x1, y1 = box
    return max(x0, zone.left), max(y0, zone.top), min(x1, zone.right), min(y1, zone.bottom)


def _area(box: Corners) -> float:
    x0, y0, x1, y1 = box
    return max(x1 - x0, 0.0) * max(y1 - y0, 0.0)


def _whole_pixels(box: Corners) -> Box:
    x0, y0, x1, y1 = (round(v) for v in box)
    return Box.at(x0, y0, x1 - x0, y1 - y0)
