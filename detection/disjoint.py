"""The instances of one photo made disjoint: who was found twice becomes one, and every pixel is one person's.

Networks that look at each person by themselves find some people twice, take two people for a third one, and give what
two people share to both. Nothing of it matters while everybody leaves; it cuts somebody who should stay.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from data.geometry import Box, box_iou
from data.rle import NOTHING, BoxMask, bounds
from data.types import Instance, People, Photo, Pixels
from detection.crops import Corners, ellipse
from detection.edges import along_edges
from detection.protocol import Segmenter

SAME_IOU = 0.5
"""Least IoU of two masks of one person. Of 189 such pairs on 186 COCO photos 172 were one annotated person's."""
INSIDE = 0.8
"""A mask lies inside another one from this share of its pixels on."""
PHANTOM = 0.7
"""A mask that two or more people cover by this share, each inside it and more certain but none so large alone, is of
nobody else: of 4 such on the same photos none was of a person of its own."""
TWO = 0.6
"""Two finds that are both at least so certain, and whose boxes do not agree, are two people whatever their masks share:
a catcher and the umpire behind him. Of 4 such pairs on the same photos all were two people."""
BOXES = 0.4
"""Boxes agree from this IoU on."""
AWAY = 2.0
"""Log odds that a pixel on the ellipse in somebody's box has less than one in the middle, where two people claim it."""
UNSURE = 1.0
"""Whose a pixel is is not sure where the two certainties, log odds, differ by less than this."""
CERTAIN = 2.0
"""Differences of certainty beyond this are alike where the photo's edges are looked at."""
REACH = 0.1
"""So far the photo's edges move a border, in shares of the smaller one's size (square root of the mask's area)."""
RIM = 0.2
"""A mask inside another one that keeps less than this share of its pixels is what stood over at the other's rim."""

Certainty = Callable[[Box], NDArray[np.float32]]
"""How much each pixel of a window, h x w, speaks for a person, in log odds: comparable between a photo's people."""


@dataclass(frozen=True)
class Detection:
    """Somebody as a network found them: the mask in its box, and how certain it is of each pixel. box: x0, y0, x1, y1
    as the network gave it, where it finds boxes first; else the mask's."""

    mask: BoxMask
    score: float
    source: str
    certainty: Certainty
    crowd: bool = False
    box: Corners | None = None


class Disjoint:
    """A segmenter whose people are made disjoint by their boxes alone."""

    def __init__(self, segmenter: Segmenter) -> None:
        self._segmenter = segmenter

    def segment(self, photos: Sequence[Photo]) -> list[People]:
        """One `People` a photo, the most certain person first, no two masks with a common pixel."""
        return [self._apart(people) for people in self._segmenter.segment(photos)]

    @staticmethod
    def _apart(people: People) -> People:
        detections = [
            Detection(mask, person.score, person.source, by_ellipse(mask), person.crowd)
            for person in people.persons
            if (mask := people.boxed(person)).mask.size
        ]
        return replace(people, persons=tuple(disjoint(detections, people.size)))


def by_ellipse(mask: BoxMask) -> Certainty:
    """The certainty that falls from the middle of the mask's box, as seen in an ellipse that fills it: of two people
    83 % of the pixels that their masks share are then the right one's (by score 42 %, by the nearer mask 76 %)."""
    return lambda window: np.float32(-AWAY) * ellipse(mask.box, window).astype(np.float32)


def disjoint(detections: Sequence[Detection], size: tuple[int, int], pixels: Pixels | None = None) -> list[Instance]:
    """The people of a photo of `size` (height, width), the most certain first, no two masks with a common pixel.
    pixels: of the photo, uint8 height x width x 3; the edges in it are then where one person ends and another begins.

    Detections of one person become one, with the union of their masks and the highest score; phantoms are dropped; each
    pixel that several masks claim goes to the one that is most certain of it, and is told as `doubtful` of the one that
    is hardly less certain. No other pixel is lost.
    """
    people = sorted(detections, key=lambda one: -one.score)
    people = _merged([one for one in people if not _is_phantom(one, people)], size)
    left, doubtful = _contested(people, pixels)
    masks = _without_rims([one.mask for one in people], left, size)
    found = []
    for one, mask, doubt in zip(people, masks, doubtful, strict=True):
        person = Instance.from_box(mask, size, one.score, one.source, crowd=one.crowd)
        lost = Instance.from_box(doubt, size, one.score, one.source)
        if person is not None:
            found.append(replace(person, doubtful=lost.counts if lost else ""))
    return found


def _merged(detections: Sequence[Detection], size: tuple[int, int]) -> list[Detection]:
    out: list[Detection] = []
    for one in detections:
        same = next((i for i, other in enumerate(out) if _same(one, other)), None)
        if same is None:
            out.append(one)
        else:
            out[same] = _both(out[same], one, size)
    return out


def _same(one: Detection, other: Detection) -> bool:
    if _iou(one.mask, other.mask) < SAME_IOU:
        return False
    return min(one.score, other.score) < TWO or _box_iou(one, other) >= BOXES


def _box_iou(one: Detection, other: Detection) -> float:
    (ax0, ay0, ax1, ay1), (bx0, by0, bx1, by1) = (some.box or some.mask.box for some in (one, other))
    return box_iou((ax0, ay0, ax1 - ax0, ay1 - ay0), (bx0, by0, bx1 - bx0, by1 - by0))


def _both(first: Detection, second: Detection, size: tuple[int, int]) -> Detection:
    sources = dict.fromkeys([*first.source.split("+"), *second.source.split("+")])
    return replace(
        first,
        mask=_union(first.mask, second.mask, size),
        source="+".join(sources),
        certainty=lambda window: np.maximum(first.certainty(window), second.certainty(window)),
        crowd=first.crowd or second.crowd,
    )


def _is_phantom(one: Detection, people: Sequence[Detection]) -> bool:
    """Whether this is the sum of two or more other people, of whom none is nearly all of it."""
    inside = [
        other.mask
        for other in people
        if other.score > one.score and _shared(one.mask, other.mask) >= INSIDE * other.mask.area
    ]
    apart = any(_shared(a, b) < min(a.area, b.area) / 2 for a, b in combinations(inside, 2))
    if not apart or any(_shared(one.mask, mask) >= PHANTOM * one.mask.area for mask in inside):
        return False
    covered = np.logical_or.reduce([mask.within(one.mask.box) for mask in inside])
    return int(np.count_nonzero(covered & one.mask.mask)) >= PHANTOM * one.mask.area


def _contested(people: Sequence[Detection], pixels: Pixels | None) -> tuple[list[BoxMask], list[BoxMask]]:
    """What is left of each mask when every pixel is of the most certain one, of equally certain ones the first; and
    what went to others although it was hardly less certain of it (`UNSURE`)."""
    left = [one.mask._replace(mask=one.mask.mask.copy()) for one in people]
    doubtful = [one.mask._replace(mask=np.zeros_like(one.mask.mask)) for one in people]
    for j, second in enumerate(people):
        for i, first in enumerate(people[:j]):
            window = first.mask.box.common(second.mask.box)
            if window.empty:
                continue
            both = first.mask.part(window) & second.mask.part(window)
            if both.any():
                more = second.certainty(window) - first.certainty(window)
                at_edges = more if pixels is None else _at_edges(first, second, window, pixels)
                seconds, unsure = both & (at_edges > 0), np.abs(more) < UNSURE
                left[i].part(window)[seconds] = False
                left[j].part(window)[both & ~seconds] = False
                doubtful[i].part(window)[seconds & unsure] = True
                doubtful[j].part(window)[both & ~seconds & unsure] = True
    return left, doubtful


def _at_edges(first: Detection, second: Detection, window: Box, pixels: Pixels) -> NDArray[np.float32]:
    """How much more certain the second is of each pixel of the window, moved to the edges of the photo."""
    radius = max(2, round(REACH * math.sqrt(min(first.mask.area, second.mask.area))))
    around = window.grown(2 * radius).within(pixels.shape)
    one, two = first.mask.within(around), second.mask.within(around)
    more = np.clip(second.certainty(around) - first.certainty(around), -CERTAIN, CERTAIN)
    more = np.where(one == two, more, np.where(two, CERTAIN, -CERTAIN)).astype(np.float32)
    moved = along_edges(more, pixels[around.slices], radius)
    return moved[window.relative_to(around).slices]


def _without_rims(whole: Sequence[BoxMask], left: Sequence[BoxMask], size: tuple[int, int]) -> list[BoxMask]:
    """With rims (`RIM`) joined to the masks that they are of."""
    out = list(left)
    for i, mask in enumerate(whole):
        if left[i].area < RIM * mask.area:
            shared = [_shared(mask, other) if j != i else 0 for j, other in enumerate(whole)]
            around = int(np.argmax(shared))
            if shared[around] >= INSIDE * mask.area and left[around].area >= RIM * whole[around].area:
                out[around] = _union(out[around], left[i], size)
                out[i] = NOTHING
    return out


def _shared(a: BoxMask, b: BoxMask) -> int:
    """Pixels that are in both masks."""
    both = a.box.common(b.box)
    return 0 if both.empty else int(np.count_nonzero(a.part(both) & b.part(both)))


def _iou(a: BoxMask, b: BoxMask) -> float:
    both = _shared(a, b)
    return both / (a.area + b.area - both) if both else 0.0


def _union(a: BoxMask, b: BoxMask, size: tuple[int, int]) -> BoxMask:
    box = bounds([a, b], 0, size)
    return BoxMask(box.top, box.left, a.within(box) | b.within(box))
