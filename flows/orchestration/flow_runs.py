"""A prepared job inside a flow run: its stages as tasks, and the state that the run ends in."""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextvars import copy_context
from functools import partial

from prefect import State, get_run_logger
from prefect.exceptions import Pause
from prefect.futures import PrefectFuture
from prefect.states import Completed, Failed

from configs import UserError
from flows.orchestration.artifacts import progress_by_stage, publish_figures, publish_result
from flows.orchestration.leaving import leave_soon, stopped_when_suspended
from flows.orchestration.task_runners import task_runner_of
from flows.orchestration.tasks import STAGE_TASKS, results_storage
from flows.plan.manifests import read_manifest
from flows.plan.planning import Plan
from flows.plan.selection import Selection, masks_ahead
from flows.results.finish import PhotosFailed, Summary
from flows.run.elsewhere import listening_elsewhere
from flows.run.job import Job, execute, shard_runner
from flows.run.progress import Counts, problems_to
from flows.run.workers import overlapping


def run_prepared(job: Job, then: str = "") -> State[object]:
    """Inside a flow run: every stage of every shard as a task; the state that the flow run ends in.

    then: what the log and the state say to do next.
    """
    try:
        summary = _run(job)
    except UserError as error:  # its sentence is the run's state; a traceback would only hide it
        return Failed(message=str(error), data=error)
    except BaseException as error:
        if not isinstance(error, Exception):
            leave_soon(0 if isinstance(error, Pause) else 128 + signal.SIGTERM)
        raise
    if then:
        get_run_logger().info("%s %s", (summary.report if summary else None) or job.context.output, then)
    return _ending(job, summary, then)


def _run(job: Job) -> Summary | None:
    logger = get_run_logger()
    logger.info("%d photos in %d shards -> %s", job.planned.photos, len(job.planned.shards), job.context.output)
    with problems_to(logger.warning), stopped_when_suspended(), progress_by_stage(job) as counts:
        summary = execute(job, partial(_run_tasks, counts))
    for stage in job.selection.reached:
        logger.info(counts[stage].sentence(stage, job.planned.photos))
    publish_figures(counts)
    if summary:
        publish_result(summary)
    return summary


def _ending(job: Job, summary: Summary | None, then: str) -> State[object]:
    """Red where running again may help; green but by another name where somebody should look."""
    if summary is None:
        message = f"Stages done: {', '.join(job.selection.stages)}."
        if job.selection.reached[-1] == "refine" and (ahead := masks_ahead(job.context)):
            message += f" {ahead} published photos were made with another hole than masks/ shows now; run all stages."
        return Completed(message=message)
    message = ", ".join(f"{count} {state}" for state, count in summary.states.items())
    if then:
        message = f"{message} in {summary.output}. {then}"
    if summary.states.get("failed"):
        return Failed(message=message, data=PhotosFailed(summary))
    name = {0: "Completed", 1: "Incomplete", 3: "NeedsReview"}[summary.exit_code(allow_review=False)]
    return Completed(name=name, message=message, data=summary)


def _run_tasks(counts: Counts, planned: Plan, selection: Selection) -> list[str]:
    """Every stage of every shard as a task; the paths of the last stage's manifests."""
    folder = results_storage(planned.run)

    def submit(stage: str, *arguments: object, **options: object) -> PrefectFuture[str]:
        return STAGE_TASKS[stage].with_options(result_storage=folder).submit(stage, *arguments, **options)

    if planned.context.settings.run.runner == "threads":
        return _shard_by_shard(counts, planned, selection, submit)
    return _all_at_once(counts, planned, selection, submit)


def _shard_by_shard(
    counts: Counts, planned: Plan, selection: Selection, submit: Callable[..., PrefectFuture[str]]
) -> list[str]:
    """A few shards at a time, as a run without Prefect does: a task that waits for another would hold a thread, and
    the processes would stand idle while the last photos of a shard's stage are computed."""

    def step(stage: str, *arguments: object, **options: object) -> PrefectFuture[str]:
        future = submit(stage, *arguments, **options)
        counts.told(stage, read_manifest(future.result()))
        return future

    run_shard, flow_run = shard_runner(planned, selection, step), copy_context()
    return overlapping(lambda shard: flow_run.copy().run(run_shard, shard).result(), planned.shards)


def _all_at_once(
    counts: Counts, planned: Plan, selection: Selection, submit: Callable[..., PrefectFuture[str]]
) -> list[str]:
    """On a cluster, which starts each task when its inputs are there."""
    submitted: list[tuple[str, PrefectFuture[str]]] = []

    def step(stage: str, *arguments: object, **options: object) -> PrefectFuture[str]:
        submitted.append((stage, submit(stage, *arguments, **options)))
        return submitted[-1][1]

    with listening_elsewhere(planned.context) as take_in, task_runner_of(planned.context):
        last = [*map(shard_runner(planned, selection, step), planned.shards)]
        for stage, future in submitted:  # in order: the first error is the failed stage's, not one's that waits for it
            manifest = future.result()
            take_in()
            counts.told(stage, read_manifest(manifest))
        return [future.result() for future in last]
