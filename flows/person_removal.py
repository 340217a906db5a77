"""The Prefect flow. What it does stands in `flows.pipeline`; here its stages are tasks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger
from prefect.task_runners import ThreadPoolTaskRunner

from configs import Settings
from flows.finish import Summary
from flows.job import execute, prepare, selection
from flows.pipeline import Planned, Selection, run_pipeline
from flows.tasks import STAGE_TASKS, results_folder


@flow(
    name="person-removal",
    flow_run_name="{source} -> {output}",
    # its threads only orchestrate: photos are computed on processes
    task_runner=ThreadPoolTaskRunner(max_workers=4),  # type: ignore[arg-type]  # Prefect's own annotation is off
    validate_parameters=True,
)
def person_removal(
    source: str, output: str, settings: Settings, stages: str | None = None, refresh: str | None = None
) -> Summary | None:
    """Take the people out of the photos in `source` and write the collection to `output`.

    stages: comma-separated names of the stages to run, all by default; the ones before them are taken from the store.
    refresh: stages to compute again although the store has them.
    """
    job = prepare(Path(source), Path(output), settings, selection(stages, refresh))
    summary = execute(job, _submit_all)
    if summary:
        get_run_logger().info("%s; %d of %d photos computed", summary.states, summary.computed, summary.photos)
    return summary


def _submit_all(planned: Planned, selection: Selection) -> list[str]:
    """Every stage of every shard as a task; Prefect starts each when its inputs are there."""
    folder = results_folder(planned.run)
    folder.mkdir(parents=True, exist_ok=True)

    def submit(stage: str, *arguments: Any, **options: Any) -> Any:
        return STAGE_TASKS[stage].with_options(result_storage=folder).submit(stage, *arguments, **options)

    return [future.result() for future in run_pipeline(planned, selection, submit)]
