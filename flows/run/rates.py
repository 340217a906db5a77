"""How long stages take: measured by the runs of an output directory, or else a table."""

from __future__ import annotations

from typing import Any

from configs import Settings
from flows.run.progress import Counts
from flows.run.runner import stage_device
from flows.stages.context import RunContext
from flows.stages.verifier import look_settings

NOTE = "rates.json"

PER_PHOTO = {
    "segment": {"annotations": 0.01, "mask-files": 0.01, "embedded": 0.6, "yolo": 0.3, "maskrcnn": 4.0, "union": 1.0},
    "refine": {"": 0.03},
    "inpaint": {
        "patchmatch": 0.7,
        "migan": 0.8,
        "shift-map": 1.2,
        "telea": 0.1,
        "navier-stokes": 0.1,
        "deepfillv2": 1.5,
        "external": 1.5,
    },
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


def _measured(context: RunContext) -> dict[str, tuple[float, int]]:
    """Seconds and photos of all runs by `_name`; notes of another form do not count."""
    note = context.store.note(NOTE, dict[str, Any]())
    return {name: (float(sums[0]), int(sums[1])) for name, sums in note.items() if _is_sums(sums)}


def _is_sums(value: Any) -> bool:
    return isinstance(value, list) and list(map(type, value)) in ([float, int], [int, int])


def _name(settings: Settings, stage: str) -> str:
    """What takes the same time: a stage, who does it, and where."""
    return " ".join(filter(None, (stage, worker(settings, stage), stage_device(settings, stage))))


def note_rates(context: RunContext, counts: Counts) -> None:
    """Add what a run measured to what earlier ones did. Photos on other machines are not told of."""
    sums = _measured(context)
    for stage, count in counts.items():
        seconds, photos = sums.get(name := _name(context.settings, stage), (0.0, 0))
        sums[name] = round(seconds + count.seconds, 4), photos + count.computed
    if any(count.computed for count in counts.values()):
        context.store.write_note(NOTE, {name: found for name, found in sums.items() if found[1]})


def seconds_per_photo(context: RunContext, stage: str, megapixels: float) -> tuple[float, bool]:
    """Seconds of one process for a photo of this size, and whether that was measured here, where it is of the photos
    that were computed here."""
    seconds, photos = _measured(context).get(_name(context.settings, stage), (0.0, 0))
    if photos:
        return seconds / photos, True
    who = worker(context.settings, stage)
    return PER_PHOTO[stage].get(who, 1.0) * max(1.0, megapixels / 0.3) ** GROWTH, False
