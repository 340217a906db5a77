"""Large photos: pieces that were chosen on a smaller picture, taken from the photo at its own size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from data.types import Pixels
from inpainting.shift_map.labels import Bools, Floats, box_of
from inpainting.shift_map.seams import aligned, scaled

Box = tuple[slice, slice]


def at_full_size(
    image: Pixels, hole: Bools, known: Bools, small: Pixels, labels: NDArray[np.intp], shifts: NDArray[np.int32],
    correction: Floats, box: Box,
) -> Pixels:  # fmt: skip
    """The window with its hole made of pieces of it, uint8 H x W x 3.

    image: uint8 H x W x 3. hole, known: bool H x W. small: uint8 h x w x 3, the same window as it was filled at a
    smaller size, with labels (int h x w) and shifts (int32 K x 2); correction: float32, in 0..1, what was added to the
    pieces in `box`. `small` is enlarged where a piece has no known pixel at this size, and where the
    guide's own pixel was taken.
    """

    shape, before = hole.shape, small.shape[:2]
    inner = box_of(hole, 2)
    out = image.copy()
    out[inner] = np.where(known[inner][..., None], image[inner], enlarged_part(small, inner, shape))
    large_labels, added = _spread_labels(labels, correction, box, inner, shape)
    large_labels[~hole[inner]] = 0
    reach = int(np.ceil(max(a / b for a, b in zip(shape, before, strict=True)))) + 1
    large_shifts = aligned(out, hole, known, large_labels, inner, scaled(shifts, before, shape), reach)
    ys, xs = np.nonzero(large_labels)
    found = large_labels[ys, xs]
    from_y = ys + inner[0].start + large_shifts[found, 0]
    from_x = xs + inner[1].start + large_shifts[found, 1]
    inside = (from_y >= 0) & (from_y < shape[0]) & (from_x >= 0) & (from_x < shape[1])
    from_y, from_x = np.where(inside, from_y, 0), np.where(inside, from_x, 0)
    inside &= known[from_y, from_x]
    ys, xs, from_y, from_x = ys[inside], xs[inside], from_y[inside], from_x[inside]
    pixels = image[from_y, from_x] + 255 * added[ys, xs]
    out[inner][ys, xs] = np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
    return out


def enlarged_part(image: Pixels, box: Box, shape: tuple[int, ...]) -> Pixels:
    """The part `box` (rows, columns) of an image enlarged to `shape`, uint8 h x w x 3."""
    import cv2

    if image.shape[:2] == shape:
        return image[box]
    return np.clip(np.rint(_part(image.astype(np.float32), box, shape, cv2.INTER_CUBIC)), 0, 255).astype(np.uint8)


def _part(planes: Floats, inner: Box, shape: tuple[int, ...], how: int) -> Floats:
    """The part `inner` of a small picture enlarged to `shape`."""
    import cv2

    scale_y, scale_x = (a / b for a, b in zip(planes.shape, shape, strict=False))
    rows, columns = inner[0].indices(shape[0]), inner[1].indices(shape[1])
    matrix = np.array(
        [
            [scale_x, 0, (columns[0] + 0.5) * scale_x - 0.5],
            [0, scale_y, (rows[0] + 0.5) * scale_y - 0.5],
        ]
    )
    size = columns[1] - columns[0], rows[1] - rows[0]
    flags = how | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(planes, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.float32)


def _spread_labels(
    labels: NDArray[np.intp], correction: Floats, box: Box, inner: Box, shape: tuple[int, ...]
) -> tuple[NDArray[np.intp], Floats]:
    """Labels of the box `inner` of the enlarged picture, with smooth borders, and what is added there.

    Each pixel takes the label whose blurred and enlarged share is largest, and the correction of that label's own
    pixels, so that a step in it stays as sharp as the seam.
    """
    import cv2

    height, width = inner[0].indices(shape[0]), inner[1].indices(shape[1])
    size = height[1] - height[0], width[1] - width[0]
    best = np.zeros(size, np.float32)
    out, added = np.zeros(size, np.intp), np.zeros((*size, 3), np.float32)
    steps = [a / b for a, b in zip(shape, labels.shape, strict=True)]
    for label in np.unique(labels[box]):
        mine = labels == label
        rows, columns = box_of(mine, 3)
        large = _enlarged(rows, steps[0], height), _enlarged(columns, steps[1], width)
        if large[0].stop <= large[0].start or large[1].stop <= large[1].start:
            continue
        share = np.zeros((*labels.shape, 4), np.float32)
        share[..., 3] = mine
        share[box][..., :3] = correction * mine[box][..., None]
        some = share[rows, columns]
        some = cv2.GaussianBlur(some, (0, 0), 0.8)
        share[rows, columns] = some
        part = _part(share, large, shape, cv2.INTER_LINEAR)
        here = (
            slice(large[0].start - height[0], large[0].stop - height[0]),
            slice(large[1].start - width[0], large[1].stop - width[0]),
        )
        wins = part[..., 3] > best[here]
        best[here][wins], out[here][wins] = part[..., 3][wins], label
        added[here][wins] = part[..., :3][wins] / np.maximum(part[..., 3:][wins], 1e-6)
    return out, added


def _enlarged(part: slice, step: float, outer: tuple[int, ...]) -> slice:
    """The pixels that a part of the small picture covers on the large one and a few more, within the outer part."""
    return slice(max(outer[0], int(part.start * step) - 2), min(outer[1], int(part.stop * step) + 3))
