"""The inpaint stage: photo + hole -> patches; where the memory is too small, at a lower resolution, and saying so."""

from __future__ import annotations

from typing import Final

import inpainting
from configs import InpaintSettings
from data.plan.entries import Entry
from data.storage.store import artifact_key
from data.types import Hole, Patch, PhotoError, Pixels
from flows.facts import InpaintFacts, Rows
from flows.stages import models
from flows.stages.context import RunContext
from flows.stages.records import StageOutput, read_hole, read_kept, read_photo
from inpainting import inpaint
from inpainting.protocol import Fill

DEGRADED: Final = "degraded"
"""Name of the fact of an artifact that is less than what was asked for; it says how, and is in the artifact's key."""
NOTE: Final = "note"
"""Name of the fact of an artifact that another fill made than the settings name; it says why, for people."""
SMALLEST = 64
"""Pixels; the least `inpaint.window`."""


def _inpaint_settings(run: RunContext, rows: Rows) -> InpaintSettings:
    # What a hand drew has no ring, so nothing of what it covers is blended back in.
    drawn = rows["refine"]["facts"]["edited"]
    return run.settings.inpaint.model_copy(update={"feather": 0} if drawn else {})


def key(run: RunContext, entry: Entry, rows: Rows) -> str:
    settings = _inpaint_settings(run, rows)
    return artifact_key(
        "inpaint",
        inpainting.STAGE_VERSION,
        settings.relevant(),
        run.digests(settings.required_weights()),
        [entry.sha256, rows["refine"]["sha256"]],
    )


def compute(run: RunContext, entry: Entry, rows: Rows) -> StageOutput:
    hole = read_hole(run, rows)
    if not hole.any():
        return StageOutput(inpainting.pack([]), {})
    settings, note = inpainting.settings_for(_inpaint_settings(run, rows), hole)
    fill = models.fill(settings, run.weights)
    photo = read_photo(run, entry)
    try:
        kept, orientation = read_kept(run, rows), photo.orientation
        patches, lower = inpaint_within_memory(photo.pixels, hole, fill, settings, kept, orientation)
    except PhotoError as error:  # the room below knows no names
        raise PhotoError(error.state, f"{entry.name}: {error.sentence}") from None
    facts: InpaintFacts = {}
    if lower:
        facts[DEGRADED] = lower
    if note:
        facts[NOTE] = note
    return StageOutput(inpainting.pack(patches), facts)


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
