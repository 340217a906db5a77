"""The segment stage: photo -> people, whatever way round the file's pixels lie."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

import detection
from configs import GIVEN_MASKS, SegmentSettings
from data.images import Decoded, box_to_raw_frame, upright
from data.plan.entries import Entry
from data.storage.files import canonical_json, digest
from data.storage.store import artifact_key
from data.types import Given, People, Person, Photo, PhotoError, Pixels, Thing
from detection.protocol import Segmenter
from detection.rle import person_in_box
from flows.stages import models
from flows.stages.context import RunContext
from flows.stages.records import Made, Rows, read_photo


def key(run: RunContext, entry: Entry, rows: Rows) -> str:
    settings = run.settings.segment
    return artifact_key(
        "segment",
        detection.STAGE_VERSION,
        settings.model_dump(mode="json"),
        run.digests(detection.required_weights(settings)),
        [entry.sha256, entry.given_sha256 or "", *([digest(entry.stated_size)] if entry.given else [])],
    )


def compute(run: RunContext, entry: Entry, rows: Rows) -> Made:
    photo = read_photo(run, entry)
    people = look(run, run.settings.segment, photo, photo.pixels, entry)
    return canonical_json(people.to_json()), {"people": len(people)}


def see(segmenter: Segmenter, name: str, pixels: Pixels, orientation: int, given: Given | None = None) -> People:
    """People in `pixels`, uint8 H x W x 3 in the file's own (raw) frame, which their masks are in too.

    orientation: EXIF 1..8 that turns the pixels into the frame the segmenter works in: upright for networks, the
    frame of the given masks for those. Raises PhotoError for given masks that cannot be used.
    """
    people = segmenter.segment([Photo(name, name, upright(pixels, orientation), given)])[0]
    if orientation == 1:
        return people

    size = pixels.shape[0], pixels.shape[1]

    def raw(found: Person | Thing, crowd: bool = False) -> Person:
        box = people.boxed(found)
        if not box.mask.size:
            return Person.from_mask(np.zeros(size, bool), found.score, found.source, crowd)
        turned = box_to_raw_frame(box, people.size, orientation)
        person = person_in_box(turned.mask, turned.x, turned.y, size, found.score, found.source, crowd)
        assert person is not None, "it has pixels"
        return person

    return People(
        size,
        tuple(raw(p, p.crowd) for p in people.persons),
        tuple(Thing.from_person(o.label, raw(o)) for o in people.objects),
    )


def is_upright(stated: tuple[int, int] | None, size: tuple[int, ...], orientation: int) -> bool:
    """Whether an annotation file speaks of a photo as it is shown: turned by a quarter, as its EXIF says. Where both
    frames have one size, the file's own is meant, as COCO's tools take it.

    stated: the annotation file's (height, width). size: the pixels' in the file's own frame.
    """
    height, width = size
    return orientation >= 5 and height != width and stated == (width, height)


def look(run: RunContext, settings: SegmentSettings, photo: Decoded, pixels: Pixels, entry: Entry) -> People:
    """People in `pixels` (the photo's raw frame), seen upright; given masks are in the raw frame already, unless the
    annotation file states the upright size."""
    given, orientation = _given(run, settings, photo, entry), photo.orientation
    if given:
        orientation = photo.orientation if _stated_upright(photo, entry) and given.mask_file is None else 1
    return see(models.segmenter(settings, run.weights), entry.name, pixels, orientation, given)


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
