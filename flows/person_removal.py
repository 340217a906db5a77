"""The Prefect flow. What it does stands in `flows.pipeline`; here its stages are tasks."""

from __future__ import annotations

from typing import Any

from prefect import State, flow, get_run_logger
from prefect.futures import PrefectFuture
from prefect.runtime import deployment, flow_run
from prefect.states import Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner

from configs import UserError
from configs.load import with_preset
from data.errors import InputError
from data.storage.places import as_path, is_remote
from data.types import State as PhotoState
from flows.orchestration.artifacts import progress_by_stage, publish_result
from flows.orchestration.settings_form import SettingsForm
from flows.orchestration.task_runners import task_runner_of
from flows.orchestration.tasks import STAGE_TASKS, results_storage
from flows.pipeline import StageName
from flows.plan.planning import Planned
from flows.plan.selection import Selection, selection
from flows.results.finish import PhotosFailed, Summary
from flows.run.job import Job, execute, prepare, run_pipeline
from flows.run.progress import problems_to


def _name() -> str:
    """`street -> street-clean: inpaint`: what is worked on, and what with if it is not everything."""
    given = flow_run.parameters
    parts = [*(given.get("stages") or []), *(given.get("photos") or []), *(given.get("status") or [])]
    places = f"{as_path(given['source']).name} -> {as_path(given['output']).name}"
    return f"{places}: {', '.join(map(str, parts))}" if parts else places


@flow(
    name="person-removal",
    flow_run_name=_name,
    # its threads only orchestrate: photos are computed on processes
    task_runner=ThreadPoolTaskRunner(max_workers=4),  # type: ignore[arg-type]  # Prefect's own annotation is off
    validate_parameters=True,
)
def person_removal(
    source: str,
    output: str,
    preset: str = "default",
    settings: SettingsForm = {},  # type: ignore[assignment]  # noqa: B006  (what a form starts with)
    stages: tuple[StageName, ...] = (),
    refresh: tuple[StageName, ...] = (),
    photos: tuple[str, ...] = (),
    status: tuple[PhotoState, ...] = (),
    decisions: str | None = None,
) -> Any:
    """Take the people out of the photos in `source` and write the collection to `output`.

    Args:
        source: Folder of photos or COCO directory; a full path where a worker runs it.
        output: New, empty or earlier output directory; a full path where a worker runs it.
        preset: default, embedded, coco, or a YAML file.
        settings: What is set here goes before the preset; what is left open is as the preset has it.
        stages: Stages to run, all when none is named; the ones before them are taken from the store.
        refresh: Stages to compute again although the store has them.
        photos: Only photos whose names match one of these patterns (street_*); the others stay as they are.
        status: Only photos that ended in one of these states the last time; the others stay as they are.
        decisions: File of what was decided in report.html; what earlier runs were given still holds.
    """
    try:
        wanted = selection(stages, refresh, photos, status)
        given = [as_path(path) for path in (source, output, decisions) if path]
        if deployment.id and not all(is_remote(path) or path.is_absolute() for path in given):
            raise InputError(f"source {source!r}, output {output!r}: a worker needs every path in full.")
        job = prepare(given[0], given[1], with_preset(settings, preset), wanted, given[2] if decisions else None)
        return _ending(job, _run(job))
    except UserError as error:  # its sentence is the run's state; a traceback would only hide it
        return Failed(message=str(error), data=error)


def _run(job: Job) -> Summary | None:
    logger = get_run_logger()
    logger.info("%d photos in %d shards -> %s", job.planned.photos, len(job.planned.shards), job.context.output)
    with problems_to(logger.warning), progress_by_stage(job) as counts:
        summary = execute(job, _submit_all)
    for stage in job.selection.reached:
        logger.info(counts[stage].sentence(stage, job.planned.photos))
    if summary:
        publish_result(summary)
    return summary


def _ending(job: Job, summary: Summary | None) -> State[Any]:
    """Red where running again may help; green but by another name where somebody should look."""
    if summary is None:
        return Completed(message=f"Stages done: {', '.join(job.selection.stages)}.")
    message = ", ".join(f"{count} {state}" for state, count in summary.states.items())
    if summary.states.get("failed"):
        return Failed(message=message, data=PhotosFailed(summary))
    name = {0: "Completed", 1: "Incomplete", 3: "NeedsReview"}[summary.exit_code(allow_review=False)]
    return Completed(name=name, message=message, data=summary)


def _submit_all(planned: Planned, selection: Selection) -> list[str]:
    """Every stage of every shard as a task; Prefect starts each when its inputs are there."""
    folder = results_storage(planned.run)
    submitted: list[PrefectFuture[str]] = []

    def submit(stage: str, *arguments: Any, **options: Any) -> PrefectFuture[str]:
        submitted.append(STAGE_TASKS[stage].with_options(result_storage=folder).submit(stage, *arguments, **options))
        return submitted[-1]

    with task_runner_of(planned.context):
        last = run_pipeline(planned, selection, submit, map)
        for future in submitted:  # in order: the first error is the failed stage's, not that of one that waits for it
            future.result()
        return [future.result() for future in last]
