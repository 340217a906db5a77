"""The inpaint stage: photo + hole -> patches; where the memory is too small, at a lower resolution, and saying so."""

from __future__ import annotations

import inpainting
from configs import InpaintSettings
from data.plan.entries import Entry
from data.storage.store import artifact_key
from data.types import PhotoError
from flows.facts import Rows
from flows.stages.context import RunContext
from flows.stages.photo_steps import fill_hole, fill_settings
from flows.stages.records import StageOutput, read_hole, read_kept, read_photo


def _settings(run: RunContext, rows: Rows) -> InpaintSettings:
    return fill_settings(run.settings.inpaint, rows["refine"]["facts"]["edited"])


def key(run: RunContext, entry: Entry, rows: Rows) -> str:
    settings = _settings(run, rows)
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
    pixels, kept = read_photo(run, entry).pixels, read_kept(run, rows)
    try:
        filled = fill_hole(pixels, hole, kept, _settings(run, rows), run.weights)
    except PhotoError as error:  # the room below knows no names
        raise PhotoError(error.state, f"{entry.name}: {error.sentence}") from None
    return StageOutput(inpainting.pack(filled.patches), filled.facts)
