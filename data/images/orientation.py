"""EXIF orientation: from the file's own frame to what a person sees, and back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from data.rle import BoxMask

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
    return _transpose(pixels, {6: 8, 8: 6}.get(orientation, orientation))


def to_raw_frame(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Inverse of `upright`."""
    return _transpose(pixels, orientation)


def box_to_raw_frame(box: BoxMask, size: tuple[int, int], orientation: int) -> BoxMask:
    """`to_raw_frame` of a mask in its box. size: (height, width) of the upright photo."""
    (height, width), (h, w) = size, box.mask.shape
    flipped = box._replace(y=height - box.y - h, x=width - box.x - w)
    y, x = {
        2: (box.y, flipped.x),
        3: (flipped.y, flipped.x),
        4: (flipped.y, box.x),
        5: (box.x, box.y),
        6: (flipped.x, box.y),
        7: (flipped.x, flipped.y),
        8: (box.x, flipped.y),
    }.get(orientation, (box.y, box.x))
    return BoxMask(y, x, to_raw_frame(box.mask.astype(np.uint8), orientation) > 0)


def _transpose(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    method = _UNDO.get(orientation)
    if method is None:
        return pixels
    out: NDArray[np.uint8] = np.asarray(Image.fromarray(pixels).transpose(method))
    return out
