"""A prepared job inside a flow run: its stages as tasks, and the state that the run ends in."""

from __future__ import annotations

from prefect import State, get_run_logger
from prefect.futures import PrefectFuture
from prefect.states import Completed, Failed

from flows.orchestration.artifacts import progress_by_stage, publish_result
from flows.orchestration.task_runners import task_runner_of
from flows.orchestration.tasks import STAGE_TASKS, results_storage
from flows.plan.planning import Planned
from flows.plan.selection import Selection
from flows.results.finish import PhotosFailed, Summary
from flows.run.job import Job, execute, shard_runner
from flows.run.progress import problems_to


def run_prepared(job: Job, then: str = "") -> State[object]:
    """Inside a flow run: every stage of every shard as a task; the state that the flow run ends in.

    then: what the log and the state say to do next.
    """
    summary = _run(job)
    if then:
        get_run_logger().info("%s %s", (summary.report if summary else None) or job.context.output, then)
    return _ending(job, summary, then)


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


def _ending(job: Job, summary: Summary | None, then: str) -> State[object]:
    """Red where running again may help; green but by another name where somebody should look."""
    if summary is None:
        return Completed(message=f"Stages done: {', '.join(job.selection.stages)}.")
    message = ", ".join(f"{count} {state}" for state, count in summary.states.items())
    if then:
        message = f"{message} in {summary.output}. {then}"
    if summary.states.get("failed"):
        return Failed(message=message, data=PhotosFailed(summary))
    name = {0: "Completed", 1: "Incomplete", 3: "NeedsReview"}[summary.exit_code(allow_review=False)]
    return Completed(name=name, message=message, data=summary)


def _submit_all(planned: Planned, selection: Selection) -> list[str]:
    """Every stage of every shard as a task; Prefect starts each when its inputs are there."""
    folder = results_storage(planned.run)
    submitted: list[PrefectFuture[str]] = []

    def submit(stage: str, *arguments: object, **options: object) -> PrefectFuture[str]:
        submitted.append(STAGE_TASKS[stage].with_options(result_storage=folder).submit(stage, *arguments, **options))
        return submitted[-1]

    with task_runner_of(planned.context):
        last = [*map(shard_runner(planned, selection, submit), planned.shards)]
        for future in submitted:  # in order: the first error is the failed stage's, not that of one that waits for it
            future.result()
        return [future.result() for future in last]
