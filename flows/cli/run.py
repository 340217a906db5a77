"""What `person-removal run` shows and does."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from configs import Settings
from data.places import is_remote
from data.types import STATES
from flows.cli.options import console
from flows.deployments import ServerError
from flows.events import listening
from flows.finish import PhotosFailed, Summary
from flows.job import Job, absolute, execute, handed_over, prepare
from flows.pipeline import STAGE_NAMES, Selection
from flows.reading import Row
from flows.runners import Listener
from flows.states import STATE_WORDS


def run_job(
    source: Path,
    output: Path,
    settings: Settings,
    wanted: Selection | None = None,
    *,
    prefect: bool = False,
    allow_review: bool = False,
) -> int:
    """Plan, run, report; returns the exit code. Raises the errors of `flows.job.prepare`."""
    job = prepare(source, output, settings, wanted or Selection())
    _announce(job)
    with _progress() as progress, listening(_follow(progress, job)):
        if prefect or settings.run.runner != "threads" or os.environ.get("PREFECT_API_URL"):
            summary = _through_prefect(source, output, settings, job)
        else:
            summary = execute(job)
    if summary is None:
        console.print(f"Stages done: {', '.join(job.selection.stages)}.", markup=False)
        if job.selection.reached[-1] == "refine" and settings.publish.masks:
            console.print(
                f"The holes are in {job.context.output / 'masks'}: white is removed. Edit any of them, "
                "then run again without --stages.",
                markup=False,
            )
        return 0
    _close(summary)
    return summary.exit_code(allow_review)


def _through_prefect(source: Path, output: Path, settings: Settings, job: Job) -> Summary | None:
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "WARNING")  # the progress bars say the rest
    from flows.person_removal import person_removal  # takes seconds to import

    wanted = job.selection
    chosen: dict[str, Any] = {name: getattr(wanted, name) for name in ("refresh", "photos", "status")}
    chosen["stages"] = wanted.stages if wanted.stages != STAGE_NAMES else ()
    try:
        with handed_over(job):
            summary: Summary | None = person_removal(
                str(absolute(source)), str(absolute(output)), settings=settings, **chosen
            )
        return summary
    except PhotosFailed as error:
        return error.summary
    except RuntimeError as error:  # Prefect's own, for a server that is not there or does not start
        if "API" not in str(error):
            raise
        raise ServerError(
            f"No Prefect server ({' '.join(str(error).split())}); start one, correct PREFECT_API_URL, "
            "or run without --prefect and without PREFECT_API_URL."
        ) from error


def _announce(job: Job) -> None:
    settings, planned = job.context.settings, job.planned
    output = job.context.output
    free = None if is_remote(output) else shutil.disk_usage(output).free
    console.print(
        f"{planned.photos} photos, {planned.bytes / 1e6:.1f} MB, in {len(planned.shards)} shards"
        + (f"; free on disk: {free / 1e9:.1f} GB" if free is not None else ""),
        markup=False,
    )
    look = settings.verify.segmenter
    console.print(
        f"preset {settings.preset}: segment with {settings.segment.segmenter}, fill with {settings.inpaint.fill}, "
        f"second look {'by ' + look if look != 'none' else 'by nobody (known people only)'}",
        markup=False,
    )
    for note in job.collection.notes:
        console.print(note, style="yellow", markup=False)
    if planned.edited:
        console.print(
            f"masks edited by hand: {len(planned.edited)}, the first of {planned.edited[0]}. "
            "They are used as drawn, whatever the refine settings; delete one to have it computed again.",
            markup=False,
        )
    if free is not None and planned.bytes * 3 > free:
        console.print("Little room: the run may need about three times the photos' size.", style="yellow")


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description:<8}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )


def _follow(progress: Progress, job: Job) -> Listener:
    """Shows every photo that a stage finishes, once a stage."""
    bars = {stage: progress.add_task(stage, total=job.planned.photos, note="") for stage in job.selection.reached}
    seen: dict[str, set[str]] = {stage: set() for stage in bars}
    stored: Counter[str] = Counter()

    def listen(stage: str, row: Row, from_store: bool, seconds: float) -> None:
        if row["id"] in seen[stage]:  # an extra pass
            return
        seen[stage].add(row["id"])
        stored[stage] += from_store
        note = f"{stored[stage]} cached" if stored[stage] else ""
        progress.update(bars[stage], advance=1, note=note)

    return listen


def _close(summary: Summary) -> None:
    table = Table("state", "photos", "", title=None)
    for state in STATES:
        if state in summary.states:
            table.add_row(state, str(summary.states[state]), STATE_WORDS[state].meaning)
    console.print(table)
    _problems(summary.problems)
    rate = summary.photos / max(summary.seconds, 1e-9)
    if summary.computed:
        done = f"{summary.computed} of {summary.photos} photos computed, the rest from the store"
        if summary.computed == summary.photos:
            done = f"{summary.photos} photos"
        console.print(f"{done}; {summary.seconds:.1f} s ({rate:.2f} photos/s).", markup=False)
    else:
        console.print(f"Everything was cached: nothing computed; {summary.seconds:.1f} s.", markup=False)
    if summary.missing:
        console.print(
            f"{summary.missing} photos of the collection were never part of a run; they are not in OUT.", markup=False
        )
    if summary.report:
        console.print(f"Report: {summary.report}", markup=False)


def _problems(problems: Sequence[str]) -> None:
    for sentence in problems[:10]:
        console.print(f"  {sentence}", markup=False)
    if len(problems) > 10:
        console.print(f"  ... and {len(problems) - 10} more, all in manifest.jsonl.", markup=False)
