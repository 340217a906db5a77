"""The five stages, each a function from one photo's inputs to one artifact.

They join the rooms: bytes and artifacts on the outside, the pure functions of `detection`, `masks` and
`inpainting` on the inside. What decides an artifact's key stands here too, beside what uses it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import detection
import inpainting
from configs import InpaintSettings
from data.plan.entries import Entry
from data.storage.files import canonical_json, digest
from data.storage.store import artifact_key
from data.types import PhotoError
from flows.stages import models, refine
from flows.stages.context import RunContext
from flows.stages.inpaint import DEGRADED, inpaint_within_memory
from flows.stages.output_files import is_intact
from flows.stages.publish import STAGE_VERSION as PUBLISH_VERSION
from flows.stages.publish import publish_photo
from flows.stages.records import (
    Made,
    Row,
    Rows,
    extra_digest,
    read_hole,
    read_kept,
    read_made_up,
    read_missed,
    read_patches,
    read_people,
    read_photo,
)
from flows.stages.segment import look
from flows.stages.verify import verify, verify_key


@dataclass(frozen=True)
class Stage:
    """key: of the photo's artifact. make: computes it. intact: whether a stored one still holds."""

    name: str
    key: Callable[[RunContext, Entry, Rows], str]
    make: Callable[[RunContext, Entry, Rows], Made]
    intact: Callable[[RunContext, Row], bool] = lambda run, row: True


# ---------------------------------------------------------------- segment: photo -> people


def _segment_key(run: RunContext, entry: Entry, rows: Rows) -> str:
    settings = run.settings.segment
    return artifact_key(
        "segment",
        detection.STAGE_VERSION,
        settings.model_dump(mode="json"),
        run.digests(detection.required_weights(settings)),
        [entry.sha256, entry.given_sha256 or "", *([digest(entry.stated_size)] if entry.given else [])],
    )


def _segment(run: RunContext, entry: Entry, rows: Rows) -> Made:
    photo = read_photo(run, entry)
    people = look(run, run.settings.segment, photo, photo.pixels, entry)
    return canonical_json(people.to_json()), {"people": len(people)}


# ---------------------------------------------------------------- refine: people -> hole


def _refine_key(run: RunContext, entry: Entry, rows: Rows) -> str:
    return refine.hole_key(run, entry, [rows["segment"]["sha256"], *extra_digest(rows)])


def _refine(run: RunContext, entry: Entry, rows: Rows) -> Made:
    extra = read_missed(run, rows).plus([read_made_up(run, rows)]) if extra_digest(rows) else None
    return refine.make_hole(run, entry, read_people(run, rows), extra, lambda: read_photo(run, entry))


# ---------------------------------------------------------------- inpaint: photo + hole -> patches


def _inpaint_settings(run: RunContext, rows: Rows) -> InpaintSettings:
    # What a hand drew has no ring, so nothing of what it covers is blended back in.
    drawn = rows["refine"]["facts"]["edited"]
    return run.settings.inpaint.model_copy(update={"feather": 0} if drawn else {})


def _inpaint_key(run: RunContext, entry: Entry, rows: Rows) -> str:
    settings = _inpaint_settings(run, rows)
    return artifact_key(
        "inpaint",
        inpainting.STAGE_VERSION,
        settings.model_dump(mode="json"),
        run.digests(inpainting.required_weights(settings)),
        [entry.sha256, rows["refine"]["sha256"]],
    )


def _inpaint(run: RunContext, entry: Entry, rows: Rows) -> Made:
    hole = read_hole(run, rows)
    if not hole.any():
        return inpainting.pack([]), {}
    settings = _inpaint_settings(run, rows)
    fill = models.fill(settings, run.weights)
    photo = read_photo(run, entry)
    try:
        kept, orientation = read_kept(run, rows), photo.orientation
        patches, lower = inpaint_within_memory(photo.pixels, hole, fill, settings, kept, orientation)
    except PhotoError as error:  # the room below knows no names
        raise PhotoError(error.state, f"{entry.name}: {error.sentence}") from None
    return inpainting.pack(patches), {DEGRADED: lower} if lower else {}


# ---------------------------------------------------------------- publish: files of the output directory


def _publish_key(run: RunContext, entry: Entry, rows: Rows) -> str:
    return artifact_key(
        "publish",
        PUBLISH_VERSION,
        run.settings.publish.model_dump(mode="json"),
        [],
        [
            *(entry.name, entry.mask_name, entry.sha256),
            *(rows[stage]["sha256"] for stage in ("segment", "refine", "inpaint", "verify")),
            digest([rows["refine"]["facts"], rows["verify"]["facts"], rows["inpaint"]["facts"]]),
            digest([entry.settings, entry.decision, entry.decided_on]),
        ],
    )


def _publish(run: RunContext, entry: Entry, rows: Rows) -> Made:
    first, extra = read_people(run, rows), read_missed(run, rows)
    people, refined = first.plus([extra]), rows["refine"]["facts"]
    stays = refine.choose(run, entry, first, extra).stays if refined["kept"] else (False,) * len(people)
    photo, hole = read_photo(run, entry), read_hole(run, rows)
    result = inpainting.compose(photo.pixels, hole, read_patches(run, rows)) if hole.any() else photo.pixels
    facts = {"refine": refined, "verify": rows["verify"]["facts"], "inpaint": rows["inpaint"]["facts"]}
    row = publish_photo(run, entry, photo, hole, result, people, stays, facts)
    artifact = json.loads(run.store.read("refine", rows["refine"]["key"]))
    return canonical_json({"people": people.to_json(), "hole": artifact}), row


STAGES = {
    stage.name: stage
    for stage in (
        Stage("segment", _segment_key, _segment),
        Stage("refine", _refine_key, _refine),
        Stage("inpaint", _inpaint_key, _inpaint),
        Stage("verify", verify_key, verify),
        Stage("publish", _publish_key, _publish, lambda run, row: is_intact(run, row["facts"]["files"])),
    )
}
