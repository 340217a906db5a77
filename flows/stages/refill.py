"""A part of the hole filled again by another fill, where the first fill is all that looks like somebody.

The hole stays as it is, so that nothing that was covered is shown, and only where everyone who is seen is made of
filled pixels: whom the photo itself shows a larger hole has to cover.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import inpainting
from configs import InpaintSettings
from data.types import Hole, Patch, People, Pixels, as_hole
from flows.facts import InpaintFacts
from flows.stages.finds import Find, share_of
from flows.stages.photo_steps import fill_hole
from inpainting.compositing import cut_patches
from inpainting.windows import hole_groups

OWN = 0.1
"""Share of a find's pixels beside the hole that may be somebody's of the photo itself: the rim of a mask."""


def part_of(finds: Sequence[Find], own: People, hole: Hole) -> Hole:
    """The connected groups of the hole that look like these finds; none, an empty hole, where one of them is not of the
    fill alone.

    own: everyone whom the photo itself shows. hole: uint8 H x W, 255 = filled.
    """
    labels, _ = hole_groups(hole)
    beside = own.union() & (hole == 0)
    touched: set[int] = set()
    for find in finds:
        mask = own.boxed(find.person)
        if find.where != "hole" or share_of(beside[mask.box.slices], mask.mask) > OWN:
            return np.zeros_like(hole)
        touched |= set(labels[mask.box.slices][mask.mask].tolist())
    return as_hole((hole > 0) & np.isin(labels, list(touched)))


def fill_again(
    pixels: Pixels, hole: Hole, kept: Hole | None, result: Pixels, part: Hole, settings: InpaintSettings
) -> tuple[list[Patch], InpaintFacts]:
    """Patches that lie over those of the result, in which the part is filled by these settings, and facts of the fill.

    pixels, result: uint8 H x W x 3, the photo and what the first fill made of it. hole, part: uint8 H x W, what was
    filled and what is filled again. kept: as `fill_hole` has it. settings: of a fill without weights.
    """
    hidden = np.where(part == 0, hole if kept is None else np.maximum(hole, kept), np.uint8(0))
    filled = fill_hole(pixels, part, hidden, settings, {})
    again = inpainting.compose(result, part, filled.patches)
    return cut_patches(again, hole, [group.box for group in hole_groups(part)[1]]), filled.facts
