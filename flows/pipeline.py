"""The pipeline: plan -> segment -> refine -> inpaint -> verify -> publish, without a server."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from flows.plan.planning import Planned
from flows.run.runner import run_stage
from flows.run.workers import overlapping
from flows.stages.registry import STAGES

StageName = Literal["segment", "refine", "inpaint", "verify", "publish"]
STAGE_NAMES = tuple(STAGES)
assert get_args(StageName) == STAGE_NAMES

RunStage = Callable[..., Any]  # gives the manifest of a stage, now (a path) or later (a Prefect future)


def remove_people_from_shard(shard: str, run_step: RunStage, passes: int, stages: Sequence[str]) -> Any:
    """The DAG of one shard; returns the last stage's manifest. Verification is unrolled: each extra pass refines all
    who were found so far and fills the original again. A photo with nobody left has the first pass's keys, so that it
    is not computed again.
    """
    made: dict[str, Any] = {}

    def step(stage: str, *inputs: str) -> None:
        if stage in stages:
            made[stage] = run_step(stage, shard, {name: made[name] for name in inputs if name in made}, stage in made)

    step("segment")
    step("refine", "segment")
    step("inpaint", "refine")
    step("verify", "segment", "refine", "inpaint")
    for _ in range(passes if "verify" in stages else 0):
        step("refine", "segment", "verify")
        step("inpaint", "refine")
        step("verify", "segment", "refine", "inpaint", "verify")
    step("publish", "segment", "refine", "inpaint", "verify")
    return list(made.values())[-1]


@dataclass(frozen=True)
class Selection:
    """Which stages of the pipeline a run asks for.

    stages: computed; the ones before them are taken from the store. refresh: computed even if they stand there from
    before `started` (seconds since the epoch). photos: glob patterns of names, status: states in the last manifest;
    where there are any, only photos that match both are worked on, and the others stay as they are.
    """

    stages: tuple[str, ...] = STAGE_NAMES
    refresh: tuple[str, ...] = ()
    photos: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    started: float = field(default_factory=time.time)

    @property
    def reached(self) -> tuple[str, ...]:
        """Every stage up to the last one asked for."""
        return STAGE_NAMES[: 1 + max(STAGE_NAMES.index(stage) for stage in self.stages)]

    def options(self, stage: str, again: bool) -> dict[str, Any]:
        """How `run_stage` treats a stage. again: an extra pass, which is the work of `verify` whoever does it."""
        since = self.started if stage in self.refresh else 0
        return {"compute": stage in self.stages or (again and "verify" in self.stages), "since": since}


def run_pipeline(
    planned: Planned, selection: Selection, run_stage: RunStage = run_stage, each: Any = overlapping
) -> list[Any]:
    """Every shard through the DAG, a few at a time; returns the last stage's manifests, as `run_stage` gives them."""

    def step(stage: str, shard: str, inputs: dict[str, Any], again: bool) -> Any:
        return run_stage(stage, planned.run, shard, inputs, **selection.options(stage, again))

    passes, reached = planned.context.settings.verify.passes, selection.reached
    return list(each(lambda shard: remove_people_from_shard(shard, step, passes, reached), planned.shards))
