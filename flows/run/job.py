"""A whole run as one value: the input read, the settings resolved, the weights found, the output directory ours."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from configs import Settings
from data.collection.folder import Collection, read_collection
from data.errors import InputError, permitted
from data.plan.entries import Entry
from data.plan.shards import read_shard
from data.storage.places import as_path, storage_of
from flows.pipeline import Manifest, remove_people_from_shard
from flows.plan.decisions import RECORD, Decisions, record, take_decisions
from flows.plan.manifests import read_manifest
from flows.plan.planning import Plan, plan_shards
from flows.plan.selection import Selection, select_photos
from flows.plan.trust import check_preset
from flows.results.finish import Summary, finish
from flows.run import store_maintenance
from flows.run.checks import check_log, check_owner, check_photo_places, check_places, claim
from flows.run.clusters import with_cluster_size
from flows.run.last_run import noting
from flows.run.lock import output_lock
from flows.run.progress import Counts, json_log, listening
from flows.run.rates import note_rates
from flows.run.runner import run_stage
from flows.run.workers import given_up_when_stopped, overlapping
from flows.stages.context import RunContext, find_weights, resolve, resolve_fill
from flows.stages.models import check_fill
from flows.stages.publish import publish_mask


@dataclass(frozen=True)
class Job:
    """What `prepare` made of an input, an output and settings. plan: makes the plan again."""

    collection: Collection
    planned: Plan
    selection: Selection
    settings: Settings
    decisions: Path | None = None
    plan: Callable[[], Plan] | None = None

    @property
    def context(self) -> RunContext:
        return self.planned.context


def prepare(source: Path, output: Path, settings: Settings, selection: Selection, decisions: Path | None = None) -> Job:
    """Everything that can go wrong before the first photo goes wrong here. decisions: file of what people decided of
    single photos.

    Raises InputError, CocoError, SettingsError, WeightsError: one sentence each.
    """
    decisions = absolute(decisions) if decisions else None
    checked = check_input(source, output, settings, selection, decisions)
    context, collection = checked.context, checked.collection
    claim(context, collection.root)
    with _disk(context.output):
        photos = select_photos(context, (item.name for item in collection.sources), selection)
        plan = partial(plan_shards, context, collection, photos, checked.decisions, checked.decided_in)
        return Job(collection, plan(), selection, settings, decisions, plan)


@dataclass(frozen=True)
class CheckedInput:
    """The input read and everything checked, nothing written yet. decided_in: the file that the decisions are from."""

    collection: Collection
    context: RunContext
    decisions: Decisions
    decided_in: str


@permitted()
def check_input(
    source: Path, output: Path, settings: Settings, selection: Selection, decisions: Path | None = None
) -> CheckedInput:
    """What `prepare` does before it claims the output directory; raises the same."""
    source, output = absolute(source), absolute(output)
    decisions = absolute(decisions) if decisions else None
    check_places(source, output)
    check_preset(settings, source, output)
    resolved = with_cluster_size(resolve(settings))
    decided = take_decisions(output, decisions, resolved)
    own = [tree.model_copy(update={"inpaint": resolve_fill(tree.inpaint)}) for tree in decided.settings(resolved)]
    trees = [resolved, *own]
    weights = find_weights(*trees)
    for tree in trees if "inpaint" in selection.stages else ():
        check_fill(tree.inpaint, weights)
    collection = read_collection(source, resolved.input)
    check_photo_places({collection.images, *(file.folder for file in collection.files)}, output)
    context = RunContext(output, resolved, weights)
    check_owner(context, source)
    return CheckedInput(collection, context, decided, str(decisions or output / RECORD))


def run_pipeline(planned: Plan, selection: Selection) -> list[str]:
    """Every shard through the DAG, a few at a time; returns the last stage's manifests."""
    return overlapping(shard_runner(planned, selection, run_stage), planned.shards)


def shard_runner(planned: Plan, selection: Selection, run_stage: Callable[..., Manifest]) -> Callable[[str], Manifest]:
    """What takes a shard through the DAG. run_stage: takes what `runner.run_stage` takes."""

    def step(stage: str, shard: str, inputs: dict[str, Manifest], again: bool) -> Manifest:
        return run_stage(stage, planned.run, shard, inputs, **selection.options(stage, again))

    passes, reached = planned.context.settings.verify.passes, selection.reached
    return lambda shard: remove_people_from_shard(shard, step, passes, reached)


def execute(job: Job, run: Callable[[Plan, Selection], Sequence[str]] = run_pipeline) -> Summary | None:
    """Run the stages asked for; the collection's summary when the photos were published.

    Raises InputError when another run is working in the output directory, or the disk is full.
    """
    log_to, output, store = job.settings.run.log_json, job.context.output, job.context.store
    check_log(log_to, output)
    with _disk(output), output_lock(output, job.settings.run.wait), json_log(log_to, output=str(output)) as log:
        log("start", photos=job.planned.photos, shards=len(job.planned.shards), stages=job.selection.stages)
        store_maintenance.begin(store, output)
        record(output, job.planned.decisions, job.context.settings)
        with noting(job.planned, job.selection.started, counts := Counts()) as ended:
            with given_up_when_stopped():
                with listening(counts), _packing(job.context):
                    manifests = _mended(job, run, run(job.planned, job.selection))
                if job.selection.reached[-1] == "refine":
                    _write_masks(job, manifests)
            summary = None
            if "publish" in job.selection.stages:
                started = job.selection.started
                summary = finish(job.context, job.collection, manifests, started, job.planned, counts.computed)
            note_rates(job.context, counts)
            store_maintenance.end(store, manifests)
            if summary and not job.settings.run.keep:
                store_maintenance.prune(store, everything=True)
            ended(summary)
        log("end", **(summary.as_json() if summary else {}))
        return summary


def _packing(context: RunContext) -> AbstractContextManager[None]:
    """Small artifacts are put together as the run goes on; on a cluster, whose other machines may see an older folder,
    only after it."""
    if context.settings.run.runner != "threads":
        return nullcontext()
    return listening(store_maintenance.Packing(context.store))


def _mended(job: Job, run: Callable[[Plan, Selection], Sequence[str]], manifests: Sequence[str]) -> list[str]:
    """The manifests, those of shards in which an artifact was damaged made once more: it was discarded, so that now it
    is computed, and all else is in the store."""
    manifests = list(manifests)
    damaged = [i for i, path in enumerate(manifests) if any(row.get("damaged") for row in read_manifest(path))]
    if damaged and job.plan:
        planned = job.plan()  # what annotation files say of single photos is an artifact of the plan
        again = run(replace(planned, shards=tuple(planned.shards[i] for i in damaged)), job.selection)
        for i, path in zip(damaged, again, strict=True):
            manifests[i] = path
    return manifests


_IN_THE_WAY = (errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENOTEMPTY)
_NOT_WRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM)


@contextmanager
def _disk(output: Path) -> Iterator[None]:
    """A disk that is full, broken or locked ends the run in one sentence; what was written stands whole."""
    try:
        yield
    except OSError as error:
        if error.errno in _IN_THE_WAY:
            raise InputError(
                f"{error.filename2 or error.filename or output}: something else stands where a run writes "
                f"({error.strerror}); move it away and run again."
            ) from error
        if error.errno not in _NOT_WRITABLE:
            raise
        raise InputError(
            f"{output}: could not be written ({error.strerror}); make that good and run again: what is done is kept."
        ) from error


def absolute(path: Path) -> Path:
    """The path without a home sign, links and dots."""
    path = as_path(path)
    return storage_of(path).absolute(path)


def _write_masks(job: Job, manifests: Sequence[str]) -> None:
    """The holes as files that people can edit: a run that ends here is a question to them."""
    rows = {row["id"]: row for path in manifests for row in read_manifest(path) if "key" in row}
    entries = [entry for path in job.planned.shards for entry in read_shard(as_path(path)) if entry.id in rows]

    def write(entry: Entry) -> None:
        publish_mask(job.context, entry, {"refine": rows[entry.id]})

    with ThreadPoolExecutor(8) as threads:  # compressing and writing release the interpreter lock
        list(threads.map(write, entries))
