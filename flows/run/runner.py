"""Stage runners: one stage over one shard, photo by photo, from the store where it stands there already.

A runner takes and returns paths of small JSON files (shard manifests), so that the same function serves the plain
loop and a Prefect task on any machine that sees the store.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from configs import Settings, SettingsError, UserError
from data.errors import InputError
from data.plan.entries import Entry
from data.plan.shards import read_shard
from data.storage.files import canonical_json, digest, sha256
from data.storage.places import as_path, file_name
from data.storage.store import StoreError
from data.types import PhotoError, State
from flows.facts import Row
from flows.plan.manifests import read_manifest
from flows.run.elsewhere import telling
from flows.run.workers import Stopped, refuse_given_up, run_in_processes
from flows.stages.context import RunContext, load_run
from flows.stages.photo_steps import DEGRADED
from flows.stages.records import by_stage
from flows.stages.registry import STAGES
from flows.stages.stage import Stage

_MANIFEST_VERSION = 2
log = logging.getLogger("person_removal")


class MissingInput(UserError):
    """A stage that was not asked to run has nothing in the store for a photo."""


def run_stage(
    stage: str, run: str, shard: str, inputs: Mapping[str, str], *, compute: bool = True, since: float = 0
) -> str:
    """Run one stage over one shard; returns the path of its manifest, which is named by its content.

    run: path of the saved RunContext. shard: path of the plan's shard. inputs: manifests of earlier stages, by
    stage. compute=False only takes what is there (raises MissingInput). What was stored before `since` (seconds
    since the epoch) is computed anew.
    """
    context, step = load_run(run), STAGES[stage]
    known = _known(context, stage, shard)
    rows: dict[str, Row] = {}
    todo: list[tuple[Entry, dict[str, Row]]] = []
    entries = list(_entries(shard, inputs))
    workers = 1 if stage_device(context.settings, stage) != "cpu" else context.workers

    def lost(job: tuple[Entry, dict[str, Row]], why: str) -> Row:
        return _over(job[0], "failed", f"{job[0].name}: the process of stage '{stage}' {why}; run again.")

    with telling(context, stage) as tell:
        for entry, earlier in entries:
            row = _ended(entry, earlier) or stored_row(context, step, entry, earlier, known, since)
            if row is None:
                todo.append((entry, earlier))
            else:
                rows[entry.id] = row
                tell(stage, row, True, 0)
        if todo and not compute:
            raise MissingInput(
                f"{todo[0][0].name}: nothing from stage '{stage}' in the store; run it first (--stages {stage})."
            )
        jobs = [(run, stage, entry, earlier) for entry, earlier in todo]
        timeout = context.settings.run.timeout
        for (entry, _), row, seconds in run_in_processes(make_row, jobs, todo, workers, lost, timeout):
            rows[entry.id] = row
            tell(stage, row, False, seconds)
    return _write_manifest(context, stage, shard, inputs, [rows[entry.id] for entry, _ in entries])


def shard_key(stage: str, run: str, shard: str, inputs: Mapping[str, str]) -> tuple[str, bool]:
    """Digest of the keys of a shard's artifacts, and whether the store holds them all."""
    context, step = load_run(run), STAGES[stage]
    known, keys, stored = _known(context, stage, shard), [], True
    for entry, earlier in _entries(shard, inputs):
        ended = _ended(entry, earlier)
        keys.append([entry.id, ended or step.key(context.for_photo(entry.settings), entry, by_stage(earlier))])
        stored = stored and bool(ended or stored_row(context, step, entry, earlier, known))
    return digest([_MANIFEST_VERSION, str(context.output), stage, keys]), stored


def make_row(run: str, stage: str, entry: Entry, earlier: Mapping[str, Row]) -> Row:
    """Compute and store one photo's artifact; errors become the photo's state, never the run's end.

    Except a SettingsError, which every photo would meet.
    """
    context, step = load_run(run).for_photo(entry.settings), STAGES[stage]
    try:
        for attempt in Retrying(
            stop=stop_after_attempt(1 + context.settings.run.retries),
            wait=wait_random_exponential(multiplier=0.2, max=20),  # exponential backoff with jitter
            retry=retry_if_exception_type((OSError, MemoryError)),
            reraise=True,
        ):
            with attempt:
                key = step.key(context, entry, by_stage(earlier))
                payload, facts = step.compute(context, entry, by_stage(earlier))
                if DEGRADED in facts:  # never taken for what was asked for: a later run tries that again
                    key = digest([key, facts[DEGRADED]])
                refuse_given_up()
                made = context.store.write(stage, key, payload, facts)
    except (SettingsError, Stopped):
        raise
    except PhotoError as error:
        return _keep_refusal(context, stage, key, _over(entry, error.state, error.sentence))
    except StoreError as error:
        context.store.discard(error.stage, error.key)
        return {**_over(entry, "failed", f"{entry.name}: {error} It was discarded; run again."), "damaged": True}
    except MemoryError:
        way = "use fewer --set run.workers=N" if context.workers > 1 else "it needs more than this machine has free"
        return _over(entry, "failed", f"{entry.name}: out of memory in stage '{stage}'; {way}.")
    except InputError as error:  # a link that was not there when the run began
        return _over(entry, "failed", f"{entry.name}: {error}")
    except OSError as error:
        return _over(entry, "failed", f"{entry.name}: {stage} could not read or write ({error}).")
    except Exception as error:
        log.debug("%s: %s", entry.name, stage, exc_info=True)
        return _over(entry, "failed", f"{entry.name}: unexpected error in {stage} ({type(error).__name__}: {error}).")
    return {"name": entry.name, "id": entry.id, "key": key, "sha256": made.sha256, "facts": made.facts}


def _entries(shard: str, inputs: Mapping[str, str]) -> Iterator[tuple[Entry, dict[str, Row]]]:
    """Every entry with its rows of the earlier stages."""
    manifests = {name: {row["id"]: row for row in read_manifest(path)} for name, path in inputs.items()}
    for entry in _plan(shard):
        yield entry, {name: rows[entry.id] for name, rows in manifests.items()}


@lru_cache(maxsize=16)
def _plan(shard: str) -> list[Entry]:
    return read_shard(as_path(shard))


def _ended(entry: Entry, earlier: Mapping[str, Row]) -> Row | None:
    """The photo's final row if an earlier stage (or the plan) ended it."""
    if entry.state:
        return _over(entry, entry.state, entry.reason or "")
    return next((row for row in earlier.values() if "state" in row), None)


def _known(run: RunContext, stage: str, shard: str) -> dict[str, Row]:
    """Rows of the shard by key, as earlier runs noted them; see `RunContext.manifests`."""
    rows: dict[str, Row] = {}
    for path in run.manifests(stage, shard_number(shard)):
        try:
            rows |= {row["key"]: row for row in read_manifest(path) if "key" in row}
        except (OSError, ValueError, KeyError, TypeError):  # gone meanwhile, or damaged
            continue
    return rows


def stored_row(
    run: RunContext, stage: Stage, entry: Entry, earlier: Mapping[str, Row], known: Mapping[str, Row], since: float = 0
) -> Row | None:
    """The photo's row where its artifact is in the store and holds, else None. known: see `_known`."""
    run = run.for_photo(entry.settings)
    key = stage.key(run, entry, by_stage(earlier))
    noted = known.get(key)
    if noted is not None and run.listed(stage.name, key):
        sha, facts = noted["sha256"], noted["facts"]
    elif found := run.store.header(stage.name, key):
        sha, facts = found.sha256, found.facts
    else:
        return _kept_refusal(run, stage.name, key, entry, since)
    if since and not run.store.written_since(stage.name, key, since):
        return None
    row: Row = {"name": entry.name, "id": entry.id, "key": key, "sha256": sha, "facts": facts}
    return row if stage.holds(run, row) else None


_READERS = ("person-removal", "pillow", "pillow-heif", "opencv-python", "opencv-python-headless")
"""Packages that decide which photos can be read: another version may take one that was refused."""


@lru_cache
def _readers() -> list[str]:
    return [_version(name) for name in _READERS]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _refusal_key(run: RunContext, key: str) -> str:
    """The name under which it is kept that a photo was refused instead of the artifact `key`."""
    return digest(["over", key, run.settings.input.megapixels, _readers()])


def _keep_refusal(run: RunContext, stage: str, key: str, row: Row) -> Row:
    """A photo that is refused, or corrupt, is so the next time too: it is kept, so that no night tries it again."""
    if row["state"] not in ("corrupt", "refused"):
        return row
    kept = _refusal_key(run, key)
    run.store.write(stage, kept, b"", {"over": row["state"], "reason": row["reason"], "name": row["name"]})
    return {**row, "refusal": kept}


def _kept_refusal(run: RunContext, stage: str, key: str, entry: Entry, since: float) -> Row | None:
    """The row of a photo that an earlier run refused in this stage; the sentence names it, so it has to have the
    same name."""
    kept = _refusal_key(run, key)
    found = run.store.header(stage, kept)
    facts = found.facts if found else {}
    if not isinstance(facts, dict) or facts.get("name") != entry.name or not isinstance(facts.get("reason"), str):
        return None
    if facts.get("over") not in ("corrupt", "refused") or (since and not run.store.written_since(stage, kept, since)):
        return None
    return {**_over(entry, facts["over"], facts["reason"]), "refusal": kept}


def _over(entry: Entry, state: State, reason: str) -> Row:
    return {"name": entry.name, "id": entry.id, "state": state, "reason": reason}


def stage_device(settings: Settings, stage: str) -> str:
    """Where a stage's work is done."""
    return {
        "segment": settings.segment.device,
        "inpaint": settings.inpaint.device,
        "verify": settings.segment.device,
    }.get(stage, "cpu")


def shard_number(shard: str) -> str:
    """`.../plan-017-1f0c….json` -> `017`."""
    return file_name(shard).split("-")[1]


def _write_manifest(run: RunContext, stage: str, shard: str, inputs: Mapping[str, str], rows: list[Row]) -> str:
    made_from = sorted(map(file_name, inputs.values()))
    data = canonical_json({"shard": file_name(shard), "inputs": made_from, "rows": rows})
    path = run.store.root / "shards" / f"{stage}-{shard_number(shard)}-{sha256(data)[:16]}.json"
    if path not in run.manifests(stage, shard_number(shard)):
        run.store.put(f"shards/{path.name}", data)
    return str(path)
