"""COCO's run lengths: to masks and back. In a mask's own box that takes the time and memory of the box alone, because a
large photo may show hundreds of people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypedDict

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from data.geometry import Box, around

Runs = NDArray[np.int64]
"""N x 2: first pixel and end (exclusive) of each run of a mask, counted down the columns; ascending, apart."""


class Rle(TypedDict):
    """`size` [height, width] and `counts` (compressed), as pycocotools takes and gives them."""

    size: list[int]
    counts: bytes


class BrokenMask(ValueError):
    """A segmentation that does not describe a mask of the stated size; the message says what was found."""


def encode_counts(mask: NDArray[np.generic]) -> str:
    """COCO compressed RLE counts of an H x W mask (bool or 0/non-0)."""
    counts: bytes = coco_mask.encode(np.asfortranarray(mask.astype(bool).view(np.uint8)))["counts"]
    return counts.decode("ascii")


def decode_counts(counts: str, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Inverse of `encode_counts` for a mask of `size` (height, width); bool H x W."""
    decoded: NDArray[np.uint8] = coco_mask.decode(rle_of_counts(counts, size))
    return decoded.astype(bool)


def check_counts(counts: str, size: tuple[int, int]) -> None:
    """Raises BrokenMask where compressed counts do not cover a photo of `size` (height, width) exactly."""
    plain = decompress(counts)
    if min(size) < 0 or (plain < 0).any() or int(plain.sum()) != size[0] * size[1]:
        raise BrokenMask(f"its RLE does not cover {size[1]} x {size[0]} pixels")


def rle_of_counts(counts: str, size: tuple[int, int]) -> Rle:
    """Compressed counts that this program wrote, as pycocotools takes them."""
    return {"size": list(size), "counts": counts.encode("ascii")}


def compressed(counts: Sequence[int], size: tuple[int, int]) -> Rle:
    """Plain counts, background first, of a photo of `size` (height, width)."""
    rle: Rle = coco_mask.frPyObjects({"size": list(size), "counts": counts}, *size)
    return rle


class BoxMask(NamedTuple):
    """A mask by its box, beyond which it has no pixel. y, x: the box's upper left pixel. mask: bool h x w."""

    y: int
    x: int
    mask: NDArray[np.bool_]

    @property
    def area(self) -> int:
        """Pixels of the mask."""
        return int(np.count_nonzero(self.mask))

    @property
    def box(self) -> Box:
        height, width = self.mask.shape
        return Box.at(self.x, self.y, width, height)

    def within(self, box: Box) -> NDArray[np.bool_]:
        """The mask's pixels in another box of the photo, bool of that box's shape."""
        out = np.zeros(box.shape, bool)
        common = box.common(self.box)
        if not common.empty:
            out[common.relative_to(box).slices] = self.part(common)
        return out

    def part(self, box: Box) -> NDArray[np.bool_]:
        """The mask's pixels in a box that lies inside its own: a view."""
        return self.mask[box.relative_to(self.box).slices]

    def tight(self) -> BoxMask:
        """The same mask in the smallest box; one of 0 x 0 pixels where the mask is empty."""
        rows, columns = np.flatnonzero(self.mask.any(1)), np.flatnonzero(self.mask.any(0))
        if not rows.size:
            return NOTHING
        top, left = int(rows[0]), int(columns[0])
        part = self.mask[top : int(rows[-1]) + 1, left : int(columns[-1]) + 1]
        return BoxMask(self.y + top, self.x + left, part)


NOTHING = BoxMask(0, 0, np.zeros((0, 0), bool))
"""A mask without a pixel."""


def bounds(masks: Sequence[BoxMask], margin: int, size: tuple[int, int]) -> Box:
    """The box around several masks with `margin` more pixels on each side, inside a photo of `size` (height, width)."""
    return around([mask.box for mask in masks if mask.mask.size]).grown(margin).within(size)


def box_mask(counts: str, size: tuple[int, int]) -> BoxMask:
    """The mask of compressed counts of a photo of `size` (height, width), in its smallest box. Raises BrokenMask."""
    height = size[0]
    runs = runs_of(counts)
    if not len(runs):
        return NOTHING
    if (runs < 0).any() or runs[-1, 1] > size[0] * size[1]:
        raise BrokenMask(f"its RLE covers more than {size[1]} x {size[0]} pixels")
    first, last = int(runs[0, 0]) // height, int(runs[-1, 1] - 1) // height
    steps = np.zeros((last - first + 1) * height + 1, np.int8)
    steps[runs[:, 0] - first * height] = 1
    steps[runs[:, 1] - first * height] = -1
    columns = np.cumsum(steps[:-1], dtype=np.int8, out=steps[:-1]).reshape(-1, height)
    return BoxMask(0, first, columns.view(bool).T).tight()


def box_rle(mask: BoxMask, size: tuple[int, int]) -> Rle:
    """The run lengths of a mask of a photo of `size` (height, width), equal to those of the full frame.

    Raises ValueError for a box that is not inside the photo.
    """
    (height, width), (h, w) = size, mask.mask.shape
    if not Box.whole(size).covers(mask.box):
        raise ValueError(f"a {w} x {h} box at {mask.x}, {mask.y} does not fit in {width} x {height}")
    # One row of background below each column ends its last run; COCO's runs go down the columns.
    columns = np.zeros((w, h + 1), np.int8)
    columns[:, :h] = mask.mask.T
    steps = np.diff(columns.ravel(), prepend=np.int8(0))

    def to_photo(i: NDArray[np.intp], last: int) -> NDArray[np.intp]:
        column, row = np.divmod(i - last, h + 1)
        return (mask.x + column) * height + mask.y + row + last

    edges = [to_photo(np.flatnonzero(steps == 1), 0), to_photo(np.flatnonzero(steps == -1), 1)]
    runs = joined(np.stack(edges, axis=1))  # a run to the end of a column may go on in the next
    return compressed(counts_from_runs(runs, height * width), size)


def runs_of(counts: str | bytes) -> Runs:
    """The runs of compressed counts. Raises BrokenMask."""
    return runs_from_counts(decompress(counts))


LONGEST_NUMBER = 8
"""Characters of one run length: numbers up to 2 ** 39, whose sums do not leave int64 before one is out of range."""


def decompress(text: str | bytes) -> NDArray[np.int64]:
    """The plain counts of COCO's string, background first; nothing is said of what they cover.

    Five bits a character from 48 up, the lowest first; 32: another character follows; 16 of the last: the sign; from
    the fourth number on, differences to the number before last (pycocotools' maskApi.c, rleFrString, which reads past
    the end of a broken string). Raises BrokenMask.
    """
    raw = text.encode("latin-1", "replace") if isinstance(text, str) else text
    bits = np.frombuffer(raw, np.uint8).astype(np.int64) - 48
    last = np.flatnonzero(bits & 32 == 0)
    first = np.concatenate([[0], last + 1])  # of each number, and of what is left behind the last one
    place = np.arange(len(bits)) - np.repeat(first, np.diff(first, append=len(bits)))
    damaged = (bits < 0) | (bits >= 64) | (place >= LONGEST_NUMBER)
    if damaged.any():
        raise BrokenMask(f"its RLE string is damaged at character {int(np.argmax(damaged))}")
    if first[-1] < len(bits):
        raise BrokenMask(f"its RLE string is damaged at character {len(bits)}")
    if not len(bits):
        return np.zeros(0, np.int64)
    counts = np.add.reduceat((bits & 31) << (5 * place), first[:-1])
    counts -= np.where(bits[last] & 16, 1 << (5 * place[last] + 5), 0)
    counts[1::2] = np.cumsum(counts[1::2])
    counts[2::2] = np.cumsum(counts[2::2])
    return counts


def runs_from_counts(counts: NDArray[np.int64]) -> Runs:
    """The runs of plain counts, background first; empty runs are left out, and runs that touch become one."""
    edges = np.cumsum(counts)
    starts, ends = edges[: len(edges) // 2 * 2 : 2], edges[1::2]
    some = starts < ends
    return joined(np.stack([starts[some], ends[some]], axis=1))


def joined(runs: Runs) -> Runs:
    """The same pixels with runs that touch made one."""
    new = np.ones(len(runs), bool)
    new[1:] = runs[1:, 0] > runs[:-1, 1]
    return np.stack([runs[new, 0], runs[np.roll(new, -1), 1]], axis=1)


def counts_from_runs(runs: Runs, pixels: int) -> list[int]:
    """Plain counts of a photo of `pixels` pixels, as pycocotools writes them: an empty last run is not told."""
    counts: list[int] = np.diff(runs.ravel(), prepend=0, append=pixels).tolist()
    return counts if counts[-1] or len(counts) == 1 else counts[:-1]
