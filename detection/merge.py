"""Which detections of several passes over one photo (over its tiles, or of several segmenters) are the same person."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from pycocotools import mask as coco_mask

from data.geometry import Box
from data.rle import Rle, rle_of_counts
from data.types import Instance, People

SAME_IOU = 0.5
"""Least IoU, within what both passes covered, of two detections of one person."""
INSIDE = 0.8
"""Or: least share of the smaller one that lies inside the larger one (a part of the person that the other shows)."""

CUT = 2
"""Pixels from the border of what its pass covered within which a detection counts as cut by it."""


class Overlap(NamedTuple):
    """How two detections lie to each other within what both passes covered.

    inside: share of the smaller one inside the larger one.
    """

    iou: float
    inside: float


def groups_of_same(
    passes: Sequence[int], cut: Sequence[bool], overlap: Callable[[int, int], Overlap]
) -> list[list[int]]:
    """Indices of the detections of each person, in ascending order.

    passes: for each detection, the pass that it is from. cut: whether it ends at the border of its pass. Two detections
    of one pass are not joined, because the network says that they are two people, not even by a piece that lies in
    both; the exception is a piece cut off by its pass's border, of which there may be several.
    The most alike are joined first, ties by index: the result depends on nothing but the detections and their order.
    """
    pairs = []
    for i in range(len(passes)):
        for j in range(i + 1, len(passes)):
            if passes[i] != passes[j]:
                iou, inside = overlap(i, j)
                if iou >= SAME_IOU or inside >= INSIDE:
                    pairs.append((iou < SAME_IOU, -iou, -inside, i, j))  # by IoU, then by containment
    group = [[i] for i in range(len(passes))]
    for *_, i, j in sorted(pairs):
        a, b = group[i], group[j]
        if a is not b and not {passes[k] for k in a if not cut[k]} & {passes[k] for k in b if not cut[k]}:
            a.extend(b)
            for k in b:
                group[k] = a
    first = {min(members): sorted(members) for members in group}
    return [first[i] for i in sorted(first)]


def merged(passes: Sequence[People], zones: Sequence[Box] | None = None) -> People:
    """One `People` of several passes over the same photo, all at its full size, the most certain person first.

    zones: the part of the photo that each pass covered; None when each covered all of it. A person's mask is the union
    of its detections, its score the highest, its source names each of theirs once (`yolo+embedded`). Things are merged
    in the same way, by label. Works on run lengths: no full frame is held, whatever the photo's size.
    """
    size = passes[0].size
    labels = sorted({thing.label for one_pass in passes for thing in one_pass.objects})
    things = [
        found
        for label in labels
        for found in _merged([[t for t in one_pass.objects if t.label == label] for one_pass in passes], zones, size)
    ]
    return People(size, tuple(_merged([one_pass.persons for one_pass in passes], zones, size)), tuple(things))


def _merged(passes: Sequence[Sequence[Instance]], zones: Sequence[Box] | None, size: tuple[int, int]) -> list[Instance]:
    persons = [(k, person) for k, one_pass in enumerate(passes) for person in one_pass]
    masks = [rle_of_counts(person.counts, size) for _, person in persons]
    boxes = [Box.at(*(int(v) for v in person.bbox)) for _, person in persons]

    def overlap(i: int, j: int) -> Overlap:
        if not boxes[i].meets(boxes[j]):
            return Overlap(0, 0)
        if zones is None:
            a, b = masks[i], masks[j]
        else:
            zone_i, zone_j = zones[persons[i][0]], zones[persons[j][0]]
            a, b = _within(masks[i], boxes[i], zone_j, size), _within(masks[j], boxes[j], zone_i, size)
        return measured(_area(_both(a, b)), _area(a), _area(b))

    cut = [zones is not None and is_cut(box, zones[k], size) for (k, _), box in zip(persons, boxes, strict=True)]
    joined = [
        _joined([persons[i][1] for i in members], [masks[i] for i in members])
        for members in groups_of_same([k for k, _ in persons], cut, overlap)
    ]
    return sorted(joined, key=lambda person: -person.score)


def measured(both: float, a: float, b: float) -> Overlap:
    """The overlap of two detections from the areas of their intersection and of each, in pixels."""
    return Overlap(both / (a + b - both), both / min(a, b)) if both else Overlap(0, 0)


def is_cut(box: Box, zone: Box, size: tuple[int, int]) -> bool:
    """Whether the box ends at a border of `zone` that is not the photo's; size: (height, width)."""
    return (
        (zone.left > 0 and box.left <= zone.left + CUT)
        or (zone.top > 0 and box.top <= zone.top + CUT)
        or (zone.right < size[1] and box.right >= zone.right - CUT)
        or (zone.bottom < size[0] and box.bottom >= zone.bottom - CUT)
    )


def _joined(persons: Sequence[Instance], masks: Sequence[Rle]) -> Instance:
    if len(persons) == 1:
        return persons[0]
    union = coco_mask.merge(list(masks))
    x, y, w, h = (float(v) for v in coco_mask.toBbox(union))
    sources = list(dict.fromkeys(source for person in persons for source in person.source.split("+")))
    return Instance(
        bbox=(x, y, w, h),
        score=max(person.score for person in persons),
        counts=union["counts"].decode("ascii"),
        source="+".join(sources),
        label=persons[0].label,
        crowd=any(person.crowd for person in persons),
    )


def _both(a: Rle, b: Rle) -> Rle:
    both: Rle = coco_mask.merge([a, b], intersect=True)
    return both


def _area(rle: Rle) -> float:
    return float(coco_mask.area(rle))


def _within(rle: Rle, box: Box, zone: Box, size: tuple[int, int]) -> Rle:
    """The part of the mask, which lies in `box`, that lies in `zone`."""
    if zone.covers(box):
        return rle
    (frame,) = coco_mask.frPyObjects(np.array([(zone.left, zone.top, zone.width, zone.height)], np.float64), *size)
    return _both(rle, frame)
