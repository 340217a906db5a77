"""The five stages, each a function from one photo's inputs to one artifact.

They join the rooms: bytes and artifacts on the outside, the pure functions of `detection`, `masks` and
`inpainting` on the inside. What decides an artifact's key stands here too, beside what uses it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import detection
import inpainting
import masks
from configs import GIVEN_MASKS, SegmentSettings
from data.files import canonical_json, digest, sha256
from data.images import Decoded
from data.plan import Entry
from data.store import artifact_key
from data.types import Given, People, PhotoError, Pixels
from flows import holes, networks
from flows.context import RunContext, second_look
from flows.looking import is_upright, see
from flows.outputs import is_intact
from flows.publish import STAGE_VERSION as PUBLISH_VERSION
from flows.publish import publish_photo
from flows.reading import Row, Rows, read_extra, read_hole, read_kept, read_patches, read_people, read_photo

Made = tuple[bytes, dict[str, Any]]
"""An artifact's payload and facts."""

VERIFY_VERSION = 2
"""Part of every key: raise it when the same result gives other facts of who is left than before."""


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
        [entry.sha256, entry.given_sha256 or ""],
    )


def _segment(run: RunContext, entry: Entry, rows: Rows) -> Made:
    photo = read_photo(run, entry)
    people = look(run, run.settings.segment, photo, photo.pixels, entry)
    return canonical_json(people.to_json()), {"people": len(people)}


def look(run: RunContext, settings: SegmentSettings, photo: Decoded, pixels: Pixels, entry: Entry) -> People:
    """People in `pixels` (the photo's raw frame), seen upright; given masks are in the raw frame already, unless the
    annotation file states the upright size."""
    given, orientation = _given(run, settings, photo, entry), photo.orientation
    if given:
        orientation = photo.orientation if _stated_upright(photo, entry) and given.mask_file is None else 1
    return see(networks.segmenter(settings, run.weights), entry.name, pixels, orientation, given)


def _given(run: RunContext, settings: SegmentSettings, photo: Decoded, entry: Entry) -> Given | None:
    if entry.given is None or settings.segmenter not in GIVEN_MASKS:
        return None
    if settings.segmenter == "mask-files":
        return Given(mask_file=Path(entry.given))
    height, width = photo.pixels.shape[:2]
    if entry.stated_size != (height, width) and not _stated_upright(photo, entry):
        raise PhotoError(
            "refused",
            f"{entry.name}: the photo is {width} x {height}, the annotation file says "
            f"{_stated(entry)}; its masks would not fit.",
        )
    given = json.loads(run.store.read("given", entry.given))
    return Given(tuple(given["persons"]), tuple((label, annotation) for label, annotation in given["objects"]))


def _stated_upright(photo: Decoded, entry: Entry) -> bool:
    return is_upright(entry.stated_size, photo.pixels.shape[:2], photo.orientation)


def _stated(entry: Entry) -> str:
    return f"{entry.stated_size[1]} x {entry.stated_size[0]}" if entry.stated_size else "no size"


# ---------------------------------------------------------------- refine: people -> hole


def _refine_key(run: RunContext, entry: Entry, rows: Rows) -> str:
    return holes.hole_key(run, entry, [rows["segment"]["sha256"], *_extra_digest(rows)])


def _refine(run: RunContext, entry: Entry, rows: Rows) -> Made:
    extra = read_extra(run, rows) if _extra_digest(rows) else None
    return holes.make_hole(run, entry, read_people(run, rows), extra, lambda: read_photo(run, entry))


def _extra_digest(rows: Rows) -> list[str]:
    """Digest of the extra people that an earlier look found; nothing when there are none, so that a further pass
    over a photo that needs none has the first pass's keys."""
    extra = rows["verify"]["facts"]["extra"] if "verify" in rows else None
    return [extra] if extra else []


# ---------------------------------------------------------------- inpaint: photo + hole -> patches


def _inpaint_key(run: RunContext, entry: Entry, rows: Rows) -> str:
    settings = run.settings.inpaint
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
    settings = run.settings.inpaint
    fill = networks.fill(settings, run.weights)
    try:
        patches = inpainting.inpaint(read_photo(run, entry).pixels, hole, fill, settings, read_kept(run, rows))
    except PhotoError as error:  # the room below knows no names
        raise PhotoError(error.state, f"{entry.name}: {error.sentence}") from None
    return inpainting.pack(patches), {}


# ---------------------------------------------------------------- verify: is anyone left?


def _verify_key(run: RunContext, entry: Entry, rows: Rows) -> str:
    settings = second_look(run.settings)
    return artifact_key(
        "verify",
        VERIFY_VERSION,
        {
            "verify": run.settings.verify.model_dump(mode="json", exclude={"passes"}),
            "look": settings.model_dump(mode="json") if settings else None,
        },
        run.digests(detection.required_weights(settings)) if settings else [],
        [
            entry.sha256,
            *(rows[s]["sha256"] for s in ("segment", "refine", "inpaint")),
            *_extra_digest(rows),
            *holes.kept_digest(run, entry),
            *holes.edited_digest(entry),
        ],
    )


def _verify(run: RunContext, entry: Entry, rows: Rows) -> Made:
    """Everyone who may be left: known people outside the hole, and people whom a second look finds.

    A person mostly inside the hole cannot be helped by a larger one (the fill looks like a person); everyone else
    is *extra*, for a further pass over the original.
    """
    people, hole = read_people(run, rows), read_hole(run, rows)
    inside = hole > 0
    choice = holes.choose(run, entry, people)
    outside = ~(inside | choice.kept)
    left = [
        person
        for person, stays in zip(people.persons, choice.stays, strict=True)
        if not stays and _share(outside, people.mask(person)) > run.settings.verify.left
    ]
    settings, found, looked = second_look(run.settings), People(people.size), "none"
    if settings:
        looked = settings.segmenter
        first = run.settings.segment
        sees_more = settings.segmenter != first.segmenter or settings.score < first.score
        if hole.any() or sees_more:  # an untouched photo looks the same to the same eyes
            photo = read_photo(run, entry)
            result = inpainting.compose(photo.pixels, hole, read_patches(run, rows))
            found = _not_kept(run, look(run, settings, photo, result, entry), choice)
    extra = People(people.size, tuple(p for p in found.persons if _share(inside, found.mask(p)) <= 0.5))
    if _extra_digest(rows):
        extra = read_extra(run, rows).plus([extra])
    extra_json = extra.to_json()
    facts = {
        "looked": looked,
        "left": len(left),
        "found": [{"bbox": list(p.bbox), "score": p.score} for p in found.persons],
        # a hand's word on the hole is the last one, so a further pass would change nothing
        "extra": sha256(canonical_json(extra_json)) if len(extra) and not entry.edited else None,
    }
    return canonical_json({"extra": extra_json}), facts


def _not_kept(run: RunContext, found: People, choice: masks.Choice) -> People:
    """Whom a second look found, without those who may stay."""
    may_stay = choice.kept | choice.region
    return replace(
        found,
        persons=tuple(
            person
            for person, mask in ((person, found.mask(person)) for person in found.persons)
            if _share(may_stay, mask) <= 0.5
            and not masks.is_small(int(np.count_nonzero(mask)), found.size, run.settings.refine)
        ),
    )


def _share(region: np.ndarray[Any, np.dtype[np.bool_]], mask: np.ndarray[Any, np.dtype[np.bool_]]) -> float:
    return float((region & mask).sum() / max(1, mask.sum()))


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
            digest([rows["refine"]["facts"], rows["verify"]["facts"]]),
        ],
    )


def _publish(run: RunContext, entry: Entry, rows: Rows) -> Made:
    people = read_people(run, rows).plus([read_extra(run, rows)])
    photo, hole = read_photo(run, entry), read_hole(run, rows)
    result = inpainting.compose(photo.pixels, hole, read_patches(run, rows)) if hole.any() else photo.pixels
    facts = {stage: rows[stage]["facts"] for stage in ("refine", "verify")}
    row = publish_photo(run, entry, photo, hole, result, len(people), facts)
    refined = json.loads(run.store.read("refine", rows["refine"]["key"]))
    return canonical_json({"people": people.to_json(), "hole": refined}), row


STAGES = {
    stage.name: stage
    for stage in (
        Stage("segment", _segment_key, _segment),
        Stage("refine", _refine_key, _refine),
        Stage("inpaint", _inpaint_key, _inpaint),
        Stage("verify", _verify_key, _verify),
        Stage("publish", _publish_key, _publish, lambda run, row: is_intact(run, row["facts"]["files"])),
    )
}
