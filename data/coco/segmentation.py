"""COCO segmentations from strangers as run lengths: polygons, lists of runs, compressed strings.

Everything is checked before anything is allocated. pycocotools checks nothing: it reads past the end of a broken
string and asks for as much memory as a polygon's coordinates are large.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from data.coco.ids import size_of
from data.rle import BrokenMask, Rle, compressed, counts_from_runs, decompress, runs_from_counts

# Outlines drawn by hand leave the photo by a little (they are clipped); further out they belong to
# another photo or another size of it. Share of the photo's longer side, at least 8 pixels.
OUTSIDE = 0.1
# No outline is longer than one around every single pixel; and drawing takes about 40 bytes for each pixel of length.
LONGEST = 10_000_000


def rle_of_box(box: object, size: tuple[int, int]) -> Rle:
    """A `bbox` [x, y, width, height] as the run lengths of a mask of `size`, clipped to it. Raises BrokenMask."""
    numbers = _numbers(box) if isinstance(box, list) and len(box) == 4 else None
    if numbers is None:
        raise BrokenMask("it has no box")
    height, width = size
    x, y, w, h = numbers.tolist()
    (x0, x1), (y0, y1) = np.clip([x, x + w], 0, width).tolist(), np.clip([y, y + h], 0, height).tolist()
    return rle_of_polygons([np.array([[x0, y0], [x0, y1], [x1, y1], [x1, y0]])], size)


def rle_of(segmentation: object, size: tuple[int, int]) -> Rle:
    """A segmentation in any of COCO's forms as the run lengths of one mask of `size` (height, width), by COCO's own
    rule for which pixels a polygon covers. Raises BrokenMask."""
    if isinstance(segmentation, dict):
        runs = runs_from_counts(np.array(run_lengths(segmentation, size), np.int64))
        return compressed(counts_from_runs(runs, size[0] * size[1]), size)  # without empty runs, as pycocotools writes
    return rle_of_polygons(polygons(segmentation, size), size)


def rle_of_polygons(corners: Sequence[NDArray[np.float64]], size: tuple[int, int]) -> Rle:
    """The union of polygons (each float N x 2, checked by `polygons`)."""
    parts: list[Rle] = coco_mask.frPyObjects([p.ravel().tolist() for p in corners], *size)
    while len(parts) > 1:  # a few at a time: merging one by one takes quadratic time where there are many
        parts = [coco_mask.merge(parts[i : i + 16]) for i in range(0, len(parts), 16)]
    return parts[0]


def polygons(segmentation: object, size: tuple[int, int]) -> list[NDArray[np.float64]]:
    """Corner points of each polygon, float N x 2 (x, y), N >= 3. Raises BrokenMask."""
    if not isinstance(segmentation, list) or not segmentation:
        found = "no segmentation" if not segmentation else f"a segmentation of type {type(segmentation).__name__}"
        raise BrokenMask(f"it has {found}")
    out = [_polygon(_flat(points), size) for points in _listed(segmentation)]
    longest = min(LONGEST, 4 * size[0] * size[1] + 1000 * len(out))
    if sum(map(len, out)) * 2 * max(size) <= longest:  # the usual case, without looking closer
        return out
    length = sum(np.abs(np.diff(p, axis=0, append=p[:1])).max(1).sum() for p in out)
    if length > longest:
        raise BrokenMask(f"its outline is {length:.0f} pixels long, longer than {longest} in a photo of {_text(size)}")
    return out


def _listed(segmentation: list[object]) -> list[object]:
    """The polygons of a segmentation; VIA and others write one without the list around it."""
    return [segmentation] if isinstance(segmentation[0], int | float) or _is_pair(segmentation[0]) else segmentation


def _flat(points: object) -> object:
    """A polygon as x, y, x, y, ...; some tools write it as [[x, y], [x, y], ...]."""
    if isinstance(points, list) and points and all(map(_is_pair, points)):
        return [number for pair in points for number in pair]
    return points


def _is_pair(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(v, int | float) for v in value)


def _polygon(points: object, size: tuple[int, int]) -> NDArray[np.float64]:
    if not isinstance(points, list) or len(points) < 6 or len(points) % 2:
        found = f"{len(points)} numbers" if isinstance(points, list) else type(points).__name__
        raise BrokenMask(f"a polygon needs at least 3 points as x, y pairs, but it has {found}")
    corners = _numbers(points)
    if corners is None:
        raise BrokenMask("a polygon has a coordinate that is not a finite number")
    corners = corners.reshape(-1, 2)
    height, width = size
    slack = max(8.0, OUTSIDE * max(size))
    if corners.min() < -slack or (corners > np.array([width, height]) + slack).any():
        low, high = corners.min(0).tolist(), corners.max(0).tolist()
        raise BrokenMask(f"a polygon spans {low} to {high}, far outside the photo of {_text(size)} pixels")
    return corners


def _numbers(values: list[object]) -> NDArray[np.float64] | None:
    """The values as floats when each of them is a finite number (True and "1" are none)."""
    if not set(map(type, values)) <= {int, float}:
        return None
    try:
        numbers = np.array(values, np.float64)
    except OverflowError:
        return None
    return numbers if np.isfinite(numbers).all() else None


def run_lengths(segmentation: Mapping[str, object], size: tuple[int, int]) -> list[int]:
    """The runs of a COCO RLE (counts as a list or as the compressed string), down the columns, background first.
    They cover `size` (height, width) exactly. Raises BrokenMask."""
    height, width = size
    stated = segmentation.get("size")
    own = size_of(*stated) if isinstance(stated, list | tuple) and len(stated) == 2 else None
    if own is None or min(own) < 0:
        raise BrokenMask(f"its RLE has the size {repr(stated)[:80]} instead of [height, width]")
    if own != size:
        raise BrokenMask(f"its RLE is {_text(own)} pixels (width x height), the photo {_text(size)}")
    counts = segmentation.get("counts")
    if isinstance(counts, str | bytes):
        # The densest mask, a checkerboard, needs one character a pixel.
        if len(counts) > 2 * height * width + 64:
            raise BrokenMask(f"its RLE is {len(counts)} characters long, too long for {height * width} pixels")
        counts = decompress(counts).tolist()
    elif not isinstance(counts, list):
        raise BrokenMask(f"its RLE counts are {type(counts).__name__} instead of a list or a string")
    if len(counts) > 2 * height * width + 1:
        raise BrokenMask(f"its RLE has {len(counts)} runs, too many for {height * width} pixels")
    if float in set(map(type, counts)) and not any(isinstance(v, float) and not v.is_integer() for v in counts):
        counts = [int(v) if isinstance(v, float) else v for v in counts]
    if set(map(type, counts)) - {int} or min(counts, default=0) < 0:
        raise BrokenMask("its RLE has a run that is not a whole number of 0 or more")
    if sum(counts) != height * width:
        raise BrokenMask(f"its RLE covers {sum(counts)} pixels, the photo has {height * width}")
    return counts


def _text(size: tuple[int, int]) -> str:
    return f"{size[1]} x {size[0]}"
