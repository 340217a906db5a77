"""What a run would do, without doing any of it: nothing is computed, nothing is written."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL.Image import open as pillow_open  # ultralytics puts one of its own in its place

from configs import Settings
from data.errors import InputError
from data.images.pillow import no_limit
from data.plan.entries import Entry
from data.storage.places import as_path, is_remote, storage_of
from data.storage.store import Artifact, Store
from flows.facts import Row
from flows.pipeline import remove_people_from_shard
from flows.plan.planning import plan_entries
from flows.plan.selection import Selection, select_photos
from flows.run.job import CheckedInput
from flows.run.rates import Measured, cores, measured, stage_name, worker
from flows.run.runner import stored_row
from flows.stages.context import STORE, RunContext
from flows.stages.registry import STAGES
from flows.stages.verifier import verifier_settings

ROOM = 3.0
"""Images, artifacts and thumbnails take at most about so many times the photos' bytes."""
ALIKE = 2.0
"""Photos of at most so many times the pixels and people of those that were measured are taken to be like them."""


class ReadOnlyStore(Store):
    """A store in which nothing is written."""

    def create(self) -> None:
        pass

    def write(self, stage: str, key: str, payload: bytes, facts: Mapping[str, object] | None = None) -> Artifact:
        return Artifact(stage, key, "", facts or {})

    def write_note(self, name: str, value: object) -> None:
        pass

    def discard(self, stage: str, key: str) -> None:
        pass

    def scratch(self) -> Path:
        return Path(tempfile.gettempdir())


class ReadOnlyContext(RunContext):
    """A run's context whose store is only read."""

    @property
    def store(self) -> Store:
        return ReadOnlyStore(self.output / STORE)


@dataclass(frozen=True)
class StageForecast:
    """photos: stored, and to compute. seconds: of one processor core for a photo, as runs in this output directory
    measured them; None where none did."""

    by: str
    stored: int
    compute: int
    seconds: float | None


@dataclass(frozen=True)
class OfPhoto:
    """Megapixels or people of a photo; name: empty where nothing is known."""

    name: str = ""
    value: float = 0.0


@dataclass(frozen=True)
class Forecast:
    """over: photos that are over before they start, by state. seconds: of the whole run, None where it is not known;
    unknown: why. room, free: bytes on the disk; free is None in an object store. largest: in megapixels. people: whom
    annotations outline, None where a network looks for them; crowd: the photo with the most of them."""

    output: Path
    photos: int
    bytes: int
    others: int
    over: dict[str, int]
    stages: dict[str, StageForecast]
    workers: int
    cores: int
    seconds: float | None
    unknown: str
    largest: OfPhoto
    people: int | None
    crowd: OfPhoto
    room: float
    free: float | None
    notes: tuple[str, ...] = field(default=())


def forecast(checked: CheckedInput, selection: Selection) -> Forecast:
    """Raises InputError, CocoError: what a run would say before its first photo."""
    # Read back as stages read them: a default 0 and the 0.0 that JSON makes of it have different digests.
    settings = Settings.model_validate(checked.context.settings.model_dump(mode="json"))
    context = ReadOnlyContext(checked.context.output, settings, checked.context.weights)
    photos = select_photos(context, (source.name for source in checked.collection.sources), selection)
    entries, chosen, decisions = plan_entries(
        context, checked.collection, photos, checked.decisions, checked.decided_in
    )
    able = [entry for entry in chosen if entry.state is None]
    stored = dict.fromkeys(selection.reached, 0)
    todo = []
    for entry in able:
        rows = _rows(context, entry, selection)
        todo += [entry] if None in rows.values() else []
        for stage, row in rows.items():
            stored[stage] += row is not None
    known, stages = measured(context), {}
    for stage in selection.reached:
        seconds = known.seconds.get(stage_name(context.settings, stage))
        by = worker(context.settings, stage)
        stages[stage] = StageForecast(by, stored[stage], len(able) - stored[stage], seconds)
        if stages[stage].compute and stage not in selection.stages:
            some = f"{stages[stage].compute} photo{'s have' if stages[stage].compute != 1 else ' has'}"
            raise InputError(f"{some} nothing from stage '{stage}' in the store; run it first.")
    sizes, outlined = _sizes(able), _outlined(checked, able)
    unknown = _unknown(stages, known, _of(sizes, todo), _of(outlined or [], todo))
    work = sum(stage.compute * (stage.seconds or 0.0) for stage in stages.values())
    last = stages[selection.reached[-1]].compute
    working = cores(context, max((stage.compute for stage in stages.values()), default=0))
    size = sum(entry.bytes for entry in chosen)
    return Forecast(
        output=context.output,
        photos=len(chosen),
        bytes=size,
        others=len(entries) - len(chosen),
        over=dict(Counter(str(entry.state) for entry in chosen if entry.state)),
        stages=stages,
        workers=context.tasks,
        cores=working,
        seconds=None if unknown else work / working,
        unknown=unknown,
        largest=_most(sizes),
        people=None if outlined is None else round(sum(photo.value for photo in outlined)),
        crowd=_most(outlined or []),
        room=ROOM * size * last / max(len(able), 1),
        free=storage_of(context.output).free(context.output),
        notes=(*checked.collection.notes, *decisions.notes),
    )


def _unknown(
    stages: Mapping[str, StageForecast], known: Measured, sizes: Sequence[OfPhoto], outlined: Sequence[OfPhoto]
) -> str:
    """Why nobody knows how long it takes; nothing where it is known. sizes, outlined: of the photos to compute."""
    todo = {name: stage for name, stage in stages.items() if stage.compute}
    if new := [f"{name} {stage.by}".strip() for name, stage in todo.items() if stage.seconds is None]:
        return f"no run in this output directory has measured {', '.join(new)}"
    largest, crowd = _most(sizes), _most(outlined)
    usual = sum(photo.value for photo in sizes) / max(1, len(sizes))
    if todo and largest.value > ALIKE * known.largest:
        return (
            f"{largest.name} is larger than the photos that were measured here (at most {known.largest:.1f} megapixels)"
        )
    if todo and not known.usual / ALIKE <= usual <= ALIKE * known.usual:
        return f"the photos have {usual:.1f} megapixels, those that were measured here {known.usual:.1f}"
    if todo and crowd.value > ALIKE * known.people:
        return f"{crowd.name} has more people than the photos that were measured here (at most {known.people})"
    return ""


def _rows(context: RunContext, entry: Entry, selection: Selection) -> dict[str, Row | None]:
    """The photo's row of each stage, None where it would be computed: the DAG, walked over the store alone."""
    rows: dict[str, Row | None] = {}

    def step(stage: str, shard: str, inputs: Mapping[str, Row | None], again: bool) -> Row | None:
        given = {name: row for name, row in inputs.items() if row is not None}
        row = next((row for row in given.values() if "state" in row), None)  # refused by an earlier stage
        if row is None and len(given) == len(inputs) and stage not in selection.refresh:
            row = stored_row(context, STAGES[stage], entry, given, {})
        rows[stage] = row
        return row

    passes = context.settings.verify.passes if verifier_settings(context.settings) else 0
    remove_people_from_shard("", step, passes, selection.reached)
    return rows


def _most(photos: Sequence[OfPhoto]) -> OfPhoto:
    return max(photos, key=lambda photo: photo.value, default=OfPhoto())


def _of(photos: Sequence[OfPhoto], entries: Sequence[Entry]) -> list[OfPhoto]:
    """Those of these entries."""
    names = {entry.name for entry in entries}
    return [photo for photo in photos if photo.name in names]


def _sizes(entries: Sequence[Entry]) -> list[OfPhoto]:
    """Megapixels: by the sizes that are stated, else by the files' headers."""
    return [
        OfPhoto(entry.name, entry.stated_size[0] * entry.stated_size[1] / 1e6)
        if entry.stated_size
        else OfPhoto(entry.name, _megapixels(entry))
        for entry in entries
    ]


def _megapixels(entry: Entry) -> float:
    """By the file's header; 0 where it cannot be read, or only from an object store."""
    path = as_path(entry.path)
    if is_remote(path):
        return 0.0
    try:
        with no_limit(), pillow_open(path) as image:
            return image.width * image.height / 1e6
    except Exception:  # decoders raise whatever they like; the run then says what is wrong with the file
        return 0.0


def _outlined(checked: CheckedInput, entries: Sequence[Entry]) -> list[OfPhoto] | None:
    """How many people the annotations outline on each photo; None where they are not who says."""
    if checked.context.settings.segment.given != "annotations":
        return None
    slices = [file.coco.persons_by_image() for file in checked.collection.mains]
    able = {entry.name for entry in entries}
    return [
        OfPhoto(source.name, sum(slices[number].count(image) for number, image in source.listed))
        for source in checked.collection.sources
        if source.name in able
    ]
