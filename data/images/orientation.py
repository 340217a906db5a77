"""EXIF orientation: from the file's own frame to what a person sees, and back.

Photos are turned upright once, when they are decoded, and back once, when they are encoded. Between the two, only what
files say in pixels of the file's own frame is turned: masks, boxes, people.json.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from data.geometry import BBox
from data.rle import BoxMask, box_mask, box_rle
from data.types import Instance, People

_UNDO = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def upright(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """The array as a person sees it: EXIF orientation (1..8) applied. uint8 H x W or H x W x 3."""
    return _transpose(pixels, _back(orientation))


def to_raw_frame(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Inverse of `upright`."""
    return _transpose(pixels, orientation)


def mask_upright(mask: NDArray[np.bool_], orientation: int) -> NDArray[np.bool_]:
    """`upright` of a mask, bool H x W."""
    return upright(mask.view(np.uint8), orientation).view(bool) if orientation != 1 else mask


def box_to_raw_frame(box: BoxMask, size: tuple[int, int], orientation: int) -> BoxMask:
    """`to_raw_frame` of a mask in its box. size: (height, width) of the upright photo."""
    height, width = box.mask.shape
    x, y, _, _ = _turned((box.x, box.y, width, height), size, orientation)
    return BoxMask(int(y), int(x), to_raw_frame(box.mask.astype(np.uint8), orientation) > 0)


def bbox_to_raw_frame(bbox: BBox, size: tuple[int, int], orientation: int) -> BBox:
    """A box (x, y, width, height) of the upright photo, of `size` (height, width), in the file's own frame."""
    return _turned(bbox, size, orientation)


def bbox_upright(bbox: BBox, size: tuple[int, int], orientation: int) -> BBox:
    """Inverse of `bbox_to_raw_frame`. size: (height, width) of the upright photo, too."""
    return _turned(bbox, raw_size(size, orientation), _back(orientation))


def raw_size(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """(height, width) in the file's own frame of a photo that is of `size` when it is upright, and the other way."""
    return (size[1], size[0]) if orientation >= 5 else size


def people_to_raw_frame(people: People, orientation: int) -> People:
    """People of the upright photo in the file's own frame."""
    if orientation == 1:
        return people
    size = raw_size(people.size, orientation)

    def counts(text: str) -> str:
        box = box_to_raw_frame(box_mask(text, people.size), people.size, orientation)
        return box_rle(box, size)["counts"].decode("ascii") if box.mask.size else _nothing(size)

    def turned(found: Instance) -> Instance:
        bbox = bbox_to_raw_frame(found.bbox, people.size, orientation) if any(found.bbox) else found.bbox
        doubtful = counts(found.doubtful) if found.doubtful else ""
        return replace(found, bbox=bbox, counts=counts(found.counts), doubtful=doubtful)

    return People(size, tuple(map(turned, people.persons)), tuple(map(turned, people.objects)))


def people_upright(people: People, orientation: int) -> People:
    """Inverse of `people_to_raw_frame`."""
    return people_to_raw_frame(people, _back(orientation))


def _nothing(size: tuple[int, int]) -> str:
    return box_rle(BoxMask(0, 0, np.zeros((0, 0), bool)), size)["counts"].decode("ascii")


def _back(orientation: int) -> int:
    """The orientation that turns back: a quarter to the right undoes one to the left, the others undo themselves."""
    return {6: 8, 8: 6}.get(orientation, orientation)


def _turned(bbox: BBox, size: tuple[int, int], orientation: int) -> BBox:
    (x, y, w, h), (height, width) = bbox, size
    right, bottom = width - x - w, height - y - h
    if orientation >= 5:
        w, h = h, w
    x, y = {
        2: (right, y),
        3: (right, bottom),
        4: (x, bottom),
        5: (y, x),
        6: (y, right),
        7: (bottom, right),
        8: (bottom, x),
    }.get(orientation, (x, y))
    return x, y, w, h


def _transpose(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    method = _UNDO.get(orientation)
    if method is None:
        return pixels
    out: NDArray[np.uint8] = np.asarray(Image.fromarray(pixels).transpose(method))
    return out
