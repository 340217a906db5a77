"""Refinement over the full frame for every person, as one would write it down: what `masks.refine`, which works in
each person's box, has to equal byte for byte."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from configs import GIVEN_MASKS, RefineSettings
from data.types import Hole, People, Pixels, as_hole
from masks import morphology
from masks.carried import LARGEST
from masks.choice import SCRAP, Choice, choose
from masks.morphology import Mask, distance
from masks.refine import HALF_WAY
from masks.shadow import cast_shadow


def plainly(
    people: People,
    settings: RefineSettings,
    pixels: Pixels | None = None,
    choice: Choice | None = None,
) -> tuple[Hole, Hole]:
    """The photo's hole: uint8 H x W, 255 = remove; all 0 when there are no people. And what stays but is no source of
    its fill, uint8 H x W, 255: people who stay, and what the hole would have held but for them and for regions. The
    hole has a ring around those who leave wherever it does not border on that.

    All lengths are relative to each person's size, the square root of the mask's area, so that one
    setting serves a person of 30 and one of 3,000 pixels. pixels: the photo, in the masks' frame, in which
    `settings.shadow` finds shadows; choice: who stays; by default
    what the settings alone say.
    """
    choice = choice or choose(people, (), settings)
    masks = [people.mask(person) for person in people.persons]
    hole = np.zeros(people.size, bool)
    leaving = np.zeros(people.size, bool)
    things = carried(people, masks, choice.stays, settings)
    if settings.shadow and pixels is not None:
        _add_shadows(things, people, masks, choice.stays, pixels)
    for person, mask, stays, theirs in zip(people.persons, masks, choice.stays, things, strict=True):
        if not stays and mask.any():
            noisy = person.source not in GIVEN_MASKS  # in given masks small parts are meant, not noise
            _add(hole, leaving, mask, theirs, settings, noisy)
    grown = hole | leaving
    for mask, stays in zip(masks, choice.stays, strict=True):
        own = mask & choice.kept if stays else None
        if own is not None and own.any():
            _spare(hole, own, leaving, settings)
    hole |= leaving  # the margin takes from the ring around somebody, never from somebody
    hole &= ~(choice.kept | choice.region)
    return as_hole(hole), as_hole(choice.kept | (grown & ~hole))


def _add_shadows(
    things: list[list[Mask]],
    people: People,
    masks: Sequence[Mask],
    stays: Sequence[bool],
    pixels: Pixels,
) -> None:
    """Put the shadows of those who leave to the things that leave with them, in place."""
    everyone = np.logical_or.reduce([*masks, *(people.mask(thing) for thing in people.objects)])
    for person, mask, staying, theirs in zip(people.persons, masks, stays, things, strict=True):
        if staying or person.crowd:
            continue
        shadow = cast_shadow(pixels, mask, everyone)
        if shadow is not None:
            theirs.append(shadow)


def _add(hole: Mask, leaving: Mask, mask: Mask, things: Sequence[Mask], settings: RefineSettings, noisy: bool) -> None:
    """Refine one person's mask and add it, with what it carries, to the hole, and what nothing was grown of to
    `leaving`, both in place."""
    area = np.count_nonzero(mask)
    size = math.sqrt(area)
    close = settings.close * size / 2
    snap = settings.snap * size
    grow = max(float(settings.dilate_min), settings.dilate * size)
    whole = np.logical_or.reduce([mask, *things]) if things else mask
    box = _surroundings(whole, math.ceil(2 * close + snap + grow) + 2)
    part = mask[box]
    if noisy:
        part = morphology.drop_specks(part, settings.speck * area)
    for thing in things:
        part = part | thing[box]
    leaving[box] |= part
    part = morphology.close(part, close)
    part = morphology.fill_enclosed(part, settings.fill_holes * area)
    part = morphology.snap(part, snap, _photo_borders(box, mask.shape))
    hole[box] |= morphology.dilate(part, grow)


def _spare(hole: Mask, mask: Mask, leaving: Mask, settings: RefineSettings) -> None:
    """Take the margin around somebody who stays, and what is nearer to them than to those who leave, out of the hole in
    place."""
    size = math.sqrt(np.count_nonzero(mask))
    away, to_others = distance(mask), distance(leaving)
    half_way = max(settings.dilate_min, HALF_WAY * size)
    hole &= ~((away <= settings.keep_margin * size) | ((away <= half_way) & (away < to_others)))


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


def kept_plainly(mask: Mask, leave: Mask) -> Mask:
    """Somebody who stays, without what two masks claim and what lies nearer to those who leave, bool H x W."""
    claimed = mask & leave
    if not claimed.any():
        return mask
    own = mask & ~leave
    core = morphology.drop_specks(own, SCRAP * np.count_nonzero(own))
    _, scraps = cv2.connectedComponents((own & ~core).view(np.uint8), connectivity=8)
    beside = np.unique(scraps[morphology.dilate(claimed, 1.5)])
    claimed |= np.isin(scraps, beside[beside > 0])
    theirs = claimed & (distance(leave & ~mask) < distance(core))
    return np.asarray(mask & ~theirs)
