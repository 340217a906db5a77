"""Photos of a COCO directory with the people that its annotation files outline."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from configs import Settings
from data.collection.folder import Collection, read_collection
from data.collection.source import Source
from data.errors import InputError
from data.images import decode, read_photo_bytes
from data.plan.entries import annotations_of
from data.types import GivenMasks, People, PhotoError, Pixels
from detection.annotations import AnnotatedPeople
from flows.stages.frames import fits_both, is_upright
from flows.stages.segment import given_people


@dataclass(frozen=True)
class AnnotatedPhoto:
    """A photo, upright. path: of the file. orientation: EXIF, for what lies in the file's own frame. turned: whether
    its annotations, `given`, are not in that frame. truth: its people by them, crowds included, upright."""

    name: str
    path: Path
    pixels: Pixels
    orientation: int
    turned: bool
    given: GivenMasks
    truth: People


def listed_photos(
    directory: Path, settings: Settings, limit: int | None = None, seed: int = 0
) -> tuple[Collection, list[Source]]:
    """The photos that a COCO directory lists, or a random `limit` of them. Raises InputError."""
    collection = read_collection(directory, settings.input)
    if not collection.mains:
        raise InputError(f"{directory}: there is no COCO annotation file to compare with.")
    sources = [source for source in collection.sources if source.listed and not source.refused]
    if limit is not None and limit < len(sources):
        sources = sorted(random.Random(seed).sample(sources, limit), key=lambda source: source.name)
    return collection, sources


def read_annotated(collection: Collection, sources: Sequence[Source], settings: Settings) -> Iterator[AnnotatedPhoto]:
    """The photos with their annotated people, one after the other.

    Photos that a run would not take either (damaged, of another size than stated, with broken annotations) are
    passed over.
    """
    given_to, segmenter = annotations_of(collection, settings.segment.objects), AnnotatedPeople()
    for source in sources:
        try:
            photo = decode(read_photo_bytes(source.path, source.name), source.name)
            stated = source.stated_size, photo.size, photo.orientation
            turned = is_upright(*stated) or (settings.input.frame == "upright" and fits_both(*stated))
            if not turned and source.stated_size != photo.size:
                continue
            given = given_to(source)
            truth = given_people(segmenter, source.name, photo.pixels, given, 1 if turned else photo.orientation)
        except PhotoError:
            continue
        yield AnnotatedPhoto(source.name, source.path, photo.pixels, photo.orientation, turned, given, truth)
