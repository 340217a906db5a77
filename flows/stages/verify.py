"""The verify stage: is anyone left in the result, and does it look right?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

import inpainting
import masks
from configs import InpaintSettings, SegmentSettings, Settings, VerifySettings
from data.plan.entries import Entry
from data.storage.files import canonical_json, sha256
from data.storage.store import artifact_key
from data.types import Hole, Keep, Patch, People, Pixels
from flows.facts import RefineFacts, Rows, VerifyFacts
from flows.stages import refine
from flows.stages.context import RunContext
from flows.stages.finds import Find, judge, not_kept, share_of
from flows.stages.photo_steps import fill_settings, find_people
from flows.stages.records import (
    StageOutput,
    extra_digest,
    orientation_of,
    read_hallucinated,
    read_hole,
    read_kept,
    read_missed,
    read_patches,
    read_people,
    read_photo,
    refill_json,
)
from flows.stages.refill import fill_again, part_of
from flows.stages.segment import people_of_masks
from flows.stages.verifier import finds_more, is_independent, verifier_settings
from inpainting.invention import invented_share
from inpainting.quality import quality

STAGE_VERSION = 9
"""Part of every key: raise it when the same result gives other facts of who is left than before."""

LARGEST_HOLE = 0.7
"""Share of the photo beyond which a hole does not grow by what the fill made up: hardly anything would be left to fill
from."""


def key(run: RunContext, entry: Entry, rows: Rows) -> str:
    settings, others = verifier_settings(run.settings), other_fills(run.settings, rows["refine"]["facts"])
    return artifact_key(
        "verify",
        STAGE_VERSION,
        {
            "verify": run.settings.verify.model_dump(mode="json", exclude={"passes", "segmenter", "weights", "refill"}),
            "look": settings.relevant() if settings else None,
            "independent": is_independent(run.settings.segment, settings),
            "sees_more": finds_more(run.settings.segment, settings),
            "learned": inpainting.FILLS[run.settings.inpaint.fill].learned,  # whether the fill can make things up
            **({"refill": [inpainting.STAGE_VERSION, *(other.relevant() for other in others)]} if others else {}),
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
        read_kept(run, rows),
        other_fills(run.settings, rows["refine"]["facts"]),
    )
    facts, missed, hallucinated = checked.facts, checked.missed, checked.hallucinated
    if extra_digest(rows):
        missed, hallucinated = read_missed(run, rows).plus([missed]), read_hallucinated(run, rows).plus([hallucinated])
    artifact = {"missed": missed.to_json(), "made_up": hallucinated.to_json()}
    # a hand's word on the hole is the last one, so a further pass would change nothing
    more = len(missed) + len(hallucinated) and not entry.edited
    facts["extra"] = sha256(canonical_json(artifact)) if more else None
    return StageOutput(canonical_json({**artifact, **refill_json(checked.patches)}), facts)


def other_fills(settings: Settings, refined: RefineFacts) -> list[InpaintSettings]:
    """Fills that are tried where the chosen one looks like somebody; none where that cannot be or is not wanted.
    refined: facts of the refine stage."""
    if not settings.verify.refill or not refined["share"] or verifier_settings(settings) is None:
        return []
    return inpainting.others(fill_settings(settings.inpaint, refined["edited"]))


class Checked(NamedTuple):
    """facts: of the verify stage, `extra` left open. finds: whom the verifier found. missed: those of them whom the
    photo itself still shows. hallucinated: those whom the fill seems to show. patches: what was filled again, to lie
    over the first fill's; all else is said of the result with them."""

    facts: VerifyFacts
    finds: tuple[Find, ...]
    missed: People
    hallucinated: People
    patches: list[Patch]


def check(
    settings: Settings,
    photo: Callable[[], Pixels],
    result: Callable[[], Pixels],
    find: Callable[[SegmentSettings, Pixels], People],
    people: People,
    hole: Hole,
    choice: masks.Choice,
    keep: Keep,
    kept: Hole | None = None,
    others: Sequence[InpaintSettings] = (),
) -> Checked:
    """Everyone who may be left: known people outside the hole, and people whom the verifier finds.

    Whom the photo itself still shows is *missed*, whom the fill seems to show is *made up*. Both are for a further pass
    over the original: a hole that is larger by what was found takes in what the fill went on with. Before that, where
    nobody is seen but in what was filled, other fills are tried, until the verifier sees nobody any more.

    settings: resolved. photo: reads the pixels, where they are needed. result: makes the result, where there is a
    hole. find: everyone in pixels, by these settings. people: whom the first pass found, without those of further
    passes. choice, keep: who stays. kept: what is no source of a fill. others: fills to try.
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
    patches: list[Patch] = []
    verifier, first = verifier_settings(settings), settings.segment
    if verifier:
        facts["looked"], facts["independent"] = verifier.segmenter, is_independent(first, verifier)
    if hole.any() or finds_more(first, verifier):
        pixels = photo()
        after = result() if hole.any() else pixels
        if verifier:

            def look(image: Pixels) -> tuple[People, list[Find]]:
                found = find(verifier, image)
                return found, judge(not_kept(found, people, choice, settings.refine, keep), hole, pixels, image)

            found, finds = look(after)
            if others and (seen := doubtful(finds, settings.verify)):
                part = part_of(seen, people.plus([find(verifier, pixels)]), hole)
                for other in others if part.any() else ():
                    laid, how = fill_again(pixels, hole, kept, after, part, other)
                    if "degraded" in how:  # with more memory another one might have been taken
                        facts["degraded"] = how["degraded"]
                    image = inpainting.compose(after, part, laid)
                    found_then, finds_then = look(image)
                    if not doubtful(finds_then, settings.verify):
                        score = max(find.person.score for find in seen)
                        facts["refilled"] = {"fill": other.named, "score": score}
                        after, patches, found, finds = image, laid, found_then, finds_then
                        break
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
    facts["doubts"] = len(doubtful(finds, settings.verify))
    leave = [find for find in finds if not find.like or settings.verify.lookalikes == "remove"]
    missed = People(people.size, tuple(find.person for find in leave if find.where == "elsewhere"))
    hallucinated = worth_a_larger_hole(People(people.size, tuple(f.person for f in leave if f.where == "hole")), hole)
    return Checked(facts, tuple(finds), missed, hallucinated, patches)


def doubtful(finds: Sequence[Find], settings: VerifySettings) -> list[Find]:
    """Those finds for which somebody has to look at the photo."""
    return [find for find in finds if not find.like or settings.lookalikes != "ignore"]


def worth_a_larger_hole(hallucinated: People, hole: Hole) -> People:
    """These, or nobody where with them hardly anything of the photo would remain to fill from."""
    larger = np.count_nonzero(hallucinated.union() | (hole > 0))
    return hallucinated if larger <= LARGEST_HOLE * hole.size else People(hallucinated.size)


def _left(people: People, hole: Hole, choice: masks.Choice, most: float) -> int:
    """How many of those who leave have more than a share of `most` of their pixels outside the hole."""
    outside = (hole == 0) & ~choice.kept
    leave = (person for person, stays in zip(people.persons, choice.stays, strict=True) if not stays)
    found = map(people.boxed, leave)
    return sum(1 for mask in found if share_of(outside[mask.box.slices], mask.mask) > most)
