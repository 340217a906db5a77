"""The verify stage: is anyone left in the result, and does it look right?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

import inpainting
import masks
from configs import RefineSettings, SegmentSettings, Settings
from data.plan.entries import Entry
from data.rle import BoxMask
from data.storage.files import canonical_json, sha256
from data.storage.store import artifact_key
from data.types import Hole, Instance, Keep, People, Pixels
from flows.facts import FindFacts, Rows, VerifyFacts
from flows.stages import refine
from flows.stages.context import RunContext
from flows.stages.photo_steps import find_people
from flows.stages.records import (
    StageOutput,
    extra_digest,
    orientation_of,
    read_hallucinated,
    read_hole,
    read_missed,
    read_patches,
    read_people,
    read_photo,
)
from flows.stages.segment import people_of_masks
from flows.stages.verifier import SHOWS, TAKEN_FOR, finds_more, is_independent, verifier_settings
from inpainting.invention import invented_share
from inpainting.quality import quality

STAGE_VERSION = 9
"""Part of every key: raise it when the same result gives other facts of who is left than before."""

Mask = NDArray[np.bool_]
CHANGED = 8
"""Grey levels by which a pixel of the hole differs from the photo's, in any channel, to be the fill's own work."""
MOSTLY = 0.5
LARGEST_HOLE = 0.7
"""Share of the photo beyond which a hole does not grow by what the fill made up: hardly anything would be left to fill
from."""
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


def key(run: RunContext, entry: Entry, rows: Rows) -> str:
    settings = verifier_settings(run.settings)
    return artifact_key(
        "verify",
        STAGE_VERSION,
        {
            "verify": run.settings.verify.model_dump(mode="json", exclude={"passes", "segmenter", "weights"}),
            "look": settings.relevant() if settings else None,
            "independent": is_independent(run.settings.segment, settings),
            "sees_more": finds_more(run.settings.segment, settings),
            "learned": inpainting.FILLS[run.settings.inpaint.fill].learned,  # whether the fill can make things up
        },
        run.digests(settings.required_weights()) if settings else [],
        [
            entry.sha256,
            *(rows["segment"]["sha256"], rows["refine"]["sha256"], rows["inpaint"]["sha256"]),
            *extra_digest(rows),
            *refine.kept_digest(run, entry),
            *refine.edited_digest(entry),
        ],
    )


def compute(run: RunContext, entry: Entry, rows: Rows) -> StageOutput:
    people, hole = read_people(run, rows), read_hole(run, rows)
    photo = cache(lambda: read_photo(run, entry))

    def find(verifier: SegmentSettings, result: Pixels) -> People:
        if entry.given and verifier.given:
            return people_of_masks(run, verifier, photo(), entry)[0]
        return find_people(result, entry.name, verifier, run.weights)

    checked = check(
        run.settings,
        lambda: photo().pixels,
        lambda: inpainting.compose(photo().pixels, hole, read_patches(run, rows)),
        find,
        people,
        hole,
        refine.choose(run, entry, rows, people),
        refine.keep_of(entry, people.size, orientation_of(rows)),
    )
    facts, missed, hallucinated = checked.facts, checked.missed, checked.hallucinated
    if extra_digest(rows):
        missed, hallucinated = read_missed(run, rows).plus([missed]), read_hallucinated(run, rows).plus([hallucinated])
    payload = canonical_json({"missed": missed.to_json(), "made_up": hallucinated.to_json()})
    # a hand's word on the hole is the last one, so a further pass would change nothing
    facts["extra"] = sha256(payload) if len(missed) + len(hallucinated) and not entry.edited else None
    return StageOutput(payload, facts)


class Checked(NamedTuple):
    """facts: of the verify stage, `extra` left open. finds: whom the verifier found. missed: those of them whom the
    photo itself still shows. hallucinated: those whom the fill seems to show."""

    facts: VerifyFacts
    finds: tuple[Find, ...]
    missed: People
    hallucinated: People


def check(
    settings: Settings,
    photo: Callable[[], Pixels],
    result: Callable[[], Pixels],
    find: Callable[[SegmentSettings, Pixels], People],
    people: People,
    hole: Hole,
    choice: masks.Choice,
    keep: Keep,
) -> Checked:
    """Everyone who may be left: known people outside the hole, and people whom the verifier finds.

    Whom the photo itself still shows is *missed*, whom the fill seems to show is *made up*. Both are for a further pass
    over the original: a hole that is larger by what was found takes in what the fill went on with.

    settings: resolved. photo: reads the pixels, where they are needed. result: makes the result, where there is a
    hole. find: everyone in pixels, by these settings. people: whom the first pass found, without those of further
    passes. choice, keep: who stays.
    """
    facts: VerifyFacts = {
        "looked": "none",
        "independent": False,
        "left": _left(people, hole, choice, settings.verify.left),
        "found": [],
        "doubts": 0,
        "extra": None,
    }
    finds: list[Find] = []
    verifier, first = verifier_settings(settings), settings.segment
    if verifier:
        facts["looked"], facts["independent"] = verifier.segmenter, is_independent(first, verifier)
    if hole.any() or finds_more(first, verifier):
        pixels = photo()
        after = result() if hole.any() else pixels
        if verifier:
            found = find(verifier, after)
            strangers = not_kept(found, people, choice, settings.refine, keep)
            finds = judge(strangers, hole, pixels, after)
            matched = [box for box in choice.unmatched if not isinstance(box, int) and masks.listed(found, (box,))]
            if matched:
                facts["matched"] = len(matched)
        if hole.any():
            share = round(float((hole > 0).mean()), 6)
            if share > settings.verify.hole_share:
                facts["made_up"] = share
            facts["quality"] = quality(after, hole)
            if inpainting.FILLS[settings.inpaint.fill].learned:
                invented = invented_share(after, hole)
                facts["quality"]["invented"] = round(invented, 4)
                if invented > settings.verify.invented:
                    facts["invented"] = round(invented, 4)
    facts["found"] = [find.to_json() for find in finds]
    facts["doubts"] = sum(not find.like or settings.verify.lookalikes != "ignore" for find in finds)
    leave = [find for find in finds if not find.like or settings.verify.lookalikes == "remove"]
    missed = People(people.size, tuple(find.person for find in leave if find.where == "elsewhere"))
    hallucinated = worth_a_larger_hole(People(people.size, tuple(f.person for f in leave if f.where == "hole")), hole)
    return Checked(facts, tuple(finds), missed, hallucinated)


def judge(found: People, hole: Hole, before: Pixels, after: Pixels) -> list[Find]:
    """What is to be thought of everyone `found` in the result `after` of the photo `before`, whose hole this is.

    before, after: uint8 H x W x 3. hole: uint8 H x W, 255 = filled.
    """
    hallucinated = (hole > 0) & (np.abs(after.astype(np.int16) - before).max(2) > CHANGED)
    return [_judged(person, found, hallucinated) for person in found.persons]


def _judged(person: Instance, found: People, hallucinated: Mask) -> Find:
    mask = found.boxed(person)
    like = next((like for thing in found.objects if (like := _like(person, mask, thing, found.boxed(thing)))), None)
    return Find(person, "hole" if _share(hallucinated[mask.box.slices], mask.mask) > MOSTLY else "elsewhere", like)


def _like(person: Instance, mask: BoxMask, thing: Instance, area: BoxMask) -> str | None:
    """What the person is like if it is only the thing, or a picture in it; None for a person of their own."""
    if _share(area.within(mask.box), mask.mask) < WITHIN:
        return None  # somebody in front of a screen hides it: their pixels are not the screen's
    if thing.label in SHOWS:
        return SHOWS[thing.label]
    same = _share(mask.within(area.box), area.mask) > MOSTLY and thing.score > person.score / 2
    return TAKEN_FOR.get(thing.label) if same else None  # where it is the same, the network is of two minds


def worth_a_larger_hole(hallucinated: People, hole: Hole) -> People:
    """These, or nobody where with them hardly anything of the photo would remain to fill from."""
    larger = np.count_nonzero(hallucinated.union() | (hole > 0))
    return hallucinated if larger <= LARGEST_HOLE * hole.size else People(hallucinated.size)


def _left(people: People, hole: Hole, choice: masks.Choice, most: float) -> int:
    """How many of those who leave have more than a share of `most` of their pixels outside the hole."""
    outside = (hole == 0) & ~choice.kept
    leave = (person for person, stays in zip(people.persons, choice.stays, strict=True) if not stays)
    found = map(people.boxed, leave)
    return sum(1 for mask in found if _share(outside[mask.box.slices], mask.mask) > most)


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
        return _share(of[mask.box.slices], mask.mask)

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


def _share(region: Mask, mask: Mask) -> float:
    """Share of the mask's pixels that lie in the region; 0 for an empty mask."""
    return np.count_nonzero(region & mask) / max(1, int(np.count_nonzero(mask)))
