"""`annotations`: the people that the collection's COCO file already outlines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from configs import SegmentSettings
from data.coco.segmentation import polygons, rle_of, rle_of_polygons
from data.rle import BoxMask, BrokenMask
from data.types import Annotation, Instance, People, Photo, PhotoError, Weight

SOURCE = "annotations"


class AnnotatedPeople:
    """Reads `photo.given.annotations`: COCO person objects with polygons or RLE, single or crowd."""

    def segment(self, photos: Sequence[Photo]) -> list[People]:
        """One `People` a photo, a person (or a thing people carry) for each annotation, score 1.0.

        Raises PhotoError (refused) for a photo that the annotation file does not list and for an
        annotation whose mask cannot be used.
        """
        return [self._people(photo) for photo in photos]

    def _people(self, photo: Photo) -> People:
        if photo.given is None:
            raise PhotoError("refused", f"{photo.name} is not listed in the annotation file.")
        persons = tuple(_person(photo, a, f"number {i + 1}") for i, a in enumerate(photo.given.annotations))
        objects = tuple(_thing(photo, label, a) for label, a in photo.given.objects)
        return People(photo.size, persons, objects)


def build(settings: SegmentSettings, weights: Mapping[str, Weight]) -> AnnotatedPeople:
    return AnnotatedPeople()


def _person(photo: Photo, annotation: Annotation, unnamed: str) -> Instance:
    """unnamed: what to call an annotation without an id."""
    label = annotation.get("id", unnamed) if isinstance(annotation, dict) else unnamed
    try:
        if not isinstance(annotation, dict):
            raise BrokenMask(f"it is {type(annotation).__name__} instead of an object")
        segmentation = annotation.get("segmentation")
        if not segmentation and annotation.get("bbox"):
            raise PhotoError(
                "refused",
                f"{photo.name}: annotation {label} has a box and no outline; name another segmenter, which finds "
                "outlines itself (--segmenter embedded, or yolo).",
            )
        found = _outlined(segmentation, photo.size, annotation.get("iscrowd") in (1, True))
        if _is_elsewhere(found.bbox, annotation.get("bbox")):
            raise BrokenMask(f"its outline is not where its box is ({annotation['bbox']}, in pixels from the top left)")
        return found
    except BrokenMask as error:
        raise PhotoError(
            "refused", f"{photo.name}: annotation {label} cannot be used: {error}; mend or remove it."
        ) from None


def _is_elsewhere(outline: Sequence[float], stated: object) -> bool:
    """Whether an annotation's outline is not where its stated box is: tools write shares for pixels, or points for a
    person. outline: x, y, width, height in pixels. A box of another form (two corners, shares) says nothing."""
    if not (isinstance(stated, list) and len(stated) == 4 and all(isinstance(v, int | float) for v in stated)):
        return False
    if not (all(abs(v) < 1e9 for v in stated) and min(stated[2:]) >= _TOLD):
        return False
    apart = any(
        outline[i] > stated[i] + stated[i + 2] + _TOLD or outline[i] + outline[i + 2] < stated[i] - _TOLD
        for i in (0, 1)
    )
    return apart or max(outline[2:]) <= 2


_TOLD = 8
"""Pixels from which a box tells where somebody is."""


def _thing(photo: Photo, label: str, annotation: Annotation) -> Instance:
    try:
        return replace(_person(photo, annotation, f"of a {label}"), label=label, crowd=False)
    except PhotoError as error:
        hint = f"{error.sentence[:-1]}, or leave {label!r} out of segment.objects."
        raise PhotoError(error.state, hint) from None


def _outlined(segmentation: object, size: tuple[int, int], crowd: bool) -> Instance:
    """The person of a segmentation, without a mask of the full frame. Raises BrokenMask."""
    if isinstance(segmentation, dict):
        found = Instance.from_rle(rle_of(segmentation, size), 1.0, SOURCE, crowd=crowd)
    else:
        corners = polygons(segmentation, size)
        found = Instance.from_rle(rle_of_polygons(corners, size), 1.0, SOURCE, crowd=crowd)
        # Thinner than a pixel: COCO's rule (pixel centres) keeps nothing, yet somebody is there.
        found = found or Instance.from_box(_thin(corners, size), size, 1.0, SOURCE, crowd=crowd)
    if found is None:
        raise BrokenMask("its mask is empty")
    return found


def _thin(corners: Sequence[NDArray[np.float64]], size: tuple[int, int]) -> BoxMask:
    """The pixels that the polygons touch."""
    height, width = size
    pixels = [np.clip(np.floor(p), 0, [width - 1, height - 1]).astype(np.int32) for p in corners]
    left, top = np.concatenate(pixels).min(0).tolist()
    right, bottom = np.concatenate(pixels).max(0).tolist()
    mask = np.zeros((bottom - top + 1, right - left + 1), np.uint8)
    for p in pixels:
        cv2.fillPoly(mask, [p - np.array([left, top], np.int32)], 1)
    return BoxMask(top, left, mask.astype(bool))
