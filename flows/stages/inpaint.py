"""Fill a hole although the memory is too small for it: at a smaller resolution, and saying so."""

from __future__ import annotations

from configs import InpaintSettings
from data.types import Hole, Patch, Pixels
from inpainting import inpaint
from inpainting.protocol import Fill

DEGRADED = "degraded"
"""Name of the fact of an artifact that is less than what was asked for; it says how, and is in the artifact's key."""
SMALLEST = 64
"""Pixels; the least `inpaint.window`."""


def inpaint_within_memory(
    image: Pixels,
    hole: Hole,
    fill: Fill,
    settings: InpaintSettings,
    exclude: Hole | None = None,
    orientation: int = 1,
) -> tuple[list[Patch], str | None]:
    """`inpainting.inpaint`, and what had to be set lower for it, None when nothing had.

    Windows are filled one by one, so there is no batch to halve: when the memory is out, `inpaint.window` is halved
    until it is not (`whole` becomes windows of half the photo). Raises MemoryError when it always is.
    """
    tried, lower = settings, None
    while True:
        try:
            return inpaint(image, hole, fill, tried, exclude, orientation), lower
        except MemoryError:
            side = max(hole.shape) if tried.strategy == "whole" else min(tried.longest, max(hole.shape))
            window = side // 2 // 8 * 8
            if window < SMALLEST:
                raise
            tried = tried.model_copy(update={"strategy": "windows", "window": window})
            lower = f"inpaint.window={window}"
