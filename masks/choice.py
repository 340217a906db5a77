"""Who leaves and who stays: the keep-list, the smallest size, and regions where nothing is removed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from configs import RefineSettings
from data.geometry import Box, box_iou, shared_area
from data.rle import BoxMask, bounds, box_mask
from data.types import Hole, Instance, Keep, People
from masks.morphology import Mask, dilate, distance, drop_specks

SAME_BOX = 0.5
"""Least intersection over union of a box of the keep-list and a person's."""
INSIDE = 0.8
"""Of two equally certain masks the smaller one is in front when this share of it lies inside the larger one."""
CUT = 0.02
"""Somebody who was asked to stay is cut when more than this share of their pixels is in the hole."""
CLOSE = 0.025
"""Somebody who was asked to stay may be cut when the hole holds more than this share of their pixels that others were
given and that may be theirs (`Instance.doubtful`). On 182 COCO photos in which the largest person stays this is said of
45, and of all but 2 of the 13 in which that person lost more than 2 % of its annotated pixels."""
PART = 0.5
"""A find may be a part of somebody who stays (a head, an arm) when its score is less than this share of theirs and it
touches them inside their box."""
PART_AREA = 0.3
"""Largest part of somebody, as a share of their pixels."""
SCRAP = 0.1
"""Parts of a mask smaller than this share of it are scraps, where it overlaps with another."""


@dataclass(frozen=True)
class Choice:
    """stays: of each person, in order, whether it stays. kept: bool H x W, the pixels of people who stay (whole people,
    and the parts of others in a region). region: bool H x W, where nothing is removed. asked: numbers of the persons
    on the keep-list. unmatched: entries of the keep-list that fit nobody. parts: of the persons on the keep-list, those
    of whom another find may be a part; it stays with them."""

    stays: tuple[bool, ...]
    kept: Mask
    region: Mask
    asked: tuple[int, ...] = ()
    unmatched: tuple[int | tuple[float, float, float, float], ...] = ()
    parts: tuple[int, ...] = ()

    @property
    def anyone(self) -> bool:
        """Whether anything of anybody stays."""
        return bool(self.kept.any())


def choose(
    people: People, keep: Keep, settings: RefineSettings, spared: Mask | None = None, extra: People | None = None
) -> Choice:
    """Who of these people stays.

    keep: the photo's keep-list, which speaks of `people`. spared: bool H x W, where nothing is removed, on top of
    `settings.spare`. extra: people whom a later pass found; in the choice they follow the others.
    """
    first, people = people, people.plus([extra] if extra else [])
    areas = [people.area(p) for p in people.persons]
    stays = [is_small(area, people.size, settings) for area in areas]
    asked = listed(first, keep)
    parts = {index: _parts(first, index) for index in asked}
    for index in (*asked, *(part for found in parts.values() for part in found)):
        stays[index] = True
    region = np.zeros(people.size, bool) if spared is None else spared.copy()
    region |= _regions(settings.spare, people.size)
    kept, leave = np.zeros(people.size, bool), np.zeros(people.size, bool)
    if any(stays) or region.any():
        spots: dict[int, Box] = {}
        for i in (i for i, staying in enumerate(stays) if not staying):
            mask = people.boxed(people.persons[i])
            leave[mask.box.slices] |= mask.mask
            if i < len(first):  # whom only a later pass found takes nothing from those whom the keep-list names
                spots[i] = mask.box
        for i in (i for i, staying in enumerate(stays) if staying):
            mask = people.boxed(people.persons[i])
            claimed = (mask.mask & leave[mask.box.slices]).any()
            kept[mask.box.slices] |= _own(people, people.persons[i], mask, spots) if claimed else mask.mask
    unmatched = () if keep == "largest" else tuple(item for item in keep if not listed(first, (item,)))
    whole = tuple(index for index, found in parts.items() if set(found) - set(asked))
    return Choice(tuple(stays), kept | (leave & region), region, tuple(dict.fromkeys(asked)), unmatched, whole)


def cut(people: People, choice: Choice, hole: Hole) -> int:
    """How many of those on the keep-list have more than a share of `CUT` of their pixels in the hole.

    hole: uint8 H x W, not 0 = removed.
    """
    return sum(_is_cut(people.boxed(people.persons[i]), hole) for i in choice.asked)


def may_be_cut(people: People, choice: Choice, hole: Hole) -> int:
    """Of how many others of those on the keep-list it is not sure which pixels are theirs: people who leave were given
    some of these (`CLOSE`), or a doubtful find beside them stays (`PART`).

    hole: uint8 H x W, not 0 = removed.
    """
    count = 0
    for number in choice.asked:
        person = people.persons[number]
        mask = people.boxed(person)
        given = _in_hole(box_mask(person.doubtful, people.size), hole) if person.doubtful else 0
        count += (given > CLOSE * mask.area or number in choice.parts) and not _is_cut(mask, hole)
    return count


def _parts(people: People, number: int) -> list[int]:
    """Numbers of the finds that may be a part of this person, see `PART`."""
    person = people.persons[number]
    near = [
        i
        for i, other in enumerate(people.persons)
        if not other.crowd and other.score < PART * person.score and _inside(other.bbox, person.bbox)
    ]
    mask = people.boxed(person)
    if not near or not mask.area:
        return []
    spot = bounds([mask], 2, people.size)
    touching = dilate(mask.within(spot), 1.5)
    finds = {i: people.boxed(people.persons[i]) for i in near}
    return [i for i, f in finds.items() if f.area <= PART_AREA * mask.area and (f.within(spot) & touching).any()]


def _inside(box: Sequence[float], other: Sequence[float]) -> bool:
    """Whether most of a box (x, y, width, height) lies in another one."""
    return shared_area(box, other) >= INSIDE * box[2] * box[3]


def _is_cut(mask: BoxMask, hole: Hole) -> bool:
    return _in_hole(mask, hole) > CUT * mask.area


def _in_hole(mask: BoxMask, hole: Hole) -> int:
    return int(np.count_nonzero(mask.mask & (hole[mask.box.slices] > 0)))


def _own(people: People, person: Instance, mask: BoxMask, rivals: Mapping[int, Box]) -> Mask:
    """The pixels of somebody who stays, of the mask's box. What a mask of those who leave claims as well is of the more
    certain one: of people rather than of crowds, then by score. Of two equally certain ones the smaller is in front
    where it lies inside the larger one, else each pixel is of the nearer one.

    rivals: the boxes of those who leave, by their numbers.
    """
    taken, certain = np.zeros_like(mask.mask), _certainty(person)
    even: Mask | None = None
    for number in (number for number, spot in rivals.items() if spot.meets(mask.box)):
        rival = people.persons[number]
        other = people.boxed(rival)
        shared = mask.mask & other.within(mask.box)
        both = np.count_nonzero(shared)
        if not both or _certainty(rival) < certain:
            continue
        if _certainty(rival) > certain or (other.area < mask.area and both >= INSIDE * other.area):
            taken |= shared
        elif both < INSIDE * min(mask.area, other.area):
            even = np.zeros(people.size, bool) if even is None else even
            even[other.box.slices] |= other.mask
    return (mask.mask if even is None else _without_others(mask, even)) & ~taken


def _certainty(person: Instance) -> tuple[bool, float]:
    return not person.crowd, person.score


def _without_others(mask: BoxMask, leave: Mask) -> Mask:
    """Somebody who stays, without what lies nearer to those who leave of what two masks claim: masks of neighbours
    overlap, and a sliver of somebody must not stay behind. Scraps beside such a place go with it. Of the mask's box."""
    claimed = mask.mask & leave[mask.box.slices]
    if not claimed.any():
        return mask.mask
    own = mask.mask & ~leave[mask.box.slices]
    core = drop_specks(own, SCRAP * np.count_nonzero(own))
    _, scraps = cv2.connectedComponents((own & ~core).view(np.uint8), connectivity=8)
    beside = np.unique(scraps[dilate(claimed, 1.5)])
    claimed |= np.isin(scraps, beside[beside > 0])
    return np.asarray(mask.mask & ~(claimed & _nearer_to_others(mask, core, claimed, leave)))


def _nearer_to_others(mask: BoxMask, core: Mask, claimed: Mask, leave: Mask) -> Mask:
    """Which pixels of the mask's box are nearer to those who leave than to `core`; right where it is `claimed`."""
    away = distance(core)
    farthest = float(away[claimed].max())
    if math.isinf(farthest):  # there is no core
        return np.full(core.shape, np.count_nonzero(leave) > np.count_nonzero(mask.mask & leave[mask.box.slices]))
    # Who is farther than that decides nothing, however large the photo is.
    around = bounds([mask], math.ceil(farthest) + 1, (leave.shape[0], leave.shape[1]))
    others = distance(leave[around.slices] & ~mask.within(around))
    return np.asarray(others[mask.box.relative_to(around).slices] < away)


def is_small(area: float, size: tuple[int, int], settings: RefineSettings) -> bool:
    """Whether a person of `area` pixels is too small to be removed from a photo of `size` (height, width)."""
    return math.sqrt(area) < settings.min_size * math.hypot(*size)


def listed(people: People, keep: Keep) -> list[int]:
    """Numbers of the persons on the keep-list, of each box the one that fits best; a number or box that fits nobody
    keeps nobody."""
    if keep == "largest":
        single = [i for i, p in enumerate(people.persons) if not p.crowd]
        return [max(single, key=lambda i: people.area(people.persons[i]))] if single else []
    out = []
    for item in keep:
        if isinstance(item, int):
            out += [item] if item < len(people) else []
        else:
            overlaps = [box_iou(item, p.bbox) for p in people.persons]
            best = int(np.argmax(overlaps)) if overlaps else 0
            out += [best] if overlaps and overlaps[best] >= SAME_BOX else []
    return out


def is_outgrown(first: People, later: People, keep: Keep) -> bool:
    """Whether `largest` was somebody else than a later pass shows: it found somebody larger."""
    areas, others = ([p.area(one) for one in p.persons if not one.crowd] for p in (first, later))
    return keep == "largest" and max(others, default=0) > max(areas, default=0)


def _regions(shapes: Sequence[Sequence[float]], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Boxes (x, y, width, height) and polygons (x1, y1, x2, y2, x3, y3, ...) in shares of the photo, bool H x W."""
    out = np.zeros(size, np.uint8)
    for shape in shapes:
        if len(shape) == 4:
            x, y, w, h = shape
            shape = (x, y, x + w, y, x + w, y + h, x, y + h)
        corners = np.array(shape, np.float64).reshape(-1, 2) * (size[1], size[0])
        # Pixel centres: a box of (0, 0, 1, 1) is every pixel and one of half the width ends at the middle.
        cv2.fillPoly(out, [np.round((corners - 0.5) * 16).astype(np.int32)], 1, shift=4)
    return out.astype(bool)
