"""The steps from one photo to the same photo without people, on arrays: no store, no files.

All arrays are in one frame, that of a photo seen upright: pixels uint8 H x W x 3 RGB, holes uint8 H x W, 255 = remove.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

import inpainting
from configs import InpaintSettings, RefineSettings, SegmentSettings
from data.images import Decoded, Encoded, encode, to_raw_frame
from data.types import Hole, Keep, Patch, People, Photo, Pixels, Weight
from flows.stages import models
from flows.stages.doubts import keep_doubts
from flows.stages.inpaint import inpaint_within_memory
from masks import Choice, choose, cut, hole_and_rest, may_be_cut

_log = logging.getLogger("person_removal")


@dataclass(frozen=True)
class Marked:
    """hole: what is filled. kept: what stays but is no source of the fill, as a hole would mark it: people who stay,
    and what the hole would have held but for them and for regions. choice: who stays. drawn: whether a hand drew on the
    hole. doubts: what may be wrong with those who stay, in words; nothing of a hole that a hand drew on."""

    hole: Hole
    kept: Hole
    choice: Choice
    drawn: bool = False
    doubts: tuple[str, ...] = ()

    def with_hole(self, hole: Hole) -> Marked:
        """The same with another hole: one that a hand drew on. What it takes from those who stay is gone."""
        kept = np.where(hole == 0, self.kept, np.uint8(0))
        drawn = not np.array_equal(hole, self.hole)
        return replace(self, hole=hole, kept=kept, drawn=drawn, doubts=() if drawn else self.doubts)


def find_people(pixels: Pixels, name: str, settings: SegmentSettings, weights: Mapping[str, Weight]) -> People:
    """Everyone in the photo."""
    return models.segmenter(settings, weights).segment([Photo(name, name, pixels)])[0]


def mark(people: People, keep: Keep, settings: RefineSettings, pixels: Pixels) -> Marked:
    """The hole of everyone but those on the keep-list."""
    choice = choose(people, keep, settings)
    hole, kept = hole_and_rest(people, settings, pixels, choice)
    lost, close = cut(people, choice, hole), may_be_cut(people, choice, hole)
    return Marked(hole, kept, choice, doubts=tuple(keep_doubts(lost, close, len(choice.unmatched))))


def fill_hole(
    pixels: Pixels, marked: Marked, settings: InpaintSettings, weights: Mapping[str, Weight]
) -> tuple[list[Patch], str | None]:
    """Final pixels for the hole, never copied from what is kept; and what had to be set lower for want of memory, None
    when nothing had. Raises PhotoError when hardly anything else is there.

    Nothing is blended in a hole that a hand drew on, for that has no ring around what it covers.
    """
    able, note = inpainting.settings_for(settings, marked.hole)
    chosen = able.model_copy(update={"feather": 0} if marked.drawn else {})
    patches, lower = inpaint_within_memory(pixels, marked.hole, models.fill(able, weights), chosen, marked.kept)
    if note:
        _log.warning(note)
    return patches, lower


def as_file(photo: Decoded, pixels: Pixels, hole: Hole, *, scrub: bool = False) -> Encoded:
    """The photo's file with `pixels` where the hole is, both upright: in its format, turned as it was, with its
    metadata (scrub: colours, orientation, resolution and exposure alone). Raises PhotoError."""
    turned, raw_hole = (to_raw_frame(array, photo.orientation) for array in (pixels, hole))
    return encode(photo, turned, raw_hole, scrub=scrub)
