"""What Prefect's pages show of a run: progress by stage, a table of the result, where the report is.

A few artifacts a run, never one a photo: each costs about 90 ms. No pictures: they show people, and the server's
database is not the place for them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from uuid import UUID

import httpx
from prefect.artifacts import create_link_artifact, create_table_artifact
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import ArtifactCreate, ArtifactUpdate
from prefect.exceptions import PrefectException
from prefect.utilities.context import get_task_and_flow_run_ids

from flows.report.states import STATE_WORDS
from flows.results.finish import Summary
from flows.run.job import Job
from flows.run.last_run import figures
from flows.run.progress import Counts, listening

EVERY, RARELY = 3.0, 30.0
"""Seconds between two looks at the progress: a fifth of the time so far, between these."""
WAITS = 4 * 3600.0
"""Seconds for which a run that has done its work waits for a server that is away."""


@contextmanager
def progress_by_stage(job: Job) -> Iterator[Counts]:
    """A progress artifact for every stage, brought up to date beside the work."""
    counts, stop, begun = Counts(), threading.Event(), time.monotonic()
    shown = dict.fromkeys(job.selection.reached, 0.0)
    with get_client(sync_client=True) as client:  # one for all: each asks the server for its version and a token
        bars = {stage: _bar(client, job, stage) for stage in shown}

        def show(stage: str, share: float) -> None:
            if share == shown[stage]:
                return
            with suppress(httpx.HTTPError, PrefectException):  # a server that is away: the next one tells it
                client.update_artifact(bars[stage], ArtifactUpdate(data=share))
                shown[stage] = share

        def watch() -> None:
            while not stop.wait(min(max(EVERY, (time.monotonic() - begun) / 5), RARELY)):
                for stage in bars:
                    show(stage, round(100 * len(counts[stage].photos) / max(job.planned.photos, 1), 1))

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            with listening(counts):
                yield counts
        finally:
            stop.set()
            watcher.join()
        wait_until_heard(client.api_healthcheck)
        for stage in bars:  # photos that other machines worked on were not told here
            show(stage, 100.0)


def wait_until_heard(health: Callable[[], Exception | None], between: float = 5.0) -> None:
    """A server that is away when the work is done is waited for: nobody else can tell it how the run ended.

    health: None when it answers.
    """
    deadline = time.monotonic() + WAITS
    while health() is not None and time.monotonic() < deadline:
        time.sleep(between)


def _bar(client: SyncPrefectClient, job: Job, stage: str) -> UUID:
    about = f"{stage}: {job.planned.photos} photos of {job.collection.root.name}"
    _, run = get_task_and_flow_run_ids()
    bar = ArtifactCreate(type="progress", key=f"progress-{stage}", description=about, data=0.0, flow_run_id=run)
    return client.create_artifact(bar).id


def publish_figures(counts: Counts) -> None:
    """A table of what each stage did."""
    table = [
        {"stage": stage, "computed": of["computed"], "stored": of["stored"], "seconds": round(of["seconds"], 1)}
        for stage, of in figures(counts).items()
    ]
    create_table_artifact(table, key="stages", description="Photos computed and from the store; seconds of work.")


def publish_result(summary: Summary) -> None:
    """A table of states and problems, and a link to the report."""
    table = [
        {"state": state, "photos": count, "meaning": STATE_WORDS[state].meaning}
        for state, count in summary.states.items()
    ]
    create_table_artifact(
        table,
        key="result",
        description="\n".join(
            [
                f"{summary.photos} photos in `{summary.output}`, {summary.computed} computed, {summary.seconds:.0f} s",
                *(f"* {sentence}" for sentence in summary.problems[:20]),
                *([f"* ... {len(summary.problems) - 20} more in manifest.jsonl"] if len(summary.problems) > 20 else []),
            ]
        ),
    )
    if summary.report:
        create_link_artifact(
            summary.report.as_uri(),
            link_text="report.html",
            key="report",
            description=f"Before and after, worst first. Browsers open it from `{summary.report}`, not from here.",
        )
