"""Things that leave with a person: what somebody carries, wears or rides would float in the air without them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from configs import RefineSettings
from data.types import People
from masks.morphology import Mask, distance

LARGEST = 2.5
"""Area of a thing as a share of the person's: a surfboard is carried, the parasol somebody sits under is not."""


def carried(people: People, masks: Sequence[Mask], stays: Sequence[bool], settings: RefineSettings) -> list[list[Mask]]:
    """The masks of the things that each person carries, in the persons' order.

    masks: of `people.persons`, bool H x W. stays: who is not removed; what is theirs stays too. A thing belongs to the
    person whom it is nearest to by the persons' own sizes, if that is at most `settings.carry` away.
    """
    out: list[list[Mask]] = [[] for _ in masks]
    if settings.carry == 0:
        return out
    sizes = [math.sqrt(np.count_nonzero(mask)) for mask in masks]
    for thing in people.objects:
        mask = people.mask(thing)
        area = np.count_nonzero(mask)
        gaps = [
            _gap(mask, thing.bbox, person, settings.carry * size) / size if size else math.inf
            for person, size in zip(masks, sizes, strict=True)
        ]
        owner = int(np.argmin(gaps)) if gaps else 0
        if gaps and math.isfinite(gaps[owner]) and not stays[owner] and area <= LARGEST * sizes[owner] ** 2:
            out[owner].append(mask)
    return out


def _gap(mask: Mask, box: tuple[float, float, float, float], person: Mask, reach: float) -> float:
    """Pixels between the thing and the person, 0 where they overlap; inf beyond `reach` (at least to the next pixel).

    Looks only at the surroundings of the thing's `box` (x, y, width, height).
    """
    reach = max(reach, 1.5)
    x, y, width, height = box
    margin = math.ceil(reach) + 1
    around = (
        slice(max(0, int(y) - margin), math.ceil(y + height) + margin),
        slice(max(0, int(x) - margin), math.ceil(x + width) + margin),
    )
    near: NDArray[np.float32] = distance(person[around])[mask[around]]
    gap = float(near.min()) if near.size else math.inf
    return gap if gap <= reach else math.inf
