"""A whole run as one value: the input read, the settings resolved, the weights found, the output directory ours."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from configs import Settings
from data.collection import Collection, InputError, read_collection
from data.files import canonical_json, write_atomic
from flows.context import STORE, RunContext, find_weights, resolve
from flows.finish import Summary, finish
from flows.pipeline import STAGE_NAMES, Planned, Selection, plan_shards, run_pipeline
from flows.processes import stop_processes


@dataclass(frozen=True)
class Job:
    """What `prepare` made of an input, an output and settings."""

    collection: Collection
    planned: Planned
    selection: Selection

    @property
    def context(self) -> RunContext:
        return self.planned.context


def prepare(source: Path, output: Path, settings: Settings, selection: Selection) -> Job:
    """Everything that can go wrong before the first photo goes wrong here.

    Raises InputError, CocoError, SettingsError, WeightsError: one sentence each.
    """
    source, output = source.expanduser().resolve(), output.expanduser().resolve()
    _check_places(source, output)
    resolved = resolve(settings)
    weights = find_weights(resolved)
    collection = read_collection(source, resolved.input)
    context = RunContext(output, resolved, weights)
    _claim(context, source)
    return Job(collection, plan_shards(context, collection), selection)


def execute(job: Job, run: Callable[[Planned, Selection], Sequence[str]] = run_pipeline) -> Summary | None:
    """Run the stages asked for; the collection's summary when the photos were published.

    Raises InputError when another run is working in the output directory.
    """
    with _alone(job.context):
        try:
            manifests = run(job.planned, job.selection)
        finally:
            stop_processes()
        if "publish" not in job.selection.stages:
            return None
        return finish(job.context, job.collection, manifests, job.selection.started)


@contextmanager
def _alone(context: RunContext) -> Iterator[None]:
    """One run at a time in an output directory; the operating system frees the lock of a killed one."""
    try:
        with FileLock(context.store.root / "lock", timeout=0):
            yield
    except Timeout:
        raise InputError(f"{context.output}: another run is working there; wait for it or stop it.") from None


def selection(stages: str | None = None, refresh: str | None = None) -> Selection:
    """Comma-separated stage names -> Selection. Raises InputError for an unknown one."""
    chosen = _names("--stages", stages) or STAGE_NAMES
    again = _names("--refresh", refresh)
    if outside := [name for name in again if name not in chosen]:
        raise InputError(f"--refresh {','.join(outside)}: the stage is not among --stages {','.join(chosen)}.")
    return Selection(tuple(name for name in STAGE_NAMES if name in chosen), again)


def _names(option: str, text: str | None) -> tuple[str, ...]:
    names = tuple(name.strip() for name in (text or "").split(",") if name.strip())
    for name in names:
        if name not in STAGE_NAMES:
            raise InputError(f"{option}: there is no stage {name!r}; the stages are {', '.join(STAGE_NAMES)}.")
    return names


def _check_places(source: Path, output: Path) -> None:
    if not source.is_dir():
        raise InputError(f"{source}: the input directory is not there.")
    if output == source or output.is_relative_to(source) or source.is_relative_to(output):
        raise InputError(
            f"{output}: the output directory must lie apart from the input; originals are never written to."
        )
    if output.is_dir():
        if any(output.iterdir()) and not (output / STORE).is_dir():
            raise InputError(f"{output}: the directory holds other files; give an empty or a new one.")
    elif output.exists():
        raise InputError(f"{output}: the output is a file; give a directory.")


def _claim(context: RunContext, source: Path) -> None:
    """One output directory belongs to one input, or the photos of one would take those of the other away."""
    path = context.store.root / "collection.json"
    try:
        owner = Path(json.loads(path.read_bytes())["input"])
    except (OSError, ValueError, KeyError, TypeError):
        owner = source
    if owner != source and owner.is_dir():
        raise InputError(f"{context.output}: it holds the result of {owner}; give another output directory.")
    try:
        context.store.create()
        write_atomic(path, canonical_json({"input": str(source)}))
    except OSError as error:
        raise InputError(f"{context.output}: cannot write there ({error.strerror}).") from None
