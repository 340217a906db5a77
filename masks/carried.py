"""Things that leave with a person: what somebody carries, wears or rides would float in the air without them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from configs import RefineSettings
from data.rle import BoxMask, bounds
from data.types import Instance, People
from masks.morphology import distance

LARGEST = 2.5
"""Area of a thing as a share of the person's: a surfboard is carried, the parasol somebody sits under is not."""


def carried(people: People, stays: Sequence[bool], settings: RefineSettings) -> list[list[Instance]]:
    """The things that each person carries, in the persons' order.

    stays: who is not removed; what is theirs stays too. A thing belongs to the person whom it is nearest to by the
    persons' own sizes, if that is at most `settings.carry` away.
    """
    out: list[list[Instance]] = [[] for _ in people.persons]
    if settings.carry == 0 or not people.objects or not people.persons:
        return out
    sizes = np.sqrt([people.area(person) for person in people.persons])
    reaches = np.maximum(settings.carry * sizes, 1.5)  # at least to the next pixel
    boxes = np.array([person.bbox for person in people.persons], np.float64)
    for thing in people.objects:
        mask = people.boxed(thing)
        if not mask.mask.size:
            continue
        gaps = np.full(len(sizes), np.inf)
        for i in np.flatnonzero(_near(thing.bbox, boxes, reaches) & (sizes > 0)):
            gaps[i] = _gap(mask, people.boxed(people.persons[i]), people.size, float(reaches[i])) / sizes[i]
        owner = int(np.argmin(gaps))
        if np.isfinite(gaps[owner]) and not stays[owner] and mask.area <= LARGEST * sizes[owner] ** 2:
            out[owner].append(thing)
    return out


def _near(
    box: tuple[float, float, float, float], boxes: NDArray[np.float64], reaches: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Which of `boxes` (N x 4: x, y, width, height) may have a pixel within their reach of one in `box`."""
    x, y, width, height = box
    room = reaches + 2
    return np.asarray(
        (boxes[:, 0] <= x + width + room)
        & (x <= boxes[:, 0] + boxes[:, 2] + room)
        & (boxes[:, 1] <= y + height + room)
        & (y <= boxes[:, 1] + boxes[:, 3] + room)
    )


def _gap(thing: BoxMask, person: BoxMask, size: tuple[int, int], reach: float) -> float:
    """Pixels between the thing and the person, 0 where they overlap; inf beyond `reach`."""
    around = bounds([thing], math.ceil(reach) + 1, size)
    near: NDArray[np.float32] = distance(person.within(around))[thing.within(around)]
    gap = float(near.min()) if near.size else math.inf
    return gap if gap <= reach else math.inf
