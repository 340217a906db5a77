"""The pipeline: plan -> segment -> refine -> inpaint -> verify -> publish, without a server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, TypeVar, get_args

from flows.stages.registry import STAGES

StageName = Literal["segment", "refine", "inpaint", "verify", "publish"]
STAGE_NAMES = tuple(STAGES)
assert get_args(StageName) == STAGE_NAMES

Manifest = TypeVar("Manifest")
"""What a stage's runner gives of it: the manifest's path now, or a Prefect future of it."""
RunStep = Callable[[str, str, dict[str, Manifest], bool], Manifest]
"""stage, shard, manifests of earlier stages, whether it is an extra pass -> the stage's manifest."""


def remove_people_from_shard(shard: str, run_step: RunStep[Manifest], passes: int, stages: Sequence[str]) -> Manifest:
    """The DAG of one shard; returns the last stage's manifest. Verification is unrolled: each extra pass refines all
    who were found so far and fills the original again. A photo with nobody left has the first pass's keys, so that it
    is not computed again.
    """
    made: dict[str, Manifest] = {}

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
