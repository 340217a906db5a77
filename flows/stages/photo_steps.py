"""The steps from one photo to the same photo without people, on arrays: no store, no files.

The stages, `remove_people`, the page for one photo and `fill` take these, so that all of them give the same pixels. All
arrays are of the photo upright: pixels uint8 H x W x 3 RGB, holes uint8 H x W, 255 = remove.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

import inpainting
import masks
from configs import InpaintSettings, RefineSettings, SegmentSettings
from data.types import Hole, Keep, Patch, People, Photo, Pixels, Weight, as_hole
from flows.facts import InpaintFacts, RefineFacts
from flows.stages import models
from inpainting.protocol import Fill

DEGRADED: Final = "degraded"
"""Name of the fact of an artifact that is less than what was asked for; it says how, and is in the artifact's key."""
NOTE: Final = "note"
"""Name of the fact of an artifact that another fill made than the settings name; it says why, for people."""
SMALLEST = 64
"""Pixels; the least `inpaint.window`."""


@dataclass(frozen=True)
class Marked:
    """hole: what is filled. kept: what stays but is no source of the fill, as a hole would mark it: people who stay,
    and what the hole would have held but for them and for regions. choice: who stays. facts: of the refine stage."""

    hole: Hole
    kept: Hole
    choice: masks.Choice
    facts: RefineFacts

    def with_hole(self, hole: Hole) -> Marked:
        """The same with another hole: one that a hand drew on. What it takes from those who stay is gone."""
        if np.array_equal(hole, self.hole):
            return self
        share = round(float((hole > 0).mean()), 6)
        facts: RefineFacts = {"share": share, "kept": self.facts["kept"], "edited": True}
        return Marked(hole, as_hole(self.choice.kept & (hole == 0)), self.choice, facts)


class Filled(NamedTuple):
    """patches: final pixels for the hole. facts: of the inpaint stage."""

    patches: list[Patch]
    facts: InpaintFacts


def find_people(pixels: Pixels, name: str, settings: SegmentSettings, weights: Mapping[str, Weight]) -> People:
    """Everyone in the photo."""
    return models.segmenter(settings, weights).segment([Photo(name, name, pixels)])[0]


def mark(
    people: People,
    keep: Keep,
    settings: RefineSettings,
    pixels: Callable[[], Pixels],
    *,
    spared: NDArray[np.bool_] | None = None,
    extra: People | None = None,
    drawn: Hole | None = None,
    unsure: int = 0,
) -> Marked:
    """The hole of everyone but those on the keep-list, or the one that a hand drew.

    pixels: reads the photo, in which shadows are looked for. spared: bool H x W, where nothing is removed. extra:
    people whom later passes found. unsure: of how many the keep-list does not know whether they stay.
    """
    choice = masks.choose(people, keep, settings, spared, extra)
    if drawn is not None:
        hole, rest = drawn, as_hole(choice.kept & (drawn == 0))
    else:
        everyone = people.plus([extra] if extra else [])
        seen = pixels() if settings.shadow and len(everyone) else None
        hole, rest = masks.hole_and_rest(everyone, settings, seen, choice)
    kept, stays = choice.kept & (hole == 0), 0
    if kept.any():
        found = map(people.boxed, people.persons)
        stays = sum(int(np.count_nonzero(kept[one.box.slices] & one.mask)) > one.area / 2 for one in found)
    share = round(float((hole > 0).mean()), 6)
    facts: RefineFacts = {"share": share, "kept": stays, "edited": drawn is not None}
    if drawn is None:  # a hand's word on the hole is the last one
        # numbers are said of every photo: where nobody was found, nobody can be taken for another
        unmatched = sum(len(people) > 0 or not isinstance(item, int) for item in choice.unmatched)
        if extra and masks.is_outgrown(people, extra, keep):
            unmatched += 1
        if unsure:
            facts["unsure"] = unsure
        if cut := masks.cut(people, choice, hole):
            facts["cut"] = cut
        if close := masks.may_be_cut(people, choice, hole):
            facts["may_be_cut"] = close
        if unmatched:
            facts["unmatched"] = unmatched
    return Marked(hole, rest, choice, facts)


def fill_settings(settings: InpaintSettings, drawn: bool) -> InpaintSettings:
    """Settings of the fill. drawn: whether a hand drew the hole: that has no ring around what it covers, so nothing of
    it is blended back in."""
    return settings.model_copy(update={"feather": 0} if drawn else {})


def fill_hole(
    pixels: Pixels,
    hole: Hole,
    kept: Hole | None,
    settings: InpaintSettings,
    weights: Mapping[str, Weight],
    tell: Callable[[int, int], None] | None = None,
) -> Filled:
    """Final pixels for the hole, never copied from what is kept. settings: see `fill_settings`. tell: see
    `inpainting.inpaint`. Raises PhotoError when hardly anything else is there."""
    if not hole.any():
        return Filled([], {})
    able, note = inpainting.settings_for(settings, hole)
    patches, lower = inpaint_within_memory(pixels, hole, models.fill(able, weights), able, kept, tell)
    facts: InpaintFacts = {}
    if lower:
        facts[DEGRADED] = lower
    if note:
        facts[NOTE] = note
    return Filled(patches, facts)


def inpaint_within_memory(
    image: Pixels,
    hole: Hole,
    fill: Fill,
    settings: InpaintSettings,
    exclude: Hole | None = None,
    tell: Callable[[int, int], None] | None = None,
) -> tuple[list[Patch], str | None]:
    """`inpainting.inpaint`, and what had to be set lower for it, None when nothing had.

    Windows are filled one by one, so there is no batch to halve: when the memory is out, `inpaint.window` is halved
    until it is not (`whole` becomes windows of half the photo). Raises MemoryError when it always is.
    """
    tried, lower = settings, None
    while True:
        try:
            return inpainting.inpaint(image, hole, fill, tried, exclude, tell), lower
        except MemoryError:
            side = max(hole.shape) if tried.strategy == "whole" else min(tried.longest, max(hole.shape))
            window = side // 2 // 8 * 8
            if window < SMALLEST:
                raise
            tried = tried.model_copy(update={"strategy": "windows", "window": window})
            lower = f"inpaint.window={window}"
