"""How the last run of an output directory ended: a note in the store, and a text file for Prometheus."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict  # for pydantic, see flows.facts

from data.storage.files import write_atomic
from data.storage.places import file_name
from data.storage.store import Store
from data.types import STATES
from flows.plan.planning import Plan
from flows.results.finish import Summary
from flows.results.provenance import tool_version
from flows.run.progress import Counts

NOTE, METRICS = "last.json", "metrics.prom"


_Labels = tuple[tuple[str, str], ...]


class StageFigures(TypedDict):
    """computed, stored: photos. seconds: of computing, summed over processes."""

    computed: int
    stored: int
    seconds: float


class LastRun(TypedDict):
    """started, ended: seconds since the epoch. photos: that it worked on. states: of the whole collection, empty where
    nothing was published. error: the sentence that it ended with instead. run: file of its settings in `runs/`."""

    version: str
    started: float
    ended: float
    photos: int
    computed: int
    states: dict[str, int]
    stages: dict[str, StageFigures]
    exit_code: int
    error: str | None
    run: str


_SHAPE = TypeAdapter(LastRun)


@contextmanager
def noting(planned: Plan, started: float, counts: Counts) -> Iterator[Callable[[Summary | None], None]]:
    """Yields what is told how the run ended; an error inside is noted, and goes on."""

    def note(summary: Summary | None, error: BaseException | None = None) -> None:
        last = LastRun(
            version=tool_version(),
            started=started,
            ended=time.time(),
            photos=planned.photos,
            computed=len(set[str]().union(*counts.computed.values())),
            states=summary.states if summary else {},
            stages=figures(counts),
            exit_code=2 if error else summary.exit_code(allow_review=False) if summary else 0,
            error=(str(error) or type(error).__name__) if error else None,
            run=file_name(planned.run),
        )
        planned.context.store.write_note(NOTE, last)
        if planned.context.settings.run.metrics:
            output = planned.context.output
            write_atomic(output / METRICS, prometheus(last, str(output)).encode("utf-8", "replace"))

    try:
        yield note
    except BaseException as error:
        with suppress(OSError):  # the disk may be what the error is about
            note(None, error)
        raise


def read_last_run(store: Store) -> LastRun | None:
    """The note of the last run; None where there is none, or none that a run wrote."""
    try:
        return _SHAPE.validate_python(store.note(NOTE, dict[str, object]()))
    except ValidationError:
        return None


def figures(counts: Counts) -> dict[str, StageFigures]:
    """What each stage did."""
    return {
        stage: StageFigures(
            computed=len(counts.computed[stage]),
            stored=len(count.photos) - len(counts.computed[stage]),
            seconds=round(count.seconds, 3),
        )
        for stage, count in counts.items()
    }


def prometheus(last: LastRun, output: str) -> str:
    """The text format that Prometheus' node exporter reads from files. output: label of every figure."""
    lines = []

    def gauge(name: str, text: str, values: Mapping[_Labels, float]) -> None:
        lines.extend([f"# HELP person_removal_{name} {text}", f"# TYPE person_removal_{name} gauge"])
        for labels, value in values.items():
            pairs = ",".join(f'{label}="{_escaped(of)}"' for label, of in (("output", output), *labels))
            lines.append(f"person_removal_{name}{{{pairs}}} {value:.15g}")

    stages = last["stages"].items()
    gauge("last_run_timestamp_seconds", "When the last run ended.", {(): last["ended"]})
    gauge("last_run_seconds", "How long it took.", {(): last["ended"] - last["started"]})
    gauge(
        "last_run_exit_code", "0 done, 1 some photos could not be done, 2 an error, 3 review.", {(): last["exit_code"]}
    )
    gauge("last_run_photos", "Photos that it worked on.", {(): last["photos"]})
    gauge("last_run_computed_photos", "Photos of which it computed anything.", {(): last["computed"]})
    if last["states"]:
        states: dict[_Labels, float] = {(("state", state),): float(last["states"].get(state, 0)) for state in STATES}
        gauge("photos", "Photos of the collection by state.", states)
    sources: dict[_Labels, float] = {
        (("stage", stage), ("source", source)): float(number)
        for stage, of in stages
        for source, number in (("computed", of["computed"]), ("store", of["stored"]))
    }
    gauge("last_run_stage_photos", "Photos by stage, computed or from the store.", sources)
    seconds: dict[_Labels, float] = {(("stage", stage),): of["seconds"] for stage, of in stages}
    gauge("last_run_stage_seconds", "Seconds of work of a stage, summed over processes.", seconds)
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
