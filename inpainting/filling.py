"""One photo: every group of its hole filled in a window of its surroundings."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from configs import InpaintSettings
from data.types import Hole, Patch, PhotoError, Pixels
from inpainting.compositing import RIM, blend, cut_patches, match_colours, paste
from inpainting.detail import enlarge
from inpainting.protocol import Fill
from inpainting.smooth import spread
from inpainting.windows import Window, hole_groups, only_groups, plan_windows, shrink, touched

MOST_HOLE = 0.999
"""Largest share of a photo that can be filled from the rest of it: with less there is nothing to continue."""


def inpaint(
    image: Pixels,
    hole: Hole,
    fill: Fill,
    settings: InpaintSettings,
    exclude: Hole | None = None,
    tell: Callable[[int, int], None] | None = None,
) -> list[Patch]:
    """Final pixels for the hole, one patch for each connected group of it; none for an empty hole.

    image: uint8 H x W x 3 RGB. hole: uint8 H x W, 0 or 255, 255 = fill. Every pixel of the hole is
    hidden from the fill, whichever window it lies in, so that a person is never copied into the result.
    exclude: uint8 H x W, 255 = stays in the photo, yet is hidden from the fill too (people who are kept, and what the
    hole would have held but for them). Where the hole ends at such a pixel, nothing is blended: there it has no ring.
    All are upright: a fill may mind where the ground is.
    tell: is called with (windows that are filled, windows in all) after each of several.

    Raises ValueError for arrays of another kind and PhotoError (refused) when hardly anything is known.
    """
    _check(image, hole)
    hidden = hole if exclude is None else np.maximum(hole, exclude)
    _need_known(hidden, "the photo")
    filled, groups = _filled(image, hole, hidden, fill, settings, tell)
    return cut_patches(filled, hole, [group.box for group in groups])


def _filled(
    image: Pixels,
    hole: Hole,
    hidden: Hole,
    fill: Fill,
    settings: InpaintSettings,
    tell: Callable[[int, int], None] | None,
) -> tuple[Pixels, list[Window]]:
    """The photo with its hole filled, and the hole's groups. hidden: the hole and whatever else is no source."""
    labels, groups = hole_groups(hole)
    longest, reduced = settings.longest, settings.reduced
    if settings.strategy == "whole":
        longest = reduced = max(hole.shape)
    filled = image.copy()
    windows = plan_windows(hidden, groups, settings)
    for done, window in enumerate(windows, 1):
        box = window.box.slices
        own = only_groups(labels[box], window.groups)
        others = np.where((hidden[box] != 0) & (own == 0), np.uint8(255), np.uint8(0))
        pixels = fill_window(image[box], own, others, fill, longest, reduced)
        paste(pixels, own, filled[box])
        if tell and len(windows) > 1:
            tell(done, len(windows))
    for group in groups:
        # More than the box, so that the rim's outer side is seen.
        around = group.box.grown(RIM).within(hole.shape).slices
        mine = np.where(labels[around] == group.groups[0], np.uint8(255), np.uint8(0))
        final = match_colours(image[around], filled[around], mine, hidden[around] == 0, settings.harmony)
        final = blend(image[around], final, np.maximum(mine, hidden[around]), settings.feather)
        paste(final, mine, filled[around])
    return filled, groups


def fill_window(image: Pixels, own: Hole, others: Hole, fill: Fill, longest: int, reduced: int) -> Pixels:
    """The window's pixels with the hole `own` filled and the hole `others` not copied from.

    A window whose longer side exceeds `longest` is filled at `reduced` pixels and enlarged. Raises PhotoError (refused)
    when hardly anything is known at that size.
    """
    height, width = own.shape
    scale = reduced / max(height, width)
    if max(height, width) <= longest:
        return fill.fill(image, own, others if others.any() else None)
    shape = max(1, round(height * scale)), max(1, round(width * scale))
    unknown = np.maximum(own, others)
    small, small_unknown = shrink(image, unknown, shape)
    _need_known(small_unknown, f"the photo's surroundings at {shape[1]} x {shape[0]} pixels")
    small_own = np.minimum(touched(own, shape), small_unknown)
    small_others = small_unknown - small_own
    small_filled = fill.fill(small, small_own, small_others if small_others.any() else None)
    if small_others.any():
        # Still black, and the enlargement looks across its edge.
        around = np.rint(spread(small_filled.astype(np.float32), small_others == 0)).astype(np.uint8)
        small_filled = np.where(small_others[..., None] != 0, around, small_filled)
    return enlarge(small_filled, small_own, small_unknown, image, own, unknown)


def _need_known(unknown: Hole, of: str) -> None:
    share = np.count_nonzero(unknown) / unknown.size
    if share > MOST_HOLE:
        raise PhotoError("refused", f"the hole covers {share:.0%} of {of}, nothing is left to fill from")


def _check(image: Pixels, hole: Hole) -> None:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"image must be uint8 H x W x 3, found {image.dtype} {image.shape}")
    if hole.dtype != np.uint8 or hole.shape != image.shape[:2]:
        raise ValueError(f"hole must be uint8 {image.shape[:2]} like the image, found {hole.dtype} {hole.shape}")
    other = hole[(hole != 0) & (hole != 255)]
    if other.size:
        raise ValueError(f"hole must hold 0 and 255 only, found {int(other[0])}")
