"""The refinement of one photo: every person's mask cleaned and grown, then their union."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from configs import GIVEN_MASKS, RefineSettings
from data.types import Hole, People, Person
from masks import morphology


def refine(people: People, settings: RefineSettings) -> Hole:
    """The photo's hole: uint8 H x W, 255 = remove; all 0 when there are no people.

    All lengths are relative to each person's size, the square root of the mask's area, so that one
    setting serves a person of 30 and one of 3,000 pixels.
    """
    hole = np.zeros(people.size, bool)
    for person in people.persons:
        mask = people.mask(person)
        if mask.any():
            _add(hole, mask, person, settings)
    return hole.astype(np.uint8) * np.uint8(255)


def _add(hole: NDArray[np.bool_], mask: NDArray[np.bool_], person: Person, settings: RefineSettings) -> None:
    """Refine one mask inside its own surroundings and add it to the hole in place."""
    area = int(mask.sum())
    size = math.sqrt(area)
    close = settings.close * size / 2
    snap = settings.snap * size
    grow = max(float(settings.dilate_min), settings.dilate * size)
    box = _surroundings(mask, math.ceil(2 * close + snap + grow) + 2)
    part = mask[box]
    if person.source not in GIVEN_MASKS:  # there small parts are meant, not noise
        part = morphology.drop_specks(part, settings.speck * area)
    part = morphology.close(part, close)
    part = morphology.fill_enclosed(part, settings.fill_holes * area)
    part = morphology.snap(part, snap, _photo_borders(box, mask.shape))
    hole[box] |= morphology.dilate(part, grow)


def _surroundings(mask: NDArray[np.bool_], margin: int) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    height, width = mask.shape
    return (
        slice(max(0, int(rows[0]) - margin), min(height, int(rows[-1]) + 1 + margin)),
        slice(max(0, int(columns[0]) - margin), min(width, int(columns[-1]) + 1 + margin)),
    )


def _photo_borders(box: tuple[slice, slice], shape: tuple[int, ...]) -> morphology.Borders:
    rows, columns = box
    return morphology.Borders(
        top=rows.start == 0,
        bottom=rows.stop == shape[0],
        left=columns.start == 0,
        right=columns.stop == shape[1],
    )
