"""Who is in a photo: quickly at first, then as a run finds them; ids stay the same when people are found again."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from data.geometry import Box
from data.images import Decoded
from data.rle import BoxMask, box_mask, box_rle
from data.types import Instance, People, Pixels
from flows.app.choices import Choice
from flows.app.views import SURE, fitted, view_size
from flows.stages import photo_steps

SAME = 0.5
"""Least intersection over union of two finds of one person, by a quick and by a thorough look."""


@dataclass(frozen=True)
class OpenPhoto:
    """photo: the file. pixels: uint8 H x W x 3 of the photo seen upright. icc: its colour profile, b"" for none."""

    photo: Decoded
    pixels: Pixels
    icc: bytes


@dataclass(frozen=True)
class Found:
    """People at the photo's size and at the page's, with ids that stay the same when people are found again.

    late: how many at the end were found by the verifier. thorough: whether the photo was looked at in full size.
    """

    people: People
    small: People
    ids: tuple[int, ...]
    late: int = 0
    thorough: bool = True


def find_quickly(photo: OpenPhoto, segmenter: Choice, before: Found | None = None) -> Found:
    """Everyone that can be seen at the page's size: a fraction of the time of a thorough look at a large photo."""
    height, width = view_size(photo.pixels.shape)
    if (height, width) == photo.pixels.shape[:2]:
        return find(photo, segmenter, before)
    settings, name = segmenter.settings.segment, photo.photo.name
    small = photo_steps.find_people(fitted(photo.pixels), name, settings, segmenter.weights)
    large = _resized(small, (photo.pixels.shape[0], photo.pixels.shape[1]))
    return Found(large, small, _ids(small, before), thorough=False)


def find(photo: OpenPhoto, segmenter: Choice, before: Found | None = None) -> Found:
    """Everyone, as a run finds them; whoever is in `before` keeps their id. Sure finds of a quick look that a thorough
    one does not have stay: nobody who was shown leaves the page by themselves."""
    people = photo_steps.find_people(photo.pixels, photo.photo.name, segmenter.settings.segment, segmenter.weights)
    if before is not None and not before.thorough:
        people = people.plus([People(people.size, _not_covered(before.people, people))])
    small = _resized(people, view_size(people.size))
    return Found(people, small, _ids(small, before))


def _not_covered(before: People, people: People) -> tuple[Instance, ...]:
    union = people.union()
    out = []
    for person in before.persons:
        mask = before.boxed(person)
        if person.score >= SURE and (mask.mask & union[mask.box.slices]).sum() < SAME * mask.area:
            out.append(person)
    return tuple(out)


def with_late(found: Found, missed: Sequence[Instance]) -> tuple[Found, tuple[int, ...]]:
    """Together with those whom the verifier found, and the ids of these; nobody is added twice."""
    ids = []
    for person in missed:
        known = range(len(found.ids) - found.late, len(found.ids))
        same = next((n for n in known if _likeness(found.people, found.people.persons[n], person) >= SAME), None)
        if same is None:
            same = len(found.ids)
            people = found.people.plus([People(found.people.size, (person,))])
            small = found.small.plus([_resized(People(people.size, (person,)), found.small.size)])
            found = replace(
                found, people=people, small=small, ids=(*found.ids, max(found.ids, default=-1) + 1), late=found.late + 1
            )
        ids.append(found.ids[same])
    return found, tuple(ids)


def _likeness(people: People, a: Instance, b: Instance) -> float:
    """Intersection over union."""
    shared = people.shared(a, b)
    return shared / max(1, people.area(a) + people.area(b) - shared)


def _ids(people: People, before: Found | None) -> tuple[int, ...]:
    """Ids for people; the best match in `before` gives its own."""
    if before is None:
        return tuple(range(len(people)))
    likeness = {
        (new, old): _likeness(people, person, other)
        for new, person in enumerate(people.persons)
        for old, other in enumerate(before.small.persons)
    }
    ids: dict[int, int] = {}
    for new, old in sorted(likeness, key=lambda pair: -likeness[pair]):
        if likeness[new, old] >= SAME and new not in ids and before.ids[old] not in ids.values():
            ids[new] = before.ids[old]
    first = max(before.ids, default=-1) + 1
    others = [new for new in range(len(people)) if new not in ids]
    ids |= {new: first + at for at, new in enumerate(others)}
    return tuple(ids[new] for new in range(len(people)))


def _resized(people: People, size: tuple[int, int]) -> People:
    """The same people in a photo of another size."""
    if size == people.size:
        return people
    scale = size[1] / people.size[1], size[0] / people.size[0]

    def counts(of: str) -> str:
        rle = box_rle(_resized_mask(box_mask(of, people.size), scale, people.size, size), size)
        return rle["counts"].decode("ascii")

    def box(of: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
        x, y, width, height = of
        return x * scale[0], y * scale[1], width * scale[0], height * scale[1]

    persons = [
        replace(
            one, bbox=box(one.bbox), counts=counts(one.counts), doubtful=counts(one.doubtful) if one.doubtful else ""
        )
        for one in people.persons
    ]
    things = [replace(one, bbox=box(one.bbox), counts=counts(one.counts)) for one in people.objects]
    return People(size, tuple(persons), tuple(things))


def _resized_mask(mask: BoxMask, scale: tuple[float, float], size: tuple[int, int], to: tuple[int, int]) -> BoxMask:
    """The mask of a photo of `size` in one of the size `to`, scale = (x, y) times as large. Its box alone is resized,
    to within half a pixel of where the whole photo's resizing puts it: that takes a hundredth of the time."""
    if not mask.mask.size:
        return mask
    target = _scaled(mask.box, scale, math.floor, math.ceil).within(to)
    source = _scaled(target, (1 / scale[0], 1 / scale[1]), round, round).within(size)
    part = mask.within(source).astype(np.uint8) * np.uint8(255)
    way = cv2.INTER_AREA if to[0] < size[0] else cv2.INTER_LINEAR
    resized = np.asarray(cv2.resize(part, target.shape[::-1], interpolation=way)) > 127
    return BoxMask(target.top, target.left, resized)


def _scaled(box: Box, scale: tuple[float, float], first: Callable[[float], int], last: Callable[[float], int]) -> Box:
    """The box scale = (x, y) times as large. first, last: how its upper left and its lower right become whole."""
    x, y = scale
    return Box(first(box.left * x), first(box.top * y), last(box.right * x), last(box.bottom * y))
