"""Masks as COCO run lengths: reading untrusted ones, and writing one person's without a full frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from data.types import Person


class BrokenRle(ValueError):
    """Run lengths that do not describe a mask of the stated size; the message says what was found."""


def person_in_box(
    mask: NDArray[np.bool_],
    x: int,
    y: int,
    size: tuple[int, int],
    score: float,
    source: str,
    crowd: bool = False,
) -> Person | None:
    """The person whose mask, bool h x w, stands at column x, row y of a photo of `size` (height, width).

    Equals `Person.from_mask` of the full frame, in time and memory of the box alone (a 50-megapixel
    photo may hold dozens of people). None when the mask is empty. The box must lie inside the photo.
    """
    height, width = size
    h, w = mask.shape
    if x < 0 or y < 0 or x + w > width or y + h > height:
        raise ValueError(f"a {w} x {h} box at {x}, {y} does not fit in {width} x {height}")
    # One row of background below each column ends its last run; COCO runs go down the columns.
    columns = np.zeros((w, h + 1), np.int8)
    columns[:, :h] = mask.T
    steps = np.diff(columns.ravel(), prepend=np.int8(0))
    starts, ends = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
    if not starts.size:
        return None

    def to_photo(i: NDArray[np.intp], last: int) -> NDArray[np.intp]:
        column, row = np.divmod(i - last, h + 1)
        return (x + column) * height + y + row + last

    edges = np.stack([to_photo(starts, 0), to_photo(ends, 1)], axis=1).ravel()
    joined = np.flatnonzero(edges[1:-1:2] == edges[2::2])  # runs over a full-height column join the next
    edges = np.delete(edges, np.concatenate([2 * joined + 1, 2 * joined + 2]))
    counts = np.diff(edges, prepend=0, append=height * width).tolist()
    rle = coco_mask.frPyObjects({"size": [height, width], "counts": counts}, height, width)
    # An empty run at the end is legal but not what the encoder writes.
    text = rle["counts"].decode("ascii") if counts[-1] else _compress(counts[:-1], size)
    left, top, box_w, box_h = (float(v) for v in coco_mask.toBbox(rle))
    return Person((left, top, box_w, box_h), round(float(score), 6), text, source, crowd)


def mask_from_rle(segmentation: dict[str, Any], size: tuple[int, int]) -> NDArray[np.bool_]:
    """A COCO RLE (counts as a list or as the compressed string) as bool H x W.

    Everything is checked before anything is allocated: `size` (height, width) is the photo's, and
    annotation files come from strangers. Raises BrokenRle.
    """
    height, width = size
    stated = segmentation.get("size")
    if not (isinstance(stated, Sequence) and len(stated) == 2 and all(_is_count(v) for v in stated)):
        raise BrokenRle(f"its RLE has the size {stated!r} instead of [height, width]")
    if tuple(stated) != size:
        raise BrokenRle(f"its RLE is {stated[1]} x {stated[0]} pixels (width x height), the photo {width} x {height}")
    counts = segmentation.get("counts")
    if isinstance(counts, str | bytes):
        # The densest mask, a checkerboard, needs one character a pixel.
        if len(counts) > 2 * height * width + 64:
            raise BrokenRle(f"its RLE is {len(counts)} characters long, too long for {height * width} pixels")
        counts = _decompress(counts)
    elif not isinstance(counts, list):
        raise BrokenRle(f"its RLE counts are {type(counts).__name__} instead of a list or a string")
    if len(counts) > 2 * height * width + 1:
        raise BrokenRle(f"its RLE has {len(counts)} runs, too many for {height * width} pixels")
    if not all(_is_count(c) for c in counts):
        raise BrokenRle("its RLE has a run that is not a whole number of 0 or more")
    if sum(counts) != height * width:
        raise BrokenRle(f"its RLE covers {sum(counts)} pixels, the photo has {height * width}")
    flat = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    return flat.reshape(width, height).T


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _compress(counts: list[int], size: tuple[int, int]) -> str:
    rle = coco_mask.frPyObjects({"size": list(size), "counts": counts}, *size)
    text: str = rle["counts"].decode("ascii")
    return text


def _decompress(text: str | bytes) -> list[int]:
    """COCO's string: 5 bits a character from 48 up, little-endian, bit 32 continues, bit 16 of the last
    is the sign; from the fourth run on, differences to the run before last (maskApi.c, rleFrString).
    Done here because pycocotools reads past the end of a broken string.
    """
    data = text.encode("latin-1", "replace") if isinstance(text, str) else text
    counts: list[int] = []
    i = 0
    while i < len(data):
        value = shift = 0
        more = True
        while more:
            if i >= len(data) or not 48 <= data[i] < 112 or shift > 60:
                raise BrokenRle(f"its RLE string is damaged at character {min(i, len(data))}")
            bits = data[i] - 48
            value |= (bits & 31) << shift
            shift += 5
            more = bool(bits & 32)
            i += 1
            if not more and bits & 16:
                value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
    return counts
