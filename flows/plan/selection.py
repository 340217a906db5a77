"""Which photos and stages a run is about, and what stands of the photos that it leaves alone."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from data.errors import InputError
from data.storage.files import canonical_json, read_own, sha256
from data.storage.places import file_name
from data.types import STATES
from flows.facts import Row
from flows.pipeline import STAGE_NAMES
from flows.plan.manifests import read_manifest
from flows.stages.context import RunContext
from flows.stages.output_files import MASKS, is_intact

STANDING = "standing.json"
"""A note in the store: names of the shard manifests that describe the output directory as it stands."""


@dataclass(frozen=True)
class Selection:
    """Which stages of the pipeline a run asks for.

    stages: computed; the ones before them are taken from the store. refresh: computed even if they stand there from
    before `started` (seconds since the epoch). photos: glob patterns of names, status: states in the last manifest;
    where there are any, only photos that match both are worked on, and the others stay as they are.
    """

    stages: tuple[str, ...] = STAGE_NAMES
    refresh: tuple[str, ...] = ()
    photos: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    started: float = field(default_factory=time.time)

    @property
    def reached(self) -> tuple[str, ...]:
        """Every stage up to the last one asked for."""
        return STAGE_NAMES[: 1 + max(STAGE_NAMES.index(stage) for stage in self.stages)]

    def options(self, stage: str, again: bool) -> dict[str, object]:
        """How `run_stage` treats a stage. again: an extra pass, which is the work of `verify` whoever does it."""
        since = self.started if stage in self.refresh else 0
        return {"compute": stage in self.stages or (again and "verify" in self.stages), "since": since}


def selection(
    stages: Sequence[str] | str | None = None,
    refresh: Sequence[str] | str | None = None,
    photos: Sequence[str] | None = None,
    status: Sequence[str] | str | None = None,
) -> Selection:
    """Names (a list, or comma-separated) -> Selection. Raises InputError for an unknown one."""
    chosen = _names("--stages", "stage", stages, STAGE_NAMES) or STAGE_NAMES
    again = _names("--refresh", "stage", refresh, STAGE_NAMES)
    if outside := [name for name in again if name not in chosen]:
        raise InputError(f"--refresh {','.join(outside)}: the stage is not among --stages {','.join(chosen)}.")
    return Selection(
        stages=tuple(name for name in STAGE_NAMES if name in chosen),
        refresh=again,
        photos=tuple(photos or ()),
        status=_names("--status", "state", status, STATES),
    )


def select_photos(context: RunContext, names: Iterable[str], wanted: Selection) -> set[str] | None:
    """The names that match a pattern and had one of the states in the last run; None when neither is asked for.

    A pattern without a slash matches the last part of a name too: `street_*` finds `2024/street_1.jpg`. What is a name
    as it stands is no pattern. Raises
    InputError for a pattern that matches nothing, or when there was no last run.
    """
    if not wanted.photos and not wanted.status:
        return None
    chosen = names = set(names)
    if wanted.photos:
        matches = {pattern: _named(names, pattern) for pattern in wanted.photos}
        if unmatched := [pattern for pattern, found in matches.items() if not found]:
            raise InputError(f"--photos {unmatched[0]}: no photo of the collection has such a name.")
        chosen = {name for found in matches.values() for name in found}
    if wanted.status:
        states = _last_states(context)
        chosen = {name for name in chosen if states.get(name) in wanted.status}
    return chosen


def published_rows(context: RunContext, photos: Collection[str]) -> list[Row]:
    """What the last runs said of these photos (by id); nothing of those that no run has finished."""
    found: dict[str, Row] = {}
    for name in context.store.names(STANDING):
        for row in _rows(context, name):
            if row["id"] in photos:
                found[row["id"]] = row
    return list(found.values())


def masks_ahead(context: RunContext) -> int:
    """How many published photos were made with another mask than the one in `masks/`: a run that ended with `refine`
    has written that, or somebody has edited it."""

    def is_ahead(row: Row) -> bool:
        files = (row.get("facts") or {}).get("files", {})
        return not is_intact(context, {name: file for name, file in files.items() if name.startswith(MASKS)})

    return sum(is_ahead(row) for name in context.store.names(STANDING) for row in _rows(context, name))


def keep_published(context: RunContext, manifests: Iterable[str], others: list[Row]) -> None:
    """Remember the rows that describe the output directory now, for a later run over some of the photos."""
    names = [file_name(path) for path in manifests]
    if others:
        data = canonical_json({"shard": "", "inputs": context.store.names(STANDING), "rows": others})
        names.append(f"publish-others-{sha256(data)[:16]}.json")
        context.store.put(f"shards/{names[-1]}", data)
    context.store.write_note(STANDING, names)


def _rows(context: RunContext, name: str) -> list[Row]:
    try:
        return read_manifest(context.store.root / "shards" / name)
    except (OSError, ValueError, RecursionError):
        return []


def _last_states(context: RunContext) -> dict[str, str]:
    path = context.output / "manifest.jsonl"
    try:
        rows = [json.loads(line) for line in read_own(path).decode("utf-8").splitlines()]
        return {row["file_name"]: row["state"] for row in rows}
    except FileNotFoundError:
        raise InputError(f"{path}: not there yet, so no photo has a status; run without --status first.") from None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise InputError(f"{path}: not readable as the manifest of a run; run without --status.") from None


def _named(names: Collection[str], pattern: str) -> list[str]:
    """The photos of this name, else those that match it as a pattern: `[1].jpg` may be a name."""

    def found(matches: Callable[[str, str], bool]) -> list[str]:
        return [n for n in names if matches(n, pattern) or ("/" not in pattern and matches(n.split("/")[-1], pattern))]

    return found(str.__eq__) or found(fnmatchcase)


def _names(option: str, kind: str, given: Sequence[str] | str | None, known: Sequence[str]) -> tuple[str, ...]:
    parts = given.split(",") if isinstance(given, str) else given or ()
    names = tuple(name.strip() for name in parts if name.strip())
    for name in names:
        if name not in known:
            raise InputError(f"{option}: there is no {kind} {name!r}; the {kind}s are {', '.join(known)}.")
    return names
