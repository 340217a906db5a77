"""The five stages in their order. What each does, and what decides its key, stands in the file of its name."""

from __future__ import annotations

from flows.stages import inpaint, publish, refine, segment, verify
from flows.stages.output_files import is_intact
from flows.stages.stage import Stage

STAGES = {
    stage.name: stage
    for stage in (
        Stage("segment", segment.key, segment.compute),
        Stage("refine", refine.key, refine.compute),
        Stage("inpaint", inpaint.key, inpaint.compute),
        Stage("verify", verify.key, verify.compute),
        Stage("publish", publish.key, publish.compute, lambda run, row: is_intact(run, row["facts"]["files"])),
    )
}
