"""The segment stage: photo -> people, whatever way round the file's pixels lie."""

from __future__ import annotations

import json
from pathlib import Path

import detection
from configs import SegmentSettings
from data.images import Decoded, people_upright, to_raw_frame
from data.plan.entries import Entry
from data.storage.files import canonical_json, digest
from data.storage.store import artifact_key
from data.types import GivenMasks, People, Photo, PhotoError, Pixels
from detection.mask_files import mask_size
from detection.protocol import Segmenter
from flows.facts import Frame, Rows, SegmentFacts
from flows.stages import models
from flows.stages.context import RunContext
from flows.stages.frames import better, fits_both, frame_digest, frame_segmenter, is_upright
from flows.stages.photo_steps import find_people
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
    photo, settings, frame = read_photo(run, entry, known=False), run.settings.segment, None
    if entry.given and settings.given:
        people, frame = people_of_masks(run, settings, photo, entry)
    else:
        people = find_people(photo.pixels, entry.name, settings, run.weights)
    facts: SegmentFacts = {"people": len(people)}
    if frame:
        facts["frame"] = frame
    if photo.orientation != 1:
        facts["orientation"] = photo.orientation
    return StageOutput(canonical_json(people.to_json()), facts)


def detect(segmenter: Segmenter, name: str, pixels: Pixels) -> People:
    """People in `pixels`, uint8 H x W x 3, upright."""
    return segmenter.segment([Photo(name, name, pixels)])[0]


def given_people(segmenter: Segmenter, name: str, pixels: Pixels, given: GivenMasks, orientation: int) -> People:
    """People of the upright photo `pixels` whose masks are given. orientation: EXIF 1..8 that turns the masks upright;
    1 for those that are drawn upright. Raises PhotoError for masks that cannot be used."""
    drawn_on = to_raw_frame(pixels, orientation)
    return people_upright(segmenter.segment([Photo(name, name, drawn_on, given)])[0], orientation)


def people_of_masks(
    run: RunContext, settings: SegmentSettings, photo: Decoded, entry: Entry
) -> tuple[People, Frame | None]:
    """People whose masks came with the photo, and the frame that they were drawn in where their size leaves it open and
    it is not the file's own (raw) one. Raises PhotoError."""
    given, stated = _given(run, settings, photo, entry)
    size, orientation = photo.size, photo.orientation

    def drawn(turned: int) -> People:
        return given_people(models.segmenter(settings, run.weights), entry.name, photo.pixels, given, turned)

    if is_upright(stated, size, orientation):
        return drawn(1), None
    wanted = run.settings.input.frame
    if wanted == "raw" or not fits_both(stated, size, orientation):
        return drawn(orientation), None
    shown = drawn(1)
    if wanted == "upright":
        return shown, "upright"
    raw, eyes = drawn(orientation), frame_segmenter(run.settings)
    if not len(raw):
        return raw, None
    found = find_people(photo.pixels, entry.name, eyes, run.weights) if eyes else People(raw.size)
    frame = better(raw.union(), shown.union(), found.union())
    return (shown, frame) if frame == "upright" else (raw, None if frame == "raw" else frame)


def _given(
    run: RunContext, settings: SegmentSettings, photo: Decoded, entry: Entry
) -> tuple[GivenMasks, tuple[int, int] | None]:
    """What is given, and the size (height, width) that it is for."""
    assert entry.given is not None
    if settings.given == "masks":
        return GivenMasks(mask_file=Path(entry.given)), mask_size(Path(entry.given))
    height, width = photo.size
    stated = entry.stated_size
    if stated != photo.size and not is_upright(stated, photo.size, photo.orientation):
        said = f"{stated[1]} x {stated[0]}" if stated else "no size"
        raise PhotoError(
            "refused",
            f"{entry.name}: the photo is {width} x {height}, the annotation file says {said}; its masks would not fit.",
        )
    given = json.loads(run.store.read("given", entry.given))
    return GivenMasks(
        tuple(given["persons"]), tuple((label, annotation) for label, annotation in given["objects"])
    ), stated
