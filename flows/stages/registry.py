"""The five stages in their order. What each does, and what decides its key, stands in the file of its name."""

from __future__ import annotations

from pydantic import TypeAdapter

from flows.facts import InpaintFacts, PublishFacts, RefineFacts, SegmentFacts, VerifyFacts
from flows.stages import inpaint, publish, refine, segment, verify
from flows.stages.output_files import is_intact
from flows.stages.stage import Stage

STAGES = {
    stage.name: stage
    for stage in (
        Stage("segment", TypeAdapter(SegmentFacts), segment.key, segment.compute),
        Stage("refine", TypeAdapter(RefineFacts), refine.key, refine.compute),
        Stage("inpaint", TypeAdapter(InpaintFacts), inpaint.key, inpaint.compute),
        Stage("verify", TypeAdapter(VerifyFacts), verify.key, verify.compute),
        Stage(
            "publish",
            TypeAdapter(PublishFacts),
            publish.key,
            publish.compute,
            lambda run, row: is_intact(run, row["facts"].get("files")),
        ),
    )
}
