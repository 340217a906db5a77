"""Whom the verifier found in a result: where, what it may only be like, and whether it is somebody who may stay."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

import masks
from configs import RefineSettings
from data.rle import BoxMask
from data.types import Hole, Instance, Keep, People, Pixels
from flows.facts import FindFacts
from flows.stages.verifier import SHOWS, TAKEN_FOR

Mask = NDArray[np.bool_]
CHANGED = 8
"""Grey levels by which a pixel of the hole differs from the photo's, in any channel, to be the fill's own work."""
MOSTLY = 0.5
WITHIN = 0.8
"""A person may be only a thing, or a picture in it, from this share of its pixels within the thing on."""


@dataclass(frozen=True)
class Find:
    """Somebody whom the verifier found. where: in what the fill made up (`hole`), or in what is the photo's own.
    like: what it may only be a picture of, None for a person."""

    person: Instance
    where: Literal["hole", "elsewhere"]
    like: str | None

    def to_json(self) -> FindFacts:
        return {"bbox": list(self.person.bbox), "score": self.person.score, "where": self.where, "like": self.like}


def judge(found: People, hole: Hole, before: Pixels, after: Pixels) -> list[Find]:
    """What is to be thought of everyone `found` in the result `after` of the photo `before`, whose hole this is.

    before, after: uint8 H x W x 3. hole: uint8 H x W, 255 = filled.
    """
    hallucinated = (hole > 0) & (np.abs(after.astype(np.int16) - before).max(2) > CHANGED)
    return [_judged(person, found, hallucinated) for person in found.persons]


def _judged(person: Instance, found: People, hallucinated: Mask) -> Find:
    mask = found.boxed(person)
    like = next((like for thing in found.objects if (like := _like(person, mask, thing, found.boxed(thing)))), None)
    return Find(person, "hole" if share_of(hallucinated[mask.box.slices], mask.mask) > MOSTLY else "elsewhere", like)


def _like(person: Instance, mask: BoxMask, thing: Instance, area: BoxMask) -> str | None:
    """What the person is like if it is only the thing, or a picture in it; None for a person of their own."""
    if share_of(area.within(mask.box), mask.mask) < WITHIN:
        return None  # somebody in front of a screen hides it: their pixels are not the screen's
    if thing.label in SHOWS:
        return SHOWS[thing.label]
    same = share_of(mask.within(area.box), area.mask) > MOSTLY and thing.score > person.score / 2
    return TAKEN_FOR.get(thing.label) if same else None  # where it is the same, the network is of two minds


def not_kept(found: People, people: People, choice: masks.Choice, settings: RefineSettings, keep: Keep = ()) -> People:
    """Whom the verifier found, without those who may stay.

    Each of the `people` who stay accounts for one find only, or a stranger beside them whom the first pass missed would
    stay, too. So does each box of the keep-list that is of none of the people: somebody whom only the verifier sees
    can be asked to stay.
    """
    stays = [person for person, staying in zip(people.persons, choice.stays, strict=True) if staying]
    region = choice.region.copy()
    for person in stays:
        if person.crowd:  # any number of people
            mask = people.boxed(person)
            region[mask.box.slices] |= mask.mask
    expected = set()
    may_be = choice.kept | region

    def share(of: Mask, person: Instance) -> float:
        mask = found.boxed(person)
        return share_of(of[mask.box.slices], mask.mask)

    near = [i for i, person in enumerate(found.persons) if share(may_be, person) > MOSTLY]
    for own in (person for person in stays if near and not person.crowd):
        best = max(near, key=lambda i: _likeness(people, own, found.persons[i]))
        expected |= {best} if people.shared(own, found.persons[best]) else set()
    boxes = () if keep == "largest" else [item for item in keep if not isinstance(item, int)]
    expected |= set(masks.listed(found, tuple(box for box in boxes if not masks.listed(people, (box,)))))
    return replace(
        found,
        persons=tuple(
            person
            for i, person in enumerate(found.persons)
            if i not in expected
            and share(region, person) <= MOSTLY
            and not masks.is_small(found.area(person), found.size, settings)
        ),
    )


def _likeness(people: People, one: Instance, other: Instance) -> float:
    """Intersection over union of two persons of photos of one size."""
    both = people.shared(one, other)
    return both / max(1, people.area(one) + people.area(other) - both)


def share_of(region: Mask, mask: Mask) -> float:
    """Share of the mask's pixels that lie in the region; 0 for an empty mask."""
    return np.count_nonzero(region & mask) / max(1, int(np.count_nonzero(mask)))
