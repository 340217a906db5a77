"""What a run changed where it should change nothing: outside the holes."""

from __future__ import annotations

import numpy as np

from data.images.containers.jpeg import JpegStructureError, parse_jpeg
from data.images.writers.jpeg_blocks import CannotEdit, read_coefficients
from data.types import Hole, Pixels

LOSSLESS = ("PNG", "TIFF", "BMP", "GIF")
"""Formats whose files hold every pixel as it is; others change a little around the hole when they are written."""


def changed_pixels(before: Pixels, after: Pixels, hole: Hole) -> tuple[float, float]:
    """Pixels outside the hole that differ, and pixels outside the hole. uint8 H x W x 3, uint8 H x W."""
    outside = hole == 0
    return float(np.count_nonzero((after != before).any(2) & outside)), float(np.count_nonzero(outside))


def changed_blocks(before: bytes, after: bytes, hole: Hole) -> tuple[float, float] | None:
    """Blocks of two JPEG files whose quantised coefficients differ, and blocks, both of MCUs that the hole does not
    touch; None for files whose coefficients cannot be read. hole: uint8 H x W in the file's own frame."""
    try:
        frame = parse_jpeg(before).frame
        old, new = read_coefficients(before), read_coefficients(after)
    except (CannotEdit, JpegStructureError):
        return None
    height, width = frame.mcu
    touched = np.zeros((-(-frame.height // height), -(-frame.width // width)), bool)
    rows, columns = np.nonzero(hole)
    touched[rows // height, columns // width] = True
    changed = blocks = 0
    for component, a, b in zip(frame.components, old.coefficients, new.coefficients, strict=True):
        kept = ~touched.repeat(component.v, 0).repeat(component.h, 1)[: a.shape[0], : a.shape[1]]
        same = (a[kept] == b[kept]).all((1, 2)) if a.shape == b.shape else np.zeros(np.count_nonzero(kept), bool)
        changed, blocks = changed + int(np.count_nonzero(~same)), blocks + len(same)
    return float(changed), float(blocks)
