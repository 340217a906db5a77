"""The stage runners as Prefect tasks: retries, and a result cache that is only an index over the store."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect import Task, task
from prefect.cache_policies import CachePolicy
from prefect.client.schemas.objects import State
from prefect.context import TaskRunContext
from prefect.filesystems import RemoteFileSystem
from prefect.runtime import task_run
from prefect.serializers import JSONSerializer
from prefect.tasks import exponential_backoff

from configs import SettingsError
from data.errors import InputError
from data.storage.files import read_own, sha256
from data.storage.json_files import read_json
from data.storage.places import as_path, is_remote
from data.storage.store import Store
from flows.pipeline import STAGE_NAMES
from flows.run.runner import MissingInput, run_stage, shard_key, shard_number
from flows.run.workers import Stopped
from flows.stages.context import load_run

AS_JSON = JSONSerializer()
"""How results are written; Prefect's own choice is pickles."""


@dataclass
class StoreIndex(CachePolicy):
    """Key = digest of the keys of the shard's artifacts.

    Prefect does not look whether what a cached result speaks of is still there. So the store is asked here, and where
    it lacks anything (or a stage is to be refreshed), the remembered result is forgotten before Prefect looks for it.
    """

    def compute_key(
        self, task_ctx: TaskRunContext, inputs: dict[str, Any], flow_parameters: dict[str, Any], **kwargs: Any
    ) -> str | None:
        key, stored = shard_key(inputs["stage"], inputs["run"], inputs["shard"], inputs["inputs"])
        store = load_run(inputs["run"]).store
        if inputs["since"] or not stored or not is_remembered(store, key):
            store.own(f"prefect/{key}").unlink(missing_ok=True)
        return key


def is_remembered(store: Store, key: str) -> bool:
    """Whether a result that Prefect remembers is one of a task of this module: as JSON, a shard manifest of the store.

    The file may come from somebody else, and Prefect lets it say how it is to be read: as a pickle, which runs code. So
    it is looked at before Prefect does, and only what a task here would have written is left to it.
    """
    try:
        record = read_json(store.root / "prefect" / key, "result", follow=False)
        if not isinstance(record, dict) or set(record) != {"metadata", "result"}:
            return False
        if record["metadata"]["serializer"] != AS_JSON.model_dump(mode="json"):
            return False
        path = as_path(json.loads(record["result"]))
        content = read_own(path)
    except (InputError, OSError, ValueError, KeyError, TypeError, RecursionError):
        return False
    named = path.stem.rpartition("-")[2] == sha256(content)[:16]
    return named and str(path.parent) == str(store.root / "shards")


def results_folder(run: str) -> Path:
    """Where Prefect keeps the results of these tasks: in the store, so that they go when it goes."""
    return load_run(run).store.root / "prefect"


def results_storage(run: str) -> Path | RemoteFileSystem:
    """`results_folder` as Prefect takes it."""
    folder = results_folder(run)
    if is_remote(folder):
        block = RemoteFileSystem(basepath=str(folder))  # the server has to know it; it holds no credentials
        block.save(f"person-removal-{sha256(str(folder).encode())[:16]}", overwrite=True)
        return block
    load_run(run).store.own("prefect/result")  # the folder is no link
    folder.mkdir(parents=True, exist_ok=True)
    return folder


_MENDABLE = (MissingInput, SettingsError, Stopped)
"""Errors that do not go away by waiting. `Stopped`: the run has ended by another error, or was cancelled."""


def _worth_another_try(task: object, run: object, state: State[object]) -> bool:
    """I/O and memory may pass; a stage that was never run, or a setting that cannot be, does not mend by waiting."""
    return not isinstance(state.result(raise_on_failure=False), _MENDABLE)


def _name() -> str:
    return f"{task_run.parameters['stage']} shard {shard_number(str(task_run.parameters['shard']))}"


class _OnceARun(logging.Filter):
    """Prefect logs the error of every task, with its traceback and once more as its state. One that a user can mend is
    the state of the whole run, in one sentence; of the tasks it is not told."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, _MENDABLE):
            return False
        text = record.getMessage()
        names = (error.__name__ for error in _MENDABLE)
        return not (text.startswith("Finished in state") and any(f" exception {name}: " in text for name in names))


logging.getLogger("prefect.task_runs").addFilter(_OnceARun())


def _stage_task(stage: str) -> Task[..., str]:
    decorate = task(
        name=stage,
        task_run_name=_name,
        cache_policy=StoreIndex(),
        persist_result=True,
        result_serializer=AS_JSON,
        retries=2,
        retry_delay_seconds=exponential_backoff(2),
        retry_jitter_factor=0.5,
        retry_condition_fn=_worth_another_try,
    )
    return decorate(run_stage)


STAGE_TASKS = {stage: _stage_task(stage) for stage in STAGE_NAMES}
