"""People in a photo file, whatever way round its pixels lie."""

from __future__ import annotations

import numpy as np

from data.images import to_raw_frame, upright
from data.types import Given, People, Person, Photo, Pixels, Thing
from detection.protocol import Segmenter


def see(segmenter: Segmenter, name: str, pixels: Pixels, orientation: int, given: Given | None = None) -> People:
    """People in `pixels`, uint8 H x W x 3 in the file's own (raw) frame, which their masks are in too.

    orientation: EXIF 1..8 that turns the pixels into the frame the segmenter works in: upright for networks, the
    frame of the given masks for those. Raises PhotoError for given masks that cannot be used.
    """
    people = segmenter.segment([Photo(name, name, upright(pixels, orientation), given)])[0]
    if orientation == 1:
        return people

    def raw(found: Person | Thing, crowd: bool = False) -> Person:
        mask = to_raw_frame(people.mask(found).astype(np.uint8), orientation)
        return Person.from_mask(mask, found.score, found.source, crowd)

    return People(
        (pixels.shape[0], pixels.shape[1]),
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
