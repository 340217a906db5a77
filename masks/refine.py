"""The refinement of one photo: every person's mask cleaned and grown, then their union."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from configs import GIVEN_MASKS, RefineSettings
from data.geometry import Box
from data.rle import BoxMask, bounds
from data.types import Hole, People, Pixels, as_hole
from masks import morphology
from masks.carried import carried
from masks.choice import Choice, choose
from masks.morphology import Mask
from masks.shadow import LEAST_SIZE, cast_shadow

HALF_WAY = 0.03
"""So far around somebody who stays, in shares of their size and at least `dilate_min`, the ring of somebody who leaves
goes only half the way: found masks are a little too small. Of 138 people kept on COCO photos 11 instead of 13 then lose
more than 2 % of their annotated pixels, and no more of the others is left."""


def refine(
    people: People,
    settings: RefineSettings,
    pixels: Pixels | None = None,
    choice: Choice | None = None,
) -> Hole:
    """The photo's hole, see `hole_and_rest`."""
    return hole_and_rest(people, settings, pixels, choice)[0]


def hole_and_rest(
    people: People,
    settings: RefineSettings,
    pixels: Pixels | None = None,
    choice: Choice | None = None,
) -> tuple[Hole, Hole]:
    """The photo's hole: uint8 H x W, 255 = remove; all 0 when there are no people. And what stays but is no source of
    its fill, uint8 H x W, 255: people who stay, and what the hole would have held but for them and for regions. The
    hole has a ring around those who leave wherever it does not border on that.

    All lengths are relative to each person's size, the square root of the mask's area, so that one
    setting serves a person of 30 and one of 3,000 pixels. pixels: the photo, upright as the masks are, in which
    `settings.shadow` finds shadows. choice: who stays; by default what the settings alone say.
    """
    choice = choice or choose(people, (), settings)
    hole = np.zeros(people.size, bool)
    leaving = np.zeros(people.size, bool)
    things = carried(people, choice.stays, settings)
    shadows: dict[int, BoxMask] = {}
    if settings.shadow and pixels is not None:
        shadows = _shadows(people, choice.stays, pixels)
    for number, (person, stays) in enumerate(zip(people.persons, choice.stays, strict=True)):
        mask = people.boxed(person)
        if not stays and mask.mask.size:
            theirs = [people.boxed(thing) for thing in things[number]]
            theirs += [shadows[number]] if number in shadows else []
            noisy = person.source not in GIVEN_MASKS  # in given masks small parts are meant, not noise
            _add(hole, leaving, mask, theirs, settings, noisy)
    grown = hole | leaving
    for person, stays in zip(people.persons, choice.stays, strict=True):
        if stays:
            mask = people.boxed(person)
            own = mask._replace(mask=mask.mask & choice.kept[mask.box.slices]).tight()
            if own.mask.size:
                _spare(hole, own, leaving, settings)
    hole |= leaving  # the margin takes from the ring around somebody, never from somebody
    hole &= ~(choice.kept | choice.region)
    return as_hole(hole), as_hole(choice.kept | (grown & ~hole))


def _shadows(people: People, stays: Sequence[bool], pixels: Pixels) -> dict[int, BoxMask]:
    """The shadows of those who leave, by the persons' numbers."""
    everyone = people.union()
    for thing in people.objects:
        mask = people.boxed(thing)
        everyone[mask.box.slices] |= mask.mask
    out = {}
    for number, (person, staying) in enumerate(zip(people.persons, stays, strict=True)):
        if staying or person.crowd or math.sqrt(people.area(person)) < LEAST_SIZE:
            continue
        shadow = cast_shadow(pixels, people.mask(person), everyone)
        if shadow is not None:
            out[number] = BoxMask(0, 0, shadow).tight()
    return out


def _add(
    hole: Mask, leaving: Mask, mask: BoxMask, things: Sequence[BoxMask], settings: RefineSettings, noisy: bool
) -> None:
    """Put one person, with what leaves with them, into the hole, and without growth, closing and filling into
    `leaving`, both in place."""
    area = mask.area
    size = math.sqrt(area)
    close = settings.close * size / 2
    snap = settings.snap * size
    grow = max(float(settings.dilate_min), settings.dilate * size)
    shape = (hole.shape[0], hole.shape[1])
    box = _surroundings([mask, *things], math.ceil(2 * close + snap + grow) + 2, shape)
    part = mask.within(box)
    if noisy:
        part = morphology.drop_specks(part, settings.speck * area)
    for thing in things:
        part = part | thing.within(box)
    leaving[box.slices] |= part
    part = morphology.close(part, close)
    part = morphology.fill_enclosed(part, settings.fill_holes * area)
    part = morphology.snap(part, snap, _photo_borders(box, shape))
    hole[box.slices] |= morphology.dilate(part, grow)


def _spare(hole: Mask, mask: BoxMask, leaving: Mask, settings: RefineSettings) -> None:
    """Take the margin around somebody who stays out of the hole in place, and what is nearer to them than to those who
    leave (see `HALF_WAY`)."""
    size = math.sqrt(mask.area)
    margin, half_way = settings.keep_margin * size, max(settings.dilate_min, HALF_WAY * size)
    box = _surroundings([mask], math.ceil(margin + 2 * half_way) + 1, (hole.shape[0], hole.shape[1]))
    away = morphology.distance(mask.within(box))
    near = (away <= half_way) & (away < morphology.distance(leaving[box.slices]))
    hole[box.slices] &= ~(near | (away <= margin))


_surroundings = bounds
"""What is looked at for one person: a name of its own, so that tests can look at the whole photo instead."""


def _photo_borders(box: Box, shape: tuple[int, ...]) -> morphology.Borders:
    return morphology.Borders(
        top=box.top == 0, bottom=box.bottom == shape[0], left=box.left == 0, right=box.right == shape[1]
    )
