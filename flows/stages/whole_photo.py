"""All steps of one photo, as a run takes them in its stages, on arrays."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import numpy as np

import inpainting
from configs import Settings
from data.types import Keep, People, Pixels, Weight
from flows.facts import EarlierFacts
from flows.stages.photo_steps import Marked, fill_hole, find_people, mark
from flows.stages.verify import check, other_fills
from masks import choose


class Removed(NamedTuple):
    """image: uint8 H x W x 3. people: whom the first pass found, then those whom later ones did. facts: what the stages
    would say."""

    image: Pixels
    people: People
    marked: Marked
    facts: EarlierFacts


def remove_from(pixels: Pixels, name: str, keep: Keep, settings: Settings, weights: Mapping[str, Weight]) -> Removed:
    """The photo without people, and what is doubtful about it, as the stages make it: extra passes
    (`flows.pipeline`) refine all who were found so far and fill the original again.

    pixels: uint8 H x W x 3, upright. settings: resolved, with their weights. Raises PhotoError.
    """
    people = find_people(pixels, name, settings.segment, weights)
    choice = choose(people, keep, settings.refine)
    missed, hallucinated = People(people.size), People(people.size)
    for left in range(settings.verify.passes, -1, -1):
        extra = missed.plus([hallucinated])
        marked = mark(people, keep, settings.refine, lambda: pixels, extra=extra if len(extra) else None)
        filled = fill_hole(pixels, marked.hole, marked.kept, settings.inpaint, weights)
        image = inpainting.compose(pixels, marked.hole, filled.patches)
        checked = check(
            settings,
            lambda: pixels,
            partial(np.asarray, image),
            lambda verifier, result: find_people(result, name, verifier, weights),
            people,
            marked.hole,
            choice,
            keep,
            marked.kept,
            other_fills(settings, marked.facts),
        )
        if checked.patches:
            image = inpainting.compose(pixels, marked.hole, [*filled.patches, *checked.patches])
        missed, hallucinated = missed.plus([checked.missed]), hallucinated.plus([checked.hallucinated])
        if not left or not len(checked.missed) + len(checked.hallucinated):
            break
    facts: EarlierFacts = {
        "refine": marked.facts,
        "inpaint": filled.facts,
        "verify": checked.facts,
        "given": {"frame": None, "doubt": None, "not_in_hole": 0},
    }
    return Removed(image, people.plus([missed]), marked, facts)
