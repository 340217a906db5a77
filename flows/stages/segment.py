"""The segment stage: photo -> people, whatever way round the file's pixels lie."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

import detection
from configs import SegmentSettings
from data.images import Decoded, box_to_raw_frame, upright
from data.plan.entries import Entry
from data.storage.files import canonical_json, digest
from data.storage.store import artifact_key
from data.types import Given, Instance, People, Photo, PhotoError, Pixels
from detection.mask_files import mask_size
from detection.protocol import Segmenter
from flows.facts import Frame, Rows, SegmentFacts
from flows.stages import models
from flows.stages.context import RunContext
from flows.stages.frames import better, fits_both, frame_digest, is_upright, looker
from flows.stages.records import StageOutput, read_photo


def key(run: RunContext, entry: Entry, rows: Rows) -> str:
    settings = run.settings.segment
    return artifact_key(
        "segment",
        detection.STAGE_VERSION,
        settings.relevant(),
        run.digests(settings.required_weights()),
        [
            entry.sha256,
            entry.given_sha256 or "",
            *([digest(entry.stated_size), frame_digest(run)] if entry.given else []),
        ],
    )


def compute(run: RunContext, entry: Entry, rows: Rows) -> StageOutput:
    photo, settings, frame = read_photo(run, entry), run.settings.segment, None
    if entry.given and settings.given:
        people, frame = look_at_given(run, settings, photo, entry)
    else:
        people = look(run, settings, photo, photo.pixels, entry)
    facts: SegmentFacts = {"people": len(people)}
    if frame:
        facts["frame"] = frame
    return StageOutput(canonical_json(people.to_json()), facts)


def see(segmenter: Segmenter, name: str, pixels: Pixels, orientation: int, given: Given | None = None) -> People:
    """People in `pixels`, uint8 H x W x 3 in the file's own (raw) frame, which their masks are in too.

    orientation: EXIF 1..8 that turns the pixels into the frame the segmenter works in: upright for networks, the
    frame of the given masks for those. Raises PhotoError for given masks that cannot be used.
    """
    people = segmenter.segment([Photo(name, name, upright(pixels, orientation), given)])[0]
    if orientation == 1:
        return people

    size = pixels.shape[0], pixels.shape[1]

    def raw(found: Instance) -> Instance:
        box = people.boxed(found)
        if not box.mask.size:
            return Instance.from_mask(np.zeros(size, bool), found.score, found.source, found.crowd, found.label)
        turned = box_to_raw_frame(box, people.size, orientation)
        person = Instance.from_box(turned, size, found.score, found.source, found.crowd, found.label)
        assert person is not None, "it has pixels"
        return person

    def doubtful(person: Instance) -> str:
        return raw(replace(person, counts=person.doubtful)).counts if person.doubtful else ""

    return People(
        size,
        tuple(replace(raw(p), doubtful=doubtful(p)) for p in people.persons),
        tuple(raw(o) for o in people.objects),
    )


def look(run: RunContext, settings: SegmentSettings, photo: Decoded, pixels: Pixels, entry: Entry) -> People:
    """People in `pixels` (the photo's raw frame), seen upright, or given."""
    if entry.given and settings.given:
        return look_at_given(run, settings, photo, entry)[0]
    return see(models.segmenter(settings, run.weights), entry.name, pixels, photo.orientation)


def look_at_given(
    run: RunContext, settings: SegmentSettings, photo: Decoded, entry: Entry
) -> tuple[People, Frame | None]:
    """People whose masks came with the photo, in its raw frame, and the frame that they were drawn in where their size
    leaves it open and it is not the raw one. Raises PhotoError."""
    given, stated = _given(run, settings, photo, entry)
    size, orientation = photo.pixels.shape[:2], photo.orientation

    def drawn(turned: int) -> People:
        return see(models.segmenter(settings, run.weights), entry.name, photo.pixels, turned, given)

    if is_upright(stated, size, orientation):
        return drawn(orientation), None
    wanted = run.settings.input.frame
    if wanted == "raw" or not fits_both(stated, size, orientation):
        return drawn(1), None
    shown = drawn(orientation)
    if wanted == "upright":
        return shown, "upright"
    raw, eyes = drawn(1), looker(run.settings)
    if not len(raw):
        return raw, None
    seen = see(models.segmenter(eyes, run.weights), entry.name, photo.pixels, orientation) if eyes else None
    frame = better(raw.union(), shown.union(), seen.union() if seen else np.zeros(size, bool))
    return (shown, frame) if frame == "upright" else (raw, None if frame == "raw" else frame)


def _given(
    run: RunContext, settings: SegmentSettings, photo: Decoded, entry: Entry
) -> tuple[Given, tuple[int, int] | None]:
    """What is given, and the size (height, width) that it is for."""
    assert entry.given is not None
    if settings.given == "masks":
        return Given(mask_file=Path(entry.given)), mask_size(Path(entry.given))
    height, width = photo.pixels.shape[:2]
    stated = entry.stated_size
    if stated != (height, width) and not is_upright(stated, photo.pixels.shape[:2], photo.orientation):
        said = f"{stated[1]} x {stated[0]}" if stated else "no size"
        raise PhotoError(
            "refused",
            f"{entry.name}: the photo is {width} x {height}, the annotation file says {said}; its masks would not fit.",
        )
    given = json.loads(run.store.read("given", entry.given))
    return Given(tuple(given["persons"]), tuple((label, annotation) for label, annotation in given["objects"])), stated
