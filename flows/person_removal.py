"""The Prefect flow. What it does stands in `flows.pipeline`; here its stages are tasks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from prefect import State, flow
from prefect.runtime import deployment, flow_run
from prefect.states import Failed
from prefect.task_runners import ThreadPoolTaskRunner

from configs import UserError
from configs.load import USUAL, with_preset
from data.errors import InputError
from data.sample_photos import SAMPLE_OUTPUT, SAMPLE_SOURCE, place_samples
from data.storage.places import as_path, is_remote
from data.types import State as PhotoState
from flows.orchestration.flow_runs import run_prepared
from flows.orchestration.settings_form import SettingsForm
from flows.pipeline import StageName
from flows.plan.selection import selection
from flows.run.job import Job, prepare


def _name() -> str:
    """`street -> street-clean: inpaint`: what is worked on, and what with if it is not everything."""
    given = flow_run.parameters
    parts = [*(given.get("stages") or []), *(given.get("photos") or []), *(given.get("status") or [])]
    places = f"{as_path(given['source']).name} -> {as_path(given['output']).name}"
    return f"{places}: {', '.join(map(str, parts))}" if parts else places


NEXT = (
    "These were the sample photos. Your own: prefect deployment run person-removal --param source=/PHOTOS "
    "--param output=/NEW --param preset=embedded, or make them the default: person-removal deploy /PHOTOS /NEW"
)
"""What the run of the sample photos says at its end."""


def _is_sample(source: str, output: str) -> bool:
    """Raises InputError where one of the two places is the samples' and the other is not."""
    if (source == SAMPLE_SOURCE) != (output == SAMPLE_OUTPUT):
        raise InputError(
            f"source {source!r}, output {output!r}: one of them is of the sample photos; give both, "
            "or make yours the default: person-removal deploy /PHOTOS /NEW."
        )
    return source == SAMPLE_SOURCE


_as_flow = partial(
    flow,
    name="person-removal",
    flow_run_name=_name,
    # its threads only orchestrate: photos are computed on processes
    task_runner=ThreadPoolTaskRunner(max_workers=4),
    validate_parameters=True,
)


@_as_flow
def person_removal(
    source: str,
    output: str,
    preset: str | None = None,
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
        preset: embedded, coco, default, best, commercial, or a YAML file. Left open it is embedded.
        settings: What is set here goes before the preset; what is left open is as the preset has it.
        stages: Stages to run, all when none is named; the ones before them are taken from the store.
        refresh: Stages to compute again although the store has them.
        photos: Only photos whose names match one of these patterns (street_*); the others stay as they are.
        status: Only photos that ended in one of these states the last time; the others stay as they are.
        decisions: File of what was decided in report.html; what earlier runs were given still holds.
    """
    try:
        wanted = selection(stages, refresh, photos, status)
        sample = _is_sample(source, output)
        given = [as_path(path).expanduser() for path in (source, output, decisions) if path]
        if deployment.id and not all(is_remote(path) or path.is_absolute() for path in given):
            raise InputError(f"source {source!r}, output {output!r}: a worker needs every path in full.")
        if sample:
            place_samples()
        tree = with_preset(settings, preset or USUAL)
        job = prepare(given[0], given[1], tree, wanted, given[2] if decisions else None)
        return run_prepared(job, NEXT if sample else "")
    except UserError as error:  # its sentence is the run's state; a traceback would only hide it
        return Failed(message=str(error), data=error)


def flow_over(job: Job) -> Callable[..., object]:
    """`person_removal` over a job that is prepared already; with the same parameters, which the server shows.

    The command line prepares before it starts a server: what is wrong is said at once.
    """

    @wraps(person_removal.fn)
    def over(*arguments: object, **parameters: object) -> State[object]:
        return run_prepared(job)

    return _as_flow(over)
