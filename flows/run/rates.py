"""How long stages take, as the runs of an output directory measured it. What nobody measured is not known."""

from __future__ import annotations

import os
from dataclasses import dataclass

from configs import Settings
from flows.run.progress import Counts
from flows.run.runner import stage_device
from flows.stages.context import RunContext
from flows.stages.verifier import verifier_settings

NOTE = "rates.json"
_SIZES, _MOST = "photos megapixels", "most megapixels people"


@dataclass(frozen=True)
class Measured:
    """seconds: of one processor core for a photo, by `stage_name`. usual: megapixels of the photos that were measured,
    their mean. largest, people: the most megapixels and people of one of them. 0 where no run has published any."""

    seconds: dict[str, float]
    usual: float = 0.0
    largest: float = 0.0
    people: int = 0


def worker(settings: Settings, stage: str) -> str:
    """Who does a stage's work."""
    verifier = verifier_settings(settings)
    return {
        "segment": settings.segment.segmenter,
        "inpaint": settings.inpaint.fill,
        "verify": verifier.segmenter if verifier else "none",
    }.get(stage, "")


def stage_name(settings: Settings, stage: str) -> str:
    """What takes the same time: a stage, who does it, and where."""
    return " ".join(filter(None, (stage, worker(settings, stage), stage_device(settings, stage))))


def cores(context: RunContext, photos: int) -> int:
    """Processor cores that work on so many photos: processes beyond them only share them."""
    here = context.settings.run.address is None
    return max(1, min(context.tasks, photos, (os.cpu_count() or 1) if here else context.tasks))


def measured(context: RunContext) -> Measured:
    """What all runs measured."""
    sums = _read(context)
    megapixels, photos = sums.pop(_SIZES, (0.0, 0))
    largest, people = sums.pop(_MOST, (0.0, 0))
    each = {name: seconds / photos for name, (seconds, photos) in sums.items() if photos}
    return Measured(each, megapixels / max(photos, 1), largest, people)


def note_rates(context: RunContext, counts: Counts) -> None:
    """Add what a run measured to what earlier ones did. Photos on other machines are not told of."""
    if not any(count.computed for count in counts.values()):
        return
    sums = _read(context)

    def add(name: str, value: float, photos: int) -> None:
        before, count = sums.get(name, (0.0, 0))
        sums[name] = round(before + value, 4), count + photos

    for stage, count in counts.items():
        if count.computed:
            busy = min(context.tasks, count.computed)  # processes; beyond the cores they wait for one another
            seconds = count.seconds * cores(context, count.computed) / max(1, busy)
            add(stage_name(context.settings, stage), seconds, count.computed)
    add(_SIZES, sum(counts.megapixels), len(counts.megapixels))
    largest, people = sums.get(_MOST, (0.0, 0))
    sums[_MOST] = max(largest, round(max(counts.megapixels, default=0.0), 4)), max(people, counts.people)
    context.store.write_note(NOTE, sums)


def _read(context: RunContext) -> dict[str, tuple[float, int]]:
    """Seconds and photos by `stage_name`, and sizes. Notes of another form do not count."""
    note = context.store.note(NOTE, dict[str, object]())
    return {name: pair for name, value in note.items() if (pair := _pair(value))}


def _pair(value: object) -> tuple[float, int] | None:
    if isinstance(value, list) and list(map(type, value)) in ([float, int], [int, int]) and min(value) >= 0:
        return float(value[0]), value[1]
    return None
