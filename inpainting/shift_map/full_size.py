"""Large photos: pieces that were chosen on a smaller picture, taken from the photo at its own size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.types import Pixels
from inpainting.compositing import paste
from inpainting.shift_map.labels import Bools, Floats, box_of
from inpainting.shift_map.seams import aligned, scaled

Box = tuple[slice, slice]

_BAND = 128
"""Rows that are computed at a time: a photo is large, and what its pixels are computed with is wider than bytes."""
_SMOOTH = 0.8
"""Sigma, in pixels of the small picture, of the blur that rounds the borders of pieces off before they are enlarged."""


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
    paste(enlarged_part(small, inner, shape), ~known[inner], out[inner])
    pieces = [_Piece.of(n, labels, correction, box, shape) for n in np.unique(labels[box]).tolist()]
    large_labels = _spread_labels(pieces, hole)
    reach = int(np.ceil(max(a / b for a, b in zip(shape, before, strict=True)))) + 1
    near = {piece.label: piece.part_of(inner) for piece in pieces}
    large_shifts = aligned(out, hole, known, large_labels[inner], inner, scaled(shifts, before, shape), reach, near)
    for piece in pieces:
        if piece.label:
            _put(piece, large_shifts[piece.label].tolist(), image, known, large_labels, out)
    return out


def enlarged_part(image: Pixels, box: Box, shape: tuple[int, ...]) -> Pixels:
    """The part `box` (rows, columns) of an image enlarged to `shape`, uint8 h x w x 3."""
    import cv2

    if image.shape[:2] == shape:
        return image[box]
    # All of it: on a part the places between pixels would be others, and a warp takes fifteen times as long.
    return np.asarray(cv2.resize(image, shape[1::-1], interpolation=cv2.INTER_CUBIC), np.uint8)[box]


@dataclass(frozen=True)
class _Piece:
    """One label's pixels of the small picture, blurred so that they can be enlarged.

    there: float32 h x w, how much of each small pixel is the label's. light: float32 h x w x 4, what is added to its
    pixels, in grey levels, times that share, and the share once more. at: row and column of both in the small picture.
    step: how many times larger the photo is. rows, columns: where the piece may be on the photo.
    """

    label: int
    there: Floats
    light: Floats
    at: tuple[int, int]
    step: tuple[float, float]
    rows: slice
    columns: slice

    @classmethod
    def of(cls, label: int, labels: NDArray[np.intp], correction: Floats, box: Box, shape: tuple[int, ...]) -> _Piece:
        import cv2

        mine = (labels == label)[box]
        rows, columns = (slice(*part.indices(size)[:2]) for part, size in zip(box_of(mine, 3), mine.shape, strict=True))
        light = np.empty((*mine[rows, columns].shape, 4), np.float32)
        light[..., 3] = mine[rows, columns]
        light[..., :3] = 255 * correction[rows, columns] * light[..., 3:]
        light = np.asarray(cv2.GaussianBlur(light, (0, 0), _SMOOTH), np.float32)
        at = rows.start + box[0].start, columns.start + box[1].start
        step = shape[0] / labels.shape[0], shape[1] / labels.shape[1]
        large = (
            slice(max(0, int(start * by) - 2), min(most, int((start + n) * by) + 3))
            for start, n, by, most in zip(at, light.shape, step, shape, strict=False)
        )
        return cls(label, np.ascontiguousarray(light[..., 3]), light, at, step, *large)

    def part_of(self, box: Box) -> Box:
        """Where it may be in a box of the photo, as slices of that box."""
        return (
            slice(max(0, self.rows.start - box[0].start), max(0, self.rows.stop - box[0].start)),
            slice(max(0, self.columns.start - box[1].start), max(0, self.columns.stop - box[1].start)),
        )

    def bands(self) -> list[Box]:
        """Where it may be, some rows at a time."""
        starts = range(self.rows.start, self.rows.stop, _BAND)
        return [(slice(start, min(start + _BAND, self.rows.stop)), self.columns) for start in starts]

    def enlarged(self, planes: Floats, part: Box) -> Floats:
        """A part of the photo's box of `there` or `light`."""
        import cv2

        (y, x), (by_y, by_x) = self.at, self.step
        rows, columns = part
        matrix = np.array(
            [
                [1 / by_x, 0, (columns.start + 0.5) / by_x - 0.5 - x],
                [0, 1 / by_y, (rows.start + 0.5) / by_y - 0.5 - y],
            ]
        )
        size = columns.stop - columns.start, rows.stop - rows.start
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return np.asarray(
            cv2.warpAffine(planes, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.float32
        )


def _spread_labels(pieces: list[_Piece], hole: Bools) -> NDArray[np.int16]:
    """Each pixel of the photo's hole takes the label whose blurred and enlarged share is largest: int16 H x W."""
    best, out = np.zeros(hole.shape, np.float32), np.zeros(hole.shape, np.int16)
    for piece in pieces:
        for part in piece.bands():
            share = piece.enlarged(piece.there, part)
            wins = (share > best[part]) & hole[part]
            np.copyto(best[part], share, where=wins)
            np.copyto(out[part], np.int16(piece.label), where=wins)
    return out


def _put(piece: _Piece, shift: list[int], image: Pixels, known: Bools, labels: NDArray[np.int16], out: Pixels) -> None:
    """Puts the piece's pixels of the photo onto `out` where it has known ones.

    They are brightened as the label's own small pixels were, so that a step in that stays as sharp as the seam.
    """
    import cv2

    for part in piece.bands():
        to, source = [], []
        for span, by, size in zip(part, shift, known.shape, strict=True):
            start, stop = max(span.start, -by), min(span.stop, size - by)
            to.append(slice(start, stop))
            source.append(slice(start + by, stop + by))
        if any(span.stop <= span.start for span in to):
            continue
        here, there = (to[0], to[1]), (source[0], source[1])
        mine = (labels[here] == piece.label) & known[there]
        if mine.any():
            tight = box_of(mine, 0)
            *light, share = cv2.split(piece.enlarged(piece.light, here)[tight])
            share = np.maximum(share, np.float32(1e-6))
            added = cv2.merge(
                [np.asarray(one / share, np.float32) for one in light]
            )  # planes: a quotient for each pixel is slow
            lit = np.asarray(cv2.add(image[there][tight], added, dtype=cv2.CV_8U), np.uint8)
            paste(lit, np.ascontiguousarray(mine[tight]), out[here][tight])
