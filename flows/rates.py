"""How long stages take: measured by the runs of an output directory, or else a table."""

from __future__ import annotations

from typing import Any

from configs import Settings
from flows.context import RunContext
from flows.events import Counts
from flows.second_look import look_settings

NOTE = "rates.json"

PER_PHOTO = {
    "segment": {"annotations": 0.01, "mask-files": 0.01, "embedded": 0.6, "yolo": 0.3, "maskrcnn": 4.0, "union": 1.0},
    "refine": {"": 0.03},
    "inpaint": {"patchmatch": 0.7, "telea": 0.1, "navier-stokes": 0.1, "deepfillv2": 1.5, "external": 1.5},
    "verify": {"none": 0.03, "embedded": 0.6, "yolo": 0.3, "maskrcnn": 4.0, "union": 1.0},
    "publish": {"": 0.1},
}
"""Seconds of one process for a photo of 0.3 megapixels with people, without a GPU. With `embedded`, `annotations` and
`patchmatch` they add up to what whole runs over 186 such photos took (benchmarks/README.md); the others are guesses."""

GROWTH = 0.7
"""A photo of 40 times the pixels takes 40 ** 0.7 times as long: 25 s at 12 megapixels, 2 s at 0.3 (`embedded`)."""


def worker(settings: Settings, stage: str) -> str:
    """Who does a stage's work, as `PER_PHOTO` has it."""
    look = look_settings(settings)
    return {
        "segment": settings.segment.segmenter,
        "inpaint": settings.inpaint.fill,
        "verify": look.segmenter if look else "none",
    }.get(stage, "")


def note_rates(context: RunContext, counts: Counts) -> None:
    """Keep what a run measured beside what earlier ones did. Photos on other machines are not told of."""
    known: dict[str, Any] = context.store.note(NOTE, {})
    fresh = {
        f"{stage} {worker(context.settings, stage)}".strip(): round(count.seconds / count.computed, 4)
        for stage, count in counts.items()
        if count.computed
    }
    if fresh:
        context.store.write_note(NOTE, {**known, **fresh})


def seconds_per_photo(context: RunContext, stage: str, megapixels: float) -> tuple[float, bool]:
    """Seconds of one process for a photo of this size, and whether that was measured here, where it is of the photos
    that were computed here."""
    who = worker(context.settings, stage)
    measured = context.store.note(NOTE, dict[str, float]()).get(f"{stage} {who}".strip())
    if isinstance(measured, int | float):
        return float(measured), True
    return PER_PHOTO[stage].get(who, 1.0) * max(1.0, megapixels / 0.3) ** GROWTH, False
