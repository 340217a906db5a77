"""Masks as COCO run lengths: reading untrusted ones, and writing one person's without a full frame."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from data.coco.segmentation import Rle
from data.rle import counts_from_runs, runs_from_counts
from data.types import People, Person, Thing

Placed = tuple[NDArray[np.bool_], int, int]
"""A mask within its box, bool h x w, and the column and row of the photo at which it stands."""


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
    counts = counts_from_runs(edges.reshape(-1, 2), height * width)
    return person_of_rle(
        coco_mask.frPyObjects({"size": [height, width], "counts": counts}, height, width), score, source, crowd
    )


def people_in_boxes(found: Iterable[tuple[Placed | None, float, str]], size: tuple[int, int], source: str) -> People:
    """People and things of a photo of `size` (height, width) from masks with their scores and labels, `person` or a
    thing's name; taken one by one. A mask without a pixel names nobody and is left out."""
    persons, things = [], []
    for placed, score, label in found:
        person = person_in_box(*placed, size, score, source) if placed else None
        if person is not None and label == "person":
            persons.append(person)
        elif person is not None:
            things.append(Thing.from_person(label, person))
    return People(size, tuple(persons), tuple(things))


def person_of_counts(
    counts: Sequence[int], size: tuple[int, int], score: float, source: str, crowd: bool = False
) -> Person | None:
    """The person of checked run lengths (see `data.coco.segmentation.run_lengths`) of a photo of `size` (height,
    width), equal to `Person.from_mask` of the full frame. None when the mask is empty."""
    runs = runs_from_counts(np.array(counts, np.int64))
    plain = counts_from_runs(runs, size[0] * size[1])
    return person_of_rle(coco_mask.frPyObjects({"size": list(size), "counts": plain}, *size), score, source, crowd)


def person_of_rle(rle: Rle, score: float, source: str, crowd: bool = False) -> Person | None:
    """The person of run lengths as pycocotools makes them. None when the mask is empty."""
    if not coco_mask.area(rle):
        return None
    left, top, width, height = (float(v) for v in coco_mask.toBbox(rle))
    return Person((left, top, width, height), round(float(score), 6), rle["counts"].decode("ascii"), source, crowd)
