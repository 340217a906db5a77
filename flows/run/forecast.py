"""What a run would do, without doing any of it: nothing is computed, nothing is written."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from configs import Settings
from data.errors import InputError
from data.plan.entries import Entry
from data.storage.places import as_path, is_remote
from data.storage.store import Artifact, Store
from flows.pipeline import remove_people_from_shard
from flows.plan.planning import plan_entries
from flows.plan.selection import Selection, select_photos
from flows.run.job import Opened
from flows.run.rates import seconds_per_photo, worker
from flows.run.runner import stored_row
from flows.stages.context import STORE, RunContext
from flows.stages.records import Row
from flows.stages.registry import STAGES
from flows.stages.verifier import look_settings

GIGABYTES = {"annotations": 0.2, "mask-files": 0.2, "none": 0.2, "embedded": 1.0, "yolo": 1.0, "maskrcnn": 2.0}
"""Memory of a process by the segmenter that it holds, others as the largest; measured for `embedded` alone."""
PER_MEGAPIXEL = 0.02
"""Gigabytes more for each megapixel of the photo that it works on."""
ROOM = 3.0
"""Images, artifacts and thumbnails take at most about so many times the photos' bytes."""
_HEADERS = 50


class ReadOnlyStore(Store):
    """A store in which nothing is written."""

    def create(self) -> None:
        pass

    def write(self, stage: str, key: str, payload: bytes, facts: dict[str, Any] | None = None) -> Artifact:
        return Artifact(stage, key, "", facts or {})

    def write_note(self, name: str, value: Any) -> None:
        pass

    def discard(self, stage: str, key: str) -> None:
        pass

    def scratch(self) -> Path:
        return Path(tempfile.gettempdir())


class OnlyLooking(RunContext):
    """A run's context whose store is only read."""

    @property
    def store(self) -> Store:
        return ReadOnlyStore(self.output / STORE)


@dataclass(frozen=True)
class StageForecast:
    """photos: stored, and to compute. seconds: of one process, a photo. measured: whether in this output directory."""

    by: str
    stored: int
    compute: int
    seconds: float
    measured: bool


@dataclass(frozen=True)
class Forecast:
    """over: photos that are over before they start, by state. seconds: of the whole run. memory: bytes, all processes
    together. room, free: bytes on the disk; free is None in an object store. megapixels: of the largest photo."""

    output: Path
    photos: int
    bytes: int
    others: int
    over: dict[str, int]
    stages: dict[str, StageForecast]
    workers: int
    seconds: float
    megapixels: float
    memory: float
    room: float
    free: float | None
    notes: tuple[str, ...] = field(default=())


def forecast(opened: Opened, selection: Selection) -> Forecast:
    """Raises InputError, CocoError: what a run would say before its first photo."""
    # Read back as stages read them: a default 0 and the 0.0 that JSON makes of it have different digests.
    settings = Settings.model_validate(opened.context.settings.model_dump(mode="json"))
    context = OnlyLooking(opened.context.output, settings, opened.context.weights)
    photos = select_photos(context, (source.name for source in opened.collection.sources), selection)
    entries, chosen, decisions = plan_entries(context, opened.collection, photos, opened.decisions, opened.decided_in)
    able = [entry for entry in chosen if entry.state is None]
    stored = dict.fromkeys(selection.reached, 0)
    for entry in able:
        for stage, row in _rows(context, entry, selection).items():
            stored[stage] += row is not None
    usual, largest = _megapixels(able)
    stages = {}
    for stage in selection.reached:
        seconds, measured = seconds_per_photo(context, stage, usual)
        by = worker(context.settings, stage)
        stages[stage] = StageForecast(by, stored[stage], len(able) - stored[stage], seconds, measured)
        if stages[stage].compute and stage not in selection.stages:
            raise InputError(
                f"{stages[stage].compute} photos have nothing from stage '{stage}' in the store; run it first."
            )
    work = sum(stage.compute * stage.seconds for stage in stages.values())
    fresh = stages[selection.reached[-1]].compute / max(len(able), 1)
    busy = min(context.tasks, max(1, len(able)))
    look = look_settings(context.settings)
    held = {context.settings.segment.segmenter, look.segmenter if look else "none"}
    each = max(GIGABYTES.get(name, max(GIGABYTES.values())) for name in held) + PER_MEGAPIXEL * largest
    size = sum(entry.bytes for entry in chosen)
    return Forecast(
        output=context.output,
        photos=len(chosen),
        bytes=size,
        others=len(entries) - len(chosen),
        over=dict(Counter(str(entry.state) for entry in chosen if entry.state)),
        stages=stages,
        workers=context.tasks,
        seconds=work / busy,
        megapixels=largest,
        memory=busy * each * 1e9 if work else 0.0,
        room=ROOM * size * fresh,
        free=_free(context.output),
        notes=(*opened.collection.notes, *decisions.notes),
    )


def _rows(context: RunContext, entry: Entry, selection: Selection) -> dict[str, Row | None]:
    """The photo's row of each stage, None where it would be computed: the DAG, walked over the store alone."""
    rows: dict[str, Row | None] = {}

    def step(stage: str, shard: str, inputs: Mapping[str, Row | None], again: bool) -> Row | None:
        given = {name: row for name, row in inputs.items() if row is not None}
        row = None
        if len(given) == len(inputs) and stage not in selection.refresh:
            row = stored_row(context, STAGES[stage], entry, given, {})
        rows[stage] = row
        return row

    passes = context.settings.verify.passes if look_settings(context.settings) else 0
    remove_people_from_shard("", step, passes, selection.reached)
    return rows


def _megapixels(entries: Sequence[Entry]) -> tuple[float, float]:
    """Of the usual and of the largest photo: from the sizes that are stated, and from the headers of a few files, the
    largest among them."""
    known = [entry.stated_size[0] * entry.stated_size[1] / 1e6 for entry in entries if entry.stated_size]
    others = [entry for entry in entries if not entry.stated_size and not is_remote(as_path(entry.path))]
    usual = known + _headers(others[:: max(1, len(others) // _HEADERS)])
    largest = usual + _headers(sorted(others, key=lambda entry: -entry.bytes)[:_HEADERS])
    return (sum(usual) / len(usual), max(largest)) if usual else (0.0, max(largest, default=0.0))


def _headers(entries: Sequence[Entry]) -> list[float]:
    found = []
    for entry in entries:
        try:
            with Image.open(entry.path) as image:
                found.append(image.width * image.height / 1e6)
        except (OSError, ValueError, Image.DecompressionBombError):
            continue
    return found


def _free(output: Path) -> float | None:
    if is_remote(output):
        return None
    return float(shutil.disk_usage(next(path for path in (output, *output.parents) if path.exists())).free)
